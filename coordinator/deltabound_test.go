package coordinator

import (
	"testing"

	"pgregory.net/rapid"
)

func version(i int) [32]byte { return [32]byte{byte(i)} }

// TestDeltasBeyondTheBoundAreNotKept: what fills the room to the last byte is kept, one byte more is not, and everybody is told the same until
// models that are not in use any more make room.
func TestDeltasBeyondTheBoundAreNotKept(t *testing.T) {
	var d deltas
	d.offer([][32]byte{version(1), version(2), version(3)}, [][32]byte{version(8), version(9)})
	space := make([]byte, maxDeltas) // its pages are never touched
	for _, k := range []struct {
		name       string
		base, next int
		size, want int
	}{
		{"the first", 1, 8, maxDeltas - 10, maxDeltas - 10},
		{"one byte too many", 2, 8, 11, 0},
		{"the rest to the byte", 3, 8, 10, 10},
		{"a byte where nothing is left", 1, 9, 1, 0},
		{"one of nothing", 2, 9, 0, 0},
	} {
		s := step{version(k.base), version(k.next)}
		if _, ok := d.known(s); ok {
			t.Errorf("%s is known before it was made", k.name)
		}
		if got := d.keep(s, space[:k.size]); len(got) != k.want {
			t.Errorf("%s, %d bytes: %d are given, want %d", k.name, k.size, len(got), k.want)
		}
		if got, ok := d.known(s); !ok || len(got) != k.want {
			t.Errorf("%s: the next who asks gets %d bytes (%v), want %d and no second making", k.name, len(got), ok, k.want)
		}
	}
	d.offer([][32]byte{version(2), version(3), version(4)}, [][32]byte{version(8)})
	if got := d.keep(step{version(4), version(8)}, space[:maxDeltas-10]); len(got) != maxDeltas-10 {
		t.Errorf("%d bytes are given where the first went, want %d", len(got), maxDeltas-10)
	}
	if got, ok := d.known(step{version(3), version(8)}); !ok || len(got) != 10 {
		t.Errorf("one that is still in use has %d bytes (%v), want 10", len(got), ok)
	}
	if got := d.keep(step{version(1), version(8)}, space[:1]); got != nil {
		t.Error("a delta from a version that is not offered any more is kept")
	}
}

// TestTheBoundOfDeltasHolds for whatever is offered and made, in any order: never more is kept, and what is counted is what is kept.
func TestTheBoundOfDeltasHolds(t *testing.T) {
	space := make([]byte, maxDeltas+1)
	rapid.Check(t, func(t *rapid.T) {
		var d deltas
		versions := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [32]byte { return version(rapid.IntRange(0, 5).Draw(t, "version")) }), 0, 4)
		for range rapid.IntRange(1, 40).Draw(t, "actions") {
			if rapid.Bool().Draw(t, "offer") {
				d.offer(versions.Draw(t, "bases"), versions.Draw(t, "wants"))
			}
			s := step{version(rapid.IntRange(0, 5).Draw(t, "base")), version(rapid.IntRange(0, 5).Draw(t, "next"))}
			if _, ok := d.known(s); ok {
				continue
			}
			size := rapid.SampledFrom([]int{0, 1, maxDeltas / 3, maxDeltas / 2, maxDeltas, maxDeltas + 1}).Draw(t, "size")
			room := maxDeltas - d.bytes
			if got := d.keep(s, space[:size]); size <= room && len(got) != size || size > room && len(got) != 0 {
				t.Fatalf("%d bytes where there is room for %d: %d are given", size, room, len(got))
			}
			kept := 0
			for _, b := range d.made {
				kept += len(b)
			}
			if kept != d.bytes || kept > maxDeltas {
				t.Fatalf("%d bytes are kept and %d counted, at most %d", kept, d.bytes, maxDeltas)
			}
		}
	})
}
