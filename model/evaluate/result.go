package evaluate

import (
	"math"
	"slices"
)

// cuts are the lengths of lists at which hits are counted.
var cuts = []int{1, 5, 10, 20, 50}

// Cut is what lists of K titles do. With one title held out from each user, recall is the hit rate.
type Cut struct {
	K      int     `json:"k"`
	HR     float64 `json:"hr"`
	NDCG   float64 `json:"ndcg"`
	Recall float64 `json:"recall"`
}

// Ranking is one protocol's figures, means over the users judged. HR10 is the share of users whose held-out title is among
// the first ten; NDCG10 discounts by 1/log2(rank+1); MRR is the mean of 1/rank, uncut. Ranks count from 1.
type Ranking struct {
	Users  int      `json:"users"`
	HR10   Estimate `json:"hr10"`
	NDCG10 Estimate `json:"ndcg10"`
	MRR    Estimate `json:"mrr"`
	Cuts   []Cut    `json:"cuts,omitempty"`
}

// Result is what a judge found.
type Result struct {
	Uniform  Ranking   `json:"uniform"`
	Matched  Ranking   `json:"matched"`
	Full     Ranking   `json:"full"`
	Lists    Lists     `json:"lists"`
	Segments []Segment `json:"segments"`
	// NotNumbers is how many users got a score that is not a number. Such scores count against the model.
	NotNumbers int `json:"not_numbers"`

	seats []Place
}

func (j *Judge) result(seats []Place) *Result {
	r := &Result{seats: seats, Lists: j.lists(seats)}
	all := make([]int, len(seats))
	for i := range all {
		all[i] = i
		if seats[i].NotNumber {
			r.NotNumbers++
		}
	}
	r.Uniform, r.Matched, r.Full = rankings(seats, all)
	for _, f := range []*Ranking{&r.Uniform, &r.Matched, &r.Full} {
		f.Cuts = atCuts(ranksOf(seats, all, f == &r.Uniform, f == &r.Matched))
	}
	for _, p := range j.parts {
		s := Segment{By: p.by, Name: p.name}
		s.Uniform, s.Matched, s.Full = rankings(seats, p.cases)
		r.Segments = append(r.Segments, s)
	}
	return r
}

// rankings judges some of the cases under each protocol.
func rankings(seats []Place, cases []int) (uniform, matched, full Ranking) {
	return ranking(ranksOf(seats, cases, true, false)), ranking(ranksOf(seats, cases, false, true)), ranking(ranksOf(seats, cases, false, false))
}

func ranksOf(seats []Place, cases []int, uniform, matched bool) []int {
	out := make([]int, len(cases))
	for n, i := range cases {
		switch {
		case uniform:
			out[n] = seats[i].Uniform
		case matched:
			out[n] = seats[i].Matched
		default:
			out[n] = seats[i].Full
		}
	}
	return out
}

// ranking averages over ranks from 0.
func ranking(ranks []int) Ranking {
	return Ranking{Users: len(ranks), HR10: share(ranks, 10), NDCG10: meanOf(gains(ranks, 10)), MRR: meanOf(reciprocals(ranks))}
}

func atCuts(ranks []int) []Cut {
	var out []Cut
	for _, k := range cuts {
		hr := share(ranks, k).Mean
		out = append(out, Cut{K: k, HR: hr, NDCG: meanOf(gains(ranks, k)).Mean, Recall: hr})
	}
	return out
}

func gains(ranks []int, k int) []float64 {
	out := make([]float64, len(ranks))
	for i, r := range ranks {
		if r < k {
			out[i] = 1 / math.Log2(float64(r)+2)
		}
	}
	return out
}

func reciprocals(ranks []int) []float64 {
	out := make([]float64, len(ranks))
	for i, r := range ranks {
		out[i] = 1 / (float64(r) + 1)
	}
	return out
}

// Difference is one result less another on the same users, pair by pair.
type Difference struct {
	Uniform Estimate `json:"ndcg10"`
	Matched Estimate `json:"matched_ndcg10"`
	Full    Estimate `json:"full_ndcg10"`
}

// Over gives the mean differences of NDCG10 to another result of the same judge, with intervals over users.
func (r *Result) Over(other *Result) Difference {
	all := make([]int, min(len(r.seats), len(other.seats)))
	for i := range all {
		all[i] = i
	}
	less := func(uniform, matched bool) Estimate {
		a, b := gains(ranksOf(r.seats, all, uniform, matched), 10), gains(ranksOf(other.seats, all, uniform, matched), 10)
		for i := range a {
			a[i] -= b[i]
		}
		return meanOf(a)
	}
	return Difference{Uniform: less(true, false), Matched: less(false, true), Full: less(false, false)}
}

// Losses names the protocols under which a result has no more NDCG10 than another one.
func (r *Result) Losses(other *Result) []string {
	var out []string
	for _, p := range []struct {
		name         string
		mine, theirs float64
	}{
		{"uniform negatives", r.Uniform.NDCG10.Mean, other.Uniform.NDCG10.Mean},
		{"negatives by popularity", r.Matched.NDCG10.Mean, other.Matched.NDCG10.Mean},
		{"full ranking", r.Full.NDCG10.Mean, other.Full.NDCG10.Mean},
	} {
		if p.mine <= p.theirs {
			out = append(out, p.name)
		}
	}
	return slices.Clip(out)
}
