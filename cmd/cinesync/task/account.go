package task

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/privacy/accountant"
)

// Account is what a task costs one device: unconditionally, and on a condition if the task asks for that figure too.
type Account struct {
	Epsilon        float64      `json:"epsilon"`
	Delta          float64      `json:"delta"`
	Unit           string       `json:"unit"`
	Sampling       string       `json:"sampling_assumption"`
	Rho            float64      `json:"rho"`
	Multiplier     float64      `json:"noise_multiplier"` // z of a round
	Participations int          `json:"participations"`   // most rounds of one device
	Popularity     float64      `json:"popularity_noise_multiplier,omitempty"`
	Formula        string       `json:"formula"`
	Conditional    *Conditional `json:"conditional,omitempty"`
}

// Conditional is a figure that holds only on its condition.
type Conditional struct {
	Epsilon   float64 `json:"epsilon"`
	Rate      float64 `json:"rate"`
	Condition string  `json:"condition"`
	Formula   string  `json:"formula"`
}

const (
	unit     = "one person, their whole history, add or remove, all rounds"
	sampling = "none: no amplification by sampling is counted"
)

// rho splits the budget: what one round and the popularity question may cost.
func (t *Task) rho() (round, question float64, err error) {
	p := float64(t.Participations())
	if z := t.Noise.Multiplier; z > 0 {
		round = 1 / (2 * z * z)
		return round, round * p * t.Popularity.Share / (1 - t.Popularity.Share), nil
	}
	all, err := privacy.LargestRho(t.Noise.Epsilon, t.Noise.Delta)
	if err != nil {
		return 0, 0, bad("noise.epsilon", "is %v: %v", t.Noise.Epsilon, err)
	}
	return all * (1 - t.Popularity.Share) / p, all * t.Popularity.Share, nil
}

// Participations is the most rounds of one device.
func (t *Task) Participations() int {
	if t.Rounds.Participations > 0 {
		return t.Rounds.Participations
	}
	return t.Rounds.Count
}

// price fixes the noise and charges it as ledgers do, in whole units.
func (t *Task) price(out *Terms, people int) error {
	round, question, err := t.rho()
	if err != nil {
		return err
	}
	each, sigma, err := charge(out.Grid.CInt, round)
	if err != nil {
		return err
	}
	out.SigmaTotSq = sigma
	all := each * privacy.Units(t.Participations())
	if out.Question.Asked {
		once, sigma, err := charge(out.Question.CInt, question)
		if err != nil {
			return err
		}
		out.Question.SigmaTotSq = sigma
		all += once
	}
	eps, _, err := privacy.Epsilon(all.Rho(), t.Noise.Delta)
	if err != nil {
		return err
	}
	if want := t.Noise.Epsilon; want > 0 && eps > want*(1+1e-9) {
		return fmt.Errorf("account: ε = %v came out above the %v that was wanted", eps, want) // a bug, and not to be printed
	}
	out.Account = &Account{Epsilon: eps, Delta: t.Noise.Delta, Unit: unit, Sampling: sampling, Rho: all.Rho(), Multiplier: out.Noise(),
		Participations: t.Participations(), Formula: "zCDP, converted by Canonne, Kamath, Steinke (arXiv 2004.00010)"}
	if out.Question.Asked {
		out.Account.Popularity = math.Sqrt(float64(out.Question.SigmaTotSq)) / float64(out.Question.CInt)
	}
	out.Account.Conditional, err = t.Conditional(out, people, t.Rounds.Count)
	return err
}

// charge finds the noise of at most ρ on a grid, and its price in whole units.
func charge(cInt uint32, rho float64) (privacy.Units, uint64, error) {
	most, err := privacy.ToUnits(rho)
	if err != nil || most == 0 {
		return 0, 0, fmt.Errorf("a round of ρ = %v is less than ledgers count: ask for more ε or fewer rounds", rho)
	}
	sigma, err := privacy.LeastNoise(cInt, most)
	if err != nil {
		return 0, 0, err
	}
	units, err := privacy.Charge(cInt, sigma)
	return units, sigma, err
}

// Conditional is the figure after so many rounds under honest Poisson sampling: nil where it was not asked for, or nobody is left out of a round.
// The rate is the task's for so many people in the data; the popularity question, which asks everybody, is composed with the rounds.
func (t *Task) Conditional(terms *Terms, people, rounds int) (*Conditional, error) {
	all := people
	if t.Population.People > 0 {
		all = t.Population.People
	}
	rate := float64(terms.Members) / float64(all)
	if t.Noise.Conditional == "" || rate >= 1 {
		return nil, nil
	}
	f, err := subsampled(terms, rate, rounds, t.Noise.Delta)
	if err != nil {
		return nil, fmt.Errorf("conditional figure: %w", err)
	}
	return &Conditional{Epsilon: f.Epsilon, Rate: rate, Formula: f.Formula,
		Condition: fmt.Sprintf("only if the coordinator draws each round by honest Poisson sampling at rate %.4g and hides who was drawn", rate)}, nil
}

// subsampled composes so many sampled rounds and the popularity question.
func subsampled(terms *Terms, rate float64, rounds int, delta float64) (accountant.Figure, error) {
	curve, err := accountant.Subsampled(terms.Noise(), rate)
	if err == nil {
		curve, err = curve.Times(rounds)
	}
	if err != nil {
		return accountant.Figure{}, err
	}
	if terms.Question.Asked {
		once, err := accountant.Gaussian(terms.Account.Popularity)
		if err != nil {
			return accountant.Figure{}, err
		}
		curve = curve.Plus(once)
	}
	return curve.LeastEpsilon(delta)
}
