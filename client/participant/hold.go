package participant

import "time"

// Hold keeps what an Output sends back until a moment that was fixed before anything was drawn. How long the device worked on
// secret values then does not show in when it sends (privacy 4.5). The zero value holds nothing back.
type Hold struct {
	At   time.Time     // may leave at this moment
	Step time.Duration // or, if it is not ready by then, so long later, or twice so long, and so on
	End  time.Time     // and not later than this
}

// Moment is the first of the moments that whoever is ready at a time can keep; false if there is none.
func (h Hold) Moment(ready time.Time) (time.Time, bool) {
	switch missed := ready.Sub(h.At); {
	case h == Hold{}:
		return ready, true
	case missed > 0:
		h.At = h.At.Add((missed + h.Step - 1) / h.Step * h.Step)
	}
	return h.At, !h.At.After(h.End)
}

const (
	// drawTime is allowed for the noise of one word. BenchmarkSample in privacy took 0.4 to 0.9 µs on a busy core.
	drawTime = 2 * time.Microsecond
	// drawGrid is what the time for the whole vector is rounded up to, so that a short one leaves room for boxes and disk.
	drawGrid = 50 * time.Millisecond
)

// drawn is when the shares may leave that are ready once the noise of d words is drawn: after drawTime for each, or twice, three times
// as long from a device that is so slow. It follows from when the roster came, d and the deadline alone. The time for d words varies
// with what is drawn by about √d samples, so that how many times it was says next to nothing. Half of what is left of the phase is for
// the way to the coordinator.
func (m *Machine) drawn() Hold {
	wait := (time.Duration(m.st.Open.D)*drawTime + drawGrid - 1) / drawGrid * drawGrid
	left := m.st.ends(byShares) - m.passed(m.now)
	return Hold{At: m.now.Add(min(wait, left/2)), Step: wait, End: m.now.Add(left)}
}
