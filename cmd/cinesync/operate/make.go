package operate

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

// Make makes a coordinator's folder: keys, the request for a certificate, configuration and starting model. The
// certificate comes from the enrolment authority. The folder is made beside its place and moved there when it is whole; a
// folder that holds anything is left alone.
func Make(dir string, cfg *Config, authority protocol.Verifier, start []byte) (protocol.Request, error) {
	if err := cfg.check(); err != nil {
		return protocol.Request{}, fmt.Errorf("make coordinator: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return protocol.Request{}, fmt.Errorf("make coordinator: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".making-*")
	if err != nil {
		return protocol.Request{}, fmt.Errorf("make coordinator: %w", err)
	}
	req, err := fill(tmp, cfg, authority, start)
	if err == nil {
		err = place(tmp, dir)
	}
	if err != nil {
		return protocol.Request{}, errors.Join(fmt.Errorf("make coordinator: %w", err), os.RemoveAll(tmp))
	}
	return req, nil
}

func place(tmp, dir string) error {
	err := os.Rename(tmp, dir)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%s is there already: name a new folder, so that nothing in it is touched", dir)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func fill(dir string, cfg *Config, authority protocol.Verifier, start []byte) (protocol.Request, error) {
	for _, name := range []string{"identity.key", "log.key"} {
		if _, err := identity.Create(filepath.Join(dir, name), rand.Reader); err != nil {
			return protocol.Request{}, err
		}
	}
	if err := identity.WritePublic(filepath.Join(dir, "authority.pub"), authority); err != nil {
		return protocol.Request{}, fmt.Errorf("write authority key: %w", err)
	}
	if err := Dir(dir).Write("start.snapshot", start); err != nil {
		return protocol.Request{}, fmt.Errorf("write starting model: %w", err)
	}
	if err := cfg.Save(dir); err != nil {
		return protocol.Request{}, err
	}
	key, err := identity.LoadKey(filepath.Join(dir, "identity.key"))
	if err != nil {
		return protocol.Request{}, err
	}
	if err := identity.WritePublic(filepath.Join(dir, "identity.pub"), protocol.VerifierOf(key, protocol.SigHybrid)); err != nil {
		return protocol.Request{}, fmt.Errorf("write public key: %w", err)
	}
	return protocol.NewRequest(key, protocol.ClassCoordinator, rand.Reader)
}

// Enrolled are the terms of the certificates that an authority issues.
type Enrolled struct {
	Days  int
	Quota uint16
}

// Sign turns a request into a certificate; a hybrid request gets the second half too.
func Sign(authority ed25519.PrivateKey, req protocol.Request, terms Enrolled, now time.Time) (c protocol.Cert, certPQ []byte, err error) {
	if terms.Days < 1 {
		return protocol.Cert{}, nil, fmt.Errorf("certificate for %d days: want at least 1", terms.Days)
	}
	if err := req.Verify(); err != nil {
		return protocol.Cert{}, nil, fmt.Errorf("enrolment request: %w", err)
	}
	c = protocol.Cert{IDPK: req.IDPK, Class: req.Class, NotBefore: uint64(now.Add(-5 * time.Minute).Unix()),
		NotAfter: uint64(now.AddDate(0, 0, terms.Days).Unix()), Quota: terms.Quota}
	if _, err := rand.Read(c.Serial[:]); err != nil {
		return c, nil, fmt.Errorf("draw serial number: %w", err)
	}
	c = protocol.IssueCert(authority, c)
	if len(req.PQKey) == 0 {
		return c, nil, nil
	}
	holder, err := protocol.ParsePQKey(req.PQKey)
	if err != nil {
		return c, nil, fmt.Errorf("enrolment request: %w", err)
	}
	_, key := protocol.MLDSAKey(authority)
	return c, protocol.IssuePQ(key, c, holder), nil
}
