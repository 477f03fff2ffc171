package round

import (
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

// folded is a vector with its name.
func folded(device byte, words ...uint32) (Vector, []byte) {
	y := aggregation.AppendWords(nil, words, 32)
	return Vector{ID: [32]byte{device}, YHash: sha256.Sum256(y)}, y
}

// TestFoldTakesOnlyWhatWasReceipted: missing, short, altered, or another member's.
func TestFoldTakesOnlyWhatWasReceipted(t *testing.T) {
	v, y := folded(1, 7, 8)
	other, otherY := folded(2, 9, 10)
	altered := slices.Clone(y)
	altered[3] ^= 1
	f := NewFold(words(2), aggregation.NewAccumulator(words(2)))
	for name, wrong := range map[string][]byte{"missing": nil, "short": y[4:], "long": append(slices.Clone(y), 0), "another's": otherY, "altered": altered} {
		if err := f.Add(v, wrong); !errors.Is(err, ErrVector) || f.Holds(v) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, b := range []struct {
		v Vector
		y []byte
	}{{v, y}, {other, otherY}, {v, y}, {v, nil}} { // again: it is in there already
		if err := f.Add(b.v, b.y); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Add(Vector{ID: v.ID, YHash: other.YHash}, otherY); !errors.Is(err, ErrVector) {
		t.Errorf("a second vector of one device: %v", err)
	}
	if err := f.Remove(v, altered); !errors.Is(err, ErrVector) || !f.Holds(v) {
		t.Errorf("taking out what was not put in: %v", err)
	}
	if got := f.acc.Sum(); !slices.Equal(got, []uint32{16, 18}) {
		t.Fatalf("the sum is %v", got)
	}
	for range 2 {
		if err := f.Remove(v, y); err != nil || f.Holds(v) {
			t.Fatal(err)
		}
	}
	if got := f.acc.Sum(); !slices.Equal(got, []uint32{9, 10}) {
		t.Errorf("the sum is %v", got)
	}
}

// TestFoldOrderDoesNotMatter puts vectors in and out at random: the sum is that of what it holds.
func TestFoldOrderDoesNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	const d, n = 5, 9
	f := NewFold(words(d), aggregation.NewAccumulator(words(d)))
	vectors, bytes, words := make([]Vector, n), make([][]byte, n), make([][]uint32, n)
	for i := range n {
		for range d {
			words[i] = append(words[i], rng.Uint32())
		}
		vectors[i], bytes[i] = folded(byte(i), words[i]...)
	}
	for range 200 {
		i, do := rng.IntN(n), f.Add
		if rng.IntN(2) == 0 {
			do = f.Remove
		}
		if err := do(vectors[i], bytes[i]); err != nil {
			t.Fatal(err)
		}
		want := make([]uint32, d)
		for i := range n {
			if f.Holds(vectors[i]) {
				aggregation.Add(want, words[i])
			}
		}
		if got := f.acc.Sum(); !slices.Equal(got, want) {
			t.Fatalf("the sum is %v, want %v", got, want)
		}
	}
}

// TestSettleWantsExactlyTheSet: nothing is unmasked that holds a vector too few, too many or another one, nor twice.
func TestSettleWantsExactlyTheSet(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).revealAll()
	for name, spoil := range map[string]func(f *Fold, p *Part){
		"one too few":  func(_ *Fold, p *Part) { p.Survivors = append(p.Survivors, Survivor{ID: [32]byte{9}}) },
		"one too many": func(_ *Fold, p *Part) { p.Survivors = p.Survivors[1:] },
		"another one":  func(_ *Fold, p *Part) { p.Survivors[2].YHash[0] ^= 1 },
		"used up": func(f *Fold, _ *Part) {
			if _, err := Settle(w.m.Pending(), 0, f); err != nil {
				t.Fatal(err)
			}
		},
		"nothing": func(f *Fold, _ *Part) { *f = *w.newFold() },
	} {
		f, p := w.newFold(), w.m.Pending()
		if err := f.Complete(p.Cohorts[0].Survivors, w.read); err != nil {
			t.Fatal(err)
		}
		spoil(f, &p.Cohorts[0])
		if sum, err := Settle(p, 0, f); !errors.Is(err, ErrVector) || sum != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func words(d int) aggregation.Shape {
	return aggregation.Shape{D: d, WordBits: 32, PRG: aggregation.PRGAES128}
}
