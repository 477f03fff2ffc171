package aggregation

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cloudflare/circl/kem/xwing"
)

// duo is two members of a session in key agreement 2, a below b.
type duo struct {
	in     Session
	a, b   *Secrets
	pa, pb PeerKey // as the other sees it
	toB    PeerKey // as a seals to it: with the ciphertext that a made
}

func newDuo(t testing.TB) *duo {
	t.Helper()
	d := &duo{in: Session{Suite: Suite{Kex: KexXWing, PRG: PRGAES256, WordBits: 32}, OpenHash: id("open"), SID: id("sid")}, a: newSecrets(t, "a"), b: newSecrets(t, "b")}
	for _, m := range []struct {
		s *Secrets
		p *PeerKey
		i uint32
	}{{d.a, &d.pa, 3}, {d.b, &d.pb, 8}} {
		pub, err := m.s.Public(d.in.OpenHash, KexXWing)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckKEM(pub.KEM); err != nil {
			t.Fatal(err)
		}
		*m.p = PeerKey{Index: m.i, SPK: pub.SPK, EPK: pub.EPK, KEM: pub.KEM}
	}
	ct, err := d.a.MaskCT(d.in, 3, d.pb)
	if err != nil {
		t.Fatal(err)
	}
	d.pa.MaskCT, d.toB = ct, d.pb
	d.toB.MaskCT = ct
	return d
}

// TestPairKeyIsTheSameFromBothEndsAndFromEitherSecret: the two members, and a coordinator that has rebuilt m of one of them.
func TestPairKeyIsTheSameFromBothEndsAndFromEitherSecret(t *testing.T) {
	d := newDuo(t)
	low, err := pairTerm(d.in, d.a.m, 3, d.pb)
	if err != nil {
		t.Fatal(err)
	}
	high, err := pairTerm(d.in, d.b.m, 8, d.pa)
	if err != nil || low != high {
		t.Fatalf("the ends differ (%v)", err)
	}
	toB := d.pb
	toB.MaskCT = d.pa.MaskCT
	lostLow, err := PairMasks(d.in, d.a.m, 3, toB)
	if err != nil || !slices.Equal(lostLow, []Term{{Key: low}}) {
		t.Errorf("with m of the lower index: %v", err)
	}
	lostHigh, err := PairMasks(d.in, d.b.m, 8, d.pa)
	if err != nil || !slices.Equal(lostHigh, []Term{{Key: low, Negative: true}}) {
		t.Errorf("with m of the higher index: %v", err)
	}
	classic := d.in
	classic.Suite.Kex = KexX25519
	if one, err := pairTerm(classic, d.a.m, 3, d.pb); err != nil || one == low {
		t.Errorf("X-Wing adds nothing to the key (%v)", err)
	}
}

// TestCiphertextThatDoesNotFollowIsFound: the lower index sent something else and is lost.
func TestCiphertextThatDoesNotFollowIsFound(t *testing.T) {
	d := newDuo(t)
	for _, at := range []int{0, 500, CiphertextSize - 1} {
		toB := d.pb
		toB.MaskCT = slices.Clone(d.pa.MaskCT)
		toB.MaskCT[at] ^= 1
		if _, err := PairMasks(d.in, d.a.m, 3, toB); !errors.Is(err, ErrCiphertext) {
			t.Errorf("byte %d: %v", at, err)
		}
		from := d.pa
		from.MaskCT = toB.MaskCT
		honest, err := pairTerm(d.in, d.a.m, 3, d.pb)
		if err != nil {
			t.Fatal(err)
		}
		// The receiver gets a key that nobody else has: its mask never comes off, and never shows anything.
		if got, err := pairTerm(d.in, d.b.m, 8, from); err != nil || got == honest {
			t.Errorf("byte %d: the receiver has the sender's key (%v)", at, err)
		}
	}
}

func TestMaskCTIsMadeOnceByTheLowerIndex(t *testing.T) {
	d := newDuo(t)
	again, err := d.a.MaskCT(d.in, 3, d.pb)
	if err != nil || !bytes.Equal(again, d.pa.MaskCT) {
		t.Errorf("the same secrets give another ciphertext (%v)", err)
	}
	other := d.in
	other.SID = id("other")
	if ct, err := d.a.MaskCT(other, 3, d.pb); err != nil || bytes.Equal(ct, d.pa.MaskCT) {
		t.Errorf("another session gives the same ciphertext (%v)", err)
	}
	if _, err := d.b.MaskCT(d.in, 8, d.pa); err == nil {
		t.Error("the higher index encapsulates")
	}
	classic := d.in
	classic.Suite.Kex = KexX25519
	if _, err := d.a.MaskCT(classic, 3, d.pb); err == nil {
		t.Error("key agreement 1 encapsulates")
	}
}

// TestHybridBoxesOpenForTheirReceiverAlone changes each thing that a box rests on.
func TestHybridBoxesOpenForTheirReceiverAlone(t *testing.T) {
	d := newDuo(t)
	m, b := Share(d.a.m), Share(d.a.b)
	box, ct, err := d.a.Seal(d.in, 3, d.toB, m, b, source("coins"))
	if err != nil {
		t.Fatal(err)
	}
	if gm, gb, err := d.b.Open(d.in, 8, d.pa, box, ct); err != nil || gm != m || gb != b {
		t.Fatalf("%v", err)
	}
	if _, second, err := d.a.Seal(d.in, 3, d.toB, m, b, source("other coins")); err != nil || bytes.Equal(second, ct) {
		t.Errorf("two boxes share an encapsulation (%v)", err)
	}
	bent := slices.Clone(ct)
	bent[7] ^= 1
	classic := d.in
	classic.Suite.Kex = KexX25519
	for name, open := range map[string]func() error{
		"a bent ciphertext":   func() error { _, _, err := d.b.Open(d.in, 8, d.pa, box, bent); return err },
		"no ciphertext":       func() error { _, _, err := d.b.Open(d.in, 8, d.pa, box, nil); return err },
		"a cut ciphertext":    func() error { _, _, err := d.b.Open(d.in, 8, d.pa, box, ct[:CiphertextSize-1]); return err },
		"a long ciphertext":   func() error { _, _, err := d.b.Open(d.in, 8, d.pa, box, append(slices.Clone(ct), 0)); return err },
		"key agreement 1":     func() error { _, _, err := d.b.Open(classic, 8, d.pa, box, ct); return err },
		"another receiver":    func() error { _, _, err := newSecrets(t, "c").Open(d.in, 8, d.pa, box, ct); return err },
		"the mask ciphertext": func() error { _, _, err := d.b.Open(d.in, 8, d.pa, box, d.pa.MaskCT); return err },
	} {
		if open() == nil {
			t.Errorf("%s opens", name)
		}
	}
	if _, _, err := d.a.Seal(d.in, 3, PeerKey{Index: 8, EPK: d.pb.EPK, MaskCT: d.toB.MaskCT}, m, b, source("coins")); err == nil {
		t.Error("sealed to a peer without X-Wing keys")
	}
	if _, _, err := d.a.Seal(d.in, 3, d.pb, m, b, source("coins")); err == nil {
		t.Error("sealed without the ciphertext of the pair mask")
	}
	if _, _, err := d.a.Seal(d.in, 3, d.toB, m, b, bytes.NewReader(make([]byte, 63))); err == nil {
		t.Error("sealed with half the coins")
	}
}

func TestBadXWingKeysAreRefused(t *testing.T) {
	good := newDuo(t).pa.KEM
	change := func(f func(k []byte)) []byte {
		k := slices.Clone(good)
		f(k)
		return k
	}
	half := xwing.PublicKeySize
	for name, k := range map[string][]byte{
		"nothing": nil, "one key": good[:half], "one byte less": good[:KEMSize-1], "one byte more": append(slices.Clone(good), 0),
		"equal keys":                  append(slices.Clone(good[:half]), good[:half]...),
		"coefficient above the prime": change(func(k []byte) { k[0], k[1] = 0xff, 0xff }),
		"low order":                   change(func(k []byte) { clear(k[half-32 : half]) }),
		"point that is not canonical": change(func(k []byte) {
			for i := range 32 {
				k[KEMSize-32+i] = 0xff
			}
		}),
	} {
		if CheckKEM(k) == nil {
			t.Errorf("%s passes", name)
		}
		d := newDuo(t)
		d.pb.KEM = k
		if _, err := d.a.MaskCT(d.in, 3, d.pb); err == nil && len(k) != KEMSize {
			t.Errorf("%s: encapsulated to", name)
		}
	}
	d := newDuo(t)
	if !CheckM(KexXWing, d.a.m, d.in.OpenHash, d.pa.SPK, good) {
		t.Error("m is not known by its X-Wing key")
	}
	other := slices.Clone(good)
	copy(other, d.pb.KEM[:half])
	if CheckM(KexXWing, d.a.m, d.in.OpenHash, d.pa.SPK, other) || CheckM(KexXWing, d.a.m, d.in.OpenHash, d.pa.SPK, nil) {
		t.Error("another X-Wing mask key passes for that of m")
	}
}

// FuzzKEM gives any bytes as keys and ciphertexts: refusals, never a panic.
func FuzzKEM(f *testing.F) {
	d := newDuo(f)
	f.Add(d.pa.KEM, d.pa.MaskCT)
	f.Add([]byte{}, make([]byte, CiphertextSize))
	box := Sealed{1}
	f.Fuzz(func(t *testing.T, kem, ct []byte) {
		if err := CheckKEM(kem); err == nil && len(kem) != KEMSize {
			t.Fatal("keys of a wrong length pass")
		}
		p := d.pa
		p.KEM, p.MaskCT = kem, ct
		if _, _, err := d.b.Open(d.in, 8, p, box, ct); err == nil {
			t.Fatal("rubbish opens")
		}
		_, _ = PairMasks(d.in, d.b.m, 8, p)
		_, _ = pairTerm(d.in, d.b.m, 8, p)
		_ = fmt.Sprint(CheckM(KexXWing, d.a.m, d.in.OpenHash, d.pa.SPK, kem))
	})
}
