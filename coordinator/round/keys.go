package round

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// advertised takes R0: one key set for one certificate, write-once (9.1, 10.1).
func (m *Machine) advertised(id [32]byte, msg *protocol.Advertise, out *Output) {
	if p := m.members[id]; p != nil {
		if !bytes.Equal(p.advertise.Append(nil), msg.Append(nil)) {
			out.hangUp(id, protocol.CodeConflict, "another key set for this round was accepted before; send those bytes or wait for the next round")
		}
		return
	}
	if msg.OpenHash != m.openHash {
		out.hangUp(id, protocol.CodeStale, "open_hash names another round; wait for the next offer")
		return
	}
	if m.phase > Keys || m.entries.roster != nil {
		out.hangUp(id, protocol.CodeLate, "the roster of this round is frozen; wait for the next offer")
		return
	}
	pq, err := m.checkAdvertise(id, msg)
	if err != nil {
		code := protocol.CodeOf(err)
		if code == protocol.CodeInternal { // an error of ours about its values
			code = protocol.CodeMalformed
		}
		out.hangUp(id, code, err.Error())
		return
	}
	m.serials[msg.Key.Cert.Serial] = true
	for _, key := range publicKeys(&msg.Key) {
		m.keys[key] = true
	}
	m.members[id] = &member{id: id, key: msg.Key, pq: pq, advertise: msg, present: m.present[id], away: m.now}
	if m.phase == Recruit {
		m.enter(Keys)
	}
}

// checkAdvertise gives the member's ML-DSA key, nil in suite sig 1.
func (m *Machine) checkAdvertise(id [32]byte, msg *protocol.Advertise) (*protocol.PQPublicKey, error) {
	k := &msg.Key
	if k.Cert.IDPK != id {
		return nil, fmt.Errorf("advertise: %w than this connection's", protocol.ErrWrongKey)
	}
	// At opened_at, as every other member will check it.
	if err := k.Cert.Verify(m.cfg.Authority, m.cfg.Open.OpenedAt, protocol.ClassDevice); err != nil {
		return nil, fmt.Errorf("advertise: %w", err)
	}
	var pq *protocol.PQPublicKey
	if m.cfg.Open.Sig == protocol.SigHybrid {
		var err error
		if pq, err = protocol.VerifyPQ(k.Cert, k.CertPQ, m.cfg.AuthorityPQ); err != nil {
			return nil, fmt.Errorf("advertise: %w", err)
		}
	}
	if err := k.Verify(m.openHash, pq); err != nil {
		return nil, fmt.Errorf("advertise: %w", err)
	}
	return pq, m.checkKeys(k)
}

func (m *Machine) checkKeys(k *protocol.KeyBundle) error {
	if err := aggregation.CheckPublicKey(k.SPK); err != nil {
		return fmt.Errorf("advertise: spk: %w", err)
	}
	if err := aggregation.CheckPublicKey(k.EPK); err != nil {
		return fmt.Errorf("advertise: epk: %w", err)
	}
	if m.cfg.Open.Kex == aggregation.KexXWing {
		if err := aggregation.CheckKEM(k.KEM); err != nil {
			return fmt.Errorf("advertise: kem: %w", err)
		}
	} else if len(k.KEM) > 0 {
		return fmt.Errorf("advertise: kem of %d bytes in a round with key agreement %d, which has none", len(k.KEM), m.cfg.Open.Kex)
	}
	if m.serials[k.Cert.Serial] {
		return fmt.Errorf("advertise: the certificate's serial number is that of another member; ask the enrolment authority for another one")
	}
	own := map[[32]byte]bool{}
	for _, key := range publicKeys(k) {
		if m.keys[key] || own[key] {
			return fmt.Errorf("advertise: a public key equals another one of this round")
		}
		own[key] = true
	}
	return nil
}

// publicKeys are the keys of a bundle, no two of which may be equal in a round; of the long ones the hashes.
func publicKeys(k *protocol.KeyBundle) [][32]byte {
	out := [][32]byte{k.SPK, k.EPK}
	if half := len(k.KEM) / 2; half > 0 {
		out = append(out, sha256.Sum256(k.KEM[:half]), sha256.Sum256(k.KEM[half:]))
	}
	return out
}

// freezeRoster fixes U1, its order and its graph, and asks for the Roster entry. Members are ordered by identity key, so
// that nobody's arrival time decides a neighbourhood.
func (m *Machine) freezeRoster(out *Output) {
	if m.phase == Recruit {
		m.enter(Keys)
	}
	if n, blocks := len(m.members), m.blocks(); n/blocks < int(m.cfg.Open.NMin) {
		m.abort(TooFewMembers, fmt.Sprintf("%d devices advertised keys for %d cohorts, n_min is %d in each", n, blocks, m.cfg.Open.NMin), out)
		return
	}
	m.enlist(out)
	for i, p := range m.roster {
		p.index, p.standing = uint32(i), Listed
		m.leaves = append(m.leaves, rosterLeaf(uint32(i), p.key))
	}
	degree, err := aggregation.FindDegree(m.graphParams())
	if err == nil {
		m.corrupt, err = aggregation.CohortCorrupt(m.graphParams())
	}
	if err != nil {
		m.abort(TooFewMembers, err.Error(), out)
		return
	}
	m.degree = degree
	m.entries.roster = m.record(&audit.Roster{Open: m.openHash, N: uint32(len(m.roster)), K: uint32(degree.K), T: uint32(degree.T), Root: audit.MerkleRoot(m.leaves)})
	m.hashes.roster = audit.LeafHash(m.entries.roster)
	out.Facts = append(out.Facts, Fact{Entry: m.entries.roster, Cosign: m.cosigned()})
}

// enlist puts the members into the order of the roster. Cohorts are of equal size: those who are too many for that, the last in this
// order, are left out and told so.
func (m *Machine) enlist(out *Output) {
	for _, p := range m.members {
		m.roster = append(m.roster, p)
	}
	slices.SortFunc(m.roster, func(a, b *member) int { return bytes.Compare(a.id[:], b.id[:]) })
	n := len(m.roster) - len(m.roster)%m.blocks()
	for _, p := range m.roster[n:] {
		delete(m.members, p.id)
		out.hangUp(p.id, protocol.CodeLate, "the roster of this round is full without this device; wait for the next offer")
	}
	m.roster = m.roster[:n]
}

func (m *Machine) graphParams() aggregation.GraphParams {
	o := &m.cfg.Open
	return aggregation.GraphParams{N: len(m.roster), GammaBP: int(o.GammaBP), DeltaBP: int(o.DeltaBP), Lambda: int(o.Lambda), Eta: int(o.Eta), Mode: aggregation.Mode(o.Mode), Cohorts: m.blocks()}
}

// rosterLeaf is u32(i) ‖ advertise bytes (8.2).
func rosterLeaf(i uint32, k protocol.KeyBundle) []byte {
	return append(binary.BigEndian.AppendUint32(nil, i), k.Bytes()...)
}

// Seed kinds of a RoundOpen (secure aggregation 5.6). Beacons are not built.
const (
	seedCosigned = 1
	seedPlain    = 3
)

// SeedKind is the seed that goes with a mode.
func SeedKind(m aggregation.Mode) uint16 {
	if m == aggregation.ModeW {
		return seedCosigned
	}
	return seedPlain
}

// drawSeed is the graph's seed: with a cosigned one it follows from the signatures in note, which nobody could know before.
func (m *Machine) drawSeed(note []byte) ([32]byte, error) {
	if !m.cosigned() {
		return aggregation.GraphSeed(m.openHash, m.hashes.roster), nil
	}
	signed, err := m.cfg.Witnesses.Open(m.cfg.LogOrigin, m.cfg.LogKey, note)
	if err != nil {
		return [32]byte{}, fmt.Errorf("cosigned roster: %w", err)
	}
	m.seedNote, m.seedSize = note, signed.Size
	return aggregation.GraphSeed(m.openHash, m.hashes.roster, signed.Cosigs...), nil
}

// rosterLogged derives the graph, which nobody could know before the roster was fixed, and opens phase Shares.
func (m *Machine) rosterLogged(seed [32]byte, out *Output) {
	ring, err := aggregation.NewRing(len(m.roster), m.blocks(), m.degree.K, seed)
	if err != nil {
		m.abort(TooFewMembers, err.Error(), out)
		return
	}
	m.ring = ring
	m.divide(seed)
	m.enter(Shares)
	m.paths = merklePaths(m.leaves)
	for _, p := range m.roster {
		m.sendRoster(p, out)
	}
}

// merklePaths gives every leaf's path from one tree.
func merklePaths(leaves [][]byte) [][][32]byte {
	tree, out := audit.NewLog(), make([][][32]byte, len(leaves))
	for _, leaf := range leaves {
		tree.Append(leaf)
	}
	for i := range out {
		out[i] = path(tree, i)
	}
	return out
}

func path(tree *audit.Log, i int) [][32]byte {
	p, err := tree.Inclusion(uint64(i), tree.Size())
	if err != nil {
		panic("round: " + err.Error()) // i is a leaf of the tree
	}
	return p
}

// sendRoster sends R1: the roster with proof, and the keys of p and of its neighbours, each with its path in roster_root.
func (m *Machine) sendRoster(p *member, out *Output) {
	msg := &protocol.Roster{OpenHash: m.openHash, Index: p.index, SeedCheckpoint: m.seedNote}
	for _, i := range append([]int{int(p.index)}, p.neighbours...) {
		msg.Peers = append(msg.Peers, protocol.PeerKeys{Index: uint32(i), Key: m.roster[i].key, Proof: m.paths[i]})
	}
	out.prove(p.id, msg, span(m.cfg.Index+1, m.indexes.roster)...)
	if m.cosigned() {
		out.Send[len(out.Send)-1].Seed = &Seed{Index: m.indexes.roster, Size: m.seedSize}
	}
}
