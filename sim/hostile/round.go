package hostile

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Round is one RoundOpen and what followed from it. Its functions are the steps of an honest coordinator; each takes a hook
// that alters what is signed or sent, which is all that a dishonest one can do.
type Round struct {
	s        *Coordinator
	Open     audit.RoundOpen
	OpenAt   uint64
	OpenHash [32]byte
	Model    [32]byte
	Views    []*View
}

// Member is one place on a roster: an honest device, or a puppet.
type Member struct {
	Device  *Device
	Puppet  *Puppet
	Bundle  protocol.KeyBundle
	secrets *aggregation.Secrets // of a puppet
	shares  map[[32]byte][2][]aggregation.Share
}

// View is a roster as some devices were shown it. An honest round has one.
type View struct {
	r          *Round
	Log        *Ledger
	Members    []*Member
	Degree     aggregation.Degree
	RosterAt   uint64
	RosterHash [32]byte
	Seed, SID  [32]byte
	SeedNote   []byte // mode W: the checkpoint whose cosignatures gave the seed
	seedSize   uint64
	Ring       *aggregation.Ring
	leaves     [][]byte
	Survivors  uint64 // its place in the log
	inputs     [][]byte
	inputAt    map[int]int
}

// Opens logs the next round.
func (s *Coordinator) Opens(l *Ledger, change func(*audit.RoundOpen)) *Round {
	s.t.Helper()
	s.round++
	sc := s.Scene
	units, err := privacy.Charge(sc.CInt, sc.sigmaTotSq())
	s.must(err)
	r := &Round{s: s, Model: sha256.Sum256([]byte("the model"))}
	r.Open = audit.RoundOpen{Round: s.round, OpenedAt: uint64(s.now.Unix()), PrevRound: s.prev, Question: l.hash(s.question), ModelIn: r.Model,
		CodeHash: sha256.Sum256(code), LayoutHash: layout, D: uint32(sc.D), WordBits: 32, XMax: sc.CInt, Kex: sc.kex(), PRG: 1, Sig: 1,
		Mode: uint16(sc.Mode), SeedKind: seedKind(sc.Mode), GammaBP: sc.GammaBP, DeltaBP: sc.DeltaBP, Lambda: lambda(sc.Mode), Eta: 20,
		NTarget: uint32(sc.Devices + sc.Invented), NMin: sc.NMin, Cohorts: 1, C: math.Float32bits(clip), CInt: sc.CInt, SigmaTotSq: sc.sigmaTotSq(),
		RhoUnits: uint64(units), P: sc.Rounds, B: 1, Deadlines: [5]uint32{10, 20, 30, 40, 50}, WitnessPolicy: s.Policy.ID()}
	if change != nil {
		change(&r.Open)
	}
	r.OpenAt = s.seal(l, &r.Open)
	r.OpenHash = l.hash(r.OpenAt)
	s.roundsDone = append(s.roundsDone, r)
	return r
}

func seedKind(mode aggregation.Mode) uint16 {
	if mode == aggregation.ModeW {
		return 1
	}
	return 3
}

// Offer asks a device to take part; the device trains and advertises its keys at once.
func (r *Round) Offer(l *Ledger, d *Device, change func(*protocol.Offer)) {
	r.s.t.Helper()
	msg := &protocol.Offer{Code: slices.Clone(code), ModelSize: 4, Evidence: r.s.prove(d, l, r.s.policy, r.s.question, r.OpenAt)}
	if change != nil {
		change(msg)
	}
	d.Hear(msg)
}

// Advertised is the device's place on a roster, once it said its keys.
func (r *Round) Advertised(d *Device) (*Member, bool) {
	for _, a := range said[*protocol.Advertise](d) {
		if a.OpenHash == r.OpenHash {
			return &Member{Device: d, Bundle: a.Key}, true
		}
	}
	return nil, false
}

// Everyone is the honest roster: all devices that advertised, and all puppets.
func (r *Round) Everyone() []*Member {
	var out []*Member
	for _, d := range r.s.Devices {
		if m, ok := r.Advertised(d); ok {
			out = append(out, m)
		}
	}
	for _, p := range r.s.Invented {
		out = append(out, p.join(r))
	}
	return out
}

// Freeze logs a roster of these members.
func (r *Round) Freeze(l *Ledger, members []*Member, change func(*audit.Roster)) *View {
	s := r.s
	s.t.Helper()
	v := &View{r: r, Log: l, Members: members}
	var err error
	v.Degree, err = aggregation.FindDegree(aggregation.GraphParams{N: len(members), GammaBP: int(r.Open.GammaBP), DeltaBP: int(r.Open.DeltaBP),
		Lambda: int(r.Open.Lambda), Eta: int(r.Open.Eta), Mode: aggregation.Mode(r.Open.Mode)})
	s.must(err)
	for i, m := range members {
		b := m.Bundle.Bytes()
		v.leaves = append(v.leaves, append(binary.BigEndian.AppendUint32(nil, uint32(i)), b[:]...))
	}
	rec := &audit.Roster{Open: r.OpenHash, N: uint32(len(members)), K: uint32(v.Degree.K), T: uint32(v.Degree.T), Root: audit.MerkleRoot(v.leaves)}
	if change != nil {
		change(rec)
	}
	v.Degree = aggregation.Degree{K: int(rec.K), T: int(rec.T)}
	v.RosterAt = s.seal(l, rec)
	v.RosterHash = l.hash(v.RosterAt)
	note, err := s.checkpoint(l)
	s.must(err)
	v.draw(note)
	r.Views = append(r.Views, v)
	return v
}

// draw derives seed, session and ring; in mode W from the cosignatures of a checkpoint over the roster.
func (v *View) draw(note []byte) {
	s := v.r.s
	v.SeedNote, v.seedSize = note, v.Log.tree.Size()
	v.Seed = s.seedOf(v.r.OpenHash, v.RosterHash, note)
	v.SID = aggregation.SessionID(v.r.OpenHash, v.RosterHash, v.Seed, 0)
	var err error
	if v.Ring, err = aggregation.NewRing(len(v.Members), 1, v.Degree.K, v.Seed); err != nil {
		v.Ring = nil // a roster that no device may accept
	}
}

// Round is the record that opened this roster's round.
func (v *View) Round() audit.RoundOpen { return v.r.Open }

// At is a device's index on this roster; −1 if it is not on it.
func (v *View) At(d *Device) int {
	return slices.IndexFunc(v.Members, func(m *Member) bool { return m.Device == d })
}

// Keys sends R1: the device answers with its sealed shares.
func (v *View) Keys(d *Device, change func(*protocol.Roster)) {
	s := v.r.s
	s.t.Helper()
	own := v.At(d)
	msg := &protocol.Roster{OpenHash: v.r.OpenHash, Index: uint32(own), Evidence: s.prove(d, v.Log, span(v.r.OpenAt+1, v.RosterAt)...)}
	places := []int{own}
	if v.Ring != nil {
		places = append(places, v.Ring.Neighbours(own)...)
	}
	for _, i := range places {
		msg.Peers = append(msg.Peers, protocol.PeerKeys{Index: uint32(i), Key: v.Members[i].Bundle, Proof: audit.MerkleProof(v.leaves, i)})
	}
	if len(s.Witnesses) > 0 {
		var err error
		msg.SeedCheckpoint = v.SeedNote
		msg.SeedProof, err = v.Log.tree.Inclusion(v.RosterAt, v.seedSize)
		s.must(err)
	}
	if change != nil {
		change(msg)
	}
	d.Hear(msg)
}

// sealed is the box that member i made for member j, if i is a puppet or a device that shared in this session.
func (v *View) sealed(i, j int) ([80]byte, bool) {
	if v.Members[i].Puppet != nil {
		return v.box(i, j), true
	}
	for _, m := range said[*protocol.Shares](v.Members[i].Device) {
		if m.SID == v.SID {
			if at := slices.Index(v.Ring.Neighbours(i), j); at >= 0 && at < len(m.Sealed) {
				return m.Sealed[at], true
			}
		}
	}
	return [80]byte{}, false
}

// encapsulated adds what member i made for member j beside the box, in rounds with X-Wing.
func (v *View) encapsulated(msg *protocol.Delivery, i, j int) {
	if v.r.s.Scene.kex() != aggregation.KexXWing {
		return
	}
	for _, m := range said[*protocol.Shares](v.Members[i].Device) {
		if m.SID != v.SID {
			continue
		}
		greater := 0
		for at, q := range v.Ring.Neighbours(i) {
			if q == j {
				msg.ShareCTs = append(msg.ShareCTs, m.ShareCTs[at])
				if j > i {
					msg.MaskCTs = append(msg.MaskCTs, m.MaskCTs[greater])
				}
				return
			}
			if q > i {
				greater++
			}
		}
	}
}

// Deliver sends R2 without the boxes that are withheld: the device answers with its vector's header, and then the vector.
func (v *View) Deliver(d *Device, withheld func(from, to int) bool, change func(*protocol.Delivery)) {
	v.r.s.t.Helper()
	own := v.At(d)
	neighbours := v.Ring.Neighbours(own)
	msg := &protocol.Delivery{SID: v.SID, Present: make([]byte, (len(neighbours)+7)/8)}
	for at, i := range neighbours {
		if withheld != nil && withheld(i, own) {
			continue
		}
		if box, ok := v.sealed(i, own); ok {
			msg.Present[at/8] |= 1 << (at % 8)
			msg.Sealed = append(msg.Sealed, box)
			v.encapsulated(msg, i, own)
		}
	}
	if change != nil {
		change(msg)
	}
	d.Hear(msg)
	d.Hear(&protocol.InputState{SID: v.SID})
}

// Receipt tells the device that its vector is durable.
func (v *View) Receipt(d *Device) {
	y := d.uploaded(v.SID)
	if y == nil {
		return
	}
	msg := &protocol.Receipt{SID: v.SID, Index: uint32(v.At(d)), YHash: sha256.Sum256(y)}
	msg.Sign(protocol.Signer{Ed: v.r.s.key})
	d.Hear(msg)
}

// Uploaded reports whether member i's vector came. A puppet's always did, if S says so.
func (v *View) Uploaded(i int) bool {
	m := v.Members[i]
	return m.Puppet != nil || m.Device.uploaded(v.SID) != nil
}

// Set is a set of survivors as S logs it.
type Set struct {
	Bitmap []byte
	At     uint64
	Hash   [32]byte
}

// Seals logs a set of survivors: those for which in is true.
func (v *View) Seals(in func(i int) bool, change func(*audit.Survivors, []byte)) Set {
	s := v.r.s
	s.t.Helper()
	bitmap := bitmapOf(len(v.Members), in)
	v.inputs, v.inputAt = nil, map[int]int{}
	for i, m := range v.Members {
		if !in(i) {
			continue
		}
		var y []byte
		if m.Device != nil {
			y = m.Device.uploaded(v.SID)
		}
		v.inputAt[i] = len(v.inputs)
		v.inputs = append(v.inputs, inputLeaf(i, y))
	}
	rec := &audit.Survivors{Open: v.r.OpenHash, Roster: v.RosterHash, SID: v.SID, Count: uint32(len(v.inputs)), BitmapHash: sha256.Sum256(bitmap),
		InputsRoot: audit.MerkleRoot(v.inputs)}
	if change != nil {
		change(rec, bitmap)
	}
	at := s.seal(v.Log, rec)
	return Set{Bitmap: bitmap, At: at, Hash: v.Log.hash(at)}
}

func bitmapOf(n int, in func(i int) bool) []byte {
	b := make([]byte, (n+7)/8)
	for i := range n {
		if in(i) {
			b[i/8] |= 1 << (i % 8)
		}
	}
	return b
}

// Ask sends R3: the device answers with shares.
func (v *View) Ask(d *Device, set Set, change func(*protocol.Survivors)) {
	v.r.s.t.Helper()
	msg := &protocol.Survivors{SID: v.SID, Bitmap: set.Bitmap, Evidence: v.r.s.prove(d, v.Log, span(v.RosterAt+1, set.At)...)}
	if change != nil {
		change(msg)
	}
	d.Hear(msg)
}

// Confirms hands a device what its neighbours signed of survivors (mode SM): everything that S has for a digest, the signatures
// of its own members included. The device answers with its shares.
func (v *View) Confirms(d *Device, digest [32]byte, change func(*protocol.Confirmed)) {
	v.r.s.t.Helper()
	msg := &protocol.Confirmed{SID: v.SID, Digest: digest}
	for _, i := range v.Ring.Neighbours(v.At(d)) {
		if c, ok := v.confirmOf(i, digest); ok {
			msg.Confirms = append(msg.Confirms, protocol.PeerConfirm{Index: uint32(i), Sig: c.Sig, SigPQ: c.SigPQ})
		}
	}
	if change != nil {
		change(msg)
	}
	d.Hear(msg)
}

// confirmOf is member i's signature on a digest: a device's if it gave one, a puppet's always.
func (v *View) confirmOf(i int, digest [32]byte) (*protocol.Confirm, bool) {
	if p := v.Members[i].Puppet; p != nil {
		c := &protocol.Confirm{SID: v.SID, Digest: digest}
		c.Sign(protocol.Signer{Ed: p.key})
		return c, true
	}
	for _, c := range said[*protocol.Confirm](v.Members[i].Device) {
		if c.SID == v.SID && c.Digest == digest {
			return c, true
		}
	}
	return nil, false
}

// AskAll asks these devices for their shares of a set, and in mode SM hands around what they signed.
func (v *View) AskAll(set Set, devices ...*Device) {
	v.r.s.t.Helper()
	for _, d := range devices {
		v.Ask(d, set, nil)
	}
	if v.r.s.Scene.Mode != aggregation.ModeSM {
		return
	}
	for _, d := range devices {
		if d.Refused == nil {
			v.Confirms(d, set.digest(), nil)
		}
	}
}

// Closes logs the end over a set and tells the devices.
func (v *View) Closes(set Set) {
	s := v.r.s
	s.t.Helper()
	rec := &audit.RoundClose{Open: v.r.OpenHash, Roster: v.RosterHash, Survivors: [][32]byte{set.Hash}, ModelOut: sha256.Sum256([]byte("the next model")), SumHash: make([][32]byte, 1)}
	at := s.seal(v.Log, rec)
	s.prev = v.Log.hash(at)
	for i, m := range v.Members {
		leaf, ok := v.inputAt[i]
		if m.Device == nil || !ok {
			continue
		}
		m.Device.Hear(&protocol.Close{OpenHash: v.r.OpenHash, Evidence: s.prove(m.Device, v.Log, at), InputIndex: uint32(leaf), InputProof: audit.MerkleProof(v.inputs, leaf)})
	}
}

func (v *View) session() aggregation.Session {
	return aggregation.Session{Suite: plain, OpenHash: v.r.OpenHash, SID: v.SID}
}
