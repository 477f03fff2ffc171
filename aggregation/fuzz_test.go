package aggregation

import (
	"bytes"
	"testing"
)

func FuzzSecrets(f *testing.F) {
	good, err := newSecrets(f, "seed").MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:95])
	f.Add(make([]byte, secretsSize))
	f.Add(append(unhex(f, order), good[32:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Secrets
		if err := s.UnmarshalBinary(b); err != nil {
			if s != (Secrets{}) {
				t.Fatal("secrets beside the error")
			}
			return
		}
		if again, err := s.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted bytes re-encode differently (%v)", err)
		}
	})
}

// FuzzShares reads shares and coordinates from the bytes: no panic, and no secret beside an error.
func FuzzShares(f *testing.F) {
	s := newSecrets(f, "seed")
	m, _, err := s.Split(2, []uint32{1, 2, 3}, source("polynomials"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(2), []byte{1, 2, 3}, bytes.Join([][]byte{m[0][:], m[1][:], m[2][:]}, nil))
	f.Add(uint8(2), []byte{1, 1}, bytes.Repeat([]byte{0}, 64))
	f.Add(uint8(0), []byte{}, []byte{})
	f.Add(uint8(1), []byte{0}, unhex(f, order))
	f.Fuzz(func(t *testing.T, threshold uint8, at, b []byte) {
		xs := make([]uint32, len(at))
		for i, x := range at {
			xs[i] = uint32(x)
		}
		shares := make([]Share, len(b)/32)
		for i := range shares {
			shares[i] = Share(b[32*i:])
		}
		got, err := Recover(int(threshold), xs, shares)
		if err != nil && got != [32]byte{} {
			t.Fatal("a secret beside the error")
		}
		if err == nil {
			if _, err := parseScalar(got); err != nil {
				t.Fatal("the rebuilt secret is not canonical")
			}
		}
		if corrected, err := Correct(int(threshold), xs, shares); err != nil && corrected != [32]byte{} {
			t.Fatal("a corrected secret beside the error")
		}
	})
}

// FuzzOpen gives any bytes as box and key.
func FuzzOpen(f *testing.F) {
	p := newPair(f)
	c := p.seal(f)
	f.Add(c[:], p.pa.EPK[:])
	f.Add(make([]byte, 80), make([]byte, 32))
	f.Fuzz(func(t *testing.T, box, key []byte) {
		if len(box) != 80 || len(key) != 32 {
			return
		}
		m, b, err := openFrom(p.b, [32]byte(key), p.sid, 3, 8, Sealed(box))
		if err == nil && (!bytes.Equal(box, c[:]) || m != p.m || b != p.s) {
			t.Fatal("a box that was never sealed opens")
		}
		if err != nil && (m != Share{} || b != Share{}) {
			t.Fatal("shares beside the error")
		}
	})
}
