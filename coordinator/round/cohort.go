package round

import (
	"crypto/sha256"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
)

// cohort is a part of the roster whose vectors are summed by themselves: a graph, a session and a set of survivors of its own
// (secure aggregation 14.2). Most rounds have one, which is the whole roster.
type cohort struct {
	number    int
	members   []*member // in the order of the roster
	sid       [32]byte
	u2, u3    int
	survivors []byte // the sealed entry, once the set is decided
	hash      [32]byte
	index     uint64     // of that entry in the log, 0 before it is there
	bitmap    []byte     // of the survivors, over the whole roster
	inputs    *audit.Log // the tree of inputs_root
}

// blocks is how many cohorts the round has.
func (m *Machine) blocks() int { return max(1, int(m.cfg.Open.Cohorts)) }

// divide makes the cohorts of a frozen roster: equal runs of the ring.
func (m *Machine) divide(seed [32]byte) {
	for c := range m.blocks() {
		part := &cohort{number: c, sid: aggregation.SessionID(m.openHash, m.hashes.roster, seed, uint32(c)), inputs: audit.NewLog()}
		for _, i := range m.ring.Members(c) {
			p := m.roster[i]
			p.cohort, p.neighbours = part, m.ring.Neighbours(i)
			part.members = append(part.members, p)
		}
		m.cohorts = append(m.cohorts, part)
	}
}

// sealed reports whether the survivors are decided. All cohorts are sealed at once.
func (m *Machine) sealed() bool { return len(m.cohorts) > 0 && m.cohorts[0].survivors != nil }

// sealedLogged reports whether every cohort's set is in the log.
func (m *Machine) sealedLogged() bool {
	for _, c := range m.cohorts {
		if c.index == 0 {
			return false
		}
	}
	return len(m.cohorts) > 0
}

// record is the cohort's Survivors record.
func (c *cohort) record(open, roster [32]byte) *audit.Survivors {
	return &audit.Survivors{Open: open, Roster: roster, Cohort: uint32(c.number), SID: c.sid, Count: uint32(c.u3),
		BitmapHash: sha256.Sum256(c.bitmap), InputsRoot: c.inputs.Root(c.inputs.Size())}
}

// sizes are U2 and U3 of all cohorts together.
func (m *Machine) sizes() (u2, u3 int) {
	for _, c := range m.cohorts {
		u2, u3 = u2+c.u2, u3+c.u3
	}
	return u2, u3
}
