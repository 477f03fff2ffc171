package audit

import (
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestViewStaysWhileTheLogGrows proves from views on other goroutines while the log is appended to; the race detector watches.
func TestViewStaysWhileTheLogGrows(t *testing.T) {
	l := NewLog()
	roots := map[uint64][32]byte{0: l.Root(0)}
	var group sync.WaitGroup
	for size := uint64(1); size <= 200; size++ {
		l.Append([]byte{byte(size), byte(size >> 8)})
		roots[size] = l.Root(size)
		v, old, oldRoot := l.View(size), size/3, roots[size/3]
		group.Go(func() {
			index := v.Size() / 2
			proof, err := v.Inclusion(index)
			if err == nil {
				err = CheckInclusion(proof, v.Size(), v.Root(), index, LeafHash([]byte{byte(index + 1), byte((index + 1) >> 8)}))
			}
			if err != nil {
				t.Errorf("a view of %d: %v", v.Size(), err)
			}
			if proof, err = v.Consistency(old); err == nil {
				err = CheckConsistency(proof, old, oldRoot, v.Size(), v.Root())
			}
			if err != nil {
				t.Errorf("a view of %d from %d: %v", v.Size(), old, err)
			}
		})
	}
	group.Wait()
}

// TestViewIsTheLogAtItsSize: whatever is appended later, a view answers as the log did.
func TestViewIsTheLogAtItsSize(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(r, "entries")
		short, long := NewLog(), NewLog()
		for i := range n {
			short.Append([]byte{byte(i)})
			long.Append([]byte{byte(i)})
		}
		v := long.View(uint64(n))
		for i := range rapid.IntRange(0, 60).Draw(r, "more") {
			long.Append([]byte{byte(i), 1})
		}
		if v.Root() != short.Root(uint64(n)) || v.Root() != long.View(uint64(n)).Root() {
			r.Fatal("the root changed")
		}
		if _, err := v.Inclusion(uint64(n)); err == nil {
			r.Fatal("an entry beyond the view was proved")
		}
		if _, err := v.Consistency(uint64(n) + 1); err == nil {
			r.Fatal("a view extends a longer tree")
		}
	})
	if (View{}).Root() != NewLog().Root(0) {
		t.Error("the zero view is not the empty tree")
	}
}
