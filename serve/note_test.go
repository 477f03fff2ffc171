package serve

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
)

func hash(b []byte) [32]byte { return sha256.Sum256(b) }

// TestGoldenNote pins the bytes that the coordinator signs and writes.
func TestGoldenNote(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	r := Release{Model: hash([]byte("model")), Version: 3, Round: 4, LogIndex: 17}
	message := "cinesync/csa1/release\x00" + string(r.Model[:]) + "\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x11"
	n := r.Sign(key)
	if !ed25519.Verify(key.Public().(ed25519.PublicKey), []byte(message), n.Signature[:]) {
		t.Error("the signature is not over the documented bytes")
	}
	text := string(n.Encode())
	if !strings.HasPrefix(text, `{"model":"9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4","version":3,"round":4,"log_index":17,"signature":"`) {
		t.Errorf("note %s", text)
	}
	got, err := ParseNote([]byte(text))
	if err != nil || got != n {
		t.Errorf("read again: %+v, %v", got, err)
	}
}

func TestParseNoteRefuses(t *testing.T) {
	good := string(Release{Version: 3}.Sign(ed25519.NewKeyFromSeed(make([]byte, 32))).Encode())
	for _, c := range []struct{ in, err string }{
		{strings.Replace(good, `"version":3,`, ``, 1), `field "version" is missing`},
		{strings.Replace(good, `"version":3`, `"version":-3`, 1), `field "version"`},
		{strings.Replace(good, `"version":3`, `"version":3.5`, 1), `field "version"`},
		{strings.Replace(good, `"version":3`, `"version":18446744073709551616`, 1), `field "version"`},
		{strings.Replace(good, `"version":3`, `"version":null`, 1), "is null"},
		{strings.Replace(good, `"version":3`, `"version":3,"version":3`, 1), "stands there twice"},
		{strings.Replace(good, `"version":3`, `"version":3,"Version":3`, 1), `field "Version" is unknown`},
		{strings.Replace(good, `"model":"00`, `"model":"`, 1), `field "model": want 64 lower-case hexadecimal digits`},
		{strings.Replace(good, `"model":"00`, `"model":"0G`, 1), "hexadecimal"},
		{strings.Replace(good, `"model":"00`, `"model":"AB`, 1), "lower-case"},
		{good + "{}", "text follows"},
		{"", "text ends"},
		{strings.Repeat(" ", maxNote+1), "more than 4096"},
	} {
		if _, err := ParseNote([]byte(c.in)); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%.200s\n got %v\nwant %s", c.in, err, c.err)
		}
	}
}

func TestEveryFieldIsSigned(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	public := key.Public().(ed25519.PublicKey)
	good := Release{Version: 3, Round: 4, LogIndex: 5}.Sign(key)
	if err := good.Verify(public); err != nil {
		t.Fatal(err)
	}
	for i, change := range []func(n *Note){
		func(n *Note) { n.Model[31]++ }, func(n *Note) { n.Version++ }, func(n *Note) { n.Round++ }, func(n *Note) { n.LogIndex++ }, func(n *Note) { n.Signature[0]++ },
	} {
		n := good
		change(&n)
		if err := n.Verify(public); !errors.Is(err, ErrSignature) {
			t.Errorf("change %d: %v, want ErrSignature", i, err)
		}
	}
}

func FuzzParseNote(f *testing.F) {
	f.Add(Release{Version: 3}.Sign(ed25519.NewKeyFromSeed(make([]byte, 32))).Encode())
	f.Add([]byte(`{"model":"00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := ParseNote(b)
		if err != nil {
			return
		}
		if again, err := ParseNote(n.Encode()); err != nil || again != n {
			t.Fatalf("%q: read again %+v, %v", b, again, err)
		}
	})
}
