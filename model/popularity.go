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

// MaxStrength bounds a histogram's Strength.
const MaxStrength = 100

// Check says whether a histogram with these terms, its sum aside, can become the biases of a model of this layout. Whoever asks the question
// asks this first: an answer that is of no use has cost privacy all the same.
func (h Histogram) Check(l Layout) error {
	for _, t := range l.Tensors {
		if t.Name == "b" && t.Group == 0 {
			return fmt.Errorf("popularity: the title biases of family %q are frozen", l.Family)
		}
	}
	if _, n, ok := l.Offset("b"); !ok || n != len(l.Items) {
		return fmt.Errorf("popularity: family %q has no bias for each title", l.Family)
	}
	if !(h.Noise >= 0) || math.IsInf(h.Noise, 1) || !(h.Floor >= 0) || math.IsInf(h.Floor, 1) || !(h.Strength >= 0 && h.Strength <= MaxStrength) {
		return fmt.Errorf("popularity: noise %v, floor %v and strength %v, want numbers that are not negative, the strength at most %d", h.Noise, h.Floor, h.Strength, MaxStrength)
	}
	return nil
}

// Apply is the coordinator's step for such a round: the model with its title biases set to the histogram's logarithms less their
// mean, and nothing else changed. A model in halves gives one in halves.
func (h Histogram) Apply(s *Snapshot) (*Snapshot, error) {
	if err := h.Check(s.Layout); err != nil {
		return nil, err
	}
	at, n, _ := s.Layout.Offset("b")
	switch {
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
	logs, mean := make([]float64, n), 0.
	for i, v := range h.Sum {
		logs[i] = math.Log(max(0, float64(v)) + floor)
		mean += logs[i] / float64(n)
	}
	out := &Snapshot{Layout: s.Layout, Params: append([]float32(nil), s.Params...)}
	for i, v := range logs {
		out.Params[at+i] = strength * float32(v-mean)
	}
	if s.Half {
		return out.InHalves()
	}
	return out, nil
}
