package aggtest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

// New makes an empty accumulator of d words for one test; it may skip the test where its backend is not there, and cleans up
// after itself through t.
type New func(t testing.TB, d int) aggregation.Accumulator

// lengths of vectors around the block of AES, the sizes of buffers and of parallel stripes.
func lengths() []int {
	var out []int
	for _, edge := range []int{4, 32, 1 << 10, 4 << 10, 16 << 10, 48 << 10} {
		out = append(out, edge-1, edge, edge+1)
	}
	return append([]int{1, 2, 5, 997, 100_003}, out...)
}

// Run holds an accumulator to everything that the interface promises.
func Run(t *testing.T, open New) {
	t.Run("SumsVectors", func(t *testing.T) { sumsVectors(t, open) })
	t.Run("SumsMasks", func(t *testing.T) { sumsMasks(t, open) })
	t.Run("WrapsAround", func(t *testing.T) { wrapsAround(t, open) })
	t.Run("TakesManyMasks", func(t *testing.T) { takesManyMasks(t, open) })
	t.Run("OrderDoesNotCount", func(t *testing.T) { orderDoesNotCount(t, open) })
	t.Run("ReadsBytesThatAreNotAligned", func(t *testing.T) { readsUnaligned(t, open) })
	t.Run("RefusesOtherLengths", func(t *testing.T) { refusesOtherLengths(t, open) })
	t.Run("LeavesItsArgumentsAlone", func(t *testing.T) { leavesArguments(t, open) })
	t.Run("GivesCopies", func(t *testing.T) { givesCopies(t, open) })
	t.Run("TwoDoNotMix", func(t *testing.T) { twoDoNotMix(t, open) })
	t.Run("UnmasksARound", func(t *testing.T) { unmasksRound(t, open) })
}

func add(t testing.TB, acc aggregation.Accumulator, y []byte) {
	t.Helper()
	if err := acc.AddVector(y); err != nil {
		t.Fatal(err)
	}
}

func mask(t testing.TB, acc aggregation.Accumulator, terms ...aggregation.Term) {
	t.Helper()
	if err := acc.AddMasks(terms); err != nil {
		t.Fatal(err)
	}
}

func sumsVectors(t *testing.T, open New) {
	for _, d := range lengths() {
		acc, want := open(t, d), make(reference, d)
		want.equals(t, acc) // an empty sum is zero
		for i := range 3 {
			y := stream(t, fmt.Sprint("vector", i), 4*d)
			add(t, acc, y)
			want.add(y)
			want.equals(t, acc)
		}
	}
}

func sumsMasks(t *testing.T, open New) {
	for _, d := range lengths() {
		acc, want := open(t, d), make(reference, d)
		terms := []aggregation.Term{term(t, "mask", 0), term(t, "mask", 1), term(t, "mask", 2)}
		mask(t, acc, terms...)
		want.mask(t, terms)
		want.equals(t, acc)
		mask(t, acc) // none
		want.equals(t, acc)
		for i := range terms {
			terms[i].Negative = !terms[i].Negative
		}
		mask(t, acc, terms...)
		make(reference, d).equals(t, acc)
	}
}

func wrapsAround(t *testing.T, open New) {
	const d = 40
	acc, want := open(t, d), make(reference, d)
	top := bytes.Repeat([]byte{0xff}, 4*d)
	for range 3 {
		add(t, acc, top)
		want.add(top)
	}
	want.equals(t, acc)
	if got := acc.Sum(); got[0] != 1<<32-3 {
		t.Fatalf("three times 2^32−1 is %d, want 2^32−3", got[0])
	}
}

func takesManyMasks(t *testing.T, open New) {
	const d, n = 37, 2500
	acc, want := open(t, d), make(reference, d)
	terms := make([]aggregation.Term, n)
	for i := range terms {
		terms[i] = term(t, "many", i)
	}
	mask(t, acc, terms...)
	want.mask(t, terms)
	want.equals(t, acc)
	mask(t, acc, terms[0], terms[0]) // the same mask twice counts twice
	want.mask(t, []aggregation.Term{terms[0], terms[0]})
	want.equals(t, acc)
}

func orderDoesNotCount(t *testing.T, open New) {
	const d = 20_001
	a, b := open(t, d), open(t, d)
	terms := []aggregation.Term{term(t, "mask", 0), term(t, "mask", 1), term(t, "mask", 2)}
	x, y := stream(t, "x", 4*d), stream(t, "y", 4*d)
	add(t, a, x)
	mask(t, a, terms...)
	add(t, a, y)
	slices.Reverse(terms)
	mask(t, b, terms[:1]...)
	add(t, b, y)
	mask(t, b, terms[1:]...)
	add(t, b, x)
	reference(a.Sum()).equals(t, b)
}

func readsUnaligned(t *testing.T, open New) {
	const d = 1001
	for shift := range 8 {
		acc, want := open(t, d), make(reference, d)
		y := append(make([]byte, shift), stream(t, "y", 4*d)...)[shift:]
		add(t, acc, y)
		want.add(y)
		want.equals(t, acc)
	}
}

func refusesOtherLengths(t *testing.T, open New) {
	const d = 12
	acc, want := open(t, d), make(reference, d)
	y := stream(t, "y", 4*d+8)
	add(t, acc, y[:4*d])
	want.add(y)
	for n := range len(y) + 1 {
		if n == 4*d {
			continue
		}
		if err := acc.AddVector(y[:n]); err == nil {
			t.Fatalf("%d bytes were taken for %d words", n, d)
		}
		want.equals(t, acc)
	}
}

func leavesArguments(t *testing.T, open New) {
	const d = 5000
	acc := open(t, d)
	y, terms := stream(t, "y", 4*d), []aggregation.Term{term(t, "mask", 0), term(t, "mask", 1)}
	wasY, wasTerms := bytes.Clone(y), slices.Clone(terms)
	add(t, acc, y)
	mask(t, acc, terms...)
	if !bytes.Equal(y, wasY) || !slices.Equal(terms, wasTerms) {
		t.Fatal("the vector or the masks were changed")
	}
	want := reference(acc.Sum())
	clear(y)
	clear(terms)
	want.equals(t, acc) // what was handed over may be reused at once
}

func givesCopies(t *testing.T, open New) {
	const d = 9
	acc, want := open(t, d), make(reference, d)
	y := stream(t, "y", 4*d)
	add(t, acc, y)
	want.add(y)
	first := acc.Sum()
	clear(first)
	want.equals(t, acc)
	add(t, acc, y)
	if first[0] != 0 {
		t.Fatal("a sum that was handed out changed")
	}
}

func twoDoNotMix(t *testing.T, open New) {
	const d = 3000
	a, b := open(t, d), open(t, d)
	wantA, wantB := make(reference, d), make(reference, d)
	x, y := stream(t, "x", 4*d), stream(t, "y", 4*d)
	add(t, a, x)
	add(t, b, y)
	mask(t, a, term(t, "mask", 0))
	wantA.add(x)
	wantB.add(y)
	wantA.mask(t, []aggregation.Term{term(t, "mask", 0)})
	wantA.equals(t, a)
	wantB.equals(t, b)
}
