package round

import (
	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// What a driver may ask of a round. Nothing here changes it.

// Phase says where the round stands.
func (m *Machine) Phase() Phase { return m.phase }

// Member reports whether this device has a place in the round, or will have one.
func (m *Machine) Member(id [32]byte) bool { return m.members[id] != nil }

// OpenHash is the round's identity on the wire.
func (m *Machine) OpenHash() [32]byte { return m.openHash }

// SID is the id of the session that a device is a member of, zero if it is of none.
func (m *Machine) SID(id [32]byte) [32]byte {
	if p := m.members[id]; p != nil && p.cohort != nil {
		return p.cohort.sid
	}
	return [32]byte{}
}

// Ended reports whether the round's last entry is in the log.
func (m *Machine) Ended() bool { return m.ended }

// Header is the upload that a device announced, nil if it announced none.
func (m *Machine) Header(id [32]byte) *protocol.Input {
	if p := m.members[id]; p != nil {
		return p.input
	}
	return nil
}

// Vectors lists the masked vectors that are to be in the sum as the round stands. After a crash the driver folds them again.
func (m *Machine) Vectors() []Vector {
	var out []Vector
	for _, p := range m.roster {
		if p.standing == Sent || p.inU3() {
			out = append(out, p.vector())
		}
	}
	return out
}

func (p *member) vector() Vector {
	return Vector{ID: p.id, YHash: p.input.YHash, Cohort: p.cohort.number}
}

// Pending is the plan that is out and not yet answered, nil if there is none; phase Settle is nothing but waiting for it. After a crash the driver starts it again.
func (m *Machine) Pending() *Plan {
	if m.phase == Settling && m.entries.final == nil {
		return m.plan()
	}
	return nil
}

// Awaiting lists the sealed entries that the machine wants to see in the log before it goes on. After a crash the driver
// answers each with a Logged event if the log has it.
func (m *Machine) Awaiting() [][32]byte {
	var out [][32]byte
	add := func(entry []byte, index uint64) {
		if entry != nil && index == 0 {
			out = append(out, audit.LeafHash(entry))
		}
	}
	add(m.entries.roster, m.indexes.roster)
	for _, c := range m.cohorts {
		add(c.survivors, c.index)
	}
	add(m.entries.final, m.indexes.final)
	return out
}

// Counts gives the sizes of the roster, of those that shared and of those whose vector counts.
func (m *Machine) Counts() (advertised, shared, sent, answered int) {
	for _, p := range m.members {
		advertised++
		if p.inU2 || p.standing == Shared {
			shared++
		}
		if p.standing == Sent || p.inU3() {
			sent++
		}
		if p.standing == Answered {
			answered++
		}
	}
	return
}

// Wanted is how many bytes of messages the round may want of one member in all. Whoever sends much more is not taking part.
func (m *Machine) Wanted() int {
	o := &m.cfg.Open
	signature, keys, perNeighbour := 64+4, 32+protocol.KeyBundleSize, 80+4+36 // a box, a complaint, an answer
	if o.Sig == protocol.SigHybrid {
		signature += protocol.PQSigSize
		keys += protocol.CertPQSize + protocol.PQSigSize
	}
	if o.Kex == aggregation.KexXWing {
		keys += protocol.KEMKeysSize
		perNeighbour += 2 * protocol.CiphertextSize
	}
	chunks := int(uint64(o.Words())*uint64(o.WordBits/8)/protocol.ChunkSize) + 1
	return keys + m.degree.K*(perNeighbour+1) + 32*chunks + 4*(128+signature) // shares, input, confirm, reveal
}
