package model

import (
	"errors"
	"fmt"
	"math"
)

// PopularityFunction is the name of a local function that trains nothing: a device answers with the titles of its history, and the sum
// says how many watched each (docs/spec/privacy.md 14).
const PopularityFunction = "popularity"

// Popularity is that function. It has no parameters.
func Popularity() Local { return Local{Name: PopularityFunction, Version: 1} }

// Count writes the answer to the popularity question (one place a title of the layout): 1/√n for each of the n different titles of a
// history, so that its length is 1 whoever answers, and 0 for all others.
func Count(dst []float32, history []Example) error {
	clear(dst)
	n := 0
	for _, e := range history {
		if e.Item < 0 || e.Item >= len(dst) {
			return fmt.Errorf("count titles: item %d of a history, the layout has %d", e.Item, len(dst))
		}
		if dst[e.Item] == 0 {
			n++
		}
		dst[e.Item] = 1
	}
	if n == 0 {
		return errors.New("count titles: the history is empty")
	}
	each := float32(1 / math.Sqrt(float64(n)))
	for i, v := range dst {
		dst[i] = v * each
	}
	return nil
}

// Histogram is what a round of the popularity question gave: the sum of the answers, one place a title, with the noise in it.
type Histogram struct {
	Sum   []float32
	Noise float64 // standard deviation of each place's noise
	// Floor is added to each place before the logarithm, after what lies below 0 was raised to it: what cannot be told from noise must
	// not look rare. 0: the noise's standard deviation, and 1 at least.
	Floor    float64
	Strength float32 // multiplies the logarithms; 0: 1
}

// Apply is the coordinator's step for such a round: the model with its title biases set to the histogram's logarithms less their
// mean, and nothing else changed.
func (h Histogram) Apply(s *Snapshot) (*Snapshot, error) {
	at, n, ok := s.Layout.Offset("b")
	switch {
	case !ok || n != len(s.Layout.Items):
		return nil, fmt.Errorf("popularity: family %q has no bias for each title", s.Layout.Family)
	case len(h.Sum) != n || len(s.Params) != s.Layout.Size():
		return nil, fmt.Errorf("popularity: a histogram of %d places for %d titles", len(h.Sum), n)
	case finite(h.Sum) >= 0:
		return nil, fmt.Errorf("popularity: place %d of the histogram is not finite", finite(h.Sum))
	}
	floor, strength := h.Floor, h.Strength
	if floor == 0 {
		floor = max(1, h.Noise)
	}
	if strength == 0 {
		strength = 1
	}
	if !(floor > 0) || math.IsInf(floor, 1) || !(strength > 0 && strength <= 100) {
		return nil, fmt.Errorf("popularity: floor %v and strength %v, want positive numbers, the strength at most 100", floor, strength)
	}
	logs, mean := make([]float64, n), 0.
	for i, v := range h.Sum {
		logs[i] = math.Log(max(0, float64(v)) + floor)
		mean += logs[i] / float64(n)
	}
	out := &Snapshot{Layout: s.Layout, Params: append([]float32(nil), s.Params...)}
	for i, v := range logs {
		out.Params[at+i] = strength * float32(v-mean)
	}
	return out, nil
}
