package participant

import (
	"time"

	"github.com/cinesync/cinesync/privacy"
)

// Hold keeps what an Output does before the eyes of others back until a moment that was fixed before anything was drawn. How long
// the device worked on secret values then does not show in when it acts (privacy 4.5). The zero value holds nothing back.
type Hold struct {
	At   time.Time     // may be done at this moment
	Step time.Duration // or, if it is not ready by then, so long later, or twice so long, and so on
	End  time.Time     // and nothing is sent later than this
}

// Moment is the first of the moments that whoever is ready at a time can keep. Until then nothing is done, at it neither if false: it
// lies behind the end.
func (h Hold) Moment(ready time.Time) (time.Time, bool) {
	switch missed := ready.Sub(h.At); {
	case h == Hold{}:
		return ready, true
	case missed > 0:
		h.At = h.At.Add((missed + h.Step - 1) / h.Step * h.Step)
	}
	return h.At, !h.At.After(h.End)
}

// Over reports that the end is past, by the wall clock too: the other one stands still while the device sleeps.
func (h Hold) Over(now time.Time) bool {
	return h != Hold{} && (now.After(h.End) || now.Round(0).After(h.End))
}

// drawWait is how long a device has until its shares may leave.
func (s *session) drawWait() time.Duration { return privacy.DrawWait(int(s.Open.D)) }

// drawable reports that enough of phase Shares is left to draw and have as long again for the way. S chooses how much is left: were a
// moment to follow from that, S could put it where this device's draws end.
func (m *Machine) drawable() bool { return m.st.ends(byShares)-m.passed(m.now) >= 2*m.st.drawWait() }

// held is when shares may leave, the first time or again, from this process or a later one: a drawWait after the roster came, or two,
// or three from a device that is so slow. It follows from when the roster came, d and the deadline alone. The time for d words varies
// with what is drawn by about √d samples, so that how many waits it was says next to nothing.
func (m *Machine) held() Hold {
	wait, passed := m.st.drawWait(), m.passed(m.now)
	return Hold{At: m.now.Add(m.st.Rostered + wait - passed), Step: wait, End: m.now.Add(m.st.ends(byShares) - passed)}
}

// unsent hears that shares were ready too late for their last moment. Nobody has them, so the device sits the round out.
func (m *Machine) unsent(out *Output) {
	if m.st.Phase == shared && !m.st.Over {
		m.miss("this device was not ready with its shares in time", out)
	}
}
