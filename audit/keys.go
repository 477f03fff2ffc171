package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const (
	// MaxKeys is the largest keys file in bytes.
	MaxKeys = 4 << 10

	keysTitle  = "cinesync log keys 1"
	maxCertLen = 1 << 10
)

// Keys is the file log/keys: what an auditor needs to know of a log besides its tiles (docs/spec/log.md §7). An auditor who knows the
// authority from elsewhere compares; the file alone only says that the log agrees with itself.
type Keys struct {
	Origin      string            // of the checkpoints
	LogKey      ed25519.PublicKey // signs checkpoints
	Authority   ed25519.PublicKey // the enrolment authority
	Coordinator []byte            // the coordinator's certificate, whose key signs entries; opaque here
}

// Encode is the canonical text of the file: five lines, each ended by a line feed.
func (k Keys) Encode() ([]byte, error) {
	vkey, _, err := verifier(k.Origin, k.LogKey)
	if err != nil {
		return nil, fmt.Errorf("encode log keys: %w", err)
	}
	if len(k.Authority) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("encode log keys: the authority's key has %d bytes, want %d", len(k.Authority), ed25519.PublicKeySize)
	}
	if len(k.Coordinator) == 0 || len(k.Coordinator) > maxCertLen {
		return nil, fmt.Errorf("encode log keys: the certificate has %d bytes, want 1 to %d", len(k.Coordinator), maxCertLen)
	}
	return fmt.Appendf(nil, "%s\norigin %s\nlog %s\nauthority %x\ncoordinator %x\n", keysTitle, k.Origin, vkey, []byte(k.Authority), k.Coordinator), nil
}

// ParseKeys reads the file strictly: what it accepts, Encode writes again as the same bytes.
func ParseKeys(b []byte) (Keys, error) {
	k, err := parseKeys(b)
	if err != nil {
		return Keys{}, fmt.Errorf("parse log keys: %w", err)
	}
	again, err := k.Encode()
	if err != nil {
		return Keys{}, fmt.Errorf("parse log keys: %w", err)
	}
	if !bytes.Equal(b, again) {
		return Keys{}, errors.New("parse log keys: not in canonical form, or the log key does not belong to the origin")
	}
	return k, nil
}

func parseKeys(b []byte) (Keys, error) {
	if len(b) > MaxKeys {
		return Keys{}, fmt.Errorf("%d bytes, at most %d are allowed", len(b), MaxKeys)
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) != 6 || lines[0] != keysTitle || lines[5] != "" {
		return Keys{}, fmt.Errorf("want five lines, the first %q", keysTitle)
	}
	var field [4]string
	for i, name := range [4]string{"origin", "log", "authority", "coordinator"} {
		value, ok := strings.CutPrefix(lines[i+1], name+" ")
		if !ok {
			return Keys{}, fmt.Errorf("line %d is %q, want %q and a value", i+2, lines[i+1], name)
		}
		field[i] = value
	}
	pub, err := verifierKey(field[1])
	if err != nil {
		return Keys{}, fmt.Errorf("log key: %w", err)
	}
	authority, err := hex.DecodeString(field[2])
	if err != nil {
		return Keys{}, fmt.Errorf("authority's key: %w", err)
	}
	cert, err := hex.DecodeString(field[3])
	if err != nil {
		return Keys{}, fmt.Errorf("coordinator's certificate: %w", err)
	}
	return Keys{Origin: field[0], LogKey: pub, Authority: authority, Coordinator: cert}, nil
}
