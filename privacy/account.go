package privacy

import (
	"cmp"
	"container/heap"
	"slices"
)

// account is what the rounds of one question can have cost one device: WorstCase of its rounds, extended a round at a time. Rounds
// that may all be answered (b of at most 1) want only the P dearest. Where two must lie apart, the best sums of the last b rounds
// are kept, and a round costs a time that grows with P.
type account struct {
	p, b   uint32 // of rounds that differ, the widest
	rounds []RoundCharge
	most   Units
	top    dearest // b ≤ 1
	base   []Units // b > 1: best sums of all rounds that lie at least b before the newest
	recent []prefix
	kept   int  // sums in recent
	plain  bool // the rounds do not rise, or too much would be kept: WorstCase computes every figure
}

// prefix is a round with the best sums over all rounds up to it: best[j] is the most in at most j of them. A longer list would
// repeat its last sum.
type prefix struct {
	round uint64
	best  []Units
}

// maxKept bounds the sums that an account keeps. Only a wide b together with a large P comes near.
const maxKept = 1 << 20

func newAccount(p, b uint32) *account { return &account{p: p, b: b, base: []Units{0}} }

// propose says what the account's figure becomes with one round more, whose number is new; take makes it so. A sum that does not fit is
// the largest number.
func (a *account) propose(c RoundCharge, p, b uint32) (most Units, take func()) {
	if p > a.p || b < a.b {
		wider := a.rebuilt(max(a.p, p), min(a.b, b))
		most, take := wider.propose(c, wider.p, wider.b)
		return most, func() { take(); *a = *wider }
	}
	var change func()
	switch {
	case a.b <= 1:
		most, change = a.top.propose(a.most, c.Units, a.p)
	case a.plain || len(a.recent) > 0 && c.Round <= a.recent[len(a.recent)-1].round:
		most = WorstCase(append(slices.Clip(a.rounds), c), a.p, a.b, maxUnits)
		change = func() { a.plain, a.base, a.recent = true, nil, nil }
	default:
		most, change = a.extend(c)
	}
	return most, func() { change(); a.most, a.rounds = most, append(a.rounds, c) }
}

// rebuilt is the account of the same rounds under other terms.
func (a *account) rebuilt(p, b uint32) *account {
	out := newAccount(p, b)
	rounds := slices.Clone(a.rounds)
	slices.SortFunc(rounds, func(x, y RoundCharge) int { return cmp.Compare(x.Round, y.Round) })
	for _, c := range rounds {
		_, take := out.propose(c, p, b)
		take()
	}
	return out
}

// extend gives the best sums with a round that lies behind all others.
func (a *account) extend(c RoundCharge) (most Units, take func()) {
	base, recent, kept := a.base, a.recent, a.kept
	last := base
	if n := len(recent); n > 0 {
		last = recent[n-1].best
	}
	for len(recent) > 0 && c.Round-recent[0].round >= uint64(a.b) {
		base, recent, kept = recent[0].best, recent[1:], kept-len(recent[0].best)
	}
	best := taken(last, base, c.Units, a.p)
	return best[len(best)-1], func() {
		a.base, a.recent, a.kept = base, append(recent, prefix{c.Round, best}), kept+len(best)
		a.plain = a.kept > maxKept
	}
}

// taken gives the best sums where a round may be left out, as in last, or taken on top of those in base.
func taken(last, base []Units, units Units, p uint32) []Units {
	out := make([]Units, max(uint64(len(last)), 1+min(uint64(p), uint64(len(base)))))
	for j := 1; j < len(out); j++ {
		out[j] = max(last[min(j, len(last)-1)], base[min(j, len(base))-1].capped(units, maxUnits))
	}
	for len(out) > 1 && out[len(out)-1] == out[len(out)-2] {
		out = out[:len(out)-1]
	}
	return out
}

// dearest is a heap of the largest charges, the least of them first.
type dearest []Units

// propose gives the sum of the p largest with one charge more, if it was most before.
func (d *dearest) propose(most, units Units, p uint32) (sum Units, take func()) {
	switch {
	case uint64(len(*d)) < uint64(p):
		return most.capped(units, maxUnits), func() { heap.Push(d, units) }
	case p == 0 || units <= (*d)[0]:
		return most, func() {}
	default:
		return (most - (*d)[0]).capped(units, maxUnits), func() {
			(*d)[0] = units
			heap.Fix(d, 0)
		}
	}
}

// Len, Less, Swap, Push and Pop are heap.Interface.
func (d dearest) Len() int           { return len(d) }
func (d dearest) Less(i, j int) bool { return d[i] < d[j] }
func (d dearest) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dearest) Push(x any)        { *d = append(*d, x.(Units)) }
func (d *dearest) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	*d = (*d)[:last]
	return x
}
