package privacy

import (
	"fmt"
	"math/bits"
)

// wholeShare is all of a ceiling, in basis points.
const wholeShare = 10000

// Share returns a question's part of a ceiling in basis points, rounded down; 10000 and more are all of it (docs/spec/log.md 3.3).
func Share(ceiling Units, bp uint32) Units {
	if bp >= wholeShare {
		return ceiling
	}
	high, low := bits.Mul64(uint64(ceiling), uint64(bp))
	part, _ := bits.Div64(high, low, wholeShare)
	return Units(part)
}

// CheckShare says whether d fits into its question's share of the ceiling in this period. The error wraps ErrShare.
func (l *Ledger) CheckShare(share Units, d Debit) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	spent := l.questions[d.Question].spent
	if sum, ok := spent.plus(d.Units); !ok || sum > share {
		return fmt.Errorf("charge round %d: %d of %d units spent on its question, %d more asked: %w", d.Round, spent, share, d.Units, ErrShare)
	}
	return nil
}
