package aggregation

import (
	"crypto/sha3"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cloudflare/circl/kem/xwing"
)

// TestXWingEqualsItsDraft makes the draft's file of test vectors (spec/test-vectors.txt of draft-connolly-cfrg-xwing-kem) with the
// functions that keys and boxes use, and compares SHAKE-128 of it with that of the file, as circl's own test states it. The file's
// seeds come from SHAKE-128 of nothing.
func TestXWingEqualsItsDraft(t *testing.T) {
	seeds := sha3.NewSHAKE128()
	draw := func(n int) []byte {
		b := make([]byte, n)
		_, _ = seeds.Read(b)
		return b
	}
	var file strings.Builder
	put := func(name string, value []byte) {
		text := hex.EncodeToString(value)
		if len(name)+5+len(text) < 74 {
			file.WriteString(name + "     " + text + "\n")
			return
		}
		file.WriteString(name + "\n")
		for at := 0; at < len(text); at += 72 {
			file.WriteString("  " + text[at:min(at+72, len(text))] + "\n")
		}
	}
	for range 3 {
		seed := draw(xwing.SeedSize)
		sk, pk := xwing.DeriveKeyPair(seed)
		private, public := make([]byte, xwing.PrivateKeySize), make([]byte, xwing.PublicKeySize)
		sk.Pack(private)
		pk.Pack(public)
		coins := draw(xwing.EncapsulationSeedSize)
		ss, ct, err := encapsulate(public, coins)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := decapsulate(sk, ct); err != nil || opened != ss {
			t.Errorf("the ciphertext opens to another secret (%v)", err)
		}
		put("seed", seed)
		put("sk", private)
		put("pk", public)
		put("eseed", coins)
		put("ct", ct)
		put("ss", ss[:])
		file.WriteString("\n")
	}
	const want = "1bcd0057d861d6b866239936cadcaeee1ec0164dedc181c386e9e54fe46156fe"
	if got := sha3.SumSHAKE128([]byte(file.String()), 32); hex.EncodeToString(got) != want {
		t.Errorf("SHAKE-128 of the vectors is %x, want %s", got, want)
	}
}
