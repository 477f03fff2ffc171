package model

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustOptimizer(t testing.TB, family string) Optimizer {
	t.Helper()
	o, err := DefaultOptimizer(family)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func noisy(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// TestOptimizerGoesOnFromItsBytes saves and loads the state after every round and wants the same bytes as without.
func TestOptimizerGoesOnFromItsBytes(t *testing.T) {
	for _, family := range families {
		s := disturbed(t, family, 9, 3, 1)
		plain, saved := mustOptimizer(t, family), mustOptimizer(t, family)
		a, b := s, s
		reload := &saved
		for round := range 6 {
			mean := noisy(len(s.Params), uint64(round))
			nextA, serveA, err := plain.Apply(a, mean, round, 6)
			if err != nil {
				t.Fatal(err)
			}
			nextB, serveB, err := reload.Apply(b, mean, round, 6)
			if err != nil {
				t.Fatal(err)
			}
			if nextA.Hash() != nextB.Hash() || serveA.Hash() != serveB.Hash() {
				t.Fatalf("%s: round %d differs after a reload", family, round)
			}
			state := reload.Encode()
			if reload, err = ParseOptimizer(state); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(reload.Encode(), state) {
				t.Fatalf("%s: the state of round %d encodes to other bytes", family, round)
			}
			a, b = nextA, nextB
		}
	}
}

// TestAFreshOptimizerIsAValue wants copies of one configuration not to share state: every task starts from the same one.
func TestAFreshOptimizerIsAValue(t *testing.T) {
	s := disturbed(t, TwoTowerFamily, 9, 3, 1)
	config := mustOptimizer(t, TwoTowerFamily)
	var first [32]byte
	for i := range 2 {
		o := config
		next, _, err := o.Apply(s, noisy(len(s.Params), 1), 0, 5)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = next.Hash()
		} else if next.Hash() != first {
			t.Error("the second copy steps differently")
		}
	}
}

// TestOptimizerDividesTheClipGroups wants a factor on the way up to leave the step as it is.
func TestOptimizerDividesTheClipGroups(t *testing.T) {
	s := disturbed(t, TwoTowerFamily, 9, 3, 1)
	mean := noisy(len(s.Params), 2)
	o := mustOptimizer(t, TwoTowerFamily)
	want, _, err := o.Apply(s, mean, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	scaled := &Snapshot{Layout: s.Layout, Params: s.Params}
	scaled.Layout.Tensors = nil
	up := append([]float32(nil), mean...)
	at := 0
	for i, tensor := range s.Layout.Tensors {
		factor := float32(int(1) << (i + 1))
		for j := range tensor.Size() {
			up[at+j] *= factor
		}
		at += tensor.Size()
		tensor.Group *= factor
		scaled.Layout.Tensors = append(scaled.Layout.Tensors, tensor)
	}
	o = mustOptimizer(t, TwoTowerFamily)
	got, _, err := o.Apply(scaled, up, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Params, got.Params); diff != "" {
		t.Errorf("the clip-group factors leave a trace:\n%s", diff)
	}
}

func TestOptimizerMovesWhereTheUpdatesPoint(t *testing.T) {
	s := start(t, TwoTowerFamily, 9, 3)
	mean := noisy(len(s.Params), 3)
	o := mustOptimizer(t, TwoTowerFamily)
	next, serve, err := o.Apply(s, mean, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range mean {
		if step := next.Params[i] - s.Params[i]; step*mean[i] < 0 {
			t.Fatalf("coordinate %d moves by %v, its update is %v", i, step, mean[i])
		}
	}
	if diff := cmp.Diff(next.Params, serve.Params); diff != "" {
		t.Errorf("after one round the average is not the one iterate:\n%s", diff)
	}
	last, _, err := o.Apply(next, mean, 10, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(next.Params, last.Params); diff != "" {
		t.Errorf("the rate has not fallen to 0 after the last round:\n%s", diff)
	}
}

func TestOptimizerRefuses(t *testing.T) {
	s := start(t, TwoTowerFamily, 9, 3)
	o := mustOptimizer(t, TwoTowerFamily)
	if _, _, err := o.Apply(s, make([]float32, 3), 0, 5); err == nil {
		t.Error("took an update that is too short")
	}
	bad := make([]float32, len(s.Params))
	bad[5] = float32(math.NaN())
	if _, _, err := o.Apply(s, bad, 0, 5); err == nil {
		t.Error("took an update with a NaN")
	}
	o = mustOptimizer(t, TwoTowerFamily)
	if _, _, err := o.Apply(s, make([]float32, len(s.Params)), 0, 5); err != nil {
		t.Errorf("an update of zeros: %v", err)
	}
	other := start(t, TwoTowerFamily, 10, 3)
	if _, _, err := o.Apply(other, make([]float32, len(other.Params)), 1, 5); err == nil {
		t.Error("went on with the state of another model")
	}
	if _, err := DefaultOptimizer("oracle"); err == nil {
		t.Error("a default for an unknown family")
	}
}

func TestParseOptimizerRefusesTruncatedAndLonger(t *testing.T) {
	s := start(t, TwoTowerFamily, 3, 2)
	o := mustOptimizer(t, TwoTowerFamily)
	if _, _, err := o.Apply(s, noisy(len(s.Params), 1), 0, 5); err != nil {
		t.Fatal(err)
	}
	b := o.Encode()
	for n := range b {
		if _, err := ParseOptimizer(b[:n]); err == nil {
			t.Fatalf("accepted the first %d of %d bytes", n, len(b))
		}
	}
	if _, err := ParseOptimizer(append(b, 0)); err == nil {
		t.Error("accepted a trailing byte")
	}
}

// TestParseOptimizerRefusesWhatApplyCannotLeave changes one number of a state that was written.
func TestParseOptimizerRefusesWhatApplyCannotLeave(t *testing.T) {
	s := disturbed(t, TwoTowerFamily, 9, 3, 1)
	o := mustOptimizer(t, TwoTowerFamily)
	if _, _, err := o.Apply(s, noisy(len(s.Params), 1), 0, 6); err != nil {
		t.Fatal(err)
	}
	good := o.Encode()
	nan, inf := math.Float32bits(float32(math.NaN())), math.Float32bits(float32(math.Inf(1)))
	const head = 30
	n, k := len(s.Params), len(s.Layout.Tensors)
	for name, change := range map[string]struct {
		at   int
		bits uint32
	}{
		"a rate that is no number":    {2, nan},
		"a negative weight":           {6, math.Float32bits(-0.1)},
		"a weight above 1":            {14, math.Float32bits(1.5)},
		"a moment that is no number":  {head + 4, nan},
		"an infinite average":         {head + 4*n + 8*k, inf},
		"a negative second moment":    {head + 4*n, 0xbff00000},
		"an infinite second moment":   {head + 4*n, 0x7ff00000},
		"parameters that are missing": {22, 0},
	} {
		b := bytes.Clone(good)
		b[change.at], b[change.at+1], b[change.at+2], b[change.at+3] = byte(change.bits>>24), byte(change.bits>>16), byte(change.bits>>8), byte(change.bits)
		if _, err := ParseOptimizer(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	fresh := mustOptimizer(t, TwoTowerFamily)
	b := append(fresh.Encode(), make([]byte, 8)...)
	b[29] = 1 // a tensor, and no parameters
	if _, err := ParseOptimizer(b); err == nil {
		t.Error("tensors without parameters: no error")
	}
}

func FuzzParseOptimizer(f *testing.F) {
	o := mustOptimizer(f, TwoTowerFamily)
	f.Add(o.Encode())
	s := disturbed(f, TwoTowerFamily, 3, 2, 1)
	if _, _, err := o.Apply(s, noisy(len(s.Params), 1), 0, 6); err != nil {
		f.Fatal(err)
	}
	f.Add(o.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := ParseOptimizer(b)
		if err == nil && !bytes.Equal(o.Encode(), b) {
			t.Errorf("accepted, and written again as other bytes")
		}
	})
}
