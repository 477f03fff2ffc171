package participant

import (
	"encoding/binary"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// logEntry is a verified entry of the log.
type logEntry struct {
	index  uint64
	hash   [32]byte
	record audit.Record
	shown  protocol.Logged
}

// follow checks that the log only grew since this device last saw it, that the pinned witnesses saw the same, and that the
// entries lie in it (F01).
func (m *Machine) follow(ev protocol.Evidence) ([]logEntry, error) {
	cp, err := m.checkpoint(ev.Checkpoint)
	if err != nil {
		return nil, err
	}
	if cp.Size < m.st.TreeSize {
		return nil, refuse(F01BadProof, "the log's tree has %d entries, this device has seen %d", cp.Size, m.st.TreeSize)
	}
	if m.st.TreeSize > 0 {
		if err := audit.CheckConsistency(ev.Consistency, m.st.TreeSize, m.st.TreeRoot, cp.Size, cp.Root); err != nil {
			return nil, refuse(F01BadProof, "the log is not an extension of the one seen before: %v", err)
		}
	}
	var out []logEntry
	for _, l := range ev.Entries {
		hash := audit.LeafHash(l.Entry)
		if err := audit.CheckInclusion(l.Proof, cp.Size, cp.Root, l.Index, hash); err != nil {
			return nil, refuse(F01BadProof, "entry %d: %v", l.Index, err)
		}
		record, err := audit.OpenEntry(m.cfg.Coordinator, l.Entry)
		if err != nil {
			return nil, refuse(F01BadProof, "entry %d: %v", l.Index, err)
		}
		out = append(out, logEntry{l.Index, hash, record, l})
	}
	m.st.grew(ev, cp)
	m.st.TreeSize, m.st.TreeRoot = cp.Size, cp.Root
	return out, nil
}

// checkpoint opens the head of the log. With a pinned policy every head must be cosigned, whatever the mode; without one,
// cosignatures are nobody's that this device knows.
func (m *Machine) checkpoint(note []byte) (audit.Checkpoint, error) {
	if m.cfg.Witnesses.IsZero() {
		cp, err := audit.OpenSigned(m.cfg.LogOrigin, m.cfg.LogKey, note)
		if err != nil {
			return cp, refuse(F01BadProof, "%v", err)
		}
		return cp, nil
	}
	c, err := m.cfg.Witnesses.Open(m.cfg.LogOrigin, m.cfg.LogKey, note)
	if err != nil {
		return c.Checkpoint, refuse(F01BadProof, "%v", err)
	}
	return c.Checkpoint, m.checkTimes(c)
}

// checkTimes wants each witness's time to be within a day of this device's clock (3.5, F16). A device's own time is the newest
// that a whole quorum has signed, so that it never runs backwards: one witness can neither push it forward nor, by a clock that
// steps back, stop the device.
func (m *Machine) checkTimes(c audit.Cosigned) error {
	for i, name := range c.Names {
		at := binary.BigEndian.Uint64(c.Cosigs[i][4:12]) // key id 4 ‖ time 8, below 2^63: checked when it was opened
		if d := m.now.Sub(time.Unix(int64(at), 0)); d > clockSlack || d < -clockSlack {
			return refuse(F16Clock, "witness %s's time differs from this device's clock by %v; set the clock", name, d.Round(time.Minute))
		}
	}
	m.st.Cosigned = max(m.st.Cosigned, c.Time)
	return nil
}

// deviceTime is what expiries are compared with: the newest cosigned time, or without witnesses S's opened_at.
func (m *Machine) deviceTime(o *audit.RoundOpen) uint64 {
	if m.cfg.Witnesses.IsZero() {
		return o.OpenedAt
	}
	return max(o.OpenedAt, m.st.Cosigned)
}

// contiguous wants the entries of ev to be exactly those from first on, without a gap, so that a rival cannot hide.
func contiguous(entries []logEntry, first uint64) error {
	if len(entries) == 0 {
		return refuse(F01BadProof, "no log entry was shown")
	}
	for i, e := range entries {
		if e.index != first+uint64(i) {
			return refuse(F01BadProof, "log entry %d was shown where %d is due", e.index, first+uint64(i))
		}
	}
	return nil
}
