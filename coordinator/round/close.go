package round

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// settle takes the hashes of the finished work and asks for the RoundClose entry, in whose transaction the model head
// moves: the publication point of no return.
func (m *Machine) settle(e Event, out *Output) {
	if m.phase != Settling {
		return
	}
	if len(e.Sums) != len(m.cohorts) {
		m.abort(SettleFailed, fmt.Sprintf("%d sums of %d cohorts", len(e.Sums), len(m.cohorts)), out)
		return
	}
	m.assertMaySettle()
	m.settled = e
	o := &m.cfg.Open
	n := len(m.roster)
	u2, u3 := m.sizes()
	hMin := privacy.CohortFloor(n/m.blocks(), m.corrupt, int(o.DeltaBP))
	m.entries.final = m.record(&audit.RoundClose{
		Open: m.openHash, Roster: m.hashes.roster, Survivors: m.survivorsHashes(),
		SumHash: e.Sums, ModelOut: e.Model, ServeHash: e.Serve,
		U1: uint32(n), U2: uint32(u2), U3: uint32(u3),
		HonestNoise: uint64(hMin) * privacy.LocalVariance(o.SigmaTotSq, hMin),
		C:           o.C, RhoUnits: o.RhoUnits, RhoCumBound: m.cfg.RhoCumBound,
		PhaseMillis: m.millis(), Drops: m.drops(),
	})
	out.Facts = append(out.Facts, Fact{Entry: m.entries.final, Publish: &Publish{In: o.ModelIn, Out: e.Model, Serve: e.Serve}})
}

func (m *Machine) survivorsHashes() [][32]byte {
	var out [][32]byte
	for _, c := range m.cohorts {
		out = append(out, c.hash)
	}
	return out
}

// abort asks for the Abort entry. Charges stand.
func (m *Machine) abort(why Reason, detail string, out *Output) {
	if why == NoReason {
		why = SettleFailed
	}
	detail = strings.ToValidUTF8(detail, "?")
	for len(detail) > maxDetail {
		_, last := utf8.DecodeLastRuneInString(detail)
		detail = detail[:len(detail)-last]
	}
	m.reason, m.detail = why, detail
	u2, u3 := m.sizes()
	m.entries.final = m.record(&audit.Abort{Open: m.openHash, Phase: uint16(m.phase), Reason: uint16(why), Detail: detail,
		U1: uint32(len(m.roster)), U2: uint32(u2), U3: uint32(u3)})
	out.Facts = append(out.Facts, Fact{Entry: m.entries.final})
}

const maxDetail = 512

// Cancel aborts the round for good, whatever its phase; used when it cannot go on with exactly its set.
func (m *Machine) Cancel(now time.Time, why Reason, detail string) Output {
	return m.Step(now, Event{Kind: Unsettled, Why: why, Detail: detail})
}

// finish ends the round: its last entry is in the log.
func (m *Machine) finish(out *Output) {
	failed := m.reason != NoReason
	u2, u3 := m.sizes()
	res := &Result{Phase: Done, Reason: m.reason, Detail: m.detail, Entry: m.indexes.final, U1: len(m.roster), U2: u2, U3: u3,
		Sums: m.settled.Sums, Model: m.settled.Model, Serve: m.settled.Serve, Millis: m.millis()}
	for _, p := range m.roster {
		kept := Member{ID: p.id, Index: p.index, Leaf: -1}
		if p.inU3() {
			kept.Leaf, kept.YHash = p.leaf, p.input.YHash
			kept.Cohort = p.cohort.number
		}
		res.Members = append(res.Members, kept)
	}
	if failed {
		res.Phase, res.Culprits = Failed, m.culprits()
	}
	m.phase, m.ended = res.Phase, true
	for _, id := range slices.SortedFunc(maps.Keys(m.members), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) }) {
		if m.present[id] {
			m.Farewell(id, out)
		}
	}
	out.Result = res
}

// millis is the time spent in Keys (with Recruit), Shares, Inputs, Unmask and Settle.
func (m *Machine) millis() [5]uint32 {
	marks := [6]time.Time{m.since[Recruit], m.since[Shares], m.since[Inputs], m.since[Unmask], m.since[Settling], m.now}
	var out [5]uint32
	for i := range out {
		if marks[i].IsZero() {
			continue
		}
		end := m.now
		for _, later := range marks[i+1:] {
			if !later.IsZero() {
				end = later
				break
			}
		}
		out[i] = uint32(max(0, end.Sub(marks[i]).Milliseconds()))
	}
	return out
}

func (m *Machine) drops() []audit.Drop {
	counts := map[Reason]uint32{}
	for _, p := range m.roster {
		if p.standing == Dropped {
			counts[p.reason]++
		}
	}
	var out []audit.Drop
	for r := NoShares; r <= FewNeighbours; r++ {
		if counts[r] > 0 {
			out = append(out, audit.Drop{Reason: uint16(r), Count: counts[r]})
		}
	}
	return out
}
