package demo

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/cinesync/operate"
	devices "github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

// folder is where everything of one demo lies.
type folder struct {
	dir       string
	authority ed25519.PrivateKey
	coord     protocol.Identity
	logKey    ed25519.PublicKey
	witnesses audit.WitnessPolicy // what devices pin
}

func (f *folder) path(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

func (f *folder) device(i int) string { return f.path("devices", fmt.Sprintf("%02d", i)) }

// makeFolder makes DIR, refuses one that holds anything, and plays the enrolment authority.
func makeFolder(dir string) (*folder, error) {
	if dir == "" {
		tmp, err := os.MkdirTemp("", "cinesync-demo-")
		if err != nil {
			return nil, fmt.Errorf("make the demo's folder: %w", err)
		}
		dir = tmp
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	old, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look into the demo's folder: %w", err)
	}
	if len(old) > 0 {
		return nil, fmt.Errorf("--dir %s is not empty: name a new folder, so that nothing in it is touched", dir)
	}
	if err := os.WriteFile(filepath.Join(dir, devices.Marker), []byte("Keys and histories in this folder are invented. Policy demo is taken only here.\n"), 0o644); err != nil {
		return nil, fmt.Errorf("mark the demo's folder: %w", err)
	}
	f := &folder{dir: dir}
	if _, err := identity.Create(f.path("enrol", "authority.key"), rand.Reader); err != nil {
		return nil, err
	}
	f.authority, err = identity.LoadKey(f.path("enrol", "authority.key"))
	return f, err
}

func (f *folder) authorityKeys() protocol.Verifier {
	return protocol.VerifierOf(f.authority, protocol.SigHybrid)
}

// certDays is how long the folder can be used again, as "where to look next" says.
const certDays = 30

// enrol signs a request and puts the certificate in its owner's folder.
func (f *folder) enrol(dir string, req protocol.Request) error {
	cert, certPQ, err := operate.Sign(f.authority, req, operate.Enrolled{Days: certDays, Quota: 65535}, time.Now())
	if err != nil {
		return err
	}
	return identity.WriteCert(filepath.Join(dir, "identity.cert"), cert, certPQ)
}
