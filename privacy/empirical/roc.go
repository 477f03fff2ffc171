package empirical

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Membership is how well scores tell members from others: higher should mean member.
type Membership struct {
	Members, Others int
	AUC             float64 // chance that a member scores above another; ties count half; 0.5 is guessing
	Low, High       float64 // of AUC, by DeLong's variance and a normal law; approximate for few people
	members, others []float64
}

// Point is one threshold: the share of others who are called members, and of members who are.
type Point struct{ FalseAlarm, Hit float64 }

// NewMembership compares scores of those who were in with those of the others. There are at least two of each.
func NewMembership(scores []float64, in []bool) (Membership, error) {
	if len(scores) != len(in) || len(scores) > MaxCanaries {
		return Membership{}, fmt.Errorf("membership: %d scores for %d people, at most %d", len(scores), len(in), MaxCanaries)
	}
	for i, s := range scores {
		if math.IsNaN(s) {
			return Membership{}, fmt.Errorf("membership: score %d is not a number", i)
		}
	}
	m := Membership{}
	m.members, m.others = split(scores, in)
	m.Members, m.Others = len(m.members), len(m.others)
	if m.Members < 2 || m.Others < 2 {
		return Membership{}, errors.New("membership: want two members and two others at least")
	}
	slices.Sort(m.members)
	slices.Sort(m.others)
	mean, squares := moments(beats(m.members, m.others))
	_, squaresOthers := moments(beats(m.others, m.members))
	m.AUC = mean
	deviation := math.Sqrt(squares/float64(m.Members-1)/float64(m.Members) + squaresOthers/float64(m.Others-1)/float64(m.Others))
	const normal95 = 1.959964
	m.Low, m.High = max(0, mean-normal95*deviation), min(1, mean+normal95*deviation)
	return m, nil
}

// beats gives for each of a the share of b below it, ties half. Both are sorted.
func beats(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i, x := range a {
		below, _ := slices.BinarySearch(b, x)
		upTo, _ := slices.BinarySearchFunc(b, x, func(y, x float64) int {
			if y <= x {
				return -1
			}
			return 1
		})
		out[i] = (float64(below) + float64(upTo)) / 2 / float64(len(b))
	}
	return out
}

// At is the share of members found by the threshold that lets at most a share of falseAlarms of the others through, with its
// limits, and how many others it does let through. The threshold is chosen on the same scores, in the attacker's favour.
func (m Membership) At(falseAlarms, significance float64) (found Rate, wrong int, err error) {
	if !(falseAlarms >= 0 && falseAlarms <= 1) {
		return Rate{}, 0, fmt.Errorf("membership: a share of %v false alarms does not lie between 0 and 1", falseAlarms)
	}
	allowed := int(falseAlarms*float64(m.Others) + 1e-9)
	threshold := math.Inf(-1)
	if allowed < m.Others {
		threshold = m.others[m.Others-1-allowed] // members above it are found
	}
	found, err = NewRate(above(m.members, threshold), m.Members, significance)
	return found, above(m.others, threshold), err
}

// above counts the scores of a sorted list above a threshold.
func above(sorted []float64, threshold float64) int {
	n := 0
	for i := len(sorted) - 1; i >= 0 && (sorted[i] > threshold || math.IsInf(threshold, -1)); i-- {
		n++
	}
	return n
}

// Curve is the receiver operating characteristic: a point for each threshold, from (0, 0) to (1, 1).
func (m Membership) Curve() []Point {
	points := []Point{{}}
	i, j := m.Members-1, m.Others-1
	for i >= 0 || j >= 0 {
		at := math.Inf(-1)
		if i >= 0 {
			at = m.members[i]
		}
		if j >= 0 {
			at = max(at, m.others[j])
		}
		for i >= 0 && m.members[i] >= at {
			i--
		}
		for j >= 0 && m.others[j] >= at {
			j--
		}
		points = append(points, Point{float64(m.Others-1-j) / float64(m.Others), float64(m.Members-1-i) / float64(m.Members)})
	}
	return points
}
