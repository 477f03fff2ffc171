package privacy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"
)

func draw(t *testing.T, sigmaSq uint64, n int, random io.Reader) []int64 {
	t.Helper()
	g, err := NewGaussian(sigmaSq, random)
	if err != nil {
		t.Fatal(err)
	}
	xs := make([]int64, n)
	for i := range xs {
		if xs[i], err = g.Sample(); err != nil {
			t.Fatal(err)
		}
	}
	return xs
}

func TestSamplerFollowsTheLaw(t *testing.T) {
	const n = 100_000
	for _, sigmaSq := range []uint64{1, 2, 3, 16, 100, 1261, 10_000, 1_263_226, MaxVariance} {
		t.Run(fmt.Sprint(sigmaSq), func(t *testing.T) {
			xs := draw(t, sigmaSq, n, seeded(sigmaSq))
			l := newLaw(sigmaSq)
			ends, mass := l.bins(n, 40)
			counts := make([]int, len(ends))
			for _, x := range xs {
				i, _ := slices.BinarySearch(ends, x)
				counts[i]++
			}
			checkFit(t, "values", counts, mass)
			checkMoments(t, l, xs)
			checkTail(t, l, xs)
		})
	}
}

// checkMoments compares mean, variance and kurtosis with six standard errors of a normal sample; the discrete law's own
// moments up to the eighth differ from the normal's by less than 10^−3 at σ = 1.
func checkMoments(t *testing.T, l law, xs []int64) {
	t.Helper()
	n := float64(len(xs))
	var first, second, fourth float64
	for _, x := range xs {
		v := float64(x) / math.Sqrt(l.sigmaSq)
		first, second, fourth = first+v, second+v*v, fourth+v*v*v*v
	}
	for _, m := range []struct {
		name           string
		got, want, err float64
	}{
		{"mean/σ", first / n, 0, 1 / math.Sqrt(n)},
		{"variance/σ²", second / n, l.variance() / l.sigmaSq, math.Sqrt(2 / n)},
		{"fourth moment/σ⁴", fourth / n, 3, math.Sqrt(96 / n)},
	} {
		if math.Abs(m.got-m.want) > 6*m.err+1e-3 {
			t.Errorf("%s = %.5f, want %.5f ± %.5f", m.name, m.got, m.want, 6*m.err)
		}
	}
}

func checkTail(t *testing.T, l law, xs []int64) {
	t.Helper()
	far, left, right := 0, 0, 0
	for _, x := range xs {
		if max(x, -x) > 3*l.root() {
			far++
		}
		if x < 0 {
			left++
		}
		if x > 0 {
			right++
		}
	}
	n := float64(len(xs))
	want := n * l.beyond(3*l.root())
	if math.Abs(float64(far)-want) > 6*math.Sqrt(want)+6 {
		t.Errorf("%d samples beyond 3⌊σ⌋, want about %.0f", far, want)
	}
	if math.Abs(float64(left-right)) > 6*math.Sqrt(n) {
		t.Errorf("%d samples below zero and %d above", left, right)
	}
}

func TestSameStreamGivesSameNoise(t *testing.T) {
	a, b := draw(t, 1_263_226, 1000, seeded(5)), draw(t, 1_263_226, 1000, seeded(5))
	if !slices.Equal(a, b) {
		t.Error("two samplers on the same stream differ")
	}
	if slices.Equal(a, draw(t, 1_263_226, 1000, seeded(6))) {
		t.Error("two samplers on different streams agree")
	}
}

func TestSamplerRefusesVariances(t *testing.T) {
	for _, v := range []uint64{0, MaxVariance + 1, math.MaxUint64} {
		if _, err := NewGaussian(v, seeded(1)); err == nil {
			t.Errorf("variance %d was accepted", v)
		}
	}
}

// constant is a random source that broke: it repeats one byte for ever.
type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

func TestBrokenStreamsEndInAnError(t *testing.T) {
	for _, sigmaSq := range []uint64{1, 16, 1_263_226, MaxVariance} {
		g, err := NewGaussian(sigmaSq, bytes.NewReader(make([]byte, sourceBytes-1)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Sample(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("σ² = %d, short stream: %v", sigmaSq, err)
		}
		if _, err := g.Sample(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("σ² = %d, after a short stream: %v", sigmaSq, err)
		}
		// Zeros make every rejection loop reject; that it ends at all is the point.
		if g, err = NewGaussian(sigmaSq, constant(0)); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Sample(); !errors.Is(err, errStuck) {
			t.Errorf("σ² = %d, stuck stream: %v", sigmaSq, err)
		}
		// Other bytes may be accepted; they must end as well.
		for c := 1; c < 256; c++ {
			if g, err = NewGaussian(sigmaSq, constant(c)); err != nil {
				t.Fatal(err)
			}
			if x, err := g.Sample(); err != nil && (x != 0 || !errors.Is(err, errStuck)) {
				t.Errorf("σ² = %d, bytes %#x: %d, %v", sigmaSq, c, x, err)
			}
		}
	}
}

func TestStreamEndingMidwayGivesNoVector(t *testing.T) {
	for _, blocks := range []int{0, 1, 2} {
		head := make([]byte, blocks*sourceBytes)
		if _, err := io.ReadFull(seeded(8), head); err != nil {
			t.Fatal(err)
		}
		out, err := Perturb(make([]int32, 1000), 10_000, bytes.NewReader(head))
		if err == nil || out != nil {
			t.Errorf("%d blocks: %d words, error %v", blocks, len(out), err)
		}
	}
}

func TestPerturbAddsTheNoiseModuloTheRing(t *testing.T) {
	x := []int32{0, 1, -1, math.MaxInt32, math.MinInt32, 12345}
	noise := draw(t, MaxVariance, len(x), seeded(9))
	got, err := Perturb(x, MaxVariance, seeded(9))
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		want := uint64(int64(x[i])+noise[i]) % (1 << 32)
		if uint64(got[i]) != want {
			t.Errorf("coordinate %d: %d + %d gave %d, want %d", i, x[i], noise[i], got[i], want)
		}
	}
}

// TestSumKeepsItsNoiseAfterTheWorstLosses draws what the honest survivors of a logged roster of 1000 add when as many as
// allowed were lost or corrupt.
func TestSumKeepsItsNoiseAfterTheWorstLosses(t *testing.T) {
	const n, gammaBP, deltaBP, total, sums = 1000, 500, 1000, 1 << 24, 500
	if err := CheckNoise(n, gammaBP, deltaBP, total); err != nil {
		t.Fatal(err)
	}
	h := HonestFloor(n, gammaBP, deltaBP)
	g, err := NewGaussian(LocalVariance(total, h), seeded(10))
	if err != nil {
		t.Fatal(err)
	}
	var squares float64
	for range sums {
		var sum int64
		for range h {
			x, err := g.Sample()
			if err != nil {
				t.Fatal(err)
			}
			sum += x
		}
		squares += float64(sum) * float64(sum)
	}
	// The estimate of a variance from m normal sums has standard error √(2/m); five of them fail once in 10^6.
	ratio, slack := squares/sums/total, 5*math.Sqrt(2.0/sums)
	if ratio < 1-slack || ratio > 1+slack {
		t.Errorf("variance of the sum is %.3f of σ_tot², want 1 ± %.3f", ratio, slack)
	}
	t.Logf("variance of the sum is %.3f of σ_tot²", ratio)
}
