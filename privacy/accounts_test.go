package privacy

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// The rows of design: privacy 12.1: z, rounds, and ε at δ = 10^−6, 10^−8 and 10^−10 to two places.
func TestWorkedExamples(t *testing.T) {
	for _, row := range []struct {
		z      float64
		rounds int
		eps    [3]float64
	}{
		{1, 1, [3]float64{5.22, 6.09, 6.84}},
		{2, 10, [3]float64{8.85, 10.20, 11.38}},
		{4, 30, [3]float64{7.48, 8.65, 9.68}},
		{8, 50, [3]float64{4.54, 5.31, 5.98}},
		{10, 30, [3]float64{2.67, 3.16, 3.57}},
	} {
		rho := float64(row.rounds) / (2 * row.z * row.z)
		for i, delta := range []float64{1e-6, 1e-8, 1e-10} {
			eps, _, err := Epsilon(rho, delta)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(eps-row.eps[i]) > 0.0051 {
				t.Errorf("z = %v, %d rounds, δ = %v: ε = %.4f, want %.2f", row.z, row.rounds, delta, eps, row.eps[i])
			}
		}
	}
}

// epsilonAt is the formula of 7.1 at one order, solved for ε the way it is written there.
func epsilonAt(rho, delta, alpha float64) float64 {
	return alpha*rho - (math.Log(delta)+math.Log(alpha-1)-alpha*math.Log1p(-1/alpha))/(alpha-1)
}

func TestEpsilonIsTheLeastOverAllOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rho := math.Exp(rapid.Float64Range(-25, 12).Draw(t, "ln rho"))
		delta := math.Exp(rapid.Float64Range(-60, -0.1).Draw(t, "ln delta"))
		eps, order, err := Epsilon(rho, delta)
		if err != nil {
			t.Fatal(err)
		}
		slack := 1e-9 * (1 + eps)
		for e := -12.0; e < 25; e += 0.25 {
			if other := epsilonAt(rho, delta, 1+math.Exp(e)); max(other, 0) < eps-slack && !math.IsNaN(other) && e > -8 {
				t.Fatalf("ε = %v at order %v, but %v at order %v", eps, order, other, 1+math.Exp(e))
			}
		}
		if loose := EpsilonLoose(rho, delta); eps > loose+slack {
			t.Fatalf("ε = %v is above the loose form's %v", eps, loose)
		}
		more, _, err := Epsilon(rho*1.01, delta)
		if err != nil || more < eps-slack {
			t.Fatalf("ε falls from %v to %v (%v) as ρ grows", eps, more, err)
		}
	})
}

func TestExactGaussianIsNeverAboveEpsilon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rho := math.Exp(rapid.Float64Range(-8, 5).Draw(t, "ln rho"))
		delta := math.Exp(rapid.Float64Range(-25, -1).Draw(t, "ln delta"))
		eps, _, err := Epsilon(rho, delta)
		if err != nil {
			t.Fatal(err)
		}
		exact, err := GaussianEpsilon(rho, delta)
		if err != nil {
			t.Fatal(err)
		}
		if exact > eps+1e-6*(1+eps) {
			t.Fatalf("exact ε %v is above %v", exact, eps)
		}
	})
}

func TestEpsilonAtTheEnds(t *testing.T) {
	for _, c := range []struct{ rho, delta float64 }{
		{math.SmallestNonzeroFloat64, 1e-6}, {1e-300, 0.5}, {1e300, 1e-6}, {math.MaxFloat64 / 8, 0.9},
		{1, math.SmallestNonzeroFloat64}, {1, 1 - 1e-16}, {1e-300, math.SmallestNonzeroFloat64}, {1e-18, 1e-18},
	} {
		eps, order, err := Epsilon(c.rho, c.delta)
		if err != nil || math.IsNaN(eps) || math.IsInf(eps, 0) || eps < 0 || !(order >= 1) {
			t.Errorf("ρ = %v, δ = %v: ε = %v at order %v, %v", c.rho, c.delta, eps, order, err)
		}
		if loose := EpsilonLoose(c.rho, c.delta); eps > loose*(1+1e-9)+1e-9 {
			t.Errorf("ρ = %v, δ = %v: ε = %v is above the loose form's %v", c.rho, c.delta, eps, loose)
		}
	}
	if eps, order, err := Epsilon(0, 1e-6); eps != 0 || !math.IsInf(order, 1) || err != nil {
		t.Errorf("nothing spent: ε = %v at order %v, %v", eps, order, err)
	}
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct{ rho, delta float64 }{
		{-1, 1e-6}, {nan, 1e-6}, {inf, 1e-6}, {1, 0}, {1, 1}, {1, -0.1}, {1, nan}, {1, inf},
	} {
		if _, _, err := Epsilon(c.rho, c.delta); err == nil {
			t.Errorf("ρ = %v, δ = %v was accepted", c.rho, c.delta)
		}
		if _, err := GaussianEpsilon(c.rho, c.delta); err == nil {
			t.Errorf("ρ = %v, δ = %v was accepted by the exact Gaussian", c.rho, c.delta)
		}
	}
}

func TestChargeIsTheExactCeiling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.Uint32Min(1).Draw(t, "c_int")
		sigmaSq := rapid.OneOf(rapid.Uint64Min(1), rapid.Uint64Range(1, 1<<40)).Draw(t, "sigma_tot_sq")
		// ⌈C²·2^40/(2σ²)⌉ as written, without limits of size.
		top := new(big.Int).Mul(big.NewInt(int64(c)), big.NewInt(int64(c)))
		top.Lsh(top, 40)
		bottom := new(big.Int).Lsh(new(big.Int).SetUint64(sigmaSq), 1)
		want, rest := new(big.Int).QuoRem(top, bottom, new(big.Int))
		if rest.Sign() > 0 {
			want.Add(want, big.NewInt(1))
		}
		got, err := Charge(c, sigmaSq)
		if want.IsUint64() != (err == nil) {
			t.Fatalf("got %d, %v; want %v", got, err, want)
		}
		if err == nil && uint64(got) != want.Uint64() {
			t.Fatalf("got %d, want %v", got, want)
		}
	})
}

func TestChargeAtTheEnds(t *testing.T) {
	for _, c := range []struct {
		cInt    uint32
		sigmaSq uint64
		want    Units
	}{
		{1, 1 << 40, 1}, {1, math.MaxUint64, 1}, {1, 1 << 39, 1}, {1, 1<<39 - 1, 2}, {1, 1, 1 << 39}, {2, 2, UnitsPerRho},
		{math.MaxUint32, math.MaxUint64, 1<<39 - 1<<8 + 1},
	} {
		if got, err := Charge(c.cInt, c.sigmaSq); err != nil || got != c.want {
			t.Errorf("C_int = %d, σ_tot² = %d: %d units, %v; want %d", c.cInt, c.sigmaSq, got, err, c.want)
		}
	}
	// 2^26·2^39/2 is 2^64, the first value that does not fit; one more unit of noise brings it below.
	for _, c := range []struct {
		cInt    uint32
		sigmaSq uint64
	}{{0, 1}, {1, 0}, {0, 0}, {math.MaxUint32, 1}, {1 << 13, 2}} {
		if got, err := Charge(c.cInt, c.sigmaSq); err == nil {
			t.Errorf("C_int = %d, σ_tot² = %d: %d units were accepted", c.cInt, c.sigmaSq, got)
		}
	}
	if got, err := Charge(1<<13, 3); err != nil || got != 12297829382473034411 {
		t.Errorf("a charge near the limit: %d units, %v", got, err)
	}
}

func TestHonestFloor(t *testing.T) {
	for _, c := range []struct{ n, gamma, delta, want int }{
		{1000, 500, 1000, 850}, {64, 1000, 1000, 52}, {24, 500, 1500, 20}, {3, 0, 3334, 2}, {3, 10000, 10000, 1},
		{63, 5000, 5000, 1}, {64, 5000, 5000, 0}, {100, 10000, 10000, -100}, {1, 0, 0, 1},
		{0, 0, 0, 0}, {-5, 0, 0, 0}, {math.MaxInt, 500, 500, 0}, {100, -1, 0, 0}, {100, 0, 10001, 0},
	} {
		if got := HonestFloor(c.n, c.gamma, c.delta); got != c.want {
			t.Errorf("n = %d, γ = %d, δ = %d: %d honest survivors, want %d", c.n, c.gamma, c.delta, got, c.want)
		}
	}
}

// TestCohortFloor: with ⌊γn⌋ corrupt it is the floor of a whole roster; a larger bound on a smaller part leaves fewer.
func TestCohortFloor(t *testing.T) {
	for _, c := range []struct{ n, corrupt, delta, want int }{
		{1000, 50, 1000, 850}, {125, 24, 1000, 89}, {64, 20, 3000, 25}, {64, 64, 1000, -6}, {63, 63, 5000, 1}, {3, 1, 3334, 1},
		{0, 0, 0, 0}, {100, -1, 0, 0}, {100, 101, 0, 0}, {100, 5, -1, 0}, {100, 5, 10001, 0},
	} {
		if got := CohortFloor(c.n, c.corrupt, c.delta); got != c.want {
			t.Errorf("n = %d, %d corrupt, δ = %d: %d honest survivors, want %d", c.n, c.corrupt, c.delta, got, c.want)
		}
	}
	for _, c := range []struct {
		corrupt int
		sigma   uint64
		ok      bool
	}{{5, 90 * 16, true}, {5, 89 * 15, false}, {5, 1 << 40, false}, {95, 90 * 16, false}, {-1, 90 * 16, false}} {
		if err := CheckCohortNoise(100, c.corrupt, 500, c.sigma); (err == nil) != c.ok {
			t.Errorf("%d corrupt, σ² = %d: %v", c.corrupt, c.sigma, err)
		}
	}
}

func TestSharesOfTheFloorMakeTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Uint64().Draw(t, "total")
		h := rapid.IntRange(1, 1<<20).Draw(t, "h")
		local := new(big.Int).SetUint64(LocalVariance(total, h))
		sum := new(big.Int).Mul(local, big.NewInt(int64(h)))
		want := new(big.Int).SetUint64(total)
		if sum.Cmp(want) < 0 || new(big.Int).Sub(sum, want).Cmp(big.NewInt(int64(h))) >= 0 {
			t.Fatalf("%d shares of %v make %v of %d", h, local, sum, total)
		}
	})
	if LocalVariance(100, 0) != math.MaxUint64 || LocalVariance(100, -3) != math.MaxUint64 {
		t.Error("noise without honest devices must be refused by the sampler")
	}
}

func TestCheckNoise(t *testing.T) {
	// n = 100 at γ = 5 %, δ = 10 %: 85 honest survivors.
	const h = 85
	for _, c := range []struct {
		name            string
		n, gamma, delta int
		total           uint64
		ok              bool
	}{
		{"least", 100, 500, 1000, 15*h + 1, true},
		{"below the least", 100, 500, 1000, 15 * h, false},
		{"most", 100, 500, 1000, MaxVariance * h, true},
		{"above the most", 100, 500, 1000, MaxVariance*h + 1, false},
		{"none", 100, 500, 1000, 0, false},
		{"everything", 100, 500, 1000, math.MaxUint64, false},
		{"no honest device", 100, 5000, 5000, 1 << 20, false},
		{"empty roster", 0, 500, 1000, 1 << 20, false},
		{"absurd roster", math.MaxInt, 500, 1000, 1 << 20, false},
		{"negative rate", 100, -1, 1000, 1 << 20, false},
		{"rate above one", 100, 500, 10001, 1 << 20, false},
		{"demo", 24, 0, 1500, 1 << 20, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := CheckNoise(c.n, c.gamma, c.delta, c.total); (err == nil) != c.ok {
				t.Errorf("accepted: %v, want %v: %v", err == nil, c.ok, err)
			}
		})
	}
}
