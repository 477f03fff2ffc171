package client

import (
	"encoding/hex"
	"strings"
	"testing"
)

// FuzzNewest holds what is read of the file `newest` against what Promote writes: one name has one spelling.
func FuzzNewest(f *testing.F) {
	for _, s := range []string{strings.Repeat("ab", 32), strings.Repeat("AB", 32), strings.Repeat("ab", 31), strings.Repeat("0", 63), strings.Repeat("ab", 32) + "\n", "../../x", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, name []byte) {
		hash, ok := parseNewest(name)
		if ok && hex.EncodeToString(hash[:]) != string(name) {
			t.Errorf("%q names %x", name, hash)
		}
		if again, ok := parseNewest([]byte(hex.EncodeToString(hash[:]))); !ok || again != hash {
			t.Errorf("the name of %x is not read", hash)
		}
	})
}
