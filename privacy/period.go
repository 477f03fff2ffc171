package privacy

import "maps"

// Period returns the sequence of the entry that began this period, and when it started, Unix seconds; zeros if no period entry was ever
// written.
func (l *Ledger) Period() (seq, start uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.period, l.start
}

// LastCharge returns the highest log index of a RoundOpen that was ever charged for, 0 before any.
func (l *Ledger) LastCharge() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Charged reports whether the chain holds a charge, of whatever period.
func (l *Ledger) Charged() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.questions) > 0
}

// Clone returns a ledger of its own with the same contents.
func (l *Ledger) Clone() *Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Ledger{unsure: l.unsure, limits: l.limits, seq: l.seq, head: l.head, period: l.period, start: l.start, last: l.last, spent: l.spent,
		questions: maps.Clone(l.questions)}
}
