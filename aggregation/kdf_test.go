package aggregation

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// slowHKDF is RFC 5869 from its text, over HMAC alone.
func slowHKDF(secret, salt, info []byte, size int) []byte {
	if len(salt) == 0 {
		salt = make([]byte, sha256.Size)
	}
	mac := hmac.New(sha256.New, salt)
	mac.Write(secret)
	prk := mac.Sum(nil)
	var out, last []byte
	for i := byte(1); len(out) < size; i++ {
		mac = hmac.New(sha256.New, prk)
		mac.Write(last)
		mac.Write(info)
		mac.Write([]byte{i})
		last = mac.Sum(nil)
		out = append(out, last...)
	}
	return out[:size]
}

// TestSlowHKDFEqualsRFC5869 holds the test's own derivation to the vectors of RFC 5869 appendix A.
func TestSlowHKDFEqualsRFC5869(t *testing.T) {
	for name, c := range map[string]struct {
		secret, salt, info, want string
	}{
		"A.1": {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
			"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
		"A.3": {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
			"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
	} {
		if got := slowHKDF(unhex(t, c.secret), unhex(t, c.salt), unhex(t, c.info), 42); !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("%s: %x", name, got)
		}
	}
}

func TestKDFIsHKDFWithLabelAndContext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "secret")
		name := rapid.SampledFrom([]string{"x25519", "mask", "self", "share", "perm"}).Draw(t, "name")
		context := rapid.SliceOfN(rapid.Byte(), 0, 48).Draw(t, "context")
		size := rapid.IntRange(1, 80).Draw(t, "size")
		want := slowHKDF(secret, nil, append([]byte("cinesync/csa1/"+name+"\x00"), context...), size)
		if got := kdf(secret, name, context, size); !bytes.Equal(got, want) {
			t.Fatalf("%x, want %x", got, want)
		}
	})
}

// Every key of section 7, written out once more from its definition.
func TestKeyScheduleEqualsItsTable(t *testing.T) {
	a, b, open, roster := newSecrets(t, "a"), newSecrets(t, "b"), id("open"), id("roster")
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	text := func(s string) []byte { return []byte(s) }
	sum := func(parts ...[]byte) [32]byte { return sha256.Sum256(join(parts...)) }
	derive := func(secret []byte, name string, context []byte, size int) []byte {
		return slowHKDF(secret, nil, join(text("cinesync/csa1/"+name), []byte{0}, context), size)
	}
	seed := sum(text("cinesync/csa1/graph"), open[:], roster[:])
	if GraphSeed(open, roster) != seed {
		t.Error("graph seed differs")
	}
	sid := sum(text("cinesync/csa1/sid"), open[:], roster[:], seed[:], []byte{0, 0, 0, 5})
	if SessionID(open, roster, seed, 5) != sid {
		t.Error("session id differs")
	}
	if commitB(a.b, open) != sum(text("cinesync/csa1/bcommit"), open[:], a.b[:]) {
		t.Error("commitment differs")
	}
	sa, sb := derive(a.m[:], "x25519", open[:], 32), derive(b.m[:], "x25519", open[:], 32)
	pa, pb := ecdhPublic(t, sa), ecdhPublic(t, sb)
	public, err := a.Public(open, KexX25519)
	if err != nil || public.SPK != [32]byte(pa) || public.EPK != [32]byte(ecdhPublic(t, a.e[:])) {
		t.Errorf("public keys differ (%v)", err)
	}
	shared := ecdhShared(t, sa, pb)
	pair := derive(shared, "mask", join(sid[:], []byte{0, 0, 0, 2, 0, 0, 1, 3}), 16)
	for _, ends := range [][2]uint32{{2, 259}, {259, 2}} {
		if got, err := pairTerm(within(open, sid), a.m, ends[0], PeerKey{Index: ends[1], SPK: [32]byte(pb)}); err != nil || !bytes.Equal(got[:16], pair) || [16]byte(got[16:]) != [16]byte{} {
			t.Errorf("pair key of %v differs (%v)", ends, err)
		}
	}
	if SelfMask(within(open, sid), a.b).Key != key16(derive(a.b[:], "self", sid[:], 16)) {
		t.Error("self mask key differs")
	}
}

// A golden value: the definition must not drift with its two implementations together. From Python's hmac and hashlib.
func TestKDFKnownAnswers(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, 32)
	context := bytes.Repeat([]byte{9}, 32)
	for name, want := range map[string]string{
		"self": goldenSelf,
		"mask": goldenMask,
	} {
		if got := hex.EncodeToString(kdf(secret, name, context, 16)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

const (
	goldenSelf = "d1a2ffa143f40dffe4e25bfe7e6e76d0"
	goldenMask = "626a625ee2fd086a9d1e105c99a0d173"
)
