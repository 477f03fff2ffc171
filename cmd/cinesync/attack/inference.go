package attack

import (
	"math"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy/empirical"
	"github.com/cinesync/cinesync/sim/canary"
)

// recent is how many of a person's last titles the attack by loss asks about.
const recent = 5

// byLoss is the attack of somebody who has the served model and a history: how much more probable than at the start has the
// model made this person's last titles, given those before?
func (p *population) byLoss(served *model.Snapshot) ([]float64, error) {
	before, err := p.losses(p.start)
	if err != nil {
		return nil, err
	}
	after, err := p.losses(served)
	if err != nil {
		return nil, err
	}
	for i := range before {
		before[i] -= after[i]
	}
	return before, nil
}

// losses are the mean cross-entropies of each person's recent titles, in nats.
func (p *population) losses(s *model.Snapshot) ([]float64, error) {
	m, err := model.Open(s.Layout)
	if err != nil {
		return nil, err
	}
	out, errs := make([]float64, len(p.people)), make([]error, len(p.people))
	par.Do(len(p.people), func(i int) {
		history, _ := s.Layout.Examples(p.people[i])
		cut := max(1, len(history)-recent)
		if cut >= len(history) {
			return // too little is known of this person's titles to say anything
		}
		scorer, err := m.Scorer(s.Params, history[:cut])
		if err != nil {
			errs[i] = err
			return
		}
		scores := make([]float32, len(s.Layout.Items))
		scorer.Scores(scores)
		all := logSum(scores)
		for _, e := range history[cut:] {
			out[i] += (all - float64(scores[e.Item])) / float64(len(history)-cut)
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// logSum returns ln Σ e^x.
func logSum(x []float32) float64 {
	most, sum := math.Inf(-1), 0.0
	for _, v := range x {
		most = max(most, float64(v))
	}
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

// byUpdate is the attack of somebody who sees every round's mean update and knows everybody's history, though not the coins of
// their devices: the update that each history would give, less what all have in common, laid along the mean that was published.
func (f *federation) byUpdate(seed uint64, progress func() error) ([]float64, error) {
	scores := make([]float64, len(f.p.people))
	for round, step := range f.steps {
		guessed, err := f.updates(step.model, f.p.people, seed, round)
		if err != nil {
			return nil, err
		}
		common := average(guessed)
		par.Do(len(guessed), func(i int) {
			own := guessed[i]
			for j, v := range common {
				own[j] -= v
			}
			if norm := math.Sqrt(empirical.Dot(own, own)); norm > 0 {
				scores[i] += empirical.Dot(own, step.mean) / norm
			}
		})
		if err := progress(); err != nil {
			return nil, err
		}
	}
	return scores, nil
}

func average(vectors [][]float32) []float32 {
	sum := make([]float64, len(vectors[0]))
	for _, v := range vectors {
		for j, x := range v {
			sum[j] += float64(x)
		}
	}
	out := make([]float32, len(sum))
	for j, x := range sum {
		out[j] = float32(x / float64(len(vectors)))
	}
	return out
}

// membership turns scores into figures.
func (p *population) membership(scores []float64) (Inference, error) {
	m, err := empirical.NewMembership(scores, p.in)
	if err != nil {
		return Inference{}, err
	}
	bound, err := empirical.LowerBound(empirical.Centred(scores), p.in, empirical.Ladder(len(scores)), Delta, canary.Significance)
	if err != nil {
		return Inference{}, err
	}
	return inference(m, bound)
}
