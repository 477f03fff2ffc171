package operate

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/audit/witness"
	"github.com/cinesync/cinesync/coordinator"
)

// witnesses are those that the configuration names, or none.
type witnesses struct {
	policy audit.WitnessPolicy
	client *witness.Client // nil where there are none
}

func newWitnesses(dir string, cfg *Config, k *keys) (*witnesses, error) {
	if cfg.WitnessPolicy == "" {
		return &witnesses{}, nil
	}
	path := filepath.Join(dir, cfg.WitnessPolicy)
	policy, err := readPolicy(path)
	if err != nil {
		return nil, err
	}
	if n := len(policy.Witnesses); len(cfg.Witnesses) != n {
		return nil, fmt.Errorf("coordinator.json names %d addresses of witnesses, the policy %s has %d: want one for each, in its order", len(cfg.Witnesses), path, n)
	}
	client, err := witness.NewClient(witness.ClientConfig{Origin: cfg.LogOrigin, LogKey: k.log.Public().(ed25519.PublicKey), Policy: policy, Addresses: cfg.Witnesses, Now: time.Now})
	if err != nil {
		return nil, fmt.Errorf("witnesses: %w", err)
	}
	return &witnesses{policy, client}, nil
}

func readPolicy(path string) (audit.WitnessPolicy, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return audit.WitnessPolicy{}, fmt.Errorf("the witness policy that coordinator.json names is missing: put %s there: %w", path, err)
	}
	if err != nil {
		return audit.WitnessPolicy{}, fmt.Errorf("read witness policy: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, audit.MaxWitnessPolicy+1))
	if err != nil {
		return audit.WitnessPolicy{}, fmt.Errorf("read witness policy %s: %w", path, err)
	}
	policy, err := audit.ParseWitnessPolicy(b)
	if err != nil {
		return policy, fmt.Errorf("witness policy %s: %w", path, err)
	}
	return policy, nil
}

// ask is nil, and no interface around nil, where there are no witnesses.
func (w *witnesses) ask() coordinator.Witnesses {
	if w.client == nil {
		return nil
	}
	return w.client
}

func (w *witnesses) close() {
	if w.client != nil {
		w.client.Close()
	}
}
