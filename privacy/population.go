package privacy

import (
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"sync"
)

// Why the population ledger refuses a debit, besides ErrCeiling.
var (
	ErrShare     = errors.New("the question's share of the privacy budget does not allow it")
	ErrRecharged = errors.New("the round was debited before, with other figures")
)

// RoundDebit is what one round takes from the population ledger, as its RoundOpen says.
type RoundDebit struct {
	Round    uint64
	Question [32]byte // hash of the question's log entry
	Units    Units    // Charge's answer for the round, at least 1
	P, B     uint32   // most participations of one device, and least distance of two in rounds
}

// Standing is the most that any one device can have spent in a period: on one question, and on all of them (rho_cum_bound).
type Standing struct{ OnQuestion, Total Units }

// Population is the population ledger: the worst case over devices that the public log allows (docs/spec/privacy.md §8,
// docs/spec/log.md §6). It is told what the log says, in the log's order: Policy, Ask, Open, Debit and Exhaust for a
// PolicyChange, a Question, a RoundOpen, the Survivors of a round and a BudgetExhausted. Spending only grows within a period; nothing
// gives back. Every method is one step that no other comes between, whoever calls.
type Population struct {
	mu        sync.Mutex
	ceiling   Units
	seconds   uint64 // of a period under the policy in force
	ruled     bool   // there was a Policy
	renewed   bool   // and one since the last round opened
	shares    map[[32]byte]uint32
	begun     bool
	start     uint64 // when the period's first round opened, Unix seconds
	length    uint64 // of the period, seconds
	accounts  map[[32]byte]*account
	exhausted map[[32]byte]bool
	total     Units
	debited   map[uint64]RoundDebit // of all periods
}

// NewPopulation returns an empty ledger. It allows nothing before its first Policy.
func NewPopulation() *Population {
	return &Population{shares: map[[32]byte]uint32{}, accounts: map[[32]byte]*account{}, exhausted: map[[32]byte]bool{},
		debited: map[uint64]RoundDebit{}}
}

// Policy puts a PolicyChange in force: its ceiling at once, and a new period with the next round, if the running one has
// lasted its time by then.
func (p *Population) Policy(ceiling Units, periodSeconds uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ceiling, p.seconds, p.ruled, p.renewed = ceiling, periodSeconds, true, true
}

// Ask makes a question known, with its share of the ceiling in basis points; 10000 and more are all of it.
func (p *Population) Ask(question [32]byte, shareBP uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares[question] = shareBP
}

// Open takes in that a round of the question was opened at a Unix time, in seconds. The first round begins a period, and so does one
// after a new Policy whose time has come. A round of an exhausted question gives an error that wraps ErrCeiling.
func (p *Population) Open(question [32]byte, at uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	begins := p.begins(at)
	if err := p.allows(question, begins); err != nil {
		return fmt.Errorf("open a round: %w", err)
	}
	if begins {
		if p.begun {
			clear(p.exhausted)
		}
		p.begun, p.start, p.length, p.total = true, at, p.seconds, 0
		clear(p.accounts)
	}
	p.renewed = false
	return nil
}

// Debit takes a round in, or refuses it whole: an error that wraps ErrCeiling or ErrShare if a device could have spent more with it than
// the policy allows, ErrRecharged if the round was debited with other figures. The same debit again changes nothing. A refusal changes nothing.
func (p *Population) Debit(d RoundDebit) (Standing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old, ok := p.debited[d.Round]; ok {
		return p.again(old, d)
	}
	if !p.begun {
		return Standing{}, fmt.Errorf("debit round %d: no round was opened", d.Round)
	}
	acc := p.accounts[d.Question]
	if acc == nil {
		acc = newAccount(d.P, d.B)
	}
	s, take, err := p.judge(d, acc, p.total, false)
	if err != nil {
		return Standing{}, err
	}
	take()
	p.accounts[d.Question], p.total, p.debited[d.Round] = acc, s.Total, d
	return s, nil
}

// Would says what Debit will say of a round that is opened at a Unix time, in seconds. It changes nothing.
func (p *Population) Would(d RoundDebit, at uint64) (Standing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old, ok := p.debited[d.Round]; ok {
		return p.again(old, d)
	}
	acc, total, begins := p.accounts[d.Question], p.total, p.begins(at)
	if begins {
		acc, total = nil, 0
	}
	if acc == nil {
		acc = newAccount(d.P, d.B)
	}
	s, _, err := p.judge(d, acc, total, begins)
	return s, err
}

// Exhaust takes in that no further round of the question may be opened in this period.
func (p *Population) Exhaust(question [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exhausted[question] = true
}

// Exhausted reports whether Exhaust was said of the question in this period.
func (p *Population) Exhausted(question [32]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exhausted[question]
}

// Spent is the most that any one device can have spent in this period.
func (p *Population) Spent() Units {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// Debited is every round's debit, of all periods.
func (p *Population) Debited() map[uint64]RoundDebit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.debited)
}

// PeriodEnd is when the running period has lasted its time, Unix seconds: a Policy and a round from then on begin another. It is
// not ok before the first round.
func (p *Population) PeriodEnd() (at uint64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end(), p.begun
}

func (p *Population) end() uint64 {
	if sum, carry := bits.Add64(p.start, p.length, 0); carry == 0 {
		return sum
	}
	return maxUnits
}

// begins reports whether a round opened at this time begins a period (docs/spec/log.md 6.5).
func (p *Population) begins(at uint64) bool { return !p.begun || p.renewed && at >= p.end() }

// allows says why no round of the question may be opened.
func (p *Population) allows(question [32]byte, begins bool) error {
	_, known := p.shares[question]
	switch {
	case !p.ruled:
		return fmt.Errorf("no policy is in force: %w", ErrCeiling)
	case !known:
		return fmt.Errorf("question %x was not asked: %w", question[:8], ErrShare)
	case p.exhausted[question] && !(begins && p.begun):
		return fmt.Errorf("question %x is exhausted for this period: %w", question[:8], ErrCeiling)
	}
	return nil
}

// again answers a debit of a round that was debited before.
func (p *Population) again(old, d RoundDebit) (Standing, error) {
	if old != d {
		return Standing{}, fmt.Errorf("debit round %d: %d units, and %d before: %w", d.Round, d.Units, old.Units, ErrRecharged)
	}
	s := Standing{Total: p.total}
	if acc := p.accounts[d.Question]; acc != nil {
		s.OnQuestion = acc.most
	}
	return s, nil
}

// judge holds a debit against the ceiling and its question's share. take puts it into the account.
func (p *Population) judge(d RoundDebit, acc *account, total Units, begins bool) (s Standing, take func(), err error) {
	if d.Units == 0 {
		return s, nil, fmt.Errorf("debit round %d: a debit must be at least 1 unit", d.Round)
	}
	if err := p.allows(d.Question, begins); err != nil {
		return s, nil, fmt.Errorf("debit round %d: %w", d.Round, err)
	}
	s.OnQuestion, take = acc.propose(RoundCharge{Round: d.Round, Units: d.Units}, d.P, d.B)
	s.Total = (total - acc.most).capped(s.OnQuestion, maxUnits)
	share := Share(p.ceiling, p.shares[d.Question])
	switch {
	case s.Total > p.ceiling || s.Total == maxUnits: // a figure that does not fit is no figure
		return Standing{}, nil, fmt.Errorf("debit round %d: a device could have spent %d of %d units: %w", d.Round, s.Total, p.ceiling, ErrCeiling)
	case s.OnQuestion > share:
		return Standing{}, nil, fmt.Errorf("debit round %d: a device could have spent %d of %d units on the question: %w", d.Round, s.OnQuestion, share, ErrShare)
	}
	return s, take, nil
}
