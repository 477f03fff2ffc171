package audit

import (
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/tlog"
)

// Log is a Merkle log as a value: every hash of its tree in memory, 64 bytes an entry. It keeps no entries. It is not safe for
// concurrent use; a View of it is. It serves as well for any other RFC 6962 tree of which many proofs are wanted.
type Log struct {
	hashes []tlog.Hash // in the order of tlog.StoredHashIndex
	size   uint64
}

// NewLog is an empty log.
func NewLog() *Log { return &Log{} }

// read is a tlog.HashReader over the hashes in memory.
func (l *Log) read(indexes []int64) ([]tlog.Hash, error) { return stored(l.hashes).read(indexes) }

// stored is the hashes of a tree. An index beyond them is a broken invariant of this package.
type stored []tlog.Hash

func (s stored) read(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = s[x]
	}
	return out, nil
}

// Append adds an entry and returns its index.
func (l *Log) Append(entry []byte) uint64 { return l.appendHash(tlog.RecordHash(entry)) }

func (l *Log) appendHash(leaf tlog.Hash) uint64 {
	add, err := tlog.StoredHashesForRecordHash(int64(l.size), leaf, tlog.HashReaderFunc(l.read))
	if err != nil {
		panic("audit: log hashes are incomplete: " + err.Error())
	}
	l.hashes = append(l.hashes, add...)
	l.size++
	return l.size - 1
}

// Size is the number of entries.
func (l *Log) Size() uint64 { return l.size }

// View is the tree over the first size entries as it is and stays. It shares the log's memory, costs nothing, and may be used by other
// goroutines while the log grows. A size above Size is a broken invariant and panics.
func (l *Log) View(size uint64) View {
	if size > l.size {
		panic(fmt.Sprintf("audit: a view of %d entries wanted of a log of %d", size, l.size))
	}
	n := tlog.StoredHashCount(int64(size))
	return View{l.hashes[:n:n], size}
}

// Root is the root of the tree over the first size entries. A size above Size is a broken invariant and panics.
func (l *Log) Root(size uint64) [32]byte { return l.View(size).Root() }

// Inclusion proves that the entry at index lies in the tree of the given size (RFC 6962 §2.1.1).
func (l *Log) Inclusion(index, size uint64) ([][32]byte, error) {
	if size > l.size {
		return nil, fmt.Errorf("prove entry %d in a tree of %d: the log has %d entries", index, size, l.size)
	}
	return l.View(size).Inclusion(index)
}

// Consistency proves that the tree of size entries extends that of old, as View.Consistency does.
func (l *Log) Consistency(old, size uint64) ([][32]byte, error) {
	if size > l.size {
		return nil, fmt.Errorf("prove that a tree of %d extends one of %d: the log has %d entries", size, old, l.size)
	}
	return l.View(size).Consistency(old)
}

// View is a log at one size, and safe for concurrent use. The zero View is the empty tree.
type View struct {
	hashes stored // a log only ever appends behind them
	size   uint64
}

// Size is the number of entries.
func (v View) Size() uint64 { return v.size }

// Root is the root of the tree.
func (v View) Root() [32]byte {
	h, err := tlog.TreeHash(int64(v.size), tlog.HashReaderFunc(v.hashes.read))
	if err != nil {
		panic("audit: log hashes are incomplete: " + err.Error())
	}
	return h
}

// Inclusion proves that the entry at index lies in the tree (RFC 6962 §2.1.1).
func (v View) Inclusion(index uint64) ([][32]byte, error) {
	if index >= v.size {
		return nil, fmt.Errorf("prove entry %d in a tree of %d: there is none", index, v.size)
	}
	p, err := tlog.ProveRecord(int64(v.size), int64(index), tlog.HashReaderFunc(v.hashes.read))
	if err != nil {
		return nil, fmt.Errorf("prove entry %d in a tree of %d: %w", index, v.size, err)
	}
	return plain(p), nil
}

// Consistency proves that the tree extends that of old entries (RFC 6962 §2.1.2). From an empty tree, or from the same size, there is
// nothing to prove: the proof is empty.
func (v View) Consistency(old uint64) ([][32]byte, error) {
	if old > v.size {
		return nil, fmt.Errorf("prove that a tree of %d extends one of %d: it is the shorter one", v.size, old)
	}
	if old == 0 {
		return nil, nil
	}
	p, err := tlog.ProveTree(int64(v.size), int64(old), tlog.HashReaderFunc(v.hashes.read))
	if err != nil {
		return nil, fmt.Errorf("prove that a tree of %d extends one of %d: %w", v.size, old, err)
	}
	return plain(p), nil
}

// CheckInclusion checks that an entry with the given leaf hash stands at index in the tree of that size and root.
func CheckInclusion(proof [][32]byte, size uint64, root [32]byte, index uint64, leaf [32]byte) error {
	if size > math.MaxInt64 || index >= size {
		return fmt.Errorf("check inclusion: entry %d in a tree of %d", index, size)
	}
	if err := tlog.CheckRecord(hashes(proof), int64(size), root, int64(index), leaf); err != nil {
		return fmt.Errorf("check inclusion of entry %d in a tree of %d: %w", index, size, err)
	}
	return nil
}

// CheckConsistency checks that the tree (size, root) extends the tree (oldSize, oldRoot). Any tree extends the empty one, whose
// proof is empty.
func CheckConsistency(proof [][32]byte, oldSize uint64, oldRoot [32]byte, size uint64, root [32]byte) error {
	switch {
	case size > math.MaxInt64 || oldSize > size:
		return fmt.Errorf("check consistency: a tree of %d cannot extend one of %d", size, oldSize)
	case oldSize == 0 && len(proof) > 0:
		return fmt.Errorf("check consistency: %d hashes where an empty tree needs none", len(proof))
	case oldSize == 0:
		return nil
	}
	if err := tlog.CheckTree(hashes(proof), int64(size), root, int64(oldSize), oldRoot); err != nil {
		return fmt.Errorf("check that a tree of %d extends one of %d: %w", size, oldSize, err)
	}
	return nil
}

// MerkleRoot is the RFC 6962 root over the leaves: roster_root, inputs_root.
func MerkleRoot(leaves [][]byte) [32]byte {
	l := treeOf(leaves)
	return l.Root(l.size)
}

// MerkleProof is the inclusion proof of leaf i. It hashes every leaf; for many proofs of one tree append the leaves to a Log and ask
// it. An i outside the leaves is a broken invariant and panics.
func MerkleProof(leaves [][]byte, i int) [][32]byte {
	l := treeOf(leaves)
	p, err := l.Inclusion(uint64(i), l.size)
	if err != nil {
		panic("audit: " + err.Error())
	}
	return p
}

// CheckMerkle checks a proof of MerkleProof: leaf is number i of n leaves under root.
func CheckMerkle(proof [][32]byte, n, i int, root [32]byte, leaf []byte) error {
	if n < 0 || i < 0 {
		return fmt.Errorf("check inclusion: leaf %d of %d", i, n)
	}
	return CheckInclusion(proof, uint64(n), root, uint64(i), tlog.RecordHash(leaf))
}

func treeOf(leaves [][]byte) *Log {
	l := &Log{hashes: make([]tlog.Hash, 0, 2*len(leaves))}
	for _, leaf := range leaves {
		l.Append(leaf)
	}
	return l
}

func plain(in []tlog.Hash) [][32]byte {
	out := make([][32]byte, len(in))
	for i, h := range in {
		out[i] = h
	}
	return out
}

func hashes(in [][32]byte) []tlog.Hash {
	out := make([]tlog.Hash, len(in))
	for i, h := range in {
		out[i] = h
	}
	return out
}
