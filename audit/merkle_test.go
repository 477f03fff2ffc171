package audit

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// naiveRoot is RFC 6962 §2.1 as it is written there.
func naiveRoot(leaves [][]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	l, r := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

// naiveInclusion is PATH(m, D[n]) of RFC 6962 §2.1.1.
func naiveInclusion(m int, leaves [][]byte) [][32]byte {
	if len(leaves) == 1 {
		return nil
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	if m < k {
		return append(naiveInclusion(m, leaves[:k]), naiveRoot(leaves[k:]))
	}
	return append(naiveInclusion(m-k, leaves[k:]), naiveRoot(leaves[:k]))
}

// naiveConsistency is SUBPROOF(m, D[n], b) of RFC 6962 §2.1.2.
func naiveConsistency(m int, leaves [][]byte, whole bool) [][32]byte {
	if m == len(leaves) {
		if whole {
			return nil
		}
		return [][32]byte{naiveRoot(leaves)}
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	if m <= k {
		return append(naiveConsistency(m, leaves[:k], whole), naiveRoot(leaves[k:]))
	}
	return append(naiveConsistency(m-k, leaves[k:], false), naiveRoot(leaves[:k]))
}

func someEntries(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "entry %d", i)
	}
	return out
}

func same(a, b [][32]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestLogAgreesWithTheRFC compares every root and random proofs with RFC 6962 written out naively.
func TestLogAgreesWithTheRFC(t *testing.T) {
	const n = 300
	entries := someEntries(n)
	l := NewLog()
	for i, e := range entries {
		if got := l.Append(e); got != uint64(i) {
			t.Fatalf("entry %d got index %d", i, got)
		}
	}
	for size := range n + 1 {
		if got, want := l.Root(uint64(size)), naiveRoot(entries[:size]); got != want {
			t.Fatalf("root of %d entries is %x, want %x", size, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, n).Draw(t, "size")
		index := rapid.IntRange(0, size-1).Draw(t, "index")
		old := rapid.IntRange(1, size).Draw(t, "old")
		proof, err := l.Inclusion(uint64(index), uint64(size))
		if err != nil || !same(proof, naiveInclusion(index, entries[:size])) {
			t.Fatalf("inclusion of %d in %d: %x, %v", index, size, proof, err)
		}
		root := l.Root(uint64(size))
		if err := CheckInclusion(proof, uint64(size), root, uint64(index), LeafHash(entries[index])); err != nil {
			t.Fatal(err)
		}
		if CheckInclusion(proof, uint64(size), root, uint64(index), LeafHash([]byte("other"))) == nil {
			t.Fatal("a proof holds for another entry")
		}
		if other := rapid.IntRange(0, size-1).Draw(t, "other"); other != index && CheckInclusion(proof, uint64(size), root, uint64(other), LeafHash(entries[index])) == nil {
			t.Fatalf("the proof of %d holds for %d", index, other)
		}
		proof, err = l.Consistency(uint64(old), uint64(size))
		if err != nil || !same(proof, naiveConsistency(old, entries[:size], true)) {
			t.Fatalf("consistency of %d with %d: %x, %v", old, size, proof, err)
		}
		if err := CheckConsistency(proof, uint64(old), l.Root(uint64(old)), uint64(size), root); err != nil {
			t.Fatal(err)
		}
		if CheckConsistency(proof, uint64(old), h(1), uint64(size), root) == nil {
			t.Fatal("consistency holds for another old root")
		}
	})
}

func TestProofsRefuseSizesThatAreNotThere(t *testing.T) {
	l := NewLog()
	l.Append([]byte("one"))
	for _, tt := range [][2]uint64{{0, 0}, {1, 1}, {0, 2}, {1 << 63, 1}} {
		if _, err := l.Inclusion(tt[0], tt[1]); err == nil {
			t.Errorf("inclusion of %d in %d was proved", tt[0], tt[1])
		}
	}
	if _, err := l.Consistency(2, 1); err == nil {
		t.Error("consistency of 2 with 1 was proved")
	}
	if _, err := l.Consistency(0, 2); err == nil {
		t.Error("consistency beyond the log was proved")
	}
	if p, err := l.Consistency(0, 1); err != nil || len(p) != 0 {
		t.Errorf("from the empty tree: %x, %v", p, err)
	}
	one := LeafHash([]byte("one"))
	for name, err := range map[string]error{
		"inclusion in nothing":     CheckInclusion(nil, 0, one, 0, one),
		"inclusion outside":        CheckInclusion(nil, 1, one, 1, one),
		"a huge size":              CheckInclusion(nil, 1<<63, one, 0, one),
		"a shrinking log":          CheckConsistency(nil, 2, one, 1, one),
		"a proof from empty":       CheckConsistency([][32]byte{one}, 0, one, 1, one),
		"a huge tree":              CheckConsistency(nil, 1, one, 1<<63, one),
		"a surplus hash":           CheckInclusion([][32]byte{one}, 1, one, 0, one),
		"negative leaf":            CheckMerkle(nil, 1, -1, one, []byte("one")),
		"consistency, other roots": CheckConsistency(nil, 1, one, 1, h(1)),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := CheckConsistency(nil, 0, [32]byte{}, 1, one); err != nil {
		t.Errorf("from the empty tree: %v", err)
	}
}

func TestMerkleOfLeaves(t *testing.T) {
	for n := range 40 {
		leaves := someEntries(n)
		root := MerkleRoot(leaves)
		if root != naiveRoot(leaves) {
			t.Fatalf("root of %d leaves differs", n)
		}
		for i := range n {
			p := MerkleProof(leaves, i)
			if err := CheckMerkle(p, n, i, root, leaves[i]); err != nil {
				t.Fatal(err)
			}
			if CheckMerkle(p, n, i, root, []byte("other")) == nil {
				t.Fatalf("proof of %d in %d holds for another leaf", i, n)
			}
		}
	}
}

// BenchmarkAppend has as its baseline the two hashes that an entry costs at least: its leaf's and, on average, one node's.
func BenchmarkAppend(b *testing.B) {
	entry := make([]byte, 300)
	l := NewLog()
	for b.Loop() {
		l.Append(entry)
	}
	leaf, node := make([]byte, 1+len(entry)), make([]byte, 1+2*sha256.Size)
	began := time.Now()
	for range b.N {
		h := sha256.Sum256(leaf)
		copy(node[1:], h[:])
		h = sha256.Sum256(node)
		copy(leaf[1:], h[:])
	}
	b.ReportMetric(float64(b.Elapsed())/float64(time.Since(began)), "x-of-two-hashes")
}
