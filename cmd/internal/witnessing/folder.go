// Package witnessing is a witness as a folder and a process.
//
// Owns: a witness's folder (its key, its name, the logs it signs for) and serving it over HTTP until told to stop.
// Promises: a key is made once; one process serves a folder; every failure says what to do.
// Never: decides what may be signed.
// Start here: Init, AddLog, Serve.
package witnessing

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/audit/witness"
	"github.com/cinesync/cinesync/cmd/internal/identity"
)

const (
	keyFile    = "witness.key"
	publicFile = "witness.pub" // the verifier key, one line
	logsFolder = "logs"
)

// Init makes a witness's folder and key, and gives what others have to know of it.
func Init(dir, name string, random io.Reader) (audit.Witness, error) {
	probe := audit.Witness{Name: name, Key: make(ed25519.PublicKey, ed25519.PublicKeySize)}
	if _, err := audit.ParseWitness(probe.VerifierKey()); err != nil {
		return audit.Witness{}, fmt.Errorf("make witness: %w", err)
	}
	pub, err := identity.Create(filepath.Join(dir, keyFile), random)
	if err != nil {
		return audit.Witness{}, fmt.Errorf("make witness: %w", err)
	}
	w := audit.Witness{Name: name, Key: pub}
	if err := os.WriteFile(filepath.Join(dir, publicFile), []byte(w.VerifierKey()+"\n"), 0o644); err != nil {
		return audit.Witness{}, fmt.Errorf("make witness: %w", err)
	}
	return w, nil
}

// Load reads a witness's key and name.
func Load(dir string) (audit.Witness, ed25519.PrivateKey, error) {
	path := filepath.Join(dir, publicFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return audit.Witness{}, nil, fmt.Errorf("%s holds no witness: make one with `cinesync witness init`", dir)
	}
	if err != nil {
		return audit.Witness{}, nil, fmt.Errorf("read witness: %w", err)
	}
	w, err := audit.ParseWitness(strings.TrimSuffix(string(b), "\n"))
	if err != nil {
		return audit.Witness{}, nil, fmt.Errorf("read %s: %w; put back what `cinesync witness init` printed", path, err)
	}
	key, err := identity.LoadKey(filepath.Join(dir, keyFile))
	if err != nil {
		return audit.Witness{}, nil, err
	}
	if !w.Key.Equal(key.Public()) {
		return audit.Witness{}, nil, fmt.Errorf("%s is for another key than %s beside it; put back the one of the two that was exchanged", path, keyFile)
	}
	return w, key, nil
}

// AddLog makes the witness sign for a log from its next start on.
func AddLog(dir, origin string, key ed25519.PublicKey) error {
	if _, _, err := Load(dir); err != nil {
		return err
	}
	f, err := openLogs(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Add(origin, key), f.Close())
}

func openLogs(dir string) (*witness.Folder, error) {
	f, err := witness.OpenFolder(filepath.Join(dir, logsFolder))
	if errors.Is(err, witness.ErrInUse) {
		return nil, fmt.Errorf("the witness of %s is running: stop it first", dir)
	}
	return f, err
}
