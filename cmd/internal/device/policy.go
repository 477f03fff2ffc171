package device

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cinesync/cinesync/client/participant"
)

// Floor is the policy of a device in dir: the named one, with what its owner edited. Policy demo is taken only with a coordinator on
// loopback, a log origin that ends in /demo, and a folder that the demo made and marked.
func (c *Config) Floor(dir string) (participant.Floor, error) {
	for _, f := range participant.Policies() {
		if f.Name == c.Policy {
			return c.owned(f)
		}
	}
	if c.Policy != "demo" {
		return participant.Floor{}, fmt.Errorf("policy is %q: want %s; `cinesyncd policy set NAME` writes it", c.Policy, participant.PolicyNames())
	}
	if err := c.demoAllowed(dir); err != nil {
		return participant.Floor{}, fmt.Errorf("policy demo allows no real promise and is not taken here: %w; set policy to balanced", err)
	}
	return c.owned(participant.Demo(max(1, c.DemoRounds)))
}

// owned is a policy with what its owner edited and asks beyond it.
func (c *Config) owned(f participant.Floor) (participant.Floor, error) {
	if err := c.Edit.apply(&f); err != nil {
		return f, err
	}
	f.NMin = max(f.NMin, c.MinMembers)
	for _, list := range []struct {
		name string
		want []uint16
		have *[]uint16
	}{{"kex", c.Kex, &f.Suites.Kex}, {"sig", c.Sig, &f.Suites.Sig}, {"word_bits", c.WordBits, &f.WordBits}} {
		for _, v := range list.want {
			if !slices.Contains(*list.have, v) {
				return f, fmt.Errorf("%s names %d: policy %q allows %v, and an owner may only leave some out", list.name, v, f.Name, *list.have)
			}
		}
		if len(list.want) > 0 {
			*list.have = list.want
		}
	}
	if c.MaxCohorts > 0 {
		f.MaxCohorts = c.MaxCohorts
	}
	return f, f.Validate()
}

// checkOwner wants a list that is there to name something.
func (c *Config) checkOwner() error {
	for name, list := range map[string][]uint16{"kex": c.Kex, "sig": c.Sig, "word_bits": c.WordBits} {
		if list != nil && len(list) == 0 {
			return fmt.Errorf("%s is empty: name what a round may have, or leave the field out", name)
		}
	}
	return nil
}

func (c *Config) demoAllowed(dir string) error {
	addresses := []string{c.Address}
	if c.AddressTCP != "" {
		addresses = append(addresses, c.AddressTCP)
	}
	for _, address := range addresses {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return fmt.Errorf("address %q: %w", address, err)
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("the coordinator %s is not on loopback", address)
		}
	}
	if !strings.HasSuffix(c.LogOrigin, "/demo") {
		return fmt.Errorf("the log origin %q does not end in /demo", c.LogOrigin)
	}
	if _, err := os.Stat(filepath.Join(dir, "..", "..", Marker)); err != nil {
		return fmt.Errorf("%s does not lie in a folder that `cinesync demo` made", dir)
	}
	return nil
}

// SetPolicy changes the policy in dir's device.json, whole or not at all, and gives what was in force and what is now. The
// folder must not be in use: who takes part goes on under the policy that it began with. What was in force has no name if
// nothing that could be read was. The ledger is not touched: what was spent stays spent.
func SetPolicy(dir string, change func(*Config) error) (before, after participant.Floor, err error) {
	if _, err := Load(dir); err != nil {
		return before, after, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return before, after, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	cfg, err := Load(dir)
	if err != nil {
		return before, after, err
	}
	if f, err := cfg.Floor(dir); err == nil {
		before = f
	}
	if err := change(cfg); err != nil {
		return before, after, err
	}
	if after, err = cfg.Floor(dir); err != nil {
		return before, after, err
	}
	return before, after, cfg.Save(dir)
}
