package privacy

import (
	"errors"
	"fmt"
	"sync"
)

// ErrBroken means that a ledger cannot be trusted: an unreadable entry, a gap, a link that does not hold. The budget then
// counts as spent until the owner starts a new period (Reopen).
var ErrBroken = errors.New("the privacy ledger is damaged")

// Where the ledger's counters end.
const (
	maxSequence = 1<<64 - 1
	maxTimes    = 1<<32 - 1
)

// Debit asks the ledger for one upload.
type Debit struct {
	Round    uint64   // the coordinator's round number
	Question [32]byte // hash of the question's log entry
	OpenHash [32]byte // hash of the RoundOpen entry
	SID      [32]byte // session that the upload belongs to
	Units    Units    // Charge's answer for the round, at least 1
	LogIndex uint64   // of the RoundOpen in the coordinator's log
}

// Ledger is what a device has spent, as a value: whoever stores it keeps the entries in order, makes each durable before
// the first byte of what it pays for leaves, and then applies it. It counts per period; a question's last round is
// remembered across periods. Every method is one step that no other comes between, whoever calls.
type Ledger struct {
	mu        sync.Mutex
	unsure    error // a write of Pay failed: what is durable is not known
	limits    Limits
	seq       uint64
	head      [32]byte
	period    uint64 // sequence of the entry that began the period; 0 before any
	start     uint64 // of the period, Unix seconds; 0 before any period entry
	last      uint64 // the highest log index of a RoundOpen that was charged for
	spent     Units
	questions map[[32]byte]usage
}

// usage is what the ledger remembers of one question.
type usage struct {
	spent     Units  // this period
	times     uint32 // this period
	lastRound uint64
}

// NewLedger returns an empty ledger: nothing spent, no entry yet.
func NewLedger(limits Limits) *Ledger {
	return &Ledger{limits: limits, questions: make(map[[32]byte]usage)}
}

// Replay builds the ledger that entries, oldest first, add up to. Any entry that does not follow from the ones before it
// gives an error that wraps ErrBroken; nothing is repaired or skipped. The limits do not judge the past: entries paid under
// a wider policy stand, and Next then refuses more. A cut-off end cannot be seen from the entries alone: compare Head with
// the sequence kept elsewhere.
func Replay(limits Limits, entries []Entry) (*Ledger, error) {
	l := NewLedger(limits)
	for _, e := range entries {
		if err := l.Apply(e); err != nil {
			return nil, fmt.Errorf("replay ledger: %w", err)
		}
	}
	return l, nil
}

// Next returns the entry that pays for d, or says why it may not be paid: an error that wraps ErrCeiling,
// ErrParticipations or ErrSpacing. It changes nothing. The caller makes the entry durable, then applies it: a crash between
// the two costs budget, never privacy, because Replay finds the entry again.
func (l *Ledger) Next(d Debit) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next(d)
}

// Pay checks d, lets durable write its entry and applies it, in one step: of many that ask at once, each is held against what all before
// it have spent. Once durable has failed nobody knows what is written, and every further payment is refused with an error that wraps
// ErrBroken, until the ledger is replayed.
func (l *Ledger) Pay(d Debit, durable func(Entry) error) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.next(d)
	if err != nil {
		return Entry{}, err
	}
	if err := durable(e); err != nil {
		l.unsure = fmt.Errorf("a write of entry %d failed, read the ledger again: %w", e.Seq, ErrBroken)
		return Entry{}, fmt.Errorf("charge round %d: write ledger entry %d: %w", d.Round, e.Seq, err)
	}
	return e, l.apply(e)
}

func (l *Ledger) next(d Debit) (Entry, error) {
	if l.unsure != nil {
		return Entry{}, fmt.Errorf("charge round %d: %w", d.Round, l.unsure)
	}
	if err := l.check(l.limits, d); err != nil {
		return Entry{}, err
	}
	if l.seq == maxSequence {
		return Entry{}, fmt.Errorf("charge round %d: the ledger's sequence is used up: %w", d.Round, ErrCeiling)
	}
	return Entry{
		Seq: l.seq + 1, Kind: EntryCharge, Round: d.Round, Question: d.Question, OpenHash: d.OpenHash, SID: d.SID,
		Units: d.Units, Cumulative: l.spent + d.Units, LogIndex: d.LogIndex, Prev: l.head,
	}, nil
}

// NextPeriod returns the entry that starts a new period at the given Unix time, under the PolicyChange at logIndex. Only
// the owner's policy decides when; like Next it changes nothing.
func (l *Ledger) NextPeriod(at, logIndex uint64) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seq == maxSequence {
		return Entry{}, fmt.Errorf("start ledger period: the ledger's sequence is used up: %w", ErrCeiling)
	}
	return Entry{Seq: l.seq + 1, Kind: EntryPeriod, At: at, LogIndex: logIndex, Prev: l.head}, nil
}

// Reopen returns the first entry of a new chain for an owner who starts a new period after the old chain was found broken.
// seq is the largest sequence known from anywhere (the readable entries, the counter kept elsewhere, the coordinator's
// copy of the last signed header), below 2^64−1, so that the new chain is ahead of every old copy; lost is a digest of what
// remains of the old chain, or zero.
func Reopen(seq uint64, lost [32]byte, at, logIndex uint64) Entry {
	return Entry{Seq: seq + 1, Kind: EntryPeriod, At: at, LogIndex: logIndex, Prev: lost}
}

// Apply takes e, which is durable, into account. It must follow from the head: the next sequence, the right link, the right
// sum; anything else gives an error that wraps ErrBroken and changes nothing. An empty ledger begins with a charge of
// sequence 1 that links to zero, or with a period entry, which may continue a chain that was lost (Reopen). The limits are
// not asked: an entry that is durable has been spent.
func (l *Ledger) Apply(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.apply(e)
}

func (l *Ledger) apply(e Entry) error {
	if err := l.follows(e); err != nil {
		return fmt.Errorf("apply ledger entry %d: %w: %w", e.Seq, err, ErrBroken)
	}
	switch e.Kind {
	case EntryPeriod:
		l.period, l.start, l.spent = e.Seq, e.At, 0
		for q, u := range l.questions {
			l.questions[q] = usage{lastRound: u.lastRound}
		}
	case EntryCharge:
		u := l.questions[e.Question]
		l.spent, l.last = e.Cumulative, max(l.last, e.LogIndex)
		l.questions[e.Question] = usage{spent: u.spent + e.Units, times: u.times + 1, lastRound: max(u.lastRound, e.Round)}
	}
	l.seq, l.head = e.Seq, e.Hash()
	return nil
}

// follows says why e cannot come after the head.
func (l *Ledger) follows(e Entry) error {
	if err := e.check(); err != nil {
		return err
	}
	if l.seq == 0 && e.Kind == EntryPeriod {
		return nil
	}
	if e.Seq != l.seq+1 {
		return fmt.Errorf("it follows entry %d", l.seq)
	}
	if e.Prev != l.head {
		return fmt.Errorf("its link does not match entry %d", l.seq)
	}
	if e.Kind != EntryCharge {
		return nil
	}
	sum, ok := l.spent.plus(e.Units)
	if !ok || e.Cumulative != sum {
		return fmt.Errorf("cumulative %d is not %d + %d", e.Cumulative, l.spent, e.Units)
	}
	if l.questions[e.Question].times == maxTimes {
		return errors.New("more participations than can be counted")
	}
	return nil
}

// Head returns the sequence and hash of the newest entry, or zeros for an empty ledger.
func (l *Ledger) Head() (seq uint64, hash [32]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq, l.head
}

// Spent returns what was spent in this period, over all questions.
func (l *Ledger) Spent() Units {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spent
}

// SpentOn returns what was spent on one question in this period.
func (l *Ledger) SpentOn(question [32]byte) Units { return l.used(question).spent }

// Participations returns how often one question was answered in this period.
func (l *Ledger) Participations(question [32]byte) uint32 { return l.used(question).times }

func (l *Ledger) used(question [32]byte) usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.questions[question]
}

// PeriodStart returns when the period started, Unix seconds, or 0 if no period entry was ever written.
func (l *Ledger) PeriodStart() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start
}
