package participant

import (
	"bytes"
	"crypto/sha256"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// rostered handles R1: the roster from the log, the neighbours' keys, the graph. Then it draws the noise for the whole
// vector and seals a share of each secret for every neighbour.
func (m *Machine) rostered(msg *protocol.Roster, out *Output) error {
	if m.st.Phase == idle || msg.OpenHash != m.st.OpenHash {
		return nil
	}
	entries, err := m.follow(msg.Evidence)
	if err != nil {
		return err
	}
	m.save(out)
	if m.late(byShares) {
		return nil
	}
	switch m.st.Phase {
	case advertised:
		if !m.drawable() {
			m.miss("the roster came too late to draw noise for it", out)
			return nil
		}
		m.st.Rostered = m.passed(m.now)
	case shared, uploading, sent:
		if len(entries) == 0 || entries[len(entries)-1].hash != m.st.RosterHash {
			return refuse(F14AskedTwice, "a second, different roster for one round")
		}
		out.After = m.held() // asked again
		return m.resendSaved(protocol.TypeShares, m.st.Shares, out)
	default:
		return nil
	}
	roster, err := m.checkRoster(entries)
	if err != nil {
		return err
	}
	cosigs, err := m.seed(msg, entries[len(entries)-1])
	if err != nil {
		return err
	}
	ring, err := m.checkGraph(msg, roster, cosigs)
	if err != nil {
		return err
	}
	if err := m.checkPeers(msg, roster); err != nil {
		return err
	}
	return m.share(ring, out)
}

// checkRoster finds the Roster entry: the first one after RoundOpen, with nothing hidden between.
func (m *Machine) checkRoster(entries []logEntry) (*audit.Roster, error) {
	if err := contiguous(entries, m.st.OpenIndex+1); err != nil {
		return nil, err
	}
	last := entries[len(entries)-1]
	roster, ok := last.record.(*audit.Roster)
	if !ok || roster.Open != m.st.OpenHash {
		return nil, refuse(F01BadProof, "the last entry shown is not this round's Roster")
	}
	for _, e := range entries[:len(entries)-1] {
		if r, ok := e.record.(*audit.Roster); ok && r.Open == m.st.OpenHash {
			return nil, refuse(F02RivalEntry, "the log holds an earlier Roster for this round at %d", e.index)
		}
		if r, ok := e.record.(*audit.Abort); ok && r.Open == m.st.OpenHash {
			return nil, refuse(F02RivalEntry, "the round was aborted at %d", e.index)
		}
	}
	if err := m.checkSize(roster); err != nil {
		return nil, err
	}
	m.st.N, m.st.K, m.st.T, m.st.RosterHash, m.st.RosterIndex = roster.N, roster.K, roster.T, last.hash, last.index
	return roster, nil
}

// checkSize holds members, neighbours and threshold against round and floor. All of it is about the cohort: whoever else is on
// the roster adds nothing to this device's sum (14.2).
func (m *Machine) checkSize(roster *audit.Roster) error {
	o, least := &m.st.Open, max(m.st.Open.NMin, m.cfg.Floor.NMin)
	if roster.N/o.Cohorts < least {
		return refuse(F03BelowFloor, "the roster has %d members in %d cohorts, at least %d in each are wanted", roster.N, o.Cohorts, least)
	}
	p := graph(o, roster.N)
	if err := aggregation.CheckDegree(p, aggregation.Degree{K: int(roster.K), T: int(roster.T)}); err != nil {
		return refuse(F03BelowFloor, "%v", err)
	}
	n := int(roster.N / o.Cohorts)
	if err := grid(o).Validate(n, o.SigmaTotSq); err != nil {
		return refuse(F03BelowFloor, "%v", err)
	}
	corrupt, err := aggregation.CohortCorrupt(p)
	if err == nil {
		err = privacy.CheckCohortNoise(n, corrupt, int(o.DeltaBP), o.SigmaTotSq)
	}
	if err != nil {
		return refuse(F03BelowFloor, "%v", err)
	}
	if err := checkBit(o, n); err != nil {
		return err
	}
	if o.SigmaBitSq != 0 {
		if err := privacy.CheckCohortNoise(n, corrupt, int(o.DeltaBP), o.SigmaBitSq); err != nil {
			return refuse(F03BelowFloor, "clip bit: %v", err)
		}
	}
	m.st.Corrupt = uint32(corrupt)
	return nil
}

// graph is what degree and thresholds follow from.
func graph(o *audit.RoundOpen, n uint32) aggregation.GraphParams {
	return aggregation.GraphParams{N: int(n), GammaBP: int(o.GammaBP), DeltaBP: int(o.DeltaBP), Lambda: int(o.Lambda), Eta: int(o.Eta),
		Mode: aggregation.Mode(o.Mode), Cohorts: int(o.Cohorts)}
}

// seed gives the cosignatures that the graph is drawn from: all that the shown checkpoint has, which a quorum of the pinned
// witnesses signed and whose tree holds the Roster (5.6). Without a cosigned seed nothing of it may be there.
func (m *Machine) seed(msg *protocol.Roster, roster logEntry) ([][]byte, error) {
	if m.st.Open.SeedKind != seedCosigned {
		if len(msg.SeedCheckpoint) > 0 || len(msg.SeedProof) > 0 {
			return nil, refuse(F15Malformed, "a seed's checkpoint in a round of seed kind %d", m.st.Open.SeedKind)
		}
		return nil, nil
	}
	c, err := m.cfg.Witnesses.Open(m.cfg.LogOrigin, m.cfg.LogKey, msg.SeedCheckpoint)
	if err != nil {
		return nil, refuse(F01BadProof, "the seed's checkpoint: %v", err)
	}
	if c.Size > m.st.TreeSize {
		return nil, refuse(F01BadProof, "the seed's checkpoint is of %d entries, the log was shown with %d", c.Size, m.st.TreeSize)
	}
	if err := audit.CheckInclusion(msg.SeedProof, c.Size, c.Root, roster.index, roster.hash); err != nil {
		return nil, refuse(F01BadProof, "the Roster in the seed's checkpoint: %v", err)
	}
	return c.Cosigs, nil
}

// checkGraph derives session id, ring and neighbours, and wants to have been sent exactly those, itself first (F08).
func (m *Machine) checkGraph(msg *protocol.Roster, roster *audit.Roster, cosigs [][]byte) (*aggregation.Ring, error) {
	seed := aggregation.GraphSeed(m.st.OpenHash, m.st.RosterHash, cosigs...)
	ring, err := aggregation.NewRing(int(roster.N), int(m.st.Open.Cohorts), int(roster.K), seed)
	if err != nil {
		return nil, refuse(F15Malformed, "%v", err)
	}
	if msg.Index >= roster.N {
		return nil, refuse(F15Malformed, "index %d in a roster of %d", msg.Index, roster.N)
	}
	want := append([]int{int(msg.Index)}, ring.Neighbours(int(msg.Index))...)
	if len(want) != len(msg.Peers) {
		return nil, refuse(F08WrongGraph, "%d neighbours were sent, the seed gives %d", len(msg.Peers)-1, len(want)-1)
	}
	for i, p := range msg.Peers {
		if int(p.Index) != want[i] {
			return nil, refuse(F08WrongGraph, "neighbour %d is member %d, the seed gives %d", i, p.Index, want[i])
		}
	}
	m.st.Index, m.st.Seed, m.st.Cohort = msg.Index, seed, uint32(ring.Cohort(int(msg.Index)))
	m.st.SID = aggregation.SessionID(m.st.OpenHash, m.st.RosterHash, seed, m.st.Cohort)
	return ring, nil
}

// checkPeers holds every neighbour's keys against the roster root, its certificate and its signature (F06, F07).
func (m *Machine) checkPeers(msg *protocol.Roster, roster *audit.Roster) error {
	seen := map[[32]byte]bool{}
	m.st.Neighbours = nil
	for i, p := range msg.Peers {
		if err := audit.CheckMerkle(p.Proof, int(roster.N), int(p.Index), roster.Root, rosterLeaf(p.Index, p.Key)); err != nil {
			return refuse(F07BadKey, "the keys of member %d are not those of the roster: %v", p.Index, err)
		}
		if i == 0 {
			own, err := message[*protocol.Advertise](protocol.TypeAdvertise, m.st.Advertise)
			if err != nil {
				return err
			}
			if !bytes.Equal(own.Key.Bytes(), p.Key.Bytes()) {
				return refuse(F07BadKey, "this device's own keys were altered in the roster")
			}
		} else if err := m.checkPeer(p); err != nil {
			return err
		}
		for _, k := range publicKeys(p.Key) {
			if seen[k] {
				return refuse(F07BadKey, "member %d has a key that another member has too", p.Index)
			}
			seen[k] = true
		}
		if i > 0 {
			m.st.Neighbours = append(m.st.Neighbours, m.neighbour(p))
		}
	}
	return nil
}

// publicKeys are those of a bundle, long ones by their hash, to be compared with others'.
func publicKeys(k protocol.KeyBundle) [][32]byte {
	out := [][32]byte{k.SPK, k.EPK, k.Cert.IDPK}
	if half := len(k.KEM) / 2; half > 0 {
		out = append(out, sha256.Sum256(k.KEM[:half]), sha256.Sum256(k.KEM[half:]))
	}
	return out
}

// neighbour is what the session needs of a checked peer.
func (m *Machine) neighbour(p protocol.PeerKeys) neighbour {
	q := neighbour{Index: p.Index, IDPK: p.Key.Cert.IDPK, SPK: p.Key.SPK, EPK: p.Key.EPK, KEM: p.Key.KEM}
	if m.st.Open.Sig == protocol.SigHybrid && aggregation.Mode(m.st.Open.Mode) == aggregation.ModeSM {
		q.PQ = p.Key.CertPQ[:protocol.PQKeySize]
	}
	return q
}

// checkPeer compares certificate dates with opened_at, which all members share, so that no member's clock splits the roster
// (3.5).
func (m *Machine) checkPeer(p protocol.PeerKeys) error {
	if err := p.Key.Cert.Verify(m.cfg.Authority, m.st.Open.OpenedAt, protocol.ClassDevice); err != nil {
		return refuse(F06BadCertificate, "member %d: %v", p.Index, err)
	}
	var pq *protocol.PQPublicKey
	if m.st.Open.Sig == protocol.SigHybrid {
		var err error
		if pq, err = protocol.VerifyPQ(p.Key.Cert, p.Key.CertPQ, m.cfg.AuthorityPQ); err != nil {
			return refuse(F06BadCertificate, "member %d: %v", p.Index, err)
		}
	}
	if err := p.Key.Verify(m.st.OpenHash, pq); err != nil {
		return refuse(F07BadKey, "member %d: %v", p.Index, err)
	}
	for _, k := range [][32]byte{p.Key.SPK, p.Key.EPK} {
		if err := aggregation.CheckPublicKey(k); err != nil {
			return refuse(F07BadKey, "member %d: %v", p.Index, err)
		}
	}
	switch {
	case m.st.Open.Kex != aggregation.KexXWing && len(p.Key.KEM) > 0:
		return refuse(F07BadKey, "member %d has X-Wing keys in a round without them", p.Index)
	case m.st.Open.Kex == aggregation.KexXWing:
		if err := aggregation.CheckKEM(p.Key.KEM); err != nil {
			return refuse(F07BadKey, "member %d: %v", p.Index, err)
		}
	}
	return nil
}

// honest is the fewest honest members of the cohort who survive (privacy 6.1).
func (m *Machine) honest() int {
	return privacy.CohortFloor(int(m.st.N/m.st.Open.Cohorts), int(m.st.Corrupt), int(m.st.Open.DeltaBP))
}
