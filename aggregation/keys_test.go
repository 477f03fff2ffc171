package aggregation

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func ecdhPublic(t testing.TB, secret []byte) []byte {
	t.Helper()
	key, err := ecdh.X25519().NewPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key.PublicKey().Bytes()
}

func ecdhShared(t testing.TB, secret, public []byte) []byte {
	t.Helper()
	key, err := ecdh.X25519().NewPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := key.ECDH(peer)
	if err != nil {
		t.Fatal(err)
	}
	return shared
}

func TestAgreementEqualsRFC7748(t *testing.T) {
	// Section 5.2: a scalar, a coordinate and their product.
	for _, c := range [][3]string{
		{"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
			"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
		{"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a413",
			"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	} {
		got, err := agree([32]byte(unhex(t, c[0])), [32]byte(unhex(t, c[1])))
		if err != nil || !bytes.Equal(got[:], unhex(t, c[2])) {
			t.Errorf("%x, %v, want %s", got, err, c[2])
		}
	}
	// Section 6.1: both ends of one agreement.
	alice := [32]byte(unhex(t, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
	bob := [32]byte(unhex(t, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
	for secret, want := range map[[32]byte]string{
		alice: "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		bob:   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
	} {
		if got := publicKey(secret); !bytes.Equal(got[:], unhex(t, want)) {
			t.Errorf("public key %x, want %s", got, want)
		}
	}
	want := unhex(t, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
	for _, ends := range [][2][32]byte{{alice, publicKey(bob)}, {bob, publicKey(alice)}} {
		if got, err := agree(ends[0], ends[1]); err != nil || !bytes.Equal(got[:], want) {
			t.Errorf("agreed on %x, %v, want %x", got, err, want)
		}
	}
}

func TestAgreementEqualsStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "a"))
		b := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "b"))
		key, err := ecdh.X25519().NewPrivateKey(a[:])
		if err != nil {
			t.Fatal(err)
		}
		if p := publicKey(a); !bytes.Equal(p[:], key.PublicKey().Bytes()) {
			t.Fatalf("public key %x, want %x", p, key.PublicKey().Bytes())
		}
		// b stands for any 32 bytes that may arrive as a public key: both must agree on the secret or both refuse.
		peer, err := ecdh.X25519().NewPublicKey(b[:])
		if err != nil {
			t.Fatal(err)
		}
		want, wantErr := key.ECDH(peer)
		got, gotErr := agree(a, b)
		if (wantErr == nil) != (gotErr == nil) || wantErr == nil && !bytes.Equal(got[:], want) {
			t.Fatalf("%x, %v, want %x, %v", got, gotErr, want, wantErr)
		}
	})
}

// Coordinates whose points have low order, on the curve and on its twist.
var lowOrder = map[string]string{
	"0":       "0000000000000000000000000000000000000000000000000000000000000000",
	"1":       "0100000000000000000000000000000000000000000000000000000000000000",
	"order 8": "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"other 8": "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"p-1":     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// The same points, and others, by encodings that are not the canonical one.
var notCanonical = map[string]string{
	"p":              "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"p+1":            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"2^255-1":        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"base, high bit": "0900000000000000000000000000000000000000000000000000000000000080",
	"0, high bit":    "0000000000000000000000000000000000000000000000000000000000000080",
	"2^256-1":        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

// F07: such a key agrees on zero with everyone, or passes for two keys.
func TestBadPublicKeysAreRefused(t *testing.T) {
	s, sid := newSecrets(t, "honest"), id("sid")
	for name, h := range lowOrder {
		key := [32]byte(unhex(t, h))
		if err := CheckPublicKey(key); !errors.Is(err, errLowOrder) {
			t.Errorf("%s: %v", name, err)
		}
		x := []uint32{1, 2, 3}
		if err := s.Mask(x, within(id("open"), sid), 0, []PeerKey{{Index: 1, SPK: key, EPK: key}}); !errors.Is(err, errLowOrder) || x[0] != 1 || x[2] != 3 {
			t.Errorf("%s: mask gives %v and %v", name, err, x)
		}
		if _, err := sealTo(s, key, sid, 0, 1, Share{}, Share{}); !errors.Is(err, errLowOrder) {
			t.Errorf("%s: seal gives %v", name, err)
		}
		if _, _, err := openFrom(s, key, sid, 1, 0, Sealed{}); !errors.Is(err, errLowOrder) {
			t.Errorf("%s: open gives %v", name, err)
		}
		if _, err := PairMasks(within(id("open"), sid), s.m, 1, PeerKey{Index: 0, SPK: key, EPK: key}); !errors.Is(err, errLowOrder) {
			t.Errorf("%s: unmask gives %v", name, err)
		}
	}
	for name, h := range notCanonical {
		if err := CheckPublicKey([32]byte(unhex(t, h))); !errors.Is(err, errNotCanonical) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good, err := s.Public(id("open"), KexX25519)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range [][32]byte{good.SPK, good.EPK, {9}} {
		if err := CheckPublicKey(k); err != nil {
			t.Errorf("%x: %v", k, err)
		}
	}
	if good.SPK == s.m || good.EPK == s.e || good.SPK == good.EPK {
		t.Error("a public key equals a secret or the other key")
	}
}

// TestKeyCheckEqualsAgreement: a key is refused exactly if it agrees on zero with everyone or is not canonical. Small
// coordinates and those near the prime are where the few bad ones lie.
func TestKeyCheckEqualsAgreement(t *testing.T) {
	try := func(k [32]byte) {
		t.Helper()
		_, err := agree([32]byte{1}, k)
		if got, want := CheckPublicKey(k), err != nil || !canonicalPoint(k); (got != nil) != want {
			t.Errorf("%x: %v, agreement says %v", k, got, err)
		}
	}
	for _, h := range lowOrder {
		for b := range 256 { // and neighbours of the bad ones
			k := [32]byte(unhex(t, h))
			k[0] ^= byte(b)
			try(k)
		}
	}
	for _, h := range notCanonical {
		try([32]byte(unhex(t, h)))
	}
	for i := range 200 {
		try(id(string(rune(i))))
	}
}

func TestSecretsSurviveTheirState(t *testing.T) {
	s := newSecrets(t, "state")
	b, err := s.MarshalBinary()
	if err != nil || len(b) != secretsSize {
		t.Fatal(len(b), err)
	}
	var again Secrets
	if err := again.UnmarshalBinary(b); err != nil || again != *s {
		t.Fatalf("read back as something else (%v)", err)
	}
	if again.B() != s.b {
		t.Fatal("B is another secret")
	}
}

// order is the order of the group, the least value that is no scalar, little-endian.
const order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"

func TestDamagedStateIsRefused(t *testing.T) {
	s := newSecrets(t, "state")
	good, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, part []byte) []byte { b := bytes.Clone(good); copy(b[at:], part); return b }
	for name, b := range map[string][]byte{
		"empty": nil, "short": good[:95], "long": append(bytes.Clone(good), 0),
		"m is the order": with(0, unhex(t, order)), "b is the order": with(32, unhex(t, order)),
		"m is above": with(0, bytes.Repeat([]byte{0xff}, 32)), "b is above": with(32, bytes.Repeat([]byte{0xff}, 32)),
		"erased m": with(0, make([]byte, 32)), "erased b": with(32, make([]byte, 32)), "erased e": with(64, make([]byte, 32)),
		"erased": make([]byte, secretsSize),
	} {
		kept := *s
		if err := kept.UnmarshalBinary(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if kept != *s {
			t.Errorf("%s: secrets changed on an error", name)
		}
	}
}

// TestErasedSecretsDoNothing: masks made from zeros could be taken off by anyone who knows that they were erased.
func TestErasedSecretsDoNothing(t *testing.T) {
	s, peer := newSecrets(t, "erased"), newSecrets(t, "peer")
	public, err := peer.Public(id("open"), KexX25519)
	if err != nil {
		t.Fatal(err)
	}
	s.Zero()
	if *s != (Secrets{}) {
		t.Fatal("Zero left something")
	}
	x := []uint32{1, 2, 3}
	if err := s.Mask(x, within(id("open"), id("sid")), 0, []PeerKey{{Index: 1, SPK: public.SPK}}); !errors.Is(err, errZeroed) || x[1] != 2 {
		t.Errorf("mask: %v, %v", err, x)
	}
	if _, err := s.Public(id("open"), KexX25519); !errors.Is(err, errZeroed) {
		t.Errorf("public: %v", err)
	}
	if _, _, err := s.Split(2, []uint32{1, 2}, source("x")); !errors.Is(err, errZeroed) {
		t.Errorf("split: %v", err)
	}
	if _, err := sealTo(s, public.EPK, id("sid"), 0, 1, Share{}, Share{}); !errors.Is(err, errZeroed) {
		t.Errorf("seal: %v", err)
	}
	if _, _, err := openFrom(s, public.EPK, id("sid"), 1, 0, Sealed{}); !errors.Is(err, errZeroed) {
		t.Errorf("open: %v", err)
	}
}

// constant gives the same byte for ever.
type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

func TestBrokenSourcesAreRefused(t *testing.T) {
	for name, c := range map[string]constant{"zeros": 0, "ones": 0xff} {
		if _, err := NewSecrets(c); err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range int64(secretsSize) {
		r := bytes.NewReader(bytes.Repeat([]byte{1}, int(n)))
		if _, err := NewSecrets(r); err == nil {
			t.Errorf("%d bytes of randomness sufficed", n)
		}
		if r.Len() > 0 {
			t.Errorf("%d of %d bytes were not used", r.Len(), n)
		}
	}
}

func TestSecretsOfTwoDrawsDiffer(t *testing.T) {
	src := source("one stream")
	seen := map[[32]byte]bool{}
	for range 20 {
		s, err := NewSecrets(src)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range [][32]byte{s.m, s.b, s.e} {
			if seen[k] {
				t.Fatal("a secret came twice")
			}
			seen[k] = true
		}
	}
}

// TestSessionChangesWithEveryInput flips one bit of each input of the seed, the session id and the public keys.
func TestSessionChangesWithEveryInput(t *testing.T) {
	s := newSecrets(t, "s")
	base := [3][32]byte{id("open"), id("roster"), id("seed")}
	type derived struct {
		seed, sid [32]byte
		public    struct{ SPK, EPK, BC [32]byte }
	}
	all := func(in [3][32]byte, cohort uint32) derived {
		p, err := s.Public(in[0], KexX25519)
		if err != nil {
			t.Fatal(err)
		}
		return derived{GraphSeed(in[0], in[1]), SessionID(in[0], in[1], in[2], cohort), struct{ SPK, EPK, BC [32]byte }{p.SPK, p.EPK, p.BC}}
	}
	want := all(base, 0)
	if want != all(base, 0) {
		t.Fatal("the same inputs give two sessions")
	}
	for part := range 3 {
		for bit := range 256 {
			in := base
			in[part][bit/8] ^= 1 << (bit % 8)
			got := all(in, 0)
			if got.sid == want.sid || part < 2 && got.seed == want.seed || part == 0 && (got.public.SPK == want.public.SPK || got.public.BC == want.public.BC) {
				t.Fatalf("input %d, bit %d changes nothing", part, bit)
			}
		}
	}
	if all(base, 1).sid == want.sid || SessionID(base[1], base[0], base[2], 0) == want.sid {
		t.Fatal("the cohort or the order of inputs does not count")
	}
}
