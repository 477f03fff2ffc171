package privacy

import (
	"errors"
	"fmt"
)

// The hard stops of a ledger. Each is final for the round that met it.
var (
	ErrCeiling        = errors.New("the privacy budget of this period does not allow it")
	ErrParticipations = errors.New("this question has been answered as often as allowed in this period")
	ErrSpacing        = errors.New("too few rounds have passed since this question was last answered")
)

// Limits is the policy that a ledger stops at (design: privacy 8.2, 8.4). The zero value allows nothing.
type Limits struct {
	Ceiling        Units  // most to spend in a period, all questions together
	Participations uint32 // P: most answers to one question in a period
	Spacing        uint32 // b: least distance between two rounds of one question that are answered; 0 asks for none
}

// Stricter returns the stricter of both, limit by limit: a device keeps to the logged policy and to its own.
func (l Limits) Stricter(other Limits) Limits {
	return Limits{
		Ceiling:        min(l.Ceiling, other.Ceiling),
		Participations: min(l.Participations, other.Participations),
		Spacing:        max(l.Spacing, other.Spacing),
	}
}

// Check says whether d may be paid under limits, which may be stricter than the ledger's own (a question's). The error
// wraps ErrCeiling, ErrParticipations or ErrSpacing. A round before the last one answered is refused as too close.
func (l *Ledger) Check(limits Limits, d Debit) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.check(limits, d)
}

func (l *Ledger) check(limits Limits, d Debit) error {
	if d.Units == 0 {
		return fmt.Errorf("charge round %d: a charge must be at least 1 unit", d.Round)
	}
	used := l.questions[d.Question]
	sum, ok := l.spent.plus(d.Units)
	if !ok || sum > limits.Ceiling {
		return fmt.Errorf("charge round %d: %d of %d units spent, %d more asked: %w", d.Round, l.spent, limits.Ceiling, d.Units, ErrCeiling)
	}
	if used.times >= limits.Participations {
		return fmt.Errorf("charge round %d: %d of %d participations used: %w", d.Round, used.times, limits.Participations, ErrParticipations)
	}
	if !l.answered(d.Question) {
		return nil
	}
	if d.Round < used.lastRound || d.Round-used.lastRound < uint64(limits.Spacing) {
		return fmt.Errorf("charge round %d: last answered in round %d, the least distance is %d: %w",
			d.Round, used.lastRound, limits.Spacing, ErrSpacing)
	}
	return nil
}

// answered tells a question never answered from one last answered in round 0.
func (l *Ledger) answered(question [32]byte) bool {
	_, ok := l.questions[question]
	return ok
}
