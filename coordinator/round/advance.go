package round

import "time"

// When a phase ends: who is still waited for, and until when at most.

// Next is the moment at which the machine wants a Ticked event if nothing else happens; the zero time if it waits for
// work or for the log.
func (m *Machine) Next() time.Time {
	if m.unsigned() {
		return m.deadlineOf(Shares)
	}
	if m.phase.Over() || len(m.Awaiting()) > 0 {
		return time.Time{}
	}
	next := m.deadline()
	if m.confirming() {
		next = m.relayBy()
	}
	if m.phase == Shares || m.phase == Inputs || m.phase == Unmask {
		for _, p := range m.roster {
			if t := p.away.Add(m.cfg.Grace); m.owes(p) && !p.present && t.After(m.now) && t.Before(next) {
				next = t
			}
		}
	}
	return next
}

// deadline is when the current phase ends (4.2).
func (m *Machine) deadline() time.Time { return m.deadlineOf(m.phase) }

// deadlineOf is when a phase ends. Recruit and Keys share one.
func (m *Machine) deadlineOf(p Phase) time.Time {
	i := 0
	if p > Keys {
		i = int(min(p, Settling)) - int(Keys)
	}
	return time.Unix(int64(m.cfg.Open.OpenedAt), 0).Add(time.Duration(m.cfg.Open.Deadlines[i]) * time.Second)
}

// unsigned reports whether the roster still waits for its witnesses. They have until the end of phase Shares.
func (m *Machine) unsigned() bool {
	return m.cosigned() && m.entries.roster != nil && m.indexes.roster == 0 && m.entries.final == nil
}

// cosigned reports whether the graph is drawn from witnesses' signatures.
func (m *Machine) cosigned() bool { return m.cfg.Open.SeedKind == seedCosigned }

func (m *Machine) late() bool { return !m.now.Before(m.deadline()) }

// advance ends the current phase if it is complete or its deadline has passed.
func (m *Machine) advance(out *Output) {
	if m.entries.final != nil {
		return
	}
	late := m.late()
	switch m.phase {
	case Recruit, Keys:
		if m.entries.roster == nil && (len(m.members) >= int(m.cfg.Open.NTarget) || late) {
			m.freezeRoster(out)
		}
		if m.unsigned() && !m.now.Before(m.deadlineOf(Shares)) {
			m.abort(NotCosigned, "the witnesses did not sign the roster before the deadline of phase shares", out)
		}
	case Shares:
		if late || !m.waiting() {
			m.closeShares(out)
		}
	case Inputs:
		if !m.sealed() && (late || !m.waiting()) {
			m.seal(out)
		}
	case Unmask:
		if m.confirming() && (!m.now.Before(m.relayBy()) || !m.waiting()) {
			m.relay(out)
		}
		switch {
		case m.missing == 0 && (late || !m.anyPresentOwes()):
			m.startSettle(out)
		case late:
			m.blameSilent()
			m.abort(TooFewReveals, "the deadline of phase unmask passed", out)
		case m.missing > 0 && !m.waiting():
			m.blameSilent()
			m.abort(TooFewReveals, "every member that could still answer has answered or is gone", out)
		}
	case Settling:
		if late {
			m.abort(DeadlinePassed, "the sum was not settled by its deadline", out)
		}
	case Done, Failed:
	}
}

// owes reports whether the current phase still wants something from p.
func (m *Machine) owes(p *member) bool {
	switch m.phase {
	case Shares:
		return p.standing == Listed
	case Inputs:
		return p.standing == Shared
	case Unmask:
		return p.standing == Included || p.standing == Confirmed && m.relayed
	default:
		return false
	}
}

// waiting reports whether a member that owes something is connected, or has been away for less than the grace.
func (m *Machine) waiting() bool {
	for _, p := range m.roster {
		if m.owes(p) && (p.present || m.now.Before(p.away.Add(m.cfg.Grace))) {
			return true
		}
	}
	return false
}

func (m *Machine) anyPresentOwes() bool {
	for _, p := range m.roster {
		if m.owes(p) && p.present {
			return true
		}
	}
	return false
}
