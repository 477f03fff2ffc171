package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/internal/par"
)

// Person is somebody whose newest title was held out before any training.
type Person struct {
	Watches []Watch
	HeldOut string
}

// Case is one measurement: the held-out item among items this person has not watched.
type Case struct {
	History   []Example
	HeldOut   int
	Negatives []int
}

// Metrics are means over cases. HR10 is the share whose held-out item is among the first ten; NDCG10 discounts by rank.
type Metrics struct{ HR10, NDCG10 float64 }

// Cases draws, from the seed, n uniform negatives for each person out of the items that person has neither watched nor
// held out. People whose held-out item the model does not know, or with no known history, are left out.
func Cases(l Layout, people []Person, n int, seed uint64) ([]Case, error) {
	index := l.Index()
	var out []Case
	for who, p := range people {
		held, ok := index[p.HeldOut]
		history, _ := l.Examples(p.Watches)
		if !ok || len(history) == 0 {
			continue
		}
		taken := map[int]bool{held: true}
		for _, e := range history {
			taken[e.Item] = true
		}
		if len(l.Items)-len(taken) < n {
			return nil, fmt.Errorf("person %d has watched all but %d of %d titles, %d unseen ones are needed", who, len(l.Items)-len(taken), len(l.Items), n)
		}
		rng := rand.New(rand.NewPCG(seed, uint64(who)))
		c := Case{History: history, HeldOut: held}
		for len(c.Negatives) < n {
			if i := rng.IntN(len(l.Items)); !taken[i] {
				taken[i] = true
				c.Negatives = append(c.Negatives, i)
			}
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("nobody of %d people can be measured: no held-out title is in the catalogue", len(people))
	}
	return out, nil
}

// Evaluate measures a model. Ties count against it.
func Evaluate(s *Snapshot, cases []Case) (Metrics, error) {
	m, err := Open(s.Layout)
	if err != nil {
		return Metrics{}, err
	}
	ranks := make([]int, len(cases))
	errs := make([]error, len(cases))
	par.Do(len(cases), func(i int) {
		scorer, err := m.Scorer(s.Params, cases[i].History)
		if err != nil {
			errs[i] = err
			return
		}
		scores := make([]float32, len(s.Layout.Items))
		scorer.Scores(scores)
		ranks[i] = rank(scores, cases[i])
	})
	for _, err := range errs {
		if err != nil {
			return Metrics{}, err
		}
	}
	return average(ranks), nil
}

// EvaluatePopularity measures the baseline that knows nothing but how often each title was watched in the histories.
func EvaluatePopularity(l Layout, cases []Case) Metrics {
	counts := make([]float32, len(l.Items))
	for _, c := range cases {
		for _, e := range c.History {
			counts[e.Item]++
		}
	}
	ranks := make([]int, len(cases))
	for i, c := range cases {
		ranks[i] = rank(counts, c)
	}
	return average(ranks)
}

// rank is how many negatives stand before the held-out item; a score that is not a number stands behind everything.
func rank(scores []float32, c Case) int {
	n := 0
	for _, i := range c.Negatives {
		if !(scores[i] < scores[c.HeldOut]) {
			n++
		}
	}
	return n
}

func average(ranks []int) Metrics {
	var m Metrics
	for _, r := range ranks {
		if r < 10 {
			m.HR10 += 1 / float64(len(ranks))
			m.NDCG10 += 1 / math.Log2(float64(r)+2) / float64(len(ranks))
		}
	}
	return m
}
