package participant

import (
	"bytes"
	"crypto/sha256"
	"testing"
)

// sealed puts the digest in front of a body that may be anything.
func sealed(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(sum[:], body...)
}

// FuzzSavedState reads bodies behind a right digest: what is taken must be written again as something that reads the same.
func FuzzSavedState(f *testing.F) {
	h := newHonest(f, 5)
	d := newDevice(f, h)
	for _, s := range stages {
		d.step(h, d.event(h, s))
		if d.disk != nil {
			f.Add(d.disk[sha256.Size:])
		}
	}
	f.Add([]byte(`{"Version":1,"Phase":9}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a, b state
		if a.load(sealed(body)) != nil {
			return
		}
		once := a.encode()
		if err := b.load(once); err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if !bytes.Equal(once, b.encode()) {
			t.Error("reading changes what was written")
		}
	})
}

func FuzzCodeName(f *testing.F) {
	f.Add(testCode)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, code []byte) {
		name, version, ok := codeName(code)
		if !ok {
			return
		}
		head := append([]byte{0, 0, 0, byte(len(name))}, name...)
		head = append(head, byte(version>>24), byte(version>>16), byte(version>>8), byte(version))
		if !bytes.HasPrefix(code, head) {
			t.Errorf("%x is read as %q, version %d", code, name, version)
		}
	})
}
