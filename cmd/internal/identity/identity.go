// Package identity reads and writes the key and certificate files of every party.
//
// Owns: the file formats of private keys, public keys and certificates, and their permissions.
// Promises: a private key is written once, mode 0600, and never printed; a file that others can read is refused.
// Never: decides who may be enrolled.
// Start here: Create, then Load.
package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cinesync/cinesync/protocol"
)

const keyLine = "cinesync-ed25519-secret "

// Create makes a key pair in a file that must not exist, and gives its public half.
func Create(path string, random io.Reader) (ed25519.PublicKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	defer clear(seed)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make key folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("write key: %s is there already, and a key is made once; take another folder, or move it away", path)
	}
	if err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	_, err = f.WriteString(keyLine + hex.EncodeToString(seed) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write key %s: %w", path, err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	return key.Public().(ed25519.PublicKey), nil
}

// LoadKey reads a private key. A file that others may read is refused.
func LoadKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read key: %s is missing: restore it from a backup, or name the right folder; without the key, start in a new folder, where another is made", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read key %s: others may read it (mode %o); make a new key, or run chmod 600 if it never left this machine", path, info.Mode().Perm())
	}
	b, err := readSmall(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, ok := parseKey(b)
	if !ok {
		return nil, fmt.Errorf("read key %s: it is damaged or not a CineSync key file: restore it from a backup; without one, start in a new folder, where another key is made", path)
	}
	return key, nil
}

// parseKey says no more than yes or no: an error could print a piece of the secret.
func parseKey(b []byte) (ed25519.PrivateKey, bool) {
	text, ok := strings.CutPrefix(strings.TrimSuffix(string(b), "\n"), keyLine)
	seed, err := hex.DecodeString(text)
	if !ok || err != nil || len(seed) != ed25519.SeedSize {
		return nil, false
	}
	return ed25519.NewKeyFromSeed(seed), true
}

// WritePublic writes public keys: a line of hex for Ed25519, and another for ML-DSA-44 where there is one.
func WritePublic(path string, pub protocol.Verifier) error {
	return os.WriteFile(path, []byte(FormatPublic(pub)), 0o644)
}

// FormatPublic is the text of a public key file.
func FormatPublic(pub protocol.Verifier) string {
	text := hex.EncodeToString(pub.Ed) + "\n"
	if pub.PQ != nil {
		text += FormatPQ(pub.PQ) + "\n"
	}
	return text
}

// FormatPQ is an ML-DSA-44 public key in hex, empty for none.
func FormatPQ(key *protocol.PQPublicKey) string {
	if key == nil {
		return ""
	}
	return hex.EncodeToString(key.Bytes())
}

// ParsePublic reads an Ed25519 public key from its hex.
func ParsePublic(text string) (ed25519.PublicKey, error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("public key %.80q: want %d hex digits", text, 2*ed25519.PublicKeySize)
	}
	return b, nil
}

// ParsePQ reads an ML-DSA-44 public key from its hex; an empty text is none.
func ParsePQ(text string) (*protocol.PQPublicKey, error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, nil
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != protocol.PQKeySize {
		return nil, fmt.Errorf("ML-DSA-44 public key %.80q: want %d hex digits", text, 2*protocol.PQKeySize)
	}
	return protocol.ParsePQKey(b)
}

// ParsePublicFile reads the text of a public key file: one key, or both.
func ParsePublicFile(text string) (pub protocol.Verifier, err error) {
	first, second, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if pub.Ed, err = ParsePublic(first); err != nil {
		return protocol.Verifier{}, err
	}
	if pub.PQ, err = ParsePQ(second); err != nil {
		return protocol.Verifier{}, err
	}
	return pub, nil
}

// LoadPublic reads a public key file.
func LoadPublic(path string) (protocol.Verifier, error) {
	b, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return protocol.Verifier{}, fmt.Errorf("read public key: %s is missing: put the public key there, such as the enrolment authority's authority.pub", path)
	}
	if err != nil {
		return protocol.Verifier{}, fmt.Errorf("read public key: %w", err)
	}
	pub, err := ParsePublicFile(string(b))
	if err != nil {
		return protocol.Verifier{}, fmt.Errorf("read %s: %w; copy the public key there again, such as the enrolment authority's authority.pub", path, err)
	}
	return pub, nil
}

// WriteCert writes a certificate as the text of the protocol's specification, section 10; certPQ is its second half, nil for none.
func WriteCert(path string, c protocol.Cert, certPQ []byte) error {
	return os.WriteFile(path, protocol.ArmorCert(c, certPQ), 0o644)
}

// Load reads identity.key and identity.cert of a folder.
func Load(dir string) (protocol.Identity, error) {
	key, err := LoadKey(filepath.Join(dir, "identity.key"))
	if err != nil {
		return protocol.Identity{}, err
	}
	path := filepath.Join(dir, "identity.cert")
	b, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return protocol.Identity{}, fmt.Errorf("%s is missing: send identity.request to the enrolment authority, who turns it into this file with `cinesync enrol sign`", path)
	}
	if err != nil {
		return protocol.Identity{}, fmt.Errorf("read certificate: %w; %s", err, getAgain)
	}
	cert, certPQ, err := parseCert(b)
	if err != nil {
		return protocol.Identity{}, fmt.Errorf("read certificate %s: %w; %s", path, err, getAgain)
	}
	if string(cert.IDPK[:]) != string(key.Public().(ed25519.PublicKey)) {
		return protocol.Identity{}, fmt.Errorf("certificate %s is for another key than identity.key beside it; put back the one of the two that was exchanged, or %s", path, getAgain)
	}
	id := protocol.Identity{Key: key, Cert: cert, CertPQ: certPQ}
	if err := id.Check(); err != nil {
		return protocol.Identity{}, fmt.Errorf("certificate %s: %w; or %s", path, err, getAgain)
	}
	return id, nil
}

const getAgain = "get it from the enrolment authority, who makes it of this folder's request with `cinesync enrol sign`"

func parseCert(text []byte) (protocol.Cert, []byte, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return protocol.Cert{}, nil, errors.New("the file is empty")
	}
	return protocol.ParseCertArmor(text)
}

// readSmall reads a file of at most 64 KiB: keys and certificates are a few thousand bytes.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10+1))
	if err == nil && len(b) > 64<<10 {
		err = fmt.Errorf("%s is too large for a key or certificate", path)
	}
	return b, err
}
