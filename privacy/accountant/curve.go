package accountant

import (
	"fmt"
	"math"
)

// Curve is a mechanism's Rényi divergence as a function of the order, in nats. The zero Curve is no mechanism.
type Curve struct {
	formula string
	at      func(alpha float64) float64 // +Inf where no bound is known
}

// Gaussian is the curve of one Gaussian of noise multiplier z, α/(2z²) (Mironov, arXiv 1702.07476; design: privacy 7.2).
func Gaussian(z float64) (Curve, error) {
	if err := checkNoise(z); err != nil {
		return Curve{}, err
	}
	return Curve{"RDP of the Gaussian, arXiv 1702.07476", func(alpha float64) float64 { return alpha / (2 * z * z) }}, nil
}

// Times returns the curve of n runs, each of which may depend on the ones before: divergences add.
func (c Curve) Times(n int) (Curve, error) {
	if err := checkSteps(n); err != nil {
		return Curve{}, err
	}
	at := c.at
	return Curve{c.formula, func(alpha float64) float64 { return float64(n) * at(alpha) }}, nil
}

// Plus returns the curve of both mechanisms run on the same data.
func (c Curve) Plus(d Curve) Curve {
	return Curve{c.formula + ", and " + d.formula, func(alpha float64) float64 { return c.at(alpha) + d.at(alpha) }}
}

// At returns the divergence of one order α > 1.
func (c Curve) At(alpha float64) (float64, error) {
	if err := checkOrder(alpha); err != nil {
		return 0, err
	}
	r := c.at(alpha)
	return r, finite("the divergence", r)
}

// Epsilon converts to (ε, δ) at the best of the given orders (design: privacy 7.2):
//
//	ε = r(α) + ln(1 − 1/α) − (ln δ + ln α)/(α−1),
//
// or 0 where the total variation, at most √(1 − e^−r) (Bretagnolle, Huber 1979), is within δ.
func (c Curve) Epsilon(delta float64, orders []float64) (Figure, error) {
	if err := checkDelta(delta); err != nil {
		return Figure{}, err
	}
	if len(orders) == 0 {
		return Figure{}, InputError{"orders", "empty", "at least one order above 1"}
	}
	best := Figure{Epsilon: math.Inf(1), Delta: delta, Formula: c.formula}
	for _, alpha := range orders {
		if err := checkOrder(alpha); err != nil {
			return Figure{}, err
		}
		if e := toEpsilon(c.at(alpha), alpha, delta); e < best.Epsilon {
			best.Epsilon, best.Order = e, alpha
		}
	}
	return best, finite("ε", best.Epsilon)
}

// LeastEpsilon searches all orders: the default grid, then between the neighbours of its best one. Any order gives a valid ε, so
// an inexact minimum costs accuracy alone.
func (c Curve) LeastEpsilon(delta float64) (Figure, error) {
	orders, err := Orders("default")
	if err != nil {
		return Figure{}, err
	}
	f, err := c.Epsilon(delta, orders)
	if err != nil || f.Epsilon == 0 {
		return f, err
	}
	low, high := 1+1e-3, orders[len(orders)-1]*64
	for _, alpha := range orders {
		if alpha < f.Order {
			low = alpha
		}
		if alpha > f.Order {
			high = alpha
			break
		}
	}
	at := func(x float64) float64 { alpha := 1 + math.Exp(x); return toEpsilon(c.at(alpha), alpha, delta) }
	x := golden(math.Log(low-1), math.Log(high-1), at)
	if e := at(x); e < f.Epsilon {
		f.Epsilon, f.Order = e, 1+math.Exp(x)
	}
	return f, nil
}

// Delta is the other way round: the least δ for ε over the given orders, min of e^((α−1)(r−ε))·(1−1/α)^α/(α−1).
func (c Curve) Delta(eps float64, orders []float64) (Figure, error) {
	if err := checkEpsilon(eps); err != nil {
		return Figure{}, err
	}
	best := Figure{Epsilon: eps, Delta: 1, Formula: c.formula}
	for _, alpha := range orders {
		if err := checkOrder(alpha); err != nil {
			return Figure{}, err
		}
		log := (alpha-1)*(c.at(alpha)-eps) + alpha*math.Log1p(-1/alpha) - math.Log(alpha-1)
		if d := math.Exp(log); d < best.Delta {
			best.Delta, best.Order = d, alpha
		}
	}
	return best, nil
}

func toEpsilon(r, alpha, delta float64) float64 {
	if delta*delta+math.Expm1(-r) > 0 {
		return 0
	}
	return max(0, r+math.Log1p(-1/alpha)-(math.Log(delta)+math.Log(alpha))/(alpha-1))
}

// golden returns where f is least between low and high, if it falls and then rises. Infinities to the right are stepped away from.
func golden(low, high float64, f func(float64) float64) float64 {
	const part, rounds = 0.6180339887498949, 36
	a, b := high-part*(high-low), low+part*(high-low)
	fa, fb := f(a), f(b)
	for range rounds {
		if fa <= fb || math.IsNaN(fb) {
			high, b, fb = b, a, fa
			a = high - part*(high-low)
			fa = f(a)
		} else {
			low, a, fa = a, b, fb
			b = low + part*(high-low)
			fb = f(b)
		}
	}
	if fa <= fb {
		return a
	}
	return b
}

func quoted(names []string) string { return fmt.Sprintf("%q", names) }
