package aggtest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

// New makes an empty accumulator of a shape for one test; it may skip the test where its backend is not there, and cleans up
// after itself through t.
type New func(t testing.TB, shape aggregation.Shape) aggregation.Accumulator

// bench is one suite of a backend.
type bench struct {
	suite aggregation.Suite
	make  New
}

func (b bench) open(t testing.TB, d int) (aggregation.Accumulator, *reference) {
	shape := b.suite.Shape(d)
	return b.make(t, shape), newReference(shape)
}

func (b bench) bytes(d int) int { return b.suite.Shape(d).Bytes() }

// lengths of vectors around the block of AES, the sizes of buffers and of parallel stripes.
func lengths() []int {
	var out []int
	for _, edge := range []int{4, 32, 1 << 10, 4 << 10, 16 << 10, 48 << 10} {
		out = append(out, edge-1, edge, edge+1)
	}
	return append([]int{1, 2, 5, 997, 100_003}, out...)
}

// Run holds an accumulator to everything that the interface promises, for words and mask generators of every kind.
func Run(t *testing.T, open New) {
	for _, prg := range []uint16{aggregation.PRGAES128, aggregation.PRGAES256, aggregation.PRGChaCha20} {
		for _, bits := range []uint16{32, 24, 16} {
			b := bench{aggregation.Suite{Kex: aggregation.KexX25519, PRG: prg, WordBits: bits}, open}
			t.Run(fmt.Sprintf("PRG%d/%dBits", prg, bits), b.run)
		}
	}
}

func (b bench) run(t *testing.T) {
	t.Run("SumsVectors", b.sumsVectors)
	t.Run("SumsMasks", b.sumsMasks)
	t.Run("WrapsAround", b.wrapsAround)
	t.Run("TakesManyMasks", b.takesManyMasks)
	t.Run("TakesManyLongMasks", b.takesManyLongMasks)
	t.Run("CountsBeyondTwoBytes", b.countsFar)
	t.Run("OrderDoesNotCount", b.orderDoesNotCount)
	t.Run("ReadsBytesThatAreNotAligned", b.readsUnaligned)
	t.Run("RefusesOtherLengths", b.refusesOtherLengths)
	t.Run("LeavesItsArgumentsAlone", b.leavesArguments)
	t.Run("GivesCopies", b.givesCopies)
	t.Run("TwoDoNotMix", b.twoDoNotMix)
	t.Run("UnmasksARound", b.unmasksRound)
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

func (b bench) sumsVectors(t *testing.T) {
	for _, d := range lengths() {
		acc, want := b.open(t, d)
		want.equals(t, acc) // an empty sum is zero
		for i := range 3 {
			y := stream(t, fmt.Sprint("vector", i), b.bytes(d))
			add(t, acc, y)
			want.add(y)
			want.equals(t, acc)
		}
	}
}

func (b bench) sumsMasks(t *testing.T) {
	for _, d := range lengths() {
		acc, want := b.open(t, d)
		terms := []aggregation.Term{b.term(t, "mask", 0), b.term(t, "mask", 1), b.term(t, "mask", 2)}
		mask(t, acc, terms...)
		want.mask(t, terms)
		want.equals(t, acc)
		mask(t, acc) // none
		want.equals(t, acc)
		for i := range terms {
			terms[i].Negative = !terms[i].Negative
		}
		mask(t, acc, terms...)
		newReference(b.suite.Shape(d)).equals(t, acc)
	}
}

func (b bench) wrapsAround(t *testing.T) {
	const d = 40
	acc, want := b.open(t, d)
	top := bytes.Repeat([]byte{0xff}, b.bytes(d))
	for range 3 {
		add(t, acc, top)
		want.add(top)
	}
	want.equals(t, acc)
	if got := acc.Sum(); got[0] != uint32(1<<b.suite.WordBits-3) {
		t.Fatalf("three times 2^w−1 is %d, want 2^w−3 with w = %d", got[0], b.suite.WordBits)
	}
}

func (b bench) takesManyMasks(t *testing.T) {
	const d, n = 37, 2500
	acc, want := b.open(t, d)
	terms := make([]aggregation.Term, n)
	for i := range terms {
		terms[i] = b.term(t, "many", i)
	}
	mask(t, acc, terms...)
	want.mask(t, terms)
	want.equals(t, acc)
	mask(t, acc, terms[0], terms[0]) // the same mask twice counts twice
	want.mask(t, []aggregation.Term{terms[0], terms[0]})
	want.equals(t, acc)
}

// takesManyLongMasks has several pieces of the vector, however it is cut, and several runs of the masks.
func (b bench) takesManyLongMasks(t *testing.T) {
	const d, n = 9_001, 203
	acc, want := b.open(t, d)
	terms := make([]aggregation.Term, n)
	for i := range terms {
		terms[i] = b.term(t, "long", i)
	}
	y := stream(t, "y", b.bytes(d))
	add(t, acc, y)
	want.add(y)
	mask(t, acc, terms...)
	want.mask(t, terms)
	want.equals(t, acc)
	for i := range terms {
		terms[i].Negative = !terms[i].Negative
	}
	mask(t, acc, terms[:n/2]...)
	mask(t, acc, terms[n/2:]...)
	want = newReference(want.shape)
	want.add(y)
	want.equals(t, acc)
}

// countsFar has counters of AES that take a third byte. No vector is so long that one takes a fifth.
func (b bench) countsFar(t *testing.T) {
	const d = 1<<18 + 11
	if b.suite.WordBits != 32 {
		return // the counters do not know of words
	}
	acc, want := b.open(t, d)
	mask(t, acc, b.term(t, "far", 1))
	want.mask(t, []aggregation.Term{b.term(t, "far", 1)})
	want.equals(t, acc)
}

func (b bench) orderDoesNotCount(t *testing.T) {
	const d = 20_001
	one, _ := b.open(t, d)
	two, _ := b.open(t, d)
	terms := []aggregation.Term{b.term(t, "mask", 0), b.term(t, "mask", 1), b.term(t, "mask", 2)}
	x, y := stream(t, "x", b.bytes(d)), stream(t, "y", b.bytes(d))
	add(t, one, x)
	mask(t, one, terms...)
	add(t, one, y)
	slices.Reverse(terms)
	mask(t, two, terms[:1]...)
	add(t, two, y)
	mask(t, two, terms[1:]...)
	add(t, two, x)
	(&reference{b.suite.Shape(d), one.Sum()}).equals(t, two)
}

func (b bench) readsUnaligned(t *testing.T) {
	const d = 1001
	for shift := range 8 {
		acc, want := b.open(t, d)
		y := append(make([]byte, shift), stream(t, "y", b.bytes(d))...)[shift:]
		add(t, acc, y)
		want.add(y)
		want.equals(t, acc)
	}
}

func (b bench) refusesOtherLengths(t *testing.T) {
	const d = 12
	acc, want := b.open(t, d)
	y := stream(t, "y", b.bytes(d)+8)
	add(t, acc, y[:b.bytes(d)])
	want.add(y)
	for n := range len(y) + 1 {
		if n == b.bytes(d) {
			continue
		}
		if err := acc.AddVector(y[:n]); err == nil {
			t.Fatalf("%d bytes were taken for %d words", n, d)
		}
		want.equals(t, acc)
	}
}

func (b bench) leavesArguments(t *testing.T) {
	const d = 5000
	acc, _ := b.open(t, d)
	y, terms := stream(t, "y", b.bytes(d)), []aggregation.Term{b.term(t, "mask", 0), b.term(t, "mask", 1)}
	wasY, wasTerms := bytes.Clone(y), slices.Clone(terms)
	add(t, acc, y)
	mask(t, acc, terms...)
	if !bytes.Equal(y, wasY) || !slices.Equal(terms, wasTerms) {
		t.Fatal("the vector or the masks were changed")
	}
	want := &reference{b.suite.Shape(d), acc.Sum()}
	clear(y)
	clear(terms)
	want.equals(t, acc) // what was handed over may be reused at once
}

func (b bench) givesCopies(t *testing.T) {
	const d = 9
	acc, want := b.open(t, d)
	y := stream(t, "y", b.bytes(d))
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

func (b bench) twoDoNotMix(t *testing.T) {
	const d = 3000
	one, wantOne := b.open(t, d)
	two, wantTwo := b.open(t, d)
	x, y := stream(t, "x", b.bytes(d)), stream(t, "y", b.bytes(d))
	add(t, one, x)
	add(t, two, y)
	mask(t, one, b.term(t, "mask", 0))
	wantOne.add(x)
	wantTwo.add(y)
	wantOne.mask(t, []aggregation.Term{b.term(t, "mask", 0)})
	wantOne.equals(t, one)
	wantTwo.equals(t, two)
}
