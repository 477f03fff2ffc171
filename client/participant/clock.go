package participant

import "time"

// deadline is one of a round's five, in RoundOpen's order (4.2).
type deadline int

const (
	byKeys deadline = iota
	byShares
	byInputs
	byUnmask
	bySettle
)

// clockSlack is how far the device's wall clock may be off (3.5), and how long after a round's last deadline its end is still
// waited for.
const clockSlack = 24 * time.Hour

// graceMost bounds what a deadline is stretched by.
const graceMost = time.Minute

// ends is a deadline as time since the device accepted the round. RoundOpen counts from the opening, which came before that: so a
// device with a right clock is never earlier than the coordinator, and answers nothing that could still be in time later. The
// grace, a tenth and at most a minute, is for a clock that runs fast or is set forward while the round runs.
func (s *session) ends(d deadline) time.Duration {
	t := time.Duration(s.Open.Deadlines[d]) * time.Second
	return t + min(t/10, graceMost)
}

// awaited is the deadline by which the device must be asked for its next part. When it is past, nobody can ask any more.
func (s *state) awaited() deadline {
	switch s.Phase {
	case training:
		return byKeys
	case advertised:
		return byShares
	case shared:
		return byInputs
	default: // the vector is on its way or there
		return byUnmask
	}
}

// accept starts the round's clock.
func (m *Machine) accept() { m.accepted, m.st.AcceptedAt, m.st.Seen = m.now, m.now.UnixNano(), 0 }

// resume goes on with the clock of a process that is gone, from what the wall clock says has passed, or that process had written down.
func (m *Machine) resume(now time.Time) {
	if passed := m.passed(now); m.accepted.IsZero() && m.st.Phase != idle && passed >= 0 {
		m.accepted = now.Add(-passed) // with this process's monotonic reading
	}
}

// passed is how long ago the round was accepted, by whichever clock says more: the monotonic one, which nobody sets back, or the wall
// clock, which goes on while the device sleeps. Before a restarted machine first looks it is the wall clock or what was written
// down; negative if the wall clock lies before the acceptance.
func (m *Machine) passed(now time.Time) time.Duration {
	wall := now.Sub(time.Unix(0, m.st.AcceptedAt))
	switch {
	case !m.accepted.IsZero():
		return max(wall, now.Sub(m.accepted))
	case wall < 0:
		return wall
	default:
		return max(wall, m.st.Seen)
	}
}

// noteAt is when what has passed is written down again, if nothing else was saved: each tenth of the deadline. So much may a restart
// add to the life of secrets, wherever the wall clock is set back to.
func (m *Machine) noteAt() time.Duration { return m.st.Seen + m.st.ends(m.st.awaited())/10 }

// late reports that a deadline is past. What it closes is neither done nor refused: a message that took its time is no lie. A
// device that cannot tell how late it is counts as late.
func (m *Machine) late(d deadline) bool {
	passed := m.passed(m.now)
	return m.st.Over || passed < 0 || passed >= m.st.ends(d)
}

// tick lets deadlines have their effect: the secrets of a device that cannot be asked any more are erased (11.4), and a day after
// the last deadline what it kept to hear how the round ended.
func (m *Machine) tick(out *Output) {
	m.resume(m.now)
	if m.st.dropped {
		m.st.dropped = false
		m.save(out)
		out.Erase = true
	}
	switch {
	case m.st.Phase == idle:
		return
	case m.passed(m.now) >= m.st.ends(bySettle)+clockSlack:
		m.st.end()
	case !m.st.Over && m.late(m.st.awaited()):
		if what := m.st.lacks(); what != "" {
			m.miss(what, out)
			return
		}
		m.st.forget()
	case !m.st.Over && m.passed(m.now) >= m.noteAt():
		m.save(out)
		return
	default:
		return
	}
	m.save(out)
	out.Erase = true
}

// lacks says for want of what a round goes on without this device once its deadline is past; nothing if its vector is there.
func (s *state) lacks() string {
	switch s.Phase {
	case training:
		return "this device was not ready with its answer in time"
	case advertised:
		return "no roster came in time"
	case shared:
		return "its neighbours' shares did not come in time"
	case uploading:
		return "no receipt for its vector came in time; what was charged stays charged"
	default:
		return ""
	}
}

// miss takes the device out of a round that goes on without it: secrets are erased, and how the round ends is waited for.
func (m *Machine) miss(detail string, out *Output) {
	out.Missed = &Missed{Round: m.st.Open.Round, Detail: detail}
	m.st.forget()
	m.save(out)
	out.Erase = true
}

// Wait says how long it is until a deadline takes effect; false without a round. A clock may be set or the device sleep in between, so ask
// again from time to time.
func (m *Machine) Wait(now time.Time) (time.Duration, bool) {
	m.resume(now) // the first look starts the clock, or what was written down would stand still until the first step
	passed := m.passed(now)
	switch {
	case m.st.Phase == idle:
		return 0, false
	case m.st.Over:
		return m.st.ends(bySettle) + clockSlack - passed, true
	case passed < 0:
		return 0, true
	}
	return m.st.ends(m.st.awaited()) - passed, true
}

// Due says how long it is until there is something to do without an event from outside: a deadline takes effect, or what has passed is
// written down; false if there is nothing. Whoever holds the machine steps it with an empty Event then.
func (m *Machine) Due(now time.Time) (time.Duration, bool) {
	wait, ok := m.Wait(now)
	switch {
	case m.st.dropped:
		return 0, true
	case !ok || m.st.Over:
		return wait, ok
	}
	return min(wait, m.noteAt()-m.passed(now)), true
}
