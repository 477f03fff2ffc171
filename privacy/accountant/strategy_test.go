package accountant

import (
	"math"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// patterns calls f with every set of rounds that p allows.
func patterns(p Participation, f func(rounds []int)) {
	for set := range 1 << p.Steps {
		var rounds []int
		ok := bits.OnesCount(uint(set)) <= p.Most
		for r := range p.Steps {
			if set>>r&1 == 1 {
				ok = ok && (len(rounds) == 0 || r-rounds[len(rounds)-1] >= p.Apart)
				rounds = append(rounds, r)
			}
		}
		if ok {
			f(rounds)
		}
	}
}

func small(t *rapid.T) Participation {
	return Participation{rapid.IntRange(1, 11).Draw(t, "steps"), rapid.IntRange(1, 12).Draw(t, "apart"), rapid.IntRange(1, 12).Draw(t, "most")}
}

// TestBandedSensitivityIsTheWorstPattern tries them all.
func TestBandedSensitivityIsTheWorstPattern(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := small(t)
		bands := rapid.IntRange(1, p.Steps).Draw(t, "bands")
		s, err := BandedNoise(p, bands)
		if err != nil {
			t.Fatal(err)
		}
		coefs, _ := StrategyCoefs(bands)
		var worst float64
		patterns(p, func(rounds []int) {
			v := make([]float64, p.Steps)
			for _, r := range rounds {
				for k := 0; k < bands && r+k < p.Steps; k++ {
					v[r+k] += coefs[k]
				}
			}
			worst = max(worst, norm(v))
		})
		if math.Abs(s.Sensitivity-worst) > 1e-9 {
			t.Fatalf("sensitivity %v, the worst pattern has %v", s.Sensitivity, worst)
		}
	})
}

// TestTreeSensitivityCoversEveryPattern, and meets the worst where members take part once.
func TestTreeSensitivityCoversEveryPattern(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := small(t)
		s, err := TreeNoise(p)
		if err != nil {
			t.Fatal(err)
		}
		var worst float64
		patterns(p, func(rounds []int) {
			nodes := map[[2]int]float64{}
			for _, r := range rounds {
				for l := range TreeDepth(p.Steps) {
					nodes[[2]int{l, r >> l}]++
				}
			}
			var square float64
			for _, n := range nodes {
				square += n * n
			}
			worst = max(worst, math.Sqrt(square))
		})
		if s.Sensitivity < worst-1e-9 || p.rounds() == 1 && s.Sensitivity > worst+1e-9 {
			t.Fatalf("sensitivity %v, the worst pattern has %v", s.Sensitivity, worst)
		}
	})
}

// TestErrorByMatrices multiplies the prefix sums with the inverse, entry by entry.
func TestErrorByMatrices(t *testing.T) {
	const n, bands = 9, 4
	coefs, err := StrategyCoefs(bands)
	check(t, err)
	back := inverse(coefs, n)
	for i := range n { // C·C^−1 = I
		var v float64
		for k := 0; k < bands && k <= i; k++ {
			v += coefs[k] * back[i-k]
		}
		if want := map[bool]float64{true: 1}[i == 0]; math.Abs(v-want) > 1e-15 {
			t.Errorf("row %d of C·C^−1 is %v", i, v)
		}
	}
	var sum float64
	for row := range n {
		for col := range row + 1 {
			var v float64
			for k := col; k <= row; k++ {
				v += back[k-col]
			}
			sum += v * v
		}
	}
	if got := prefixError(coefs, n); math.Abs(got-sum/n) > 1e-12 {
		t.Errorf("error %v, want %v", got, sum/n)
	}
}

// TestCorrelationPays: with many rounds and members that come once, both beat fresh noise, and full bands the tree.
func TestCorrelationPays(t *testing.T) {
	p := Participation{1000, 1000, 1}
	fresh, err := IndependentNoise(p)
	check(t, err)
	tree, err := TreeNoise(p)
	check(t, err)
	one, err := BandedNoise(p, 1)
	check(t, err)
	full, err := BandedNoise(p, 1000)
	check(t, err)
	if !(full.Error < tree.Error && tree.Error < fresh.Error) || math.Abs(one.Error-fresh.Error) > 1e-9 {
		t.Errorf("%v; %v; %v; %v", fresh, one, tree, full)
	}
}

func norm(v []float64) float64 {
	var s float64
	for _, x := range v {
		s += x * x
	}
	return math.Sqrt(s)
}
