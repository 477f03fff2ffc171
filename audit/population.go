package audit

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// unitsPerRho is ρ = 1 (design: privacy 8.1).
const unitsPerRho = 1 << 40

// accounts is the population ledger recomputed from the log (design: privacy 8.3).
type accounts struct {
	periods []Period
	faults  []string // of A6
	remarks []string // of A10
	open    ledger   // of the newest period
	err     error    // ε could not be computed
}

func (a *accounts) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

// keepAccounts walks the rounds in the order of the log.
func (a *auditor) keepAccounts() {
	a.accounts.open = newLedger()
	exhausted := a.story.exhausted
	var policyAt uint64
	for i, t := range a.story.rounds {
		for len(exhausted) > 0 && exhausted[0].before <= i {
			a.takeExhausted(exhausted[0])
			exhausted = exhausted[1:]
		}
		switch {
		case i == 0:
			a.beginPeriod(t)
		case a.story.rounds[i-1].policy == nil && t.policy != nil:
			a.accounts.newest().Seconds = t.policy.PeriodSeconds // rounds before any policy belong to its period
		case t.policyAt > policyAt && t.open.OpenedAt >= addCapped(a.accounts.newest().Start, a.accounts.newest().Seconds):
			a.beginPeriod(t) // docs/spec/log.md §6
		case t.policyAt > policyAt:
			a.accounts.remark(t.open.Round, a.story.rounds[i-1].policy, t.policy)
		}
		policyAt = t.policyAt
		a.takeRound(t)
	}
	for _, e := range exhausted {
		a.takeExhausted(e)
	}
	a.endPeriod()
}

func (a *accounts) newest() *Period { return &a.periods[len(a.periods)-1] }

// remark notes terms that became weaker for the rest of a period. Nothing forbids that, but who joined under the old ones may want to know.
func (a *accounts) remark(round uint64, old, now *PolicyChange) {
	for _, term := range []struct {
		name     string
		old, now uint64
		weaker   bool
	}{
		{"the ceiling", old.CeilingUnits, now.CeilingUnits, now.CeilingUnits > old.CeilingUnits},
		{"n_min", uint64(old.NMin), uint64(now.NMin), now.NMin < old.NMin},
		{"γ", uint64(old.GammaBP), uint64(now.GammaBP), now.GammaBP < old.GammaBP},
	} {
		if term.weaker {
			a.remarks = append(a.remarks, fmt.Sprintf("from round %d on, in the middle of a period, %s is %d instead of %d", round, term.name, term.now, term.old))
		}
	}
}

func (a *auditor) beginPeriod(t *session) {
	a.endPeriod()
	p := Period{FirstRound: t.open.Round, LastRound: t.open.Round, Start: t.open.OpenedAt}
	if t.policy != nil {
		p.Seconds = t.policy.PeriodSeconds
	}
	a.accounts.periods = append(a.accounts.periods, p)
	spent := a.accounts.open.spent
	a.accounts.open = newLedger()
	if len(a.accounts.periods) == 1 {
		a.accounts.open.spent = spent
	}
}

// endPeriod computes the figures of the newest period.
func (a *auditor) endPeriod() {
	if len(a.accounts.periods) == 0 {
		return
	}
	p := a.accounts.newest()
	p.RhoUnits = a.accounts.open.bound()
	p.Rho = float64(p.RhoUnits) / unitsPerRho
	eps, _, err := a.epsilon(p.Rho)
	if err != nil {
		a.accounts.err = err
	}
	p.Epsilon = eps
}

func (a *auditor) epsilon(rho float64) (eps, order float64, err error) {
	if rho == 0 {
		return 0, 0, nil
	}
	eps, order, err = a.rules.Epsilon(rho, a.o.Delta)
	if err == nil && (math.IsNaN(eps) || math.IsInf(eps, 0)) {
		err = fmt.Errorf("ε of ρ = %v is not finite", rho)
	}
	if err != nil {
		return 0, 0, err
	}
	return eps, order, nil
}

// takeRound counts a round from its Survivors on, aborted or not, and holds what its end says against the sum.
func (a *auditor) takeRound(t *session) {
	o, l := t.open, &a.accounts.open
	p := a.accounts.newest()
	p.LastRound = max(p.LastRound, o.Round)
	if l.spent[o.Question] {
		a.accounts.fault("round %d was opened after the BudgetExhausted of its question", o.Round)
	}
	if len(t.survivors) == 0 {
		return
	}
	units, err := a.charge(o)
	if err != nil {
		units = o.RhoUnits // A2 says what is wrong with it
	}
	onQuestion, sum := l.take(&a.rules, o.Question, RoundCost{Round: o.Round, Units: units}, o.P, o.B)
	if t.closed != nil && t.closed.RhoCumBound != sum {
		a.accounts.fault("round %d: rho_cum_bound is %d, the log gives %d", o.Round, t.closed.RhoCumBound, sum)
	}
	if t.policy != nil && sum > t.policy.CeilingUnits {
		a.accounts.fault("round %d: a device may have spent %d units, the ceiling is %d", o.Round, sum, t.policy.CeilingUnits)
	} else if t.policy != nil && t.question != nil && onQuestion > share(t.policy, t.question) {
		a.accounts.fault("round %d: a device may have spent %d units on question %q, whose share is %d", o.Round, onQuestion, t.question.ID, share(t.policy, t.question))
	}
}

// share is a question's part of the ceiling.
func share(p *PolicyChange, q *Question) uint64 {
	if q.ShareBP >= 10000 {
		return p.CeilingUnits
	}
	high, low := bits.Mul64(p.CeilingUnits, uint64(q.ShareBP))
	part, _ := bits.Div64(high, low, 10000)
	return part
}

// takeExhausted checks that a BudgetExhausted is true: one more round at the question's own terms passes the ceiling.
func (a *auditor) takeExhausted(e exhaustion) {
	round, l := e.record.Round, &a.accounts.open
	switch {
	case e.question == nil || e.policy == nil:
		a.accounts.fault("a BudgetExhausted at round %d comes before its question or before any PolicyChange", round)
		return
	case e.before > 0 && round <= a.story.rounds[e.before-1].open.Round:
		a.accounts.fault("a BudgetExhausted for round %d comes after that round was opened", round)
	}
	l.spent[e.record.Question] = true
	units, err := a.rules.Charge(e.question.CInt, e.question.SigmaTotSq)
	if err != nil {
		return // no round of this question can be charged at all
	}
	last := a.lastCharge(e)
	if last == 0 && e.question.Kind == AsksSumBit {
		return // what its clip bit would have cost is nowhere in the log
	}
	units = max(units, last)
	onQuestion, sum := l.wouldTake(&a.rules, e.record.Question, RoundCost{Round: round, Units: units}, e.question.P, e.question.B)
	if sum <= e.policy.CeilingUnits && onQuestion <= share(e.policy, e.question) {
		a.accounts.fault("a BudgetExhausted was logged at round %d, which would still fit under the ceiling", round)
	}
}

// lastCharge is what the last round of a question cost before its budget was exhausted. Rounds may cost more than the question's own
// terms do: their clip bit is charged too.
func (a *auditor) lastCharge(e exhaustion) uint64 {
	for _, t := range slices.Backward(a.story.rounds[:e.before]) {
		if t.open.Question == e.record.Question {
			units, err := a.charge(t.open)
			if err != nil {
				return 0 // A2 says what is wrong with it
			}
			return units
		}
	}
	return 0
}

// dearest is the period in which a device can have spent most; nil if there was none. A figure of any other would hide it.
func (a *accounts) dearest() *Period {
	if len(a.periods) == 0 {
		return nil
	}
	most := &a.periods[0]
	for i := range a.periods {
		if a.periods[i].RhoUnits > most.RhoUnits {
			most = &a.periods[i]
		}
	}
	return most
}

// total is what a device can have spent in all periods together, in units.
func (a *accounts) total() (units uint64) {
	for _, p := range a.periods {
		units = addCapped(units, p.RhoUnits)
	}
	return units
}

// figures puts the dearest period into the report, and all periods together beside it.
func (a *auditor) figures(r *Report) {
	p := a.accounts.dearest()
	if p == nil {
		return
	}
	r.Periods = a.accounts.periods
	r.RhoUnits, r.RhoBound, r.GammaBP = p.RhoUnits, p.Rho, a.story.rounds[0].open.GammaBP
	weakest := a.story.rounds[0].open.Mode // they are numbered from the strongest
	for _, t := range a.story.rounds {
		r.GammaBP = min(r.GammaBP, t.open.GammaBP)
		weakest = max(weakest, t.open.Mode)
	}
	r.Mode = modeName(weakest)
	r.TotalRhoUnits = a.accounts.total()
	r.Epsilon, r.Order, _ = a.epsilon(p.Rho) // a failure is A6's to tell
	r.TotalRho = float64(r.TotalRhoUnits) / unitsPerRho
	r.TotalEpsilon, _, _ = a.epsilon(r.TotalRho)
}

// population is A6.
func (a *auditor) population(v *verdict) {
	v.faults = append(v.faults, a.accounts.faults...)
	if a.accounts.err != nil {
		v.fault("the ledger cannot be turned into ε: %v", a.accounts.err)
	}
	v.saw("no round yet")
	if p := a.accounts.dearest(); p != nil {
		v.saw("a device can have spent ρ = %.4g in the dearest of %d periods", p.Rho, len(a.accounts.periods))
	}
}

// published is A7. What is published beside a model is of all rounds it learned from, so of all periods together. It may have been
// rounded to its last digit either way, or up; never down by more than that.
func (a *auditor) published(v *verdict) {
	if a.o.Published == nil {
		v.skip("no published figure was given to compare with")
		return
	}
	eps, _, err := a.epsilon(float64(a.accounts.total()) / unitsPerRho)
	if err != nil {
		v.fault("the ledger cannot be turned into ε: %v", err)
		return
	}
	v.saw("ε = %.4g at δ = %g over all rounds", eps, a.o.Delta)
	if said := a.o.Published; said.Epsilon < eps-said.Within || said.Epsilon > eps+2*said.Within || math.IsNaN(said.Epsilon) {
		v.fault("ε = %g was published, the log gives %.4g at δ = %g", said.Epsilon, eps, a.o.Delta)
	}
}

// modeName is how a round's mode is written (secure aggregation 2).
func modeName(mode uint16) string {
	switch mode {
	case 1:
		return "W"
	case 2:
		return "SM"
	case 3:
		return "SH"
	}
	return fmt.Sprintf("unknown (%d)", mode)
}
