package device

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/internal/strictjson"
	"github.com/cinesync/cinesync/protocol"
)

// Config is device.json: what the device pins, and its owner's policy. Unknown fields are errors.
type Config struct {
	Address       string `json:"address"`                  // of the coordinator, host:port
	AddressTCP    string `json:"address_tcp,omitempty"`    // of the same coordinator over TCP, dialled where Address does not answer; empty: none
	Coordinator   string `json:"coordinator"`              // its Ed25519 public key, hex
	CoordinatorPQ string `json:"coordinator_pq,omitempty"` // its ML-DSA-44 public key, hex; empty: rounds of the hybrid suite are refused
	Authority     string `json:"authority"`                // the enrolment authority's Ed25519 public key, hex
	AuthorityPQ   string `json:"authority_pq,omitempty"`   // its ML-DSA-44 public key, hex; empty as above
	LogOrigin     string `json:"log_origin"`
	LogKey        string `json:"log_key"`                  // of checkpoints, hex
	Witnesses     string `json:"witness_policy,omitempty"` // whose cosignatures checkpoints must have, as a policy's text; empty: rounds in mode W are refused
	Counter       string `json:"counter,omitempty"`        // folder of the ledger's counter, from this one on; empty: in the user's state folder
	Policy        string `json:"policy"`                   // strict, balanced or open (or, in the demo's folders, demo)
	DemoRounds    uint32 `json:"demo_rounds,omitempty"`

	// What the owner put in place of the policy's numbers. It may be weaker than the policy.
	Edit Edit `json:"edit,omitzero"`

	// What the owner asks beyond that. All but MaxCohorts can only make it stricter.
	MinMembers uint32   `json:"min_members,omitempty"` // smallest roster
	Kex        []uint16 `json:"kex,omitempty"`         // key agreements that a round may have; [2] demands X-Wing
	Sig        []uint16 `json:"sig,omitempty"`         // signature suites; [2] demands ML-DSA-44 beside Ed25519
	WordBits   []uint16 `json:"word_bits,omitempty"`
	MaxCohorts uint32   `json:"max_cohorts,omitempty"` // allows sub-cohorts, at the price of a smaller crowd

	coordinator, authority protocol.Verifier
	logKey                 ed25519.PublicKey
	witnesses              audit.WitnessPolicy
}

// Marker is the file that marks a folder as the demo's.
const Marker = "MADE-BY-CINESYNC-DEMO"

// New makes a configuration from pinned keys.
func New(address string, coordinator, authority protocol.Verifier, logKey ed25519.PublicKey, origin, policy string) *Config {
	return &Config{Address: address, Coordinator: hex.EncodeToString(coordinator.Ed), CoordinatorPQ: identity.FormatPQ(coordinator.PQ),
		Authority: hex.EncodeToString(authority.Ed), AuthorityPQ: identity.FormatPQ(authority.PQ),
		LogOrigin: origin, LogKey: hex.EncodeToString(logKey), Policy: policy, coordinator: coordinator, authority: authority, logKey: logKey}
}

// PinWitnesses pins the log's witnesses: from then on the device believes no checkpoint without their quorum.
func (c *Config) PinWitnesses(p audit.WitnessPolicy) { c.witnesses, c.Witnesses = p, string(p.Text()) }

// Save writes device.json, whole or not at all: half of one would pass for a device that is made.
func (c *Config) Save(dir string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode device.json: %w", err)
	}
	if err := replaceFile(filepath.Join(dir, "device.json"), append(b, '\n')); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// maxConfig is what device.json may have; a real one is a few hundred bytes.
const maxConfig = 64 << 10

// Load reads device.json strictly.
func Load(dir string) (*Config, error) {
	path := filepath.Join(dir, "device.json")
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no device: make one with `cinesyncd init --dir %s ...`", dir, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; correct it or restore it from a copy: it holds no secret, and another device's file shows the form", path, err)
	}
	return c, nil
}

func parse(b []byte) (*Config, error) {
	switch {
	case len(b) == 0:
		return nil, errors.New("it is empty")
	case len(b) > maxConfig:
		return nil, fmt.Errorf("it is longer than %d bytes", maxConfig)
	}
	var c Config
	fields := map[string]any{"address": &c.Address, "address_tcp": &c.AddressTCP, "coordinator": &c.Coordinator, "coordinator_pq": &c.CoordinatorPQ,
		"authority": &c.Authority, "authority_pq": &c.AuthorityPQ, "log_origin": &c.LogOrigin,
		"log_key": &c.LogKey, "witness_policy": &c.Witnesses, "counter": &c.Counter, "policy": &c.Policy, "demo_rounds": &c.DemoRounds,
		"edit": &c.Edit, "min_members": &c.MinMembers, "kex": &c.Kex, "sig": &c.Sig, "word_bits": &c.WordBits, "max_cohorts": &c.MaxCohorts}
	err := strictjson.Object(b, func(name string, value json.RawMessage) error {
		to, ok := fields[name]
		if !ok {
			return fmt.Errorf("unknown field %q", name)
		}
		if err := json.Unmarshal(value, to); err != nil {
			return fmt.Errorf("%s is %.100s: %w", name, value, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := c.checkOwner(); err != nil {
		return nil, err
	}
	for _, k := range []struct {
		name, text string
		key        *ed25519.PublicKey
	}{{"coordinator", c.Coordinator, &c.coordinator.Ed}, {"authority", c.Authority, &c.authority.Ed}, {"log_key", c.LogKey, &c.logKey}} {
		if *k.key, err = identity.ParsePublic(k.text); err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
	}
	if c.coordinator.PQ, err = identity.ParsePQ(c.CoordinatorPQ); err != nil {
		return nil, fmt.Errorf("coordinator_pq: %w", err)
	}
	if c.authority.PQ, err = identity.ParsePQ(c.AuthorityPQ); err != nil {
		return nil, fmt.Errorf("authority_pq: %w", err)
	}
	if c.Witnesses != "" {
		if c.witnesses, err = audit.ParseWitnessPolicy([]byte(c.Witnesses)); err != nil {
			return nil, fmt.Errorf("witness_policy: %w", err)
		}
	}
	if err := CheckAddress(c.Address); err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	if c.AddressTCP != "" {
		if err := CheckAddress(c.AddressTCP); err != nil {
			return nil, fmt.Errorf("address_tcp: %w", err)
		}
	}
	if c.LogOrigin == "" {
		return nil, errors.New("log_origin is empty: want the log's name")
	}
	return &c, nil
}

// CheckAddress wants a coordinator's address that can be dialled: a host, and a port from 1 to 65535.
func CheckAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q: want host:port, such as coordinator.example.org:4747", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '+' {
		return fmt.Errorf("%q: the port is %q, want 1 to 65535", address, port)
	}
	if host == "" || strings.ContainsAny(host, " \t\r\n/@") {
		return fmt.Errorf("%q: the host is %q, want a name or an IP address", address, host)
	}
	return nil
}
