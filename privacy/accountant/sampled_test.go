package accountant

import (
	"math"
	"testing"
)

// TestSampledDeltaKnownAnswers holds both neighbours' δ against values computed from the definition, P(loss > ε) − e^ε·P'(loss > ε), with
// mpmath 1.3.0 at 500 digits. Beyond ε = 37 no sum of e^ε and 1 keeps the 1.
func TestSampledDeltaKnownAnswers(t *testing.T) {
	for _, c := range []struct{ z, q, eps, removed, added float64 }{
		{0.2, 1, 40, 8.82325792000468e-9, 8.82325792000468e-9},
		{0.1836, 1, 40, 1.00545634540705e-6, 1.00545634540705e-6},
		{0.1, 1, 100, 1.87971700205191e-7, 1.87971700205191e-7},
		{0.05, 1, 300, 2.27277488231947e-7, 2.27277488231947e-7},
		{0.03, 1, 1000, 5.27949771671312e-41, 5.27949771671312e-41},
		{0.2, 1, 20, 0.0473229641885196, 0.0473229641885196},
		{1, 1, 1, 0.126936737506644, 0.126936737506644},
		{0.2, 0.999999999999, 40, 8.82325791998569e-9, 0},
		{0.2, 0.5, 40, 1.9666107266089e-9, 0},
		{0.1, 0.01, 60, 0.000601818484766791, 0},
		{1, 0.01, 1, 2.73200926154613e-9, 0},
		{5, 1e-6, 0.001, 1.47551450594232e-268, 0},
		{0.7, 1e-12, 12, 1.76222859654979e-174, 0},
		{0.02, 1e-9, 900, 9.99999999973826e-10, 0},
		{0.5, 0.9, 2, 0.284951882659684, 0.0406392264260376},
		{1, 0.3, 0.2, 0.0674460903901179, 0.0203986129791224},
		{2, 0.7, 0, 0.138188855956093, 0.138188855956093},
	} {
		got, err := SampledDelta(c.z, c.q, c.eps)
		if err != nil || math.Abs(got/c.removed-1) > 1e-7 {
			t.Errorf("z = %v, q = %v, ε = %v: δ is %v, %v, want %v", c.z, c.q, c.eps, got, err, c.removed)
		}
		if added := (pair{z: c.z, q: c.q}).addedDelta(c.eps); math.Abs(added-c.added) > 1e-9*c.added {
			t.Errorf("z = %v, q = %v, ε = %v: adding costs %v, want %v", c.z, c.q, c.eps, added, c.added)
		}
	}
}

// TestSmallestNoiseAtLargeEpsilon: one Gaussian's least z, from the same source.
func TestSmallestNoiseAtLargeEpsilon(t *testing.T) {
	for _, c := range []struct{ eps, delta, z float64 }{
		{20, 1e-10, 0.37514542617179}, {40, 1e-6, 0.183620005235836}, {100, 1e-9, 0.106226479775112}, {1000, 1e-6, 0.0248503666869477},
	} {
		if z, _, err := SmallestNoise(c.eps, c.delta, 1, 1); err != nil || math.Abs(z/c.z-1) > 1e-9 {
			t.Errorf("ε = %v, δ = %v: z is %v, %v, want %v", c.eps, c.delta, z, err, c.z)
		}
		if c.eps > 100 {
			continue // losses of two steps are beyond a grid
		}
		if z, _, err := SmallestNoise(c.eps, c.delta, 1, 2); err != nil || z < c.z || z > 1.6*c.z {
			t.Errorf("ε = %v, δ = %v, twice: z is %v, %v, once it is %v", c.eps, c.delta, z, err, c.z)
		}
	}
}

// TestGridAtLargeEpsilon: without sampling the grid's δ is the exact one of the chord, both neighbours alike, however large ε is.
func TestGridAtLargeEpsilon(t *testing.T) {
	for _, c := range []struct{ z, eps float64 }{{0.2, 40}, {0.1836, 40}, {0.2, 20}, {0.1, 100}} {
		exact, err := SampledDelta(c.z, 1, c.eps)
		check(t, err)
		for _, add := range []bool{false, true} {
			l := pair{c.z, 1, add}.discretise(1e-3, 1e-30)
			got, err := l.compose(1, l.steepest(1, c.eps))
			check(t, err)
			if d := got.delta(c.eps); d < exact*(1-1e-9) || d > exact*1.01 {
				t.Errorf("z = %v, ε = %v, adding %v: the grid's δ is %v, exactly %v", c.z, c.eps, add, d, exact)
			}
		}
	}
}

// TestMomentsDoNotOverflow: at any tilt, of losses at either end.
func TestMomentsDoNotOverflow(t *testing.T) {
	l := loss{h: 0.5, low: -1, mass: []float64{0, 0.25, 0.5, 0.25, 0}}
	for mu, want := range map[float64]float64{0: 0, 1e6: math.Log(0.25) + 1e6, -1e6: math.Log(0.25), 2: math.Log(0.25 + 0.5*math.E + 0.25*math.E*math.E)} {
		if got := l.logMoment(mu); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %v it is %v, want %v", mu, got, want)
		}
	}
}
