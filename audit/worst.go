package audit

import (
	"math"
	"math/bits"
	"slices"
)

// ledger is the population ledger of one period.
type ledger struct {
	questions map[[32]byte]*account
	spent     map[[32]byte]bool // questions with a BudgetExhausted
	high, low uint64            // the accounts' figures added up
}

func newLedger() ledger {
	return ledger{questions: map[[32]byte]*account{}, spent: map[[32]byte]bool{}}
}

// take counts a round, and returns what one device can have spent on its question, and in all. The ceiling caps neither, so that passing
// it is seen.
func (l *ledger) take(rules *Rules, question [32]byte, c RoundCost, p, b uint32) (onQuestion, inAll uint64) {
	acc := l.questions[question]
	if acc == nil {
		acc = newAccount(p, b)
		l.questions[question] = acc
	}
	before := acc.most
	acc.take(rules, c, p, b)
	l.high, l.low = l.swapped(before, acc.most)
	return acc.most, l.bound()
}

// wouldTake is what take would return.
func (l *ledger) wouldTake(rules *Rules, question [32]byte, c RoundCost, p, b uint32) (onQuestion, inAll uint64) {
	acc, before := newAccount(p, b), uint64(0)
	if old := l.questions[question]; old != nil {
		acc, before = old.copied(), old.most
	}
	acc.take(rules, c, p, b)
	next := *l
	next.high, next.low = l.swapped(before, acc.most)
	return acc.most, next.bound()
}

// swapped is the sum with one figure in the place of another.
func (l *ledger) swapped(before, after uint64) (high, low uint64) {
	low, borrow := bits.Sub64(l.low, before, 0)
	low, carry := bits.Add64(low, after, 0)
	return l.high - borrow + carry, low
}

// bound is the most that any one device can have spent: questions add up.
func (l *ledger) bound() uint64 {
	if l.high > 0 {
		return math.MaxUint64
	}
	return l.low
}

// account is what rounds of one question have cost. Its figure is Rules.WorstCase of its rounds; computed afresh for every round that would
// take a time that grows as the cube of their number, so an account keeps what the next round needs.
type account struct {
	rounds []RoundCost
	p, b   uint32 // of rounds that differ, the widest
	most   uint64 // the figure

	// sums[i][j] is the most spent in at most j of the first far+i rounds; a longer list would repeat its last number. Of the rounds
	// before far, each lies at least b before the last round and so before every later one. No list is changed once it is made.
	sums   [][]uint64
	far    int
	afresh bool // the rounds do not rise, or sums would grow too large: Rules.WorstCase computes every figure
}

// maxSums bounds the numbers that an account keeps. Only a log that was made to be slow, with a wide b and a large P, comes near.
const maxSums = 1 << 20

func newAccount(p, b uint32) *account { return &account{p: p, b: b, sums: [][]uint64{{0}}} }

func (acc *account) copied() *account {
	out := *acc
	out.rounds, out.sums = slices.Clip(acc.rounds), slices.Clip(acc.sums)
	return &out
}

func (acc *account) take(rules *Rules, c RoundCost, p, b uint32) {
	if p > acc.p || b < acc.b { // other terms make other sums
		wider := newAccount(max(acc.p, p), min(acc.b, b))
		for _, c := range acc.rounds {
			wider.add(c)
		}
		*acc = *wider
	}
	acc.add(c)
	if acc.afresh {
		acc.most = rules.WorstCase(acc.rounds, acc.p, acc.b, math.MaxUint64)
	}
}

func (acc *account) add(c RoundCost) {
	n := len(acc.rounds)
	acc.afresh = acc.afresh || n > 0 && c.Round < acc.rounds[n-1].Round
	acc.rounds = append(acc.rounds, c)
	if acc.afresh {
		acc.sums = nil
		return
	}
	for acc.far < n && c.Round-acc.rounds[acc.far].Round >= uint64(acc.b) {
		acc.far++
		acc.sums = acc.sums[1:]
	}
	sums := withRound(acc.sums[len(acc.sums)-1], acc.sums[0], c.Units, acc.p)
	acc.sums = append(acc.sums, sums)
	acc.most = sums[len(sums)-1]
	acc.afresh = len(acc.sums)*len(sums) > maxSums
}

// withRound gives the sums of one round more: it is left out (last), or taken on top of rounds that are far enough before it.
func withRound(last, far []uint64, units uint64, p uint32) []uint64 {
	sums := make([]uint64, max(len(last), 1+int(min(uint64(p), uint64(len(far))))))
	for j := 1; j < len(sums); j++ {
		taken := addCapped(far[min(j, len(far))-1], units)
		sums[j] = max(last[min(j, len(last)-1)], taken)
	}
	for len(sums) > 1 && sums[len(sums)-1] == sums[len(sums)-2] {
		sums = sums[:len(sums)-1]
	}
	return sums
}
