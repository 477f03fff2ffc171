package accountant

import (
	"fmt"
	"math"
	"math/bits"
)

// Participation is who may take part when: at most Most of Steps rounds, at least Apart rounds from one to the next.
type Participation struct {
	Steps, Apart, Most int
}

// maxWork bounds the additions that one plan takes.
const maxWork = 1 << 30

func (p Participation) check() error {
	return first(whole("steps", p.Steps, 1, maxCoefs), whole("apart", p.Apart, 1, maxCoefs), whole("most", p.Most, 1, maxCoefs))
}

// rounds is the most that one member can take part in.
func (p Participation) rounds() int { return min(p.Most, (p.Steps-1)/p.Apart+1) }

// Strategy is a way of noising prefix sums, to compare before anything is built.
type Strategy struct {
	Name        string
	Sensitivity float64 // L2, in clips, of all that is noised
	Error       float64 // root mean square over steps of the noise in a prefix sum, in clips a coordinate, when all releases together cost 1/2 of ρ (z = 1); proportional to z
	Formula     string
}

func (s Strategy) String() string {
	return fmt.Sprintf("%s: error %.6g, sensitivity %.6g (%s)", s.Name, s.Error, s.Sensitivity, s.Formula)
}

// IndependentNoise is today's: fresh noise every round.
func IndependentNoise(p Participation) (Strategy, error) {
	if err := p.check(); err != nil {
		return Strategy{}, err
	}
	sensitivity := math.Sqrt(float64(p.rounds()))
	return Strategy{"independent", sensitivity, sensitivity * math.Sqrt(float64(p.Steps+1)/2), "√(k(n+1)/2)"}, nil
}

// TreeNoise adds noise to the nodes of a binary tree; a prefix sum takes as many nodes as its length has ones. At the level of nodes
// of 2^l steps a member is in at most min(k, ⌈2^l/apart⌉) rounds of one node, so that the level adds at most k times that to
// the square of the sensitivity. Exact for one round a member, a bound for more.
func TreeNoise(p Participation) (Strategy, error) {
	if err := p.check(); err != nil {
		return Strategy{}, err
	}
	k, square := p.rounds(), 0
	for l := range TreeDepth(p.Steps) {
		square += k * min(k, (1<<l-1)/p.Apart+1)
	}
	nodes := 0
	for t := 1; t <= p.Steps; t++ {
		nodes += bits.OnesCount(uint(t))
	}
	sensitivity := math.Sqrt(float64(square))
	return Strategy{"tree", sensitivity, sensitivity * math.Sqrt(float64(nodes)/float64(p.Steps)), "arXiv 2103.00039"}, nil
}

// BandedNoise correlates the noise of a round with that of bands−1 before it, by the first bands coefficients of the square root. They
// fall and are not negative, so the worst member takes part from the first round on, as often as it may (Kalinin, Lampert, arXiv
// 2405.13763, theorem 2).
func BandedNoise(p Participation, bands int) (Strategy, error) {
	if err := first(p.check(), whole("bands", bands, 1, p.Steps)); err != nil {
		return Strategy{}, err
	}
	if work := p.Steps * max(bands, p.rounds()); work > maxWork {
		return Strategy{}, InputError{"steps times bands", work, fmt.Sprintf("at most %d", maxWork)}
	}
	coefs, err := StrategyCoefs(bands)
	if err != nil {
		return Strategy{}, err
	}
	sensitivity := columnsNorm(coefs, p.Steps, p.Apart, p.rounds())
	return Strategy{fmt.Sprintf("banded, %d bands", bands), sensitivity, sensitivity * math.Sqrt(prefixError(coefs, p.Steps)), "arXiv 2405.13763"}, nil
}
