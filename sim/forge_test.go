package sim

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

// forger makes what a hostile coordinator could with all its keys, and with witnesses who sign whatever only grows: other records in the
// log of a transcript's round. It has that round's world from its seed, and the log up to the RoundOpen.
type forger struct {
	t    *testing.T
	tr   *transcript
	w    *world
	open [32]byte // hash of the transcript's RoundOpen
}

func newForger(t *testing.T, name string, tr *transcript) *forger {
	t.Helper()
	w, err := newWorld(transcripts()[name].cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{t: t, tr: tr, w: w}
	entries := f.message(protocol.TypeOffer).(*protocol.Offer).Evidence.Entries
	for i, e := range entries[:len(entries)-1] {
		if !bytes.Equal(e.Entry, w.coord.entries[i]) {
			t.Fatalf("entry %d of the transcript is not that of its seed", i)
		}
	}
	f.open = audit.LeafHash(entries[len(entries)-1].Entry)
	w.coord.append(entries[len(entries)-1].Entry)
	return f
}

// message is the transcript's first of a type, from either side.
func (f *forger) message(typ protocol.Type) protocol.Message {
	f.t.Helper()
	for _, s := range f.tr.Steps {
		for _, b := range append([]hexes{s.Frame}, s.Sends...) {
			if len(b) > 3 && b[3] == byte(typ) {
				m, err := protocol.ReadMessage(bytes.NewReader(b), nil)
				f.must(err)
				return m
			}
		}
	}
	f.t.Fatalf("the transcript has no message of type %d", typ)
	return nil
}

func (f *forger) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// record is what an entry says.
func (f *forger) record(entry []byte) audit.Record {
	f.t.Helper()
	r, err := audit.OpenEntry(f.w.coord.key.Public().(ed25519.PublicKey), entry)
	f.must(err)
	return r
}

func (f *forger) seal(r audit.Record) uint64 {
	f.t.Helper()
	entry, err := audit.Seal(f.w.coord.key, r)
	f.must(err)
	return f.w.coord.append(entry)
}

// evidence shows entries to a device that has seen a tree of size old.
func (f *forger) evidence(old uint64, indexes ...uint64) protocol.Evidence {
	f.t.Helper()
	id := f.w.devices[0].id
	f.w.coord.tree[id] = old
	ev, err := f.w.coord.evidence(id, indexes)
	f.must(err)
	return ev
}

// reopen offers another RoundOpen, in the log behind the transcript's.
func (f *forger) reopen(m protocol.Message, old uint64, change func(o *audit.RoundOpen)) {
	f.t.Helper()
	o := f.record(f.w.coord.entries[len(f.w.coord.entries)-1]).(*audit.RoundOpen)
	change(o)
	m.(*protocol.Offer).Evidence = f.evidence(old, append(slices.Clone(f.w.coord.context), f.seal(o))...)
}

// relist has a neighbour's certificate changed before the roster is made: root, entry, seed and ring are of the roster with it.
func (f *forger) relist(r *protocol.Roster, change func(c *protocol.Cert)) {
	f.t.Helper()
	victim := &r.Peers[1]
	change(&victim.Key.Cert)
	victim.Key.Cert = protocol.IssueCert(f.w.authority, victim.Key.Cert)
	victim.Key.Sign(f.w.signer(f.w.byID[victim.Key.Cert.IDPK].cfg.Key), f.open)
	byIndex, leaves := make([]protocol.PeerKeys, len(r.Peers)), make([][]byte, len(r.Peers))
	for _, p := range r.Peers { // the graph is complete: they are all
		byIndex[p.Index] = p
		leaves[p.Index] = append(binary.BigEndian.AppendUint32(nil, p.Index), p.Key.Bytes()...)
	}
	rec := f.record(r.Evidence.Entries[0].Entry).(*audit.Roster)
	rec.Root = audit.MerkleRoot(leaves)
	at := f.seal(rec)
	r.Evidence = f.evidence(r.Evidence.OldSize, at)
	r.SeedCheckpoint = r.Evidence.Checkpoint
	var err error
	r.SeedProof, err = f.w.coord.log.Inclusion(at, at+1)
	f.must(err)
	signed, err := f.w.policy().Open(origin, f.w.coord.logKey.Public().(ed25519.PublicKey), r.SeedCheckpoint)
	f.must(err)
	ring, err := aggregation.NewRing(len(leaves), 1, int(rec.K), aggregation.GraphSeed(f.open, audit.LeafHash(f.w.coord.entries[at]), signed.Cosigs...))
	f.must(err)
	for at, i := range append([]int{int(r.Index)}, ring.Neighbours(int(r.Index))...) {
		r.Peers[at] = byIndex[i]
		r.Peers[at].Proof = audit.MerkleProof(leaves, i)
	}
}

// forgery is a message that a coordinator could only make with its own keys.
type forgery struct {
	typ     protocol.Type
	again   bool
	why     string
	refused participant.Refusal
	forge   func(f *forger, m protocol.Message)
}

// forgeries are all of the round "witnessed".
func forgeries() []forgery {
	offer := func(why string, refused participant.Refusal, change func(o *audit.RoundOpen)) forgery {
		return forgery{protocol.TypeOffer, false, why, refused, func(f *forger, m protocol.Message) {
			f.reopen(m, m.(*protocol.Offer).Evidence.OldSize, change)
		}}
	}
	const day = 24 * 3600
	return []forgery{
		{protocol.TypeWelcome, false, "the device signed a vector that its ledger does not know", participant.F10Budget, func(f *forger, m protocol.Message) {
			m.(*protocol.Welcome).LastHeader = f.message(protocol.TypeInput).Append(nil)
		}},
		{protocol.TypeOffer, false, "the witnesses' clocks are a day and an hour ahead", participant.F16Clock, func(f *forger, m protocol.Message) {
			f.w.now = f.w.now.Add((day + 3600) * time.Second)
			m.(*protocol.Offer).Evidence = f.evidence(m.(*protocol.Offer).Evidence.OldSize, append(slices.Clone(f.w.coord.context), 3)...)
		}},
		offer("the round was opened a day and an hour ago", participant.F16Clock, func(o *audit.RoundOpen) { o.OpenedAt -= day + 3600 }),
		offer("the deadline of inputs lies before that of shares", participant.F16Clock, func(o *audit.RoundOpen) { o.Deadlines[2] = o.Deadlines[1] - 1 }),
		{protocol.TypeOffer, true, "another round of the same number", participant.F11Stale, func(f *forger, m protocol.Message) {
			f.reopen(m, f.w.coord.log.Size(), func(o *audit.RoundOpen) { o.NTarget++ })
		}},
		{protocol.TypeOffer, false, "the question is not shown", participant.F17NoConsent, func(_ *forger, m protocol.Message) {
			e := &m.(*protocol.Offer).Evidence
			e.Entries = slices.Delete(e.Entries, 2, 3)
		}},
		offer("the round is of another question", participant.F17NoConsent, func(o *audit.RoundOpen) { o.Question[0] ^= 1 }),
		offer("λ is 79 in a round with a cosigned seed", participant.F03BelowFloor, func(o *audit.RoundOpen) { o.Lambda = 79 }),
		offer("less noise than the question says", participant.F03BelowFloor, func(o *audit.RoundOpen) { o.SigmaTotSq-- }),
		offer("a witness policy that is not the pinned one", participant.F03BelowFloor, func(o *audit.RoundOpen) { o.WitnessPolicy[0] ^= 1 }),
		{protocol.TypeRoster, false, "an earlier roster of the round is in the log", participant.F02RivalEntry, func(f *forger, m protocol.Message) {
			r := m.(*protocol.Roster)
			entry := r.Evidence.Entries[0].Entry
			rival := f.record(entry).(*audit.Roster)
			rival.Root[0] ^= 1
			r.Evidence = f.evidence(r.Evidence.OldSize, f.seal(rival), f.w.coord.append(entry))
		}},
		{protocol.TypeRoster, false, "a neighbour's certificate is out of date", participant.F06BadCertificate, func(f *forger, m protocol.Message) {
			f.relist(m.(*protocol.Roster), func(c *protocol.Cert) { c.NotAfter = uint64(f.w.now.Unix()) - 1 })
		}},
		{protocol.TypeRoster, false, "a neighbour's certificate is of a coordinator", participant.F06BadCertificate, func(f *forger, m protocol.Message) {
			f.relist(m.(*protocol.Roster), func(c *protocol.Cert) { c.Class = protocol.ClassCoordinator })
		}},
	}
}

// forge makes them, each in a world of its own.
func (tr *transcript) forge(t *testing.T, name string) []refusal {
	t.Helper()
	var out []refusal
	for _, c := range forgeries() {
		f := newForger(t, name, tr)
		m := f.message(c.typ)
		c.forge(f, m)
		out = append(out, refusal{Transcript: name, Step: tr.at(t, c.typ), Again: c.again, Why: c.why, Frame: frame(m), Refused: c.refused.String()[:3]})
	}
	return out
}

// TestForgeriesAreFlawless: what is forged without a fault is accepted, so that each forgery is refused for its fault and nothing else.
func TestForgeriesAreFlawless(t *testing.T) {
	const name = "witnessed"
	var tr transcript
	readVectors(t, name+".json", &tr)
	for typ, forge := range map[protocol.Type]func(f *forger, m protocol.Message){
		protocol.TypeOffer: func(f *forger, m protocol.Message) {
			f.reopen(m, m.(*protocol.Offer).Evidence.OldSize, func(o *audit.RoundOpen) { o.NTarget++ })
		},
		protocol.TypeRoster: func(f *forger, m protocol.Message) { f.relist(m.(*protocol.Roster), func(*protocol.Cert) {}) },
	} {
		f, p, at := newForger(t, name, &tr), tr.play(t), tr.at(t, typ)
		for _, s := range tr.Steps[:at] {
			p.step(t, s)
		}
		m := f.message(typ)
		forge(f, m)
		got := p.step(t, transcriptStep{At: tr.Steps[at].At, Event: "message", Frame: frame(m)})
		if got.Refused != "" || len(got.Sends) != len(tr.Steps[at].Sends) {
			t.Errorf("type %d: refused %q, %d messages", typ, got.Refused, len(got.Sends))
		}
	}
}
