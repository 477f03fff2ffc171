package accountant

import (
	"fmt"
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

// composed is the sum of independent losses, tilted: the mass at (low+i)·h is mass[i]·e^(scale − tilt·(low+i)·h). With the tilt that makes
// the losses of interest likely, rounding in the transform is relative to them, however small δ is.
type composed struct {
	loss
	tilt, scale float64
	missed      float64 // tilted mass that may lie outside or have been wrapped around
}

// logMissed is ln of the tilted mass that a window leaves out on each side.
const logMissed = -36.0

// Where the tilts of Chernoff bounds are looked for, as logarithms.
const leastTilt, mostTilt = -18.0, 16.0

// sharpest returns the μ > 0 at which (n·K(side·μ) + log)/μ is least, K the logarithm of the moment: that least value bounds the sum of
// n losses (side 1), or of their negatives (side −1), up to a mass of e^−log.
func (l loss) sharpest(n int, log, side float64) float64 {
	return math.Exp(golden(leastTilt, mostTilt, func(x float64) float64 {
		mu := math.Exp(x)
		return (float64(n)*l.logMoment(side*mu) + log) / mu
	}))
}

// steepest returns the μ at which Chernoff's bound on the mass beyond eps is least.
func (l loss) steepest(n int, eps float64) float64 {
	return math.Exp(golden(leastTilt, mostTilt, func(x float64) float64 {
		mu := math.Exp(x)
		return float64(n)*l.logMoment(mu) - mu*eps
	}))
}

// steepestTilt is a tilt at which e^(tilt·loss) still fits a float over the whole grid. A steeper one only serves where ε is the largest
// loss, and weights would overflow one point below it.
func (l loss) steepestTilt() float64 {
	l = l.trimmed()
	return (700 - math.Log(l.mass[len(l.mass)-1])) / (l.h * float64(max(len(l.mass)-1, 1)))
}

// compose adds n independent losses. The window is the part of the grid outside of which Chernoff's bound leaves a tilted mass of
// e^logMissed on either side; the cyclic convolution wraps that much around, and missed counts it.
func (l loss) compose(n int, tilt float64) (composed, error) {
	tilt = min(tilt, l.steepestTilt())
	one := l.logMoment(tilt)
	if math.IsInf(one, 0) || math.IsNaN(one) {
		tilt, one = 0, l.logMoment(0)
	}
	t := loss{h: l.h, low: l.low, mass: make([]float64, len(l.mass))}
	for i, m := range l.mass {
		if m > 0 {
			t.mass[i] = math.Exp(math.Log(m) + tilt*float64(l.low+i)*l.h - one)
		}
	}
	t = t.trimmed()
	c := composed{tilt: tilt, scale: float64(n) * one}
	c.infinite = -math.Expm1(float64(n) * math.Log1p(-l.infinite))
	if n == 1 {
		c.loss.h, c.low, c.mass = l.h, t.low, t.mass
		return c, nil
	}
	from, to := t.window(n)
	span := to - from + 1
	if !(span >= 1) || from <= -mostPlace {
		return c, InputError{"discretisation", l.h,
			fmt.Sprintf("a narrower grid or more noise: where the sum of all steps lies cannot be told on this one (from %.4g to %.4g)", from, to)}
	}
	if span > MaxSupport {
		return c, InputError{"discretisation", l.h,
			fmt.Sprintf("at least %.2g: the sum of all steps spans %.4g points, and a grid has at most %d", l.h*span/MaxSupport*1.01, span, MaxSupport)}
	}
	low, points := int(from), int(span)
	c.loss.h, c.low, c.missed = l.h, low, 2*math.Exp(logMissed)
	c.mass = t.power(n, low, points)
	return c, nil
}

// trimmed drops points without mass from both ends: bounds from moments would fall into them.
func (l loss) trimmed() loss {
	for len(l.mass) > 1 && l.mass[len(l.mass)-1] == 0 {
		l.mass = l.mass[:len(l.mass)-1]
	}
	for len(l.mass) > 1 && l.mass[0] == 0 {
		l.mass, l.low = l.mass[1:], l.low+1
	}
	return l
}

// mostPlace bounds the places of points: up to it floats are whole numbers.
const mostPlace = 1 << 53

// window returns the first and the last point that the sum of n losses needs, as floats: an end may be far outside what an int holds, or
// no number at all.
func (l loss) window(n int) (low, high float64) {
	end := func(side float64) float64 {
		mu := l.sharpest(n, -logMissed, side)
		return (float64(n)*l.logMoment(side*mu)-logMissed)/mu/l.h + 1
	}
	least, most := float64(n)*float64(l.low), float64(n)*float64(l.low+len(l.mass)-1)
	return max(least, math.Floor(-end(-1))), min(most, math.Ceil(end(1)))
}

// power returns points of the n-fold convolution from low on, by a discrete Fourier transform. Rounding below zero is cut off.
func (l loss) power(n, low, points int) []float64 {
	size := fast(points)
	in := make([]float64, size)
	for i, m := range l.mass {
		in[mod(l.low+i, size)] += m
	}
	fft := fourier.NewFFT(size)
	coefs := fft.Coefficients(nil, in)
	for i, c := range coefs {
		coefs[i] = cmplx.Pow(c, complex(float64(n), 0))
	}
	fft.Sequence(in, coefs)
	out := make([]float64, points)
	for i := range out {
		out[i] = max(in[mod(low+i, size)]/float64(size), 0)
	}
	return out
}

func mod(i, n int) int { return ((i % n) + n) % n }

// fast returns the least 2^a, 3·2^a or 5·2^a of at least n: sizes that the transform is quick at.
func fast(n int) int {
	best := math.MaxInt
	for _, odd := range []int{1, 3, 5} {
		size := odd * 2
		for size < n {
			size *= 2
		}
		best = min(best, size)
	}
	return best
}

// weight turns a tilted mass at point i into a mass.
func (c composed) weight(i int) float64 { return math.Exp(c.scale - c.tilt*float64(c.low+i)*c.h) }

// delta is Σ mass·(1 − e^(ε − loss)) over losses above eps, and what was lost on the way.
func (c composed) delta(eps float64) float64 {
	sum := c.infinite + c.missed*math.Exp(c.scale-c.tilt*eps)
	for i := max(int(math.Floor(eps/c.h))-c.low, 0); i < len(c.mass); i++ {
		if x := float64(c.low+i) * c.h; x > eps && c.mass[i] > 0 {
			sum += c.mass[i] * c.weight(i) * -math.Expm1(eps-x)
		}
	}
	return sum
}

// epsilon walks down from the largest loss until δ is passed. From one point to the next, with S the mass so far, δ becomes
// S(1 − e^−h) + δe^−h: sums of what is positive.
func (c composed) epsilon(delta float64) float64 {
	var mass, lost float64
	before := math.Inf(1) // δ at the point above
	for i := len(c.mass) - 1; i >= -c.low; i-- {
		w := c.weight(i)
		now := lost + c.infinite + c.missed*w
		if now > delta {
			if math.IsInf(before, 1) {
				return before // even the largest loss leaves too much
			}
			// Between points δ is linear in e^ε.
			return float64(c.low+i)*c.h + math.Log1p((now-delta)/(now-before)*math.Expm1(c.h))
		}
		before = now
		if i >= 0 && c.mass[i] > 0 {
			mass += c.mass[i] * w
		}
		lost = mass*-math.Expm1(-c.h) + lost*math.Exp(-c.h)
	}
	return 0
}
