package participant

import (
	"math/bits"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// running is the ledger's period as the machine knows it. Charges carry no time, and a period that the owner began has the time
// of a clock that may be wrong, so the machine keeps when it saw the period itself.
type running struct {
	Entry uint64 // sequence of the ledger entry that began it; 0 for the first
	Since uint64 // Unix seconds: the latest of all clocks when it was first used; 0 before
}

// clocks are the earliest and the latest of what there is for the time: the device's own clock, the coordinator's opened_at, and with
// witnesses the newest time that a quorum signed. checkClock has held them against each other.
func (m *Machine) clocks(now time.Time, o *audit.RoundOpen) (earliest, latest uint64) {
	own := uint64(max(0, now.Unix()))
	earliest, latest = min(own, o.OpenedAt), max(own, o.OpenedAt)
	if !m.cfg.Witnesses.IsZero() {
		earliest, latest = min(earliest, m.st.Cosigned), max(latest, m.st.Cosigned)
	}
	return earliest, latest
}

// period is the running period at an offer, and the entry that ends it and begins another, or nil. A period ends when its length, the
// device's own or the logged one, whichever is longer, has passed by every clock, and the coordinator began another in the log
// too: with a PolicyChange behind the last round that this device paid for (docs/spec/log.md 6.5). A device that began one without that
// would answer more often in a period of the log than the log's figures say.
func (m *Machine) period(now time.Time, o *audit.RoundOpen, p *audit.PolicyChange, logged uint64) (running, *privacy.Entry, error) {
	earliest, latest := m.clocks(now, o)
	begun, start := m.ledger.Period()
	r := m.st.Running
	if r.Entry != begun || r.Since == 0 { // begun by the owner, or by a program that kept no time: it counts from now on
		r = running{begun, max(start, latest)}
	}
	if m.ledger.Spent() == 0 { // it begins with its first use
		r.Since = max(r.Since, latest)
		return r, nil, nil
	}
	end, carry := bits.Add64(r.Since, max(m.cfg.Floor.Period, p.PeriodSeconds), 0)
	if carry != 0 || earliest < end || logged <= m.ledger.LastCharge() {
		return r, nil, nil
	}
	entry, err := m.ledger.NextPeriod(latest, logged)
	if err != nil {
		return r, nil, refuse(F10Budget, "%v", err)
	}
	return running{entry.Seq, latest}, &entry, nil
}
