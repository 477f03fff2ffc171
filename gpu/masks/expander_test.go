package masks_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/aggregation/aggtest"
	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/gpu/kernels"
	"github.com/cinesync/cinesync/gpu/masks"
)

func expander(t testing.TB, devices ...*gpu.Device) *masks.Expander {
	t.Helper()
	e, err := masks.New(devices...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// terms are n keys, a third of them to be subtracted.
func terms(n int) []aggregation.Term {
	out := make([]aggregation.Term, n)
	for i := range out {
		out[i] = aggregation.Term{Key: sha256.Sum256(fmt.Append(nil, "term", i)), Negative: i%3 == 1}
	}
	return out
}

// same expands on the GPU and on the CPU.
func same(t *testing.T, e *masks.Expander, s aggregation.Shape, list []aggregation.Term) {
	t.Helper()
	was := slices.Clone(list)
	got, err := e.Expand(s, list)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(list, was) {
		t.Fatal("the terms were changed")
	}
	want := make([]uint32, s.D)
	aggregation.NewMasker(aggregation.Suite{Kex: aggregation.KexX25519, PRG: s.PRG, WordBits: s.WordBits}, was).Add(want, 0)
	if len(got) != len(want) {
		t.Fatalf("%d words, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%+v, %d terms: word %d is %08x, want %08x", s, len(list), i, got[i], want[i])
		}
	}
}

func accumulators(e aggregation.Expander) aggtest.New {
	return func(t testing.TB, s aggregation.Shape) aggregation.Accumulator {
		return aggregation.NewOffloadAccumulator(s, aggregation.Offload{Expander: e, Failed: func(err error) { t.Error(err) }})
	}
}

func TestGPUConforms(t *testing.T) {
	aggtest.Run(t, accumulators(expander(t, gputest.Open(t))))
}

// TestTwoContextsConform spreads terms over two: two GPUs where there are two, and the same one twice otherwise.
func TestTwoContextsConform(t *testing.T) {
	first, second := gputest.Open(t), 0
	if n, err := gpu.Count(); err == nil && n > 1 {
		second = 1
	}
	e := expander(t, first, gputest.OpenIndex(t, second, gpu.Options{Budget: 64 << 20}))
	for _, n := range []int{0, 1, 2, 65} {
		same(t, e, aggregation.Shape{D: 3001, WordBits: 24, PRG: aggregation.PRGAES256}, terms(n))
	}
	aggtest.Run(t, accumulators(e))
}

// TestManyTermsInOneCall has more keys than a launch takes, and more items than warps.
func TestManyTermsInOneCall(t *testing.T) {
	e := expander(t, gputest.Open(t))
	same(t, e, aggregation.Shape{D: 77, WordBits: 32, PRG: aggregation.PRGAES128}, terms(70_001))
	same(t, e, aggregation.Shape{D: 100_001, WordBits: 16, PRG: aggregation.PRGChaCha20}, terms(1_500))
}

// TestASmallBudgetTakesPieces: where the vector does not fit, its pieces are the same words.
func TestASmallBudgetTakesPieces(t *testing.T) {
	e := expander(t, gputest.OpenIndex(t, 0, gpu.Options{Budget: 2 << 20}))
	for _, prg := range []uint16{aggregation.PRGAES128, aggregation.PRGAES256, aggregation.PRGChaCha20} {
		for _, bits := range []uint16{32, 24, 16} {
			same(t, e, aggregation.Shape{D: 700_003, WordBits: bits, PRG: prg}, terms(5))
		}
	}
}

func TestGoroutinesTakeTurns(t *testing.T) {
	e := expander(t, gputest.Open(t))
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			s := aggregation.Shape{D: 1000 + g, WordBits: 32, PRG: aggregation.PRGAES128}
			list := terms(20 + g)
			got, err := e.Expand(s, list)
			want := make([]uint32, s.D)
			aggregation.NewMasker(aggregation.Suite{Kex: aggregation.KexX25519, PRG: s.PRG, WordBits: s.WordBits}, list).Add(want, 0)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("goroutine %d: another sum (%v)", g, err)
			}
		})
	}
	all.Wait()
}

// TestWithoutRoomTheCPUTakesOver: no piece fits, and the accumulator gives the same sums.
func TestWithoutRoomTheCPUTakesOver(t *testing.T) {
	e := expander(t, gputest.OpenIndex(t, 0, gpu.Options{Budget: 1 << 20}))
	if _, err := e.Expand(aggregation.Shape{D: 10, WordBits: 32, PRG: aggregation.PRGAES128}, terms(3)); !errors.Is(err, gpu.ErrMemory) {
		t.Fatalf("got %v, want gpu.ErrMemory", err)
	}
	aggtest.Run(t, func(_ testing.TB, s aggregation.Shape) aggregation.Accumulator {
		return aggregation.NewOffloadAccumulator(s, aggregation.Offload{Expander: e})
	})
}

// TestALostGPULosesNoRound has a kernel fail between two calls of AddMasks. That takes CUDA in its process with it, so that it is done in
// another one.
func TestALostGPULosesNoRound(t *testing.T) {
	if !gputest.Apart(t) {
		return
	}
	d := gputest.Open(t)
	e := expander(t, d)
	shape := aggregation.Shape{D: 5000, WordBits: 32, PRG: aggregation.PRGAES128}
	var said []error
	acc := aggregation.NewOffloadAccumulator(shape, aggregation.Offload{Expander: e, Failed: func(err error) { said = append(said, err) }})
	want := aggregation.NewAccumulator(shape)
	list := terms(40)
	for i, some := range [][]aggregation.Term{list[:20], list[20:30], list[30:]} {
		if err := errors.Join(acc.AddMasks(some), want.AddMasks(some)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			lose(t, d)
		}
	}
	if !slices.Equal(acc.Sum(), want.Sum()) {
		t.Error("the sum is another after the GPU was lost")
	}
	if len(said) != 1 || !errors.Is(said[0], gpu.ErrLost) || !strings.Contains(said[0].Error(), "the CPU expands them") {
		t.Errorf("said %v", said)
	}
}

// lose has a kernel write where nothing is.
func lose(t *testing.T, d *gpu.Device) {
	t.Helper()
	m, err := d.Load(kernels.Probe)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Function("probe_fault")
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Stream()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Launch(f, gpu.Dim{X: 1}, gpu.Dim{X: 1}, 0), s.Wait()); !errors.Is(err, gpu.ErrLost) {
		t.Fatalf("a fault gave %v", err)
	}
}

func TestShapesAreChecked(t *testing.T) {
	e := expander(t, gputest.Open(t))
	for _, s := range []aggregation.Shape{{D: -1, WordBits: 32, PRG: 1}, {D: 1, WordBits: 31, PRG: 1}, {D: 1, WordBits: 32, PRG: 9}} {
		if _, err := e.Expand(s, terms(1)); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
	same(t, e, aggregation.Shape{D: 0, WordBits: 32, PRG: aggregation.PRGAES128}, terms(2))
}
