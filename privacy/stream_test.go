package privacy

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"testing"
)

// The first blocks of AES-256 under the zero key at counters 0 and 1 (the first is FIPS 197's cipher, NIST CAVP
// ECBVarTxt256 family with a zero plaintext).
func TestStreamIsAESInCounterMode(t *testing.T) {
	var got [32]byte
	if _, err := io.ReadFull(NewStream([32]byte{}), got[:]); err != nil {
		t.Fatal(err)
	}
	const want = "dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738b"
	if hex.EncodeToString(got[:]) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}

func TestStreamDoesNotDependOnTheReads(t *testing.T) {
	whole, pieces := make([]byte, 1000), make([]byte, 1000)
	for i := range pieces {
		pieces[i] = 0xFF // what was there before must not shine through
	}
	if _, err := io.ReadFull(seeded(1), whole); err != nil {
		t.Fatal(err)
	}
	s := seeded(1)
	for from, size := 0, 0; from < len(pieces); from, size = from+size, size+1 {
		size = min(size, len(pieces)-from)
		if n, err := s.Read(pieces[from : from+size]); n != size || err != nil {
			t.Fatal(n, err)
		}
	}
	if !bytes.Equal(whole, pieces) {
		t.Error("reading in pieces gives other bytes")
	}
}

func TestSessionStreamTakesItsKeyAndEnds(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	s, err := NewSessionStream(bytes.NewReader(key))
	if err != nil {
		t.Fatal(err)
	}
	got, want := make([]byte, 100), make([]byte, 100)
	if _, err := s.Read(got); err != nil {
		t.Fatal(err)
	}
	if _, err := NewStream([32]byte(key)).Read(want); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the session's stream is not its key's: %v", err)
	}
	s.Zero()
	if n, err := s.Read(got); n != 0 || !errors.Is(err, errErased) {
		t.Errorf("after Zero: %d bytes, %v", n, err)
	}
	if _, err := Perturb([]int32{1}, 100, s); !errors.Is(err, errErased) {
		t.Errorf("noise after Zero: %v", err)
	}
	if _, err := NewSessionStream(bytes.NewReader(key[:31])); err == nil {
		t.Error("a short key was accepted")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s, err := NewSessionStream(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGaussian(16, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		for _, secret := range []any{s, g} {
			if got := fmt.Sprintf(verb, secret); got != "[secret]" {
				t.Errorf("%T prints as %q with %s", secret, got, verb)
			}
		}
	}
}
