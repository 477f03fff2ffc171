package operate

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

// Make makes a coordinator's folder: keys, the request for a certificate, configuration and starting model. The
// certificate comes from the enrolment authority.
func Make(dir string, cfg *Config, authority ed25519.PublicKey, start []byte) (protocol.Request, error) {
	if _, err := identity.Create(filepath.Join(dir, "identity.key"), rand.Reader); err != nil {
		return protocol.Request{}, err
	}
	if _, err := identity.Create(filepath.Join(dir, "log.key"), rand.Reader); err != nil {
		return protocol.Request{}, err
	}
	if err := identity.WritePublic(filepath.Join(dir, "authority.pub"), authority); err != nil {
		return protocol.Request{}, fmt.Errorf("write authority key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "start.snapshot"), start, 0o644); err != nil {
		return protocol.Request{}, fmt.Errorf("write starting model: %w", err)
	}
	if err := cfg.Save(dir); err != nil {
		return protocol.Request{}, err
	}
	key, err := identity.LoadKey(filepath.Join(dir, "identity.key"))
	if err != nil {
		return protocol.Request{}, err
	}
	return protocol.NewRequest(key, protocol.ClassCoordinator, rand.Reader)
}

// Enrolled are the terms of the certificates that an authority issues.
type Enrolled struct {
	Days  int
	Quota uint16
}

// Sign turns a request into a certificate.
func Sign(authority ed25519.PrivateKey, req protocol.Request, terms Enrolled, now time.Time) (protocol.Cert, error) {
	if err := req.Verify(); err != nil {
		return protocol.Cert{}, fmt.Errorf("enrolment request: %w", err)
	}
	c := protocol.Cert{IDPK: req.IDPK, Class: req.Class, NotBefore: uint64(now.Add(-5 * time.Minute).Unix()),
		NotAfter: uint64(now.AddDate(0, 0, terms.Days).Unix()), Quota: terms.Quota}
	if _, err := rand.Read(c.Serial[:]); err != nil {
		return c, fmt.Errorf("draw serial number: %w", err)
	}
	return protocol.IssueCert(authority, c), nil
}
