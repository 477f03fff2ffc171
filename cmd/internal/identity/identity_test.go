package identity_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

// bytesOf is a random source that repeats one byte.
type bytesOf byte

func (b bytesOf) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestKeyIsMadeOnceAndIsItsOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "identity.key")
	pub, err := identity.Create(path, bytesOf(7))
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.LoadKey(path)
	if err != nil || !key.Public().(ed25519.PublicKey).Equal(pub) {
		t.Fatalf("loaded another key: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = identity.Create(path, bytesOf(8))
	says(t, err, path, "is there already", "another folder")
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key was changed: %v", err)
	}
}

func TestKeyIsNotMadeWithoutRandomness(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	_, err := identity.Create(path, io.LimitReader(bytesOf(1), 31))
	says(t, err, "make key")
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	seed := strings.Repeat("07", 32)
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		words      string
	}{
		{"read by its group", "cinesync-ed25519-secret " + seed + "\n", 0o640, "others may read it (mode 640)"},
		{"read by all", "cinesync-ed25519-secret " + seed + "\n", 0o604, "chmod 600"},
		{"empty", "", 0o600, "not a CineSync key file"},
		{"without its word", seed + "\n", 0o600, "not a CineSync key file"},
		{"short", "cinesync-ed25519-secret " + seed[2:] + "\n", 0o600, "not a CineSync key file"},
		{"long", "cinesync-ed25519-secret " + seed + "00\n", 0o600, "not a CineSync key file"},
		{"not hex", "cinesync-ed25519-secret " + strings.Repeat("zz", 32) + "\n", 0o600, "not a CineSync key file"},
		{"two lines", "cinesync-ed25519-secret " + seed + "\n\n", 0o600, "not a CineSync key file"},
		{"huge", strings.Repeat("x", 64<<10+1), 0o600, "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k")
			write(t, path, c.text, c.mode)
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := identity.LoadKey(path)
			says(t, err, c.words, path)
			if c.mode == 0o600 && c.name != "huge" {
				says(t, err, "restore it from a backup", "new folder")
			}
			if strings.Contains(err.Error(), seed[:16]) {
				t.Error("the error prints the key")
			}
		})
	}
	_, err := identity.LoadKey(filepath.Join(t.TempDir(), "none"))
	says(t, err, "read key", "none is missing", "restore it from a backup", "name the right folder")
}

func TestPublicKeysAreOneLineOfHex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.pub")
	for suite, lines := range map[uint16]int{protocol.SigEd25519: 1, protocol.SigHybrid: 2} {
		pub := protocol.VerifierOf(ed25519.NewKeyFromSeed(make([]byte, 32)), suite)
		if err := identity.WritePublic(path, pub); err != nil {
			t.Fatal(err)
		}
		if got, err := identity.LoadPublic(path); err != nil || !reflect.DeepEqual(got, pub) {
			t.Errorf("suite %d: %x, %v", suite, got.Ed, err)
		}
		text, err := os.ReadFile(path)
		if err != nil || strings.Count(string(text), "\n") != lines {
			t.Errorf("suite %d: %v, the file holds %q", suite, err, text)
		}
		write(t, path, strings.ReplaceAll(string(text), "\n", "\r\n"), 0o644)
		if got, err := identity.LoadPublic(path); err != nil || !reflect.DeepEqual(got, pub) {
			t.Errorf("suite %d with carriage returns: %x, %v", suite, got.Ed, err)
		}
	}
	for _, second := range []string{"x", "00", strings.Repeat("0", 2*protocol.PQKeySize-2), strings.Repeat("g", 2*protocol.PQKeySize), strings.Repeat("0", 2*protocol.PQKeySize) + "\n00"} {
		write(t, path, strings.Repeat("0", 64)+"\n"+second, 0o644)
		_, err := identity.LoadPublic(path)
		says(t, err, path, "ML-DSA-44", "want 2624 hex digits")
	}
	for _, text := range []string{"", "00", strings.Repeat("0", 63), strings.Repeat("0", 66), strings.Repeat("g", 64), strings.Repeat("0", 64) + " x"} {
		_, err := identity.ParsePublic(text)
		says(t, err, "want 64 hex digits")
		write(t, path, text, 0o644)
		_, err = identity.LoadPublic(path)
		says(t, err, path, "authority.pub", "again")
	}
	write(t, path, strings.Repeat("x", 60<<10), 0o644)
	_, err := identity.LoadPublic(path)
	if says(t, err, path); len(err.Error()) > 500 {
		t.Errorf("the error prints %d bytes of the file", len(err.Error()))
	}
	_, err = identity.LoadPublic(path + "x")
	says(t, err, "read public key", path+"x is missing", "enrolment authority")
}

func FuzzParsePublic(f *testing.F) {
	f.Add(strings.Repeat("ab", 32))
	f.Add(" \n")
	f.Add(identity.FormatPublic(protocol.VerifierOf(ed25519.NewKeyFromSeed(make([]byte, 32)), protocol.SigHybrid)))
	f.Fuzz(func(t *testing.T, text string) {
		if pub, err := identity.ParsePublicFile(text); err == nil {
			if again, err := identity.ParsePublicFile(identity.FormatPublic(pub)); err != nil || !reflect.DeepEqual(again, pub) {
				t.Errorf("%q is written back as %v, %v", text, again, err)
			}
		}
		if pub, err := identity.ParsePublic(text); err == nil && len(pub) != ed25519.PublicKeySize {
			t.Errorf("%q gives a key of %d bytes", text, len(pub))
		}
	})
}

func cert(key ed25519.PrivateKey) protocol.Cert {
	c := protocol.Cert{Class: protocol.ClassDevice, NotAfter: 10, Quota: 1}
	copy(c.IDPK[:], key.Public().(ed25519.PublicKey))
	return protocol.IssueCert(ed25519.NewKeyFromSeed(make([]byte, 32)), c)
}

func TestIdentityIsAKeyWithItsCertificate(t *testing.T) {
	dir := t.TempDir()
	keyPath, certPath := filepath.Join(dir, "identity.key"), filepath.Join(dir, "identity.cert")
	_, err := identity.Load(dir)
	says(t, err, "read key", keyPath)
	if _, err := identity.Create(keyPath, bytesOf(1)); err != nil {
		t.Fatal(err)
	}
	_, err = identity.Load(dir)
	says(t, err, certPath, "send identity.request to the enrolment authority", "cinesync enrol sign")
	key, err := identity.LoadKey(keyPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := identity.WriteCert(certPath, cert(key), nil); err != nil {
		t.Fatal(err)
	}
	id, err := identity.Load(dir)
	if err != nil || id.Cert != cert(key) || !id.Key.Equal(key) {
		t.Fatalf("%v", err)
	}
	text, err := os.ReadFile(certPath)
	if err != nil {
		t.Fatal(err)
	}
	if want := string(protocol.ArmorCert(cert(key), nil)); string(text) != want {
		t.Errorf("the certificate's file holds\n%swant\n%s", text, want)
	}
	if err := identity.WriteCert(certPath, cert(key), secondHalf(key)); err != nil {
		t.Fatal(err)
	}
	if id, err := identity.Load(dir); err != nil || id.Cert != cert(key) || !bytes.Equal(id.CertPQ, secondHalf(key)) {
		t.Errorf("the hybrid certificate reads as %v, %v", id, err)
	}
	request := strings.ReplaceAll(string(text), "CERTIFICATE", "REQUEST")
	other := cert(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)))
	for name, c := range map[string]struct{ text, words string }{
		"one line of hex":       {hexOf(cert(key)), "read certificate"},
		"cut":                   {string(text[:100]), "read certificate"},
		"twice":                 {string(text) + string(text), "read certificate"},
		"empty":                 {"", "is empty"},
		"a request":             {request, "read certificate"},
		"huge":                  {strings.Repeat("0", 64<<10+1), "too large"},
		"another's second half": {string(protocol.ArmorCert(cert(key), secondHalf(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))))), "another ML-DSA key"},
		"another's key":         {string(protocol.ArmorCert(other, nil)), "another key than identity.key"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, certPath, c.text, 0o644)
			_, err := identity.Load(dir)
			says(t, err, c.words, certPath, "enrolment authority", "cinesync enrol sign")
		})
	}
	write(t, certPath, strings.ReplaceAll(string(text), "\n", "\r\n")+"\n", 0o644)
	if id, err := identity.Load(dir); err != nil || id.Cert != cert(key) {
		t.Errorf("carriage returns: %v", err)
	}
}

func secondHalf(key ed25519.PrivateKey) []byte {
	holder, _ := protocol.MLDSAKey(key)
	_, authority := protocol.MLDSAKey(ed25519.NewKeyFromSeed(make([]byte, 32)))
	return protocol.IssuePQ(authority, cert(key), holder)
}

func hexOf(c protocol.Cert) string {
	const digits = "0123456789abcdef"
	var out []byte
	for _, b := range c.Bytes() {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}
