package privacy

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// clipBitVector: z_Δ of design 10.3.
func clipBitVector(t *testing.T, in inputs) map[string]float64 {
	z, err := VectorMultiplier(in.float("noise_multiplier"), in.float("sigma_b"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]float64{"z_delta": z}
}

// TestBitNoise: σ_b = n_min/20 in half-bit units, by hand.
func TestBitNoise(t *testing.T) {
	for _, row := range []struct {
		nMin, b uint32
		want    uint64
	}{{100, 64, 409_600}, {64, 64, 167_773}, {3, 64, 369}, {1, 1, 1}, {10, 1, 1}, {11, 1, 2}} {
		if got, err := BitNoise(row.nMin, row.b); err != nil || got != row.want {
			t.Errorf("n_min %d, B %d: %d (%v), want %d", row.nMin, row.b, got, err, row.want)
		}
	}
	for _, row := range [][2]uint32{{0, 64}, {64, 0}, {math.MaxUint32, 64}} {
		if got, err := BitNoise(row[0], row[1]); err == nil {
			t.Errorf("%v gave %d", row, got)
		}
	}
}

// TestChargeWithBit: part by part, each rounded up (8.1); at z_Δ the sum is that of one vector at z, up to rounding.
func TestChargeWithBit(t *testing.T) {
	whole, err := ChargeWithBit(8192, 1<<30, 64, 0)
	if err != nil || whole != 34_359_738_368 {
		t.Errorf("without a bit %d (%v)", whole, err)
	}
	z, err := VectorMultiplier(4, 5)
	if err != nil {
		t.Fatal(err)
	}
	bit, err := BitNoise(100, 64)
	if err != nil {
		t.Fatal(err)
	}
	sigmaSq := uint64(math.Ceil(z * z * 8192 * 8192))
	split, err := ChargeWithBit(8192, sigmaSq, 64, bit)
	if err != nil || math.Abs(float64(split)/float64(whole)-1) > 1e-6 {
		t.Errorf("split it costs %d (%v), whole %d", split, err, whole)
	}
	parts := [2]Units{}
	for i, p := range []struct {
		c uint32
		s uint64
	}{{8192, sigmaSq}, {64, bit}} {
		if parts[i], err = Charge(p.c, p.s); err != nil {
			t.Fatal(err)
		}
	}
	if split != parts[0]+parts[1] {
		t.Errorf("%d is not %d and %d", split, parts[0], parts[1])
	}
	if got, err := ChargeWithBit(8192, 1<<30, 0, bit); err == nil {
		t.Errorf("a bit of no size costs %d", got)
	}
}

// TestClipRuleFindsTheMedian drives the rule with the true part of some norms that lie within it: it ends at the wanted quantile, and
// one round moves it by at most e^±rate, even where every device lies.
func TestClipRuleFindsTheMedian(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		norms := rapid.SliceOfN(rapid.Float64Range(0.5, 4), 51, 51).Draw(t, "norms")
		rule := ClipRule{Quantile: 0.5, Rate: 0.2, Least: 0.01, Most: 100}
		c := float32(rapid.Float64Range(0.05, 50).Draw(t, "start"))
		for range 200 {
			var sum int64
			for _, norm := range norms {
				if norm > float64(c) {
					sum += 64
				}
			}
			next := rule.Next(c, sum, len(norms), 64)
			if step := math.Abs(math.Log(float64(next) / float64(c))); step > 0.2*0.5+1e-6 {
				t.Fatalf("one round moved the clip from %v to %v", c, next)
			}
			c = next
		}
		below := 0
		for _, norm := range norms {
			if norm <= float64(c)*1.12 {
				below++
			}
		}
		if below < len(norms)/2 {
			t.Fatalf("the clip ended at %v, with %d of %d norms within", c, below, len(norms))
		}
	})
	rule := ClipRule{Quantile: 0.5, Rate: 0.2, Least: 0.5, Most: 2}
	for _, row := range []struct {
		sum  int64
		want float64
	}{{math.MaxInt32, math.Exp(0.1)}, {math.MinInt32, math.Exp(-0.1)}, {0, math.Exp(-0.1)}, {320, 1}, {640, math.Exp(0.1)}} {
		if got := rule.Next(1, row.sum, 10, 64); math.Abs(float64(got)-row.want) > 1e-6 {
			t.Errorf("sum %d: %v, want %v", row.sum, got, row.want)
		}
	}
	if rule.Next(2, math.MaxInt32, 10, 64) != 2 || rule.Next(0.5, math.MinInt32, 10, 64) != 0.5 {
		t.Error("the clip left its range")
	}
}

func TestBadClipRules(t *testing.T) {
	good := ClipRule{Quantile: 0.5, Rate: 0.2, Least: 0.1, Most: 1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for i, change := range []func(*ClipRule){func(r *ClipRule) { r.Quantile = 0 }, func(r *ClipRule) { r.Quantile = math.NaN() }, func(r *ClipRule) { r.Rate = 0 },
		func(r *ClipRule) { r.Rate = 2 }, func(r *ClipRule) { r.Least = 0 }, func(r *ClipRule) { r.Most = 0.01 }, func(r *ClipRule) { r.Most = float32(math.Inf(1)) }} {
		bad := good
		change(&bad)
		if bad.Validate() == nil {
			t.Errorf("rule %d %+v passes", i, bad)
		}
	}
	for _, row := range [][2]float64{{0, 1}, {1, 0}, {math.NaN(), 1}, {1, 0.5}, {math.Inf(1), 1}} {
		if z, err := VectorMultiplier(row[0], row[1]); err == nil {
			t.Errorf("%v gave %v", row, z)
		}
	}
}
