package accountant

import (
	"fmt"
	"math"
)

// DefaultDiscretisation is the width of the grid of losses that known answers were computed with.
const DefaultDiscretisation = 1e-4

// MaxSupport is the most points of a grid. A composition takes some 64 bytes a point.
const MaxSupport = 1 << 21

const pldFormula = "privacy loss distribution, connect the dots, arXiv 2207.04380"

// PLD is the accountant by privacy loss distributions of Steps Gaussians of noise multiplier Noise on Poisson samples of rate Rate,
// neighbours adding or removing one member (design: privacy 7.7). Its figures err towards more; nothing published rests on them.
type PLD struct {
	Noise, Rate    float64
	Steps          int
	Discretisation float64 // width of the grid, in ε
}

// reach is the longest span of losses of one step.
func (p PLD) reach(tail float64) float64 {
	var most float64
	for _, add := range []bool{false, true} {
		low, high := pair{p.Noise, p.Rate, add}.span(tail)
		most = max(most, high-low)
	}
	return most
}

// mostReach bounds losses of one step: beyond it e^ε overflows.
const mostReach = 600

func (p PLD) check(tail float64) error {
	if err := first(checkNoise(p.Noise), checkRate(p.Rate), checkSteps(p.Steps), within("discretisation", p.Discretisation, 1e-9, 1)); err != nil {
		return err
	}
	if p.Rate == 0 {
		return nil
	}
	reach := p.reach(tail)
	if points := reach / p.Discretisation; !(points <= MaxSupport-2) {
		return InputError{"discretisation", p.Discretisation,
			fmt.Sprintf("at least %.2g for this noise: losses of one step span %.4g, and a grid has at most %d points", reach/MaxSupport*1.01, reach, MaxSupport)}
	}
	if !(reach <= mostReach) {
		return InputError{"noise_multiplier", p.Noise, fmt.Sprintf("more noise: losses of one step span %.4g, beyond what e^ε can hold", reach)}
	}
	return nil
}

// Epsilon returns the least ε of the grid's curve at delta.
func (p PLD) Epsilon(delta float64) (Figure, error) {
	if err := checkDelta(delta); err != nil {
		return Figure{}, err
	}
	f := Figure{Delta: delta, Formula: pldFormula}
	tail := delta * 1e-10 / float64(max(p.Steps, 1)) // so that all steps together lose a 10^−10th of δ
	if err := p.check(tail); err != nil || p.Rate == 0 {
		return f, err
	}
	for _, add := range []bool{false, true} {
		l := pair{p.Noise, p.Rate, add}.discretise(p.Discretisation, tail)
		// The tilt at which Chernoff's bound on the loss is sharpest puts the figure where the arithmetic is.
		mu := l.sharpest(p.Steps, -math.Log(delta), 1)
		c, err := l.compose(p.Steps, mu)
		if err != nil {
			return f, err
		}
		eps := c.epsilon(delta)
		if err := finite("ε", eps); err != nil {
			return f, err
		}
		f.Epsilon = max(f.Epsilon, eps)
	}
	return f, nil
}

// gridTail is the mass that all steps together may lose where no δ is given.
const gridTail = 1e-30

// Delta returns the least δ of the grid's curve at eps.
func (p PLD) Delta(eps float64) (Figure, error) {
	f := Figure{Epsilon: eps, Formula: pldFormula}
	if err := first(checkEpsilon(eps), p.check(gridTail)); err != nil || p.Rate == 0 {
		return f, err
	}
	for _, add := range []bool{false, true} {
		l := pair{p.Noise, p.Rate, add}.discretise(p.Discretisation, gridTail/float64(p.Steps))
		mu := l.steepest(p.Steps, eps)
		c, err := l.compose(p.Steps, mu)
		if err != nil {
			return f, err
		}
		f.Delta = max(f.Delta, min(c.delta(eps), 1))
	}
	return f, nil
}
