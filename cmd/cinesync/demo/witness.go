package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/witnessing"
)

// The demo's witness is what somebody else would run: it has a folder, a key and a process of its own, and knows of the log
// nothing but its name and key. Here it runs beside the coordinator, so that mode W has somebody to ask.

const (
	witnessName = "cinesync.local/witness"
	policyFile  = "witnesses.policy" // in the coordinator's folder
)

// makeWitness makes the witness's key, and gives the policy that devices pin.
func (f *folder) makeWitness() (audit.WitnessPolicy, error) {
	w, err := witnessing.Init(f.path("witness"), witnessName, rand.Reader)
	if err != nil {
		return audit.WitnessPolicy{}, err
	}
	return audit.WitnessPolicy{Witnesses: []audit.Witness{w}, Quorum: 1}, nil
}

// introduce tells the witness of the log, and the coordinator of the policy.
func (f *folder) introduce(policy audit.WitnessPolicy) error {
	if err := witnessing.AddLog(f.path("witness"), LogOrigin, f.logKey); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(f.path("coordinator"), policyFile), policy.Text(), 0o644); err != nil {
		return fmt.Errorf("write witness policy: %w", err)
	}
	return nil
}

// witness serves until ctx ends; ready is closed when it answers.
func (s *show) witness(ctx context.Context, ready chan<- struct{}) error {
	err := witnessing.Serve(ctx, s.folder.path("witness"), witnessing.Options{Listen: s.witnessAt,
		Ready: func(witnessing.Running) { close(ready) }})
	if err == nil && ctx.Err() == nil {
		err = errors.New("it ended by itself")
	}
	if err != nil {
		return fmt.Errorf("the demo's witness: %w", err)
	}
	return nil
}
