package evaluate

import (
	"math"

	"github.com/cinesync/cinesync/internal/par"
)

// Lists says what the lists of ten, out of the whole catalogue less the history, are like.
type Lists struct {
	// Coverage is the share of the catalogue that is in anybody's list.
	Coverage float64 `json:"coverage"`
	// Diversity is the mean over users of 1 − the mean cosine of two titles of a list.
	Diversity float64 `json:"diversity"`
	// Novelty is the mean of −log2 of the share of users who watched a listed title, in bits; a title that nobody watched
	// counts as watched once.
	Novelty float64 `json:"novelty"`
	// PopularityBias is the mean popularity of listed titles over that of what the same users watched, less 1: 0 says that
	// lists are as popular as histories, 1 twice so (the lift of Abdollahpouri et al. 2019).
	PopularityBias float64 `json:"popularity_bias"`
}

func (j *Judge) lists(seats []Place) Lists {
	diversity := make([]float64, len(seats))
	par.Do(len(seats), func(i int) { diversity[i] = j.diversity(seats[i].List) })
	var l Lists
	listed := make([]bool, len(j.counts))
	var different, titles, spread, pairs, shown, watched, people float64
	for i, s := range seats {
		var mine float64
		for _, item := range s.List {
			if !listed[item] {
				listed[item] = true
				different++
			}
			titles++
			l.Novelty -= math.Log2(float64(max(1, j.counts[item])) / float64(max(1, j.people)))
			mine += float64(j.counts[item])
		}
		if len(s.List) > 1 {
			spread += diversity[i]
			pairs++
		}
		if h := j.split.Train.Histories[j.split.Cases[i].User]; len(h) > 0 && len(s.List) > 0 {
			shown += mine / float64(len(s.List))
			watched += j.popularity(h)
			people++
		}
	}
	l.Coverage = different / float64(len(listed))
	if titles > 0 {
		l.Novelty /= titles
	}
	if pairs > 0 {
		l.Diversity = spread / pairs
	}
	if people > 0 && watched > 0 {
		l.PopularityBias = shown/watched - 1
	}
	return l
}

// popularity is the mean count of some titles.
func (j *Judge) popularity(items []int) float64 {
	sum := 0
	for _, item := range items {
		sum += j.counts[item]
	}
	return float64(sum) / float64(len(items))
}

func (j *Judge) diversity(list []int) float64 {
	var sum, pairs float64
	for a := range list {
		for b := range a {
			sum += j.similar.Cosine(list[a], list[b])
			pairs++
		}
	}
	if pairs == 0 {
		return 0
	}
	return 1 - sum/pairs
}
