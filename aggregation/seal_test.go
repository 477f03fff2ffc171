package aggregation

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"testing"
)

// pairUp is two members with shares to send.
type pairUp struct {
	a, b   *Secrets
	pa, pb Public
	m, s   Share
	sid    [32]byte
}

func newPair(t testing.TB) *pairUp {
	t.Helper()
	p := &pairUp{a: newSecrets(t, "a"), b: newSecrets(t, "b"), sid: id("sid")}
	var err error
	if p.pa, err = p.a.Public(id("open"), KexX25519); err != nil {
		t.Fatal(err)
	}
	if p.pb, err = p.b.Public(id("open"), KexX25519); err != nil {
		t.Fatal(err)
	}
	m, s, err := p.a.Split(2, []uint32{1, 2}, source("polynomials"))
	if err != nil {
		t.Fatal(err)
	}
	p.m, p.s = m[0], s[0]
	return p
}

func (p *pairUp) seal(t testing.TB) Sealed {
	t.Helper()
	c, err := sealTo(p.a, p.pb.EPK, p.sid, 3, 8, p.m, p.s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSealedSharesOpenForTheirReceiver(t *testing.T) {
	p := newPair(t)
	m, s, err := openFrom(p.b, p.pa.EPK, p.sid, 3, 8, p.seal(t))
	if err != nil || m != p.m || s != p.s {
		t.Fatalf("%v", err)
	}
	if first, again := p.seal(t), p.seal(t); first != again {
		t.Fatal("the same shares seal to other bytes: a resent message would differ")
	}
}

// TestSealIsAESGCMAsSpecified opens a box with nothing but the table of section 7.
func TestSealIsAESGCMAsSpecified(t *testing.T) {
	p := newPair(t)
	context := append(binary.BigEndian.AppendUint32(bytes.Clone(p.sid[:]), 3), 0, 0, 0, 8)
	key := slowHKDF(ecdhShared(t, p.b.e[:], p.pa.EPK[:]), nil, append([]byte("cinesync/csa1/share\x00"), context...), 16)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	c := p.seal(t)
	plain, err := aead.Open(nil, make([]byte, 12), c[:], context)
	if err != nil || !bytes.Equal(plain, append(p.m[:], p.s[:]...)) {
		t.Fatalf("%x, %v", plain, err)
	}
}

func TestSealedSharesOpenForNobodyElse(t *testing.T) {
	p, stranger := newPair(t), newSecrets(t, "stranger")
	other, err := stranger.Public(id("open"), KexX25519)
	if err != nil {
		t.Fatal(err)
	}
	c := p.seal(t)
	for name, open := range map[string]func() (Share, Share, error){
		"another receiver":     func() (Share, Share, error) { return openFrom(stranger, p.pa.EPK, p.sid, 3, 8, c) },
		"another sender's key": func() (Share, Share, error) { return openFrom(p.b, other.EPK, p.sid, 3, 8, c) },
		"the mask key":         func() (Share, Share, error) { return openFrom(p.b, p.pa.SPK, p.sid, 3, 8, c) },
		"another session":      func() (Share, Share, error) { return openFrom(p.b, p.pa.EPK, id("other"), 3, 8, c) },
		"another sender":       func() (Share, Share, error) { return openFrom(p.b, p.pa.EPK, p.sid, 4, 8, c) },
		"another index":        func() (Share, Share, error) { return openFrom(p.b, p.pa.EPK, p.sid, 3, 9, c) },
		"turned round":         func() (Share, Share, error) { return openFrom(p.b, p.pa.EPK, p.sid, 8, 3, c) },
		"sent back":            func() (Share, Share, error) { return openFrom(p.a, p.pb.EPK, p.sid, 8, 3, c) },
	} {
		if m, s, err := open(); !errors.Is(err, errSealed) || m != (Share{}) || s != (Share{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for bit := range 8 * len(c) {
		bad := c
		bad[bit/8] ^= 1 << (bit % 8)
		if _, _, err := openFrom(p.b, p.pa.EPK, p.sid, 3, 8, bad); !errors.Is(err, errSealed) {
			t.Fatalf("bit %d changed: %v", bit, err)
		}
	}
	cut := c
	clear(cut[64:]) // a shorter box cannot even be named by the type; this one has lost its tag
	if _, _, err := openFrom(p.b, p.pa.EPK, p.sid, 3, 8, cut); !errors.Is(err, errSealed) {
		t.Errorf("without its tag: %v", err)
	}
}

func TestSealedRubbishIsNotAShare(t *testing.T) {
	p := newPair(t)
	bad := Share(bytes.Repeat([]byte{0xff}, 32))
	for name, c := range map[string][2]Share{"m": {bad, p.s}, "b": {p.m, bad}} {
		box, err := sealTo(p.a, p.pb.EPK, p.sid, 3, 8, c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		if m, s, err := openFrom(p.b, p.pa.EPK, p.sid, 3, 8, box); !errors.Is(err, errScalar) || m != (Share{}) || s != (Share{}) {
			t.Errorf("%s out of range: %v", name, err)
		}
	}
	if _, err := sealTo(p.a, p.pb.EPK, p.sid, 3, 3, p.m, p.s); err == nil {
		t.Error("a member sealed for itself")
	}
	if _, _, err := openFrom(p.a, p.pb.EPK, p.sid, 3, 3, Sealed{}); err == nil {
		t.Error("a member opened its own box")
	}
}

// TestEveryPairSealsUnderItsOwnKey: the nonce is always zero, so that a key that came twice would be a break. Equal
// plaintext under 2·n·(n−1) keys gives as many ciphertexts.
func TestEveryPairSealsUnderItsOwnKey(t *testing.T) {
	p := newPair(t)
	seen := map[[64]byte]bool{} // without the tag, which covers the indexes too
	count := 0
	for _, sid := range [][32]byte{id("sid"), id("next sid")} {
		for from := range uint32(4) {
			for to := range uint32(4) {
				if from == to {
					continue
				}
				c, err := sealTo(p.a, p.pb.EPK, sid, from, to, p.m, p.s)
				if err != nil {
					t.Fatal(err)
				}
				seen[[64]byte(c[:64])] = true
				count++
			}
		}
	}
	if len(seen) != count {
		t.Fatalf("%d boxes under %d pairs and sessions", len(seen), count)
	}
}
