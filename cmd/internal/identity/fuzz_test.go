package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/protocol"
)

func FuzzParseKey(f *testing.F) {
	seed := strings.Repeat("07", ed25519.SeedSize)
	for _, text := range []string{"", keyLine, keyLine + seed, keyLine + seed + "\n", keyLine + strings.Repeat("AB", ed25519.SeedSize), keyLine + seed + "\n\n", seed + "\n", keyLine + seed + "00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		key, ok := parseKey(b)
		if !ok {
			if key != nil {
				t.Error("a refused file gives a key")
			}
			return
		}
		text := strings.ToLower(strings.TrimSuffix(string(b), "\n"))
		if want := keyLine + hex.EncodeToString(key.Seed()); text != want {
			t.Errorf("%q gives the key of %q", b, want)
		}
	})
}

// FuzzParseCert reads the text of identity.cert. What is taken is written as the one text that reads as the same certificate.
func FuzzParseCert(f *testing.F) {
	c := protocol.IssueCert(ed25519.NewKeyFromSeed(make([]byte, 32)), protocol.Cert{Class: protocol.ClassDevice, NotAfter: 10, Quota: 1})
	holder, pq := protocol.MLDSAKey(ed25519.NewKeyFromSeed(make([]byte, 32)))
	text := protocol.ArmorCert(c, nil)
	raw := c.Bytes()
	for _, b := range [][]byte{nil, text, protocol.ArmorCert(c, protocol.IssuePQ(pq, c, holder)), text[:len(text)/2], append(bytes.Clone(text), text...), bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
		[]byte(hex.EncodeToString(raw[:])), bytes.ReplaceAll(text, []byte("CERTIFICATE"), []byte("REQUEST"))} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, second, err := parseCert(b)
		if err != nil {
			return
		}
		if again, more, err := parseCert(protocol.ArmorCert(got, second)); err != nil || again != got || !bytes.Equal(more, second) {
			t.Errorf("written and read again: %v, %v; want %v", again, err, got)
		}
		if !bytes.Equal(bytes.TrimSpace(bytes.ReplaceAll(b, []byte("\r"), nil)), bytes.TrimSpace(protocol.ArmorCert(got, second))) {
			t.Errorf("%q is taken for\n%s", b, protocol.ArmorCert(got, second))
		}
	})
}
