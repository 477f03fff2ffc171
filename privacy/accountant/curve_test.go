package accountant

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestIntegralMeetsTheSum: at whole orders integral and sum are two ways to one number, down to sampling rates at which the divergence is
// far below the rounding of 1.
func TestIntegralMeetsTheSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alpha, z := float64(rapid.IntRange(2, 60).Draw(t, "α")), math.Exp(rapid.Float64Range(-1.5, 3).Draw(t, "ln z"))
		q := math.Exp(rapid.Float64Range(-20, -0.01).Draw(t, "ln q"))
		sum, integral := softplus(logExcessWhole(alpha, z, q)), softplus(logExcessBetween(alpha, z, q))
		if math.Abs(sum/integral-1) > 1e-9 {
			t.Fatalf("the sum is %v, the integral %v", sum, integral)
		}
		below, above := softplus(logExcessBetween(alpha-0.5, z, q))/(alpha-1.5), softplus(logExcessBetween(alpha+0.5, z, q))/(alpha-0.5)
		if r := sum / (alpha - 1); alpha > 2 && (below > r || r > above) {
			t.Fatalf("the divergence falls with the order: %v %v %v", below, r, above)
		}
	})
}

func TestConversions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := Gaussian(math.Exp(rapid.Float64Range(-1, 4).Draw(t, "ln z")))
		if err != nil {
			t.Fatal(err)
		}
		delta := math.Exp(rapid.Float64Range(-30, -1).Draw(t, "ln δ"))
		orders, err := Orders("default")
		if err != nil {
			t.Fatal(err)
		}
		grid, err := c.Epsilon(delta, orders)
		if err != nil {
			t.Fatal(err)
		}
		best, err := c.LeastEpsilon(delta)
		if err != nil || best.Epsilon > grid.Epsilon {
			t.Fatalf("searched %v, on the grid %v, %v", best, grid, err)
		}
		back, err := c.Delta(grid.Epsilon, orders)
		if err != nil || back.Delta > delta*(1+1e-9) {
			t.Fatalf("δ of that ε is %v, %v", back, err)
		}
	})
}

func TestFiguresSayWhereTheyComeFrom(t *testing.T) {
	c, err := Subsampled(1.1, 0.01)
	check(t, err)
	c, err = c.Times(1000)
	check(t, err)
	orders, err := Orders("default")
	check(t, err)
	f, err := c.Epsilon(1e-5, orders)
	check(t, err)
	if got := f.String(); got != "ε = 1.71177 at δ = 1e-05 (RDP of the Poisson-subsampled Gaussian, arXiv 1908.10530; order 9.6)" {
		t.Error(got)
	}
}

// TestCompositionByDefinition adds δ_i term by term.
func TestCompositionByDefinition(t *testing.T) {
	for k := 1; k <= 12; k++ {
		for i := 0; i <= k/2; i++ {
			const eps = 0.7
			var sum float64
			for l := range i {
				choose := 1.0
				for j := range l {
					choose = choose * float64(k-j) / float64(j+1)
				}
				sum += choose * (math.Exp(float64(k-l)*eps) - math.Exp(float64(k-2*i+l)*eps)) / math.Pow(1+math.Exp(eps), float64(k))
			}
			if got := math.Exp(newLosses(eps, k).logAt(i)); math.Abs(got-sum) > 1e-13 {
				t.Errorf("δ_%d of %d is %v, want %v", i, k, got, sum)
			}
			if f, err := Compose(eps, 0, k, sum+1e-12); err != nil || math.Abs(f.Epsilon-float64(k-2*i)*eps) > 1e-9 {
				t.Errorf("δ_%d of %d gives %v, %v", i, k, f, err)
			}
		}
	}
}

// TestBadInputsAreNamed: no accountant takes what it cannot answer for, and each names the field.
func TestBadInputsAreNamed(t *testing.T) {
	fine, err := Gaussian(1)
	check(t, err)
	nan, inf := math.NaN(), math.Inf(1)
	try := map[string][]func() error{}
	add := func(field string, f func() error) { try[field] = append(try[field], f) }
	for _, z := range []float64{0, -1, nan, inf, 1e-9} {
		add("noise_multiplier", func() error { _, err := Gaussian(z); return err })
		add("noise_multiplier", func() error { _, err := Subsampled(z, 0.5); return err })
		add("noise_multiplier", func() error { _, err := Tree(z, 5); return err })
		add("noise_multiplier", func() error { _, err := PLD{z, 0.5, 1, 1e-3}.Epsilon(0.1); return err })
		add("noise_multiplier", func() error { _, err := SampledDelta(z, 0.5, 1); return err })
		add("noise_multiplier", func() error { _, err := ClipNoise(z, 5); return err })
		add("noise_multiplier", func() error { _, err := RoundedSum(10, 10, 10, z, 0.5); return err })
		add("sigma_local", func() error { _, err := Skellams(Sum{10, 10, z, 1, 1}); return err })
	}
	for _, q := range []float64{-0.1, 1.1, nan} {
		add("sampling_rate", func() error { _, err := Subsampled(1, q); return err })
		add("sampling_rate", func() error { _, err := PLD{1, q, 1, 1e-3}.Delta(1); return err })
		add("sampling_rate", func() error { _, _, err := SmallestNoise(1, 0.1, q, 1); return err })
	}
	add("sampling_rate", func() error { _, _, err := SmallestNoise(1, 0.1, 0, 1); return err })
	for _, d := range []float64{0, 1, -1, nan, inf} {
		add("delta", func() error { _, err := fine.Epsilon(d, []float64{2}); return err })
		add("delta", func() error { _, err := fine.LeastEpsilon(d); return err })
		add("delta", func() error { _, err := PLD{1, 0.5, 1, 1e-3}.Epsilon(d); return err })
		add("delta", func() error { _, _, err := GaussianSigma(1, d, 1); return err })
	}
	for _, n := range []int{0, -1, MaxSteps + 1} {
		add("steps", func() error { _, err := fine.Times(n); return err })
		add("steps", func() error { _, err := Tree(1, n); return err })
		add("steps", func() error { _, err := PLD{1, 0.5, n, 1e-3}.Epsilon(0.1); return err })
		add("steps", func() error { _, err := IndependentNoise(Participation{n, 1, 1}); return err })
		add("n", func() error { _, err := StrategyCoefs(n); return err })
		add("count", func() error { _, err := Compose(1, 0, n, 0.1); return err })
		add("sigma_sq", func() error { _, err := DiscreteGaussian(n); return err })
		add("clients", func() error { _, err := RoundedSum(n, 10, 10, 1, 0.5); return err })
	}
	for _, a := range []float64{1, 0, -2, nan, inf} {
		add("order", func() error { _, err := fine.At(a); return err })
		add("order", func() error { _, err := fine.Epsilon(0.1, []float64{2, a}); return err })
		add("order", func() error { _, err := fine.Delta(1, []float64{a}); return err })
	}
	add("orders", func() error { _, err := fine.Epsilon(0.1, nil); return err })
	add("orders", func() error { _, err := Orders("all"); return err })
	add("epsilon", func() error { _, _, err := GaussianSigma(nan, 0.1, 1); return err })
	add("epsilon", func() error { _, err := fine.Delta(-1, []float64{2}); return err })
	add("sigma_b", func() error { _, err := ClipNoise(10, 5); return err })
	add("bands", func() error { _, err := BandedNoise(Participation{10, 1, 1}, 11); return err })
	add("apart", func() error { _, err := TreeNoise(Participation{10, 0, 1}); return err })
	add("steps times bands", func() error { _, err := BandedNoise(Participation{maxCoefs, 1, 1}, maxCoefs); return err })
	add("rounding_beta", func() error { _, err := RoundedSum(10, 10, 10, 1, nan); return err })
	for field, all := range try {
		for i, f := range all {
			err := f()
			var wrong InputError
			if !errors.As(err, &wrong) || wrong.Field != field || !strings.Contains(fmt.Sprint(err), "want ") {
				t.Errorf("%s, case %d: %v", field, i, err)
			}
		}
	}
	if _, err := fine.Times(MaxSteps); err != nil {
		t.Error(err)
	}
	tiny, err := Subsampled(MinNoise, 0.5)
	check(t, err)
	if _, err := tiny.At(1000.5); err == nil {
		t.Error("an integral of too many nodes is taken")
	}
}
