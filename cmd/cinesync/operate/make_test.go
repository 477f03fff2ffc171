package operate

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/protocol"
)

var authority = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// start is a small version 0.
func start(t *testing.T) []byte {
	t.Helper()
	s, err := model.New(model.TwoTowerFamily, []string{"movielens:movie:1", "movielens:movie:2", "movielens:movie:3"}, [][]float32{{1, 0}, {0, 1}, {1, 1}}, 2)
	if err != nil {
		t.Fatal(err)
	}
	return s.Encode()
}

// made is a folder with its certificate, ready to run.
func made(t *testing.T, cfg *Config) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "coordinator")
	req, err := Make(dir, cfg, protocol.VerifierOf(authority, protocol.SigHybrid), start(t))
	if err != nil {
		t.Fatal(err)
	}
	cert, certPQ, err := Sign(authority, req, Enrolled{Days: 1, Quota: 1}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := identity.WriteCert(filepath.Join(dir, "identity.cert"), cert, certPQ); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMadeFolderIsWholeAndItsKeysArePrivate(t *testing.T) {
	dir := made(t, config())
	want := []string{"authority.pub", "coordinator.json", "identity.cert", "identity.key", "identity.pub", "log.key", "start.snapshot"}
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	for _, name := range []string{".", "identity.key", "log.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o: others may look at it", name, info.Mode().Perm())
		}
	}
	keys, err := loadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(keys.log, keys.identity.Key) {
		t.Error("one key signs both entries and checkpoints")
	}
}

func TestFolderIsMadeWholeOrNotAtAll(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "coordinator")
	bad := config()
	bad.Listen = "nowhere"
	if _, err := Make(dir, bad, protocol.VerifierOf(authority, protocol.SigHybrid), start(t)); err == nil || !strings.Contains(err.Error(), "listen") {
		t.Errorf("a bad configuration: %v", err)
	}
	if got := names(t, parent); got != nil {
		t.Errorf("files %v are left of a refused start", got)
	}
	if _, err := Make(dir, config(), protocol.VerifierOf(authority, protocol.SigHybrid), start(t)); err != nil {
		t.Fatal(err)
	}
	before := names(t, parent)
	if _, err := Make(dir, config(), protocol.VerifierOf(authority, protocol.SigHybrid), start(t)); err == nil || !strings.Contains(err.Error(), dir+" is there already") {
		t.Errorf("a folder that is there: %v", err)
	}
	if got := names(t, parent); !slices.Equal(got, before) {
		t.Errorf("files %v are left, want %v", got, before)
	}
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(file, config(), protocol.VerifierOf(authority, protocol.SigHybrid), start(t)); err == nil || !strings.Contains(err.Error(), "name a new folder") {
		t.Errorf("a file in its place: %v", err)
	}
}

func TestSignGivesACertificateForTheRequest(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	req, err := Make(filepath.Join(t.TempDir(), "c"), config(), protocol.VerifierOf(authority, protocol.SigHybrid), start(t))
	if err != nil {
		t.Fatal(err)
	}
	cert, certPQ, err := Sign(authority, req, Enrolled{Days: 30, Quota: 9}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{now.Add(-4 * time.Minute), now, now.AddDate(0, 0, 29)} {
		if err := cert.Verify(public(authority), uint64(at.Unix()), protocol.ClassCoordinator); err != nil {
			t.Errorf("at %v: %v", at, err)
		}
	}
	for _, at := range []time.Time{now.Add(-6 * time.Minute), now.AddDate(0, 0, 31)} {
		if cert.Verify(public(authority), uint64(at.Unix()), protocol.ClassCoordinator) == nil {
			t.Errorf("at %v it still holds", at)
		}
	}
	holder, err := protocol.VerifyPQ(cert, certPQ, protocol.VerifierOf(authority, protocol.SigHybrid).PQ)
	if err != nil || !bytes.Equal(holder.Bytes(), req.PQKey) {
		t.Errorf("its second half: %v", err)
	}
	if cert.IDPK != req.IDPK || cert.Quota != 9 || cert.Class != protocol.ClassCoordinator {
		t.Errorf("certificate %+v is not for the request", cert)
	}
	again, _, err := Sign(authority, req, Enrolled{Days: 30, Quota: 9}, now)
	if err != nil || again.Serial == cert.Serial {
		t.Errorf("two certificates have the serial number %x (%v)", cert.Serial, err)
	}
	if _, _, err := Sign(authority, req, Enrolled{Days: 0}, now); err == nil || !strings.Contains(err.Error(), "0 days") {
		t.Errorf("a certificate for no days: %v", err)
	}
	short := req
	short.PQKey, short.PQSig = nil, nil
	if c, second, err := Sign(authority, short, Enrolled{Days: 30}, now); err != nil || second != nil || c.IDPK != req.IDPK {
		t.Errorf("a request without a second half: %v, a second half of %d bytes", err, len(second))
	}
	req.Class = protocol.ClassDevice
	if _, _, err := Sign(authority, req, Enrolled{Days: 30}, now); err == nil || !strings.Contains(err.Error(), "enrolment request") {
		t.Errorf("an altered request was signed: %v", err)
	}
}
