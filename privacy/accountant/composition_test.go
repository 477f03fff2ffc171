package accountant

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// judge is theorem 3.3 in whole numbers and fractions: e^ε is the fraction ratio, so nothing is rounded. It returns the largest i that fits,
// −1 where none does.
func judge(ratio *big.Rat, delta float64, count int, total *big.Rat) int {
	one := big.NewRat(1, 1)
	kept := new(big.Rat).SetFloat64(delta)
	kept = power(kept.Sub(one, kept), count)
	most := -1
	for i := 0; i <= count/2; i++ {
		sum := new(big.Rat)
		for l := range i {
			term := new(big.Rat).Sub(power(ratio, count-l), power(ratio, count-2*i+l))
			choose := new(big.Rat).SetInt(new(big.Int).Binomial(int64(count), int64(l)))
			sum.Add(sum, term.Mul(term, choose))
		}
		sum.Quo(sum, power(new(big.Rat).Add(one, ratio), count))
		sum.Mul(sum.Sub(one, sum), kept)
		if sum.Sub(one, sum).Cmp(total) > 0 {
			break
		}
		most = i
	}
	return most
}

func power(x *big.Rat, n int) *big.Rat {
	e := big.NewInt(int64(n))
	return new(big.Rat).SetFrac(new(big.Int).Exp(x.Num(), e, nil), new(big.Int).Exp(x.Denom(), e, nil))
}

// TestCompositionAgainstFractions: for total δ down to the smallest floats, and 0, ours is what exact arithmetic says; a share of
// 10^−9 of the total δ is what ln(ratio) and a float's sums may move it by.
func TestCompositionAgainstFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ratio := big.NewRat(rapid.Int64Range(65, 1000).Draw(t, "e^ε·64"), 64)
		count := rapid.IntRange(1, 24).Draw(t, "count")
		float, _ := ratio.Float64()
		eps, total, delta := math.Log(float), 0.0, 0.0
		if rapid.IntRange(0, 7).Draw(t, "total") > 0 {
			total = math.Exp(rapid.Float64Range(-700, -0.1).Draw(t, "ln total"))
		}
		if rapid.Bool().Draw(t, "approximate") {
			delta = min(1, total/float64(count)*rapid.Float64Range(0, 1.5).Draw(t, "share"))
		}
		at := func(by float64) int {
			exact := new(big.Rat).SetFloat64(total)
			return judge(ratio, delta, count, exact.Mul(exact, new(big.Rat).SetFloat64(by)))
		}
		f, err := Compose(eps, delta, count, total)
		got := -1
		if err == nil {
			got = int(math.Round((float64(count) - f.Epsilon/eps) / 2))
		} else if !errors.Is(err, ErrNone) {
			t.Fatal(err)
		}
		if low, high := at(1-1e-9), at(1+1e-9); got < low || got > high {
			t.Fatalf("i = %d (%v, %v), exactly %d to %d", got, f, err, low, high)
		}
	})
}

// TestCompositionOfPureRuns: k runs at total δ 0 cost kε however many they are, and a total δ below δ_1 buys nothing. 200 runs of ε = 1
// have δ_1 = 5.3368e-28 and δ_2 = 3.9872e-26 (mpmath 1.3.0, 60 digits).
func TestCompositionOfPureRuns(t *testing.T) {
	for _, c := range []struct {
		eps   float64
		count int
		total float64
		want  float64
	}{{1, 1000, 0, 1000}, {1, 1_000_000, 0, 1e6}, {1000, 1000, 0, 1e6}, {0.01, 10, 1e-300, 0.1}, {5, 20, 1e-17, 100}, {0, 10, 0, 0},
		{1, 200, 1e-30, 200}, {1, 200, 5.3e-28, 200}, {1, 200, 5.4e-28, 198}, {1, 200, 3.9e-26, 198}, {1, 200, 4e-26, 196}} {
		f, err := Compose(c.eps, 0, c.count, c.total)
		if err != nil || math.Abs(f.Epsilon-c.want) > 1e-9*c.want {
			t.Errorf("%d runs of ε = %v at total δ %v cost %v, %v; want %v", c.count, c.eps, c.total, f.Epsilon, err, c.want)
		}
	}
	for _, c := range []struct{ delta, total float64 }{{0.5, 0.4}, {1, 0.999}, {1e-30, 1e-31}, {1e-20, 0}} {
		if f, err := Compose(1, c.delta, 10, c.total); !errors.Is(err, ErrNone) {
			t.Errorf("δ = %v ten times within %v: %v, %v", c.delta, c.total, f, err)
		}
	}
	if f, err := Compose(1, 1, 10, 1); err != nil {
		t.Errorf("δ = 1 within 1: %v, %v", f, err)
	}
}
