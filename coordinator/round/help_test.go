package round

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

const (
	openedAt = prototest.Now
	grace    = 2 * time.Second
)

// deadlines of the phases, in seconds after openedAt.
var deadlines = [5]uint32{10, 20, 30, 40, 50}

// world drives one machine by hand: its log, its journal, and what each device was sent. Facts go into the log at once unless
// slow is set.
type world struct {
	t       testing.TB
	cfg     Config
	m       *Machine
	now     time.Time
	log     [][]byte
	tree    *audit.Log
	slow    bool
	unseen  []Event // Logged events that slow holds back
	journal []journaled
	inbox   map[[32]byte][]protocol.Message
	last    Output
	plan    *Plan
	result  *Result
	facts   []Fact
	devices []*device
	spool   map[[32]byte][]byte
	folds   []*Fold // of the cohorts: what Output.Fold said, on arrival
}

type journaled struct {
	at     time.Time
	event  []byte
	digest string
}

type settings struct {
	n, d  int
	min   uint32
	delta uint16
	mode  aggregation.Mode // SH
	// What is zero is the first suite, 32-bit words, one cohort.
	sig, kex, prg, bits uint16
	cohorts             uint32
}

func (s settings) filled() settings {
	if s.d == 0 {
		s.d = 6
	}
	if s.min == 0 {
		s.min = 3
	}
	if s.mode == 0 {
		s.mode = aggregation.ModeSH
	}
	for field, usual := range map[*uint16]uint16{&s.sig: 1, &s.kex: 1, &s.prg: 1, &s.bits: 32} {
		if *field == 0 {
			*field = usual
		}
	}
	s.cohorts = max(1, s.cohorts)
	return s
}

func newWorld(t testing.TB, s settings) *world {
	t.Helper()
	s = s.filled()
	lambda := uint16(40)
	if s.mode == aggregation.ModeW {
		lambda = 80
	}
	open := audit.RoundOpen{Round: 3, OpenedAt: openedAt, D: uint32(s.d), WordBits: s.bits, XMax: 100, CInt: 100, Kex: s.kex, PRG: s.prg, Sig: s.sig, Mode: uint16(s.mode), SeedKind: SeedKind(s.mode),
		GammaBP: 500, DeltaBP: s.delta, Lambda: lambda, Eta: 20, NTarget: uint32(s.n), NMin: s.min, Cohorts: s.cohorts, SigmaTotSq: 400, RhoUnits: 5, Deadlines: deadlines}
	w := &world{t: t, tree: audit.NewLog(), now: time.Unix(openedAt, 0), inbox: map[[32]byte][]protocol.Message{}, spool: map[[32]byte][]byte{}}
	key := prototest.Key("coordinator")
	entry, err := audit.Seal(key, &open)
	if err != nil {
		t.Fatal(err)
	}
	w.log = [][]byte{[]byte("policy"), []byte("code"), []byte("question"), entry}
	for _, e := range w.log {
		w.tree.Append(e)
	}
	w.cfg = Config{Open: open, Entry: entry, Index: 3, Context: []uint64{0, 1, 2}, Code: []byte("code"), ModelSize: 9, Authority: prototest.AuthorityKey(), AuthorityPQ: prototest.AuthorityPQ(), Key: key, Signer: prototest.Identity("coordinator", protocol.ClassCoordinator).Signer(s.sig),
		Witnesses: witnesses(), LogOrigin: testOrigin, LogKey: prototest.Public(prototest.Key("log")), Grace: grace, RhoCumBound: 77}
	w.m = New(w.cfg)
	for range max(1, open.Cohorts) {
		w.folds = append(w.folds, w.newFold())
	}
	for i := range s.n {
		w.devices = append(w.devices, newDevice(w, fmt.Sprint("device ", i)))
	}
	w.step(Event{Kind: Started})
	return w
}

// step hands the machine an event, journals it, and keeps what it answered.
func (w *world) step(e Event) Output {
	w.t.Helper()
	out := w.m.Step(w.now, e)
	w.journal = append(w.journal, journaled{w.now, e.Append(nil), digest(out)})
	w.last = out
	for _, s := range out.Send {
		w.inbox[s.To] = append(w.inbox[s.To], s.Msg)
	}
	for _, v := range out.Fold {
		if err := w.folds[v.Cohort].Put(v, w.spool[v.ID]); err != nil {
			w.t.Fatal(err)
		}
	}
	if out.Work != nil {
		w.plan = out.Work
	}
	if out.Result != nil {
		if w.result != nil {
			w.t.Fatal("a second result")
		}
		w.result = out.Result
	}
	for _, f := range out.Facts {
		w.facts = append(w.facts, f)
		w.log = append(w.log, f.Entry)
		e := Event{Kind: Logged, Hash: audit.LeafHash(f.Entry), Index: w.tree.Append(f.Entry)}
		if f.Cosign {
			e.Note = w.cosign()
		}
		w.unseen = append(w.unseen, e)
	}
	if !w.slow {
		w.showLog()
	}
	return out
}

const testOrigin = "round.test/log"

// witnesses is a policy of one.
func witnesses() audit.WitnessPolicy {
	return audit.WitnessPolicy{Witnesses: []audit.Witness{{Name: "witness.test", Key: prototest.Public(prototest.Key("witness"))}}, Quorum: 1}
}

func (w *world) logKey() ed25519.PrivateKey { return prototest.Key("log") }

// cosign is the newest checkpoint as the witness signs it.
func (w *world) cosign() []byte {
	w.t.Helper()
	note, err := audit.SignCheckpoint(testOrigin, prototest.Key("log"), w.tree.Size(), w.tree.Root(w.tree.Size()))
	if err != nil {
		w.t.Fatal(err)
	}
	line, err := audit.Cosign("witness.test", prototest.Key("witness"), note, uint64(w.now.Unix()))
	if err != nil {
		w.t.Fatal(err)
	}
	if note, err = audit.AddCosignatures(note, [][]byte{line}, witnesses()); err != nil {
		w.t.Fatal(err)
	}
	return note
}

// showLog tells the machine of the entries that are in the log by now.
func (w *world) showLog() {
	w.t.Helper()
	events := w.unseen
	w.unseen = nil
	for _, e := range events {
		w.step(e)
	}
}

// sid is the session of the first device, and of everybody where there is one cohort.
func (w *world) sid() [32]byte { return w.m.SID(w.devices[0].id) }

// survivorsHash is the first cohort's, zero before it is decided.
func (w *world) survivorsHash() (hash [32]byte) {
	if len(w.m.cohorts) > 0 {
		hash = w.m.cohorts[0].hash
	}
	return hash
}

// at moves time to so many seconds after the round was opened, and ticks.
func (w *world) at(seconds float64) Output {
	w.t.Helper()
	w.now = time.Unix(openedAt, 0).Add(time.Duration(seconds * float64(time.Second)))
	return w.step(Event{Kind: Ticked})
}

// digest is everything an output says, as text.
func digest(o Output) string {
	var b bytes.Buffer
	for _, f := range o.Facts {
		fmt.Fprintf(&b, "fact %x %v %+v\n", f.Entry, f.Reserve, f.Publish)
	}
	if o.Work != nil {
		fmt.Fprintf(&b, "work %+v\n", planText(o.Work))
	}
	for _, s := range o.Send {
		fmt.Fprintf(&b, "send %x %v %x %v\n", s.To, s.Msg.Type(), s.Msg.Append(nil), s.Prove)
	}
	if o.Result != nil {
		fmt.Fprintf(&b, "result %+v\n", *o.Result)
	}
	return b.String()
}

// planText prints what a plan keeps to itself, for comparing two.
func planText(p *Plan) string {
	text := fmt.Sprint(p.D, p.OpenHash, p.T)
	for _, part := range p.Cohorts {
		text += partText(part)
	}
	return text
}

func partText(p Part) string {
	text := fmt.Sprint(p.SID)
	for _, s := range p.Survivors {
		text += fmt.Sprint(s.ID, s.Index, s.YHash, s.BC, s.Own != nil, s.Xs)
		for _, v := range s.Shares {
			text += fmt.Sprintf("%x", v[:])
		}
	}
	for _, l := range p.Lost {
		text += fmt.Sprint(l.Index, l.SPK, l.Xs, l.Partners)
		for _, v := range l.Shares {
			text += fmt.Sprintf("%x", v[:])
		}
	}
	return text
}

// device is a device of which every step can be made wrong.
type device struct {
	w          *world
	id         [32]byte
	key        ed25519.PrivateKey
	cert       protocol.Cert
	certPQ     []byte
	secrets    *aggregation.Secrets
	public     aggregation.Public
	index      uint32
	neighbours []protocol.PeerKeys
	present    []bool
	made       map[uint32][]byte   // ciphertexts for the mask keys of pairs
	m, b       []aggregation.Share // of the neighbours, in ring order
	x          []uint32
	random     *rand.ChaCha8
}

func newDevice(w *world, name string) *device {
	id := prototest.Identity(name, protocol.ClassDevice)
	if w.cfg.Open.Sig == protocol.SigHybrid {
		id = prototest.Hybrid(id)
	}
	d := &device{w: w, id: id.Cert.IDPK, key: id.Key, cert: id.Cert, certPQ: id.CertPQ, random: rand.NewChaCha8(sha256.Sum256([]byte(name)))}
	var err error
	if d.secrets, err = aggregation.NewSecrets(d.random); err != nil {
		w.t.Fatal(err)
	}
	if d.public, err = d.secrets.Public(w.m.OpenHash(), w.cfg.Open.Kex); err != nil {
		w.t.Fatal(err)
	}
	d.x = make([]uint32, w.cfg.Open.D)
	for i := range d.x {
		d.x[i] = uint32(d.random.Uint64()) >> (32 - w.cfg.Open.WordBits)
	}
	return d
}

func (d *device) connect() Output    { return d.w.step(Event{Kind: Connected, From: d.id}) }
func (d *device) disconnect() Output { return d.w.step(Event{Kind: Disconnected, From: d.id}) }

// say sends a message and gives the code with which the coordinator hangs up, or CodeOK.
func (d *device) say(m protocol.Message) protocol.Code {
	d.w.t.Helper()
	for _, s := range d.w.step(Event{Kind: Message, From: d.id, Msg: m}).Send {
		if h, ok := s.Msg.(*protocol.HangUp); ok && s.To == d.id {
			return h.Code
		}
	}
	return protocol.CodeOK
}

func (d *device) advertise() *protocol.Advertise {
	k := protocol.KeyBundle{Cert: d.cert, SPK: d.public.SPK, EPK: d.public.EPK, BC: d.public.BC, KEM: d.public.KEM}
	if d.w.cfg.Open.Sig == protocol.SigHybrid {
		k.CertPQ = d.certPQ
	}
	k.Sign(d.signer(), d.w.m.OpenHash())
	return &protocol.Advertise{OpenHash: d.w.m.OpenHash(), Key: k}
}

// take is the newest message of this kind that the device was sent.
func take[M protocol.Message](d *device) M {
	d.w.t.Helper()
	list := d.w.inbox[d.id]
	for i := len(list) - 1; i >= 0; i-- {
		if m, ok := list[i].(M); ok {
			return m
		}
	}
	var none M
	d.w.t.Fatalf("device %x was never sent a %T", d.id[:3], none)
	return none
}

// shares reads R1 and seals for every neighbour.
func (d *device) shares() *protocol.Shares {
	d.w.t.Helper()
	roster := take[*protocol.Roster](d)
	d.index, d.neighbours = roster.Index, roster.Peers[1:]
	xs := make([]uint32, len(d.neighbours))
	for i, p := range d.neighbours {
		xs[i] = d.w.m.ring.ShareX(int(p.Index))
	}
	m, b, err := d.secrets.Split(d.w.m.degree.T, xs, d.random)
	if err != nil {
		d.w.t.Fatal(err)
	}
	msg := &protocol.Shares{SID: d.w.m.SID(d.id)}
	d.made = map[uint32][]byte{}
	for i, p := range d.neighbours {
		box, ct, err := d.secrets.Seal(d.session(msg.SID), d.index, d.peer(p), m[i], b[i], d.random)
		if err != nil {
			d.w.t.Fatal(err)
		}
		msg.Sealed = append(msg.Sealed, [80]byte(box))
		if ct == nil {
			continue
		}
		msg.ShareCTs = append(msg.ShareCTs, [protocol.CiphertextSize]byte(ct))
		if p.Index > d.index {
			if d.made[p.Index], err = d.secrets.MaskCT(d.session(msg.SID), d.index, d.peer(p)); err != nil {
				d.w.t.Fatal(err)
			}
			msg.MaskCTs = append(msg.MaskCTs, [protocol.CiphertextSize]byte(d.made[p.Index]))
		}
	}
	msg.Sign(d.signer())
	return msg
}

// peer is a neighbour's keys, with the pair's ciphertext where this device made it.
func (d *device) peer(p protocol.PeerKeys) aggregation.PeerKey {
	return aggregation.PeerKey{Index: p.Index, SPK: p.Key.SPK, EPK: p.Key.EPK, KEM: p.Key.KEM, MaskCT: d.made[p.Index]}
}

// boxes reads R2: by neighbour in ring order, what it sealed for this device, with its ciphertexts.
func (d *device) boxes() []delivered {
	d.w.t.Helper()
	msg := take[*protocol.Delivery](d)
	out := make([]delivered, len(d.neighbours))
	boxes, shareCTs, maskCTs := msg.Sealed, msg.ShareCTs, msg.MaskCTs
	for i, p := range d.neighbours {
		if !bit(msg.Present, i) {
			continue
		}
		out[i].present, out[i].box, boxes = true, aggregation.Sealed(boxes[0]), boxes[1:]
		if d.w.cfg.Open.Kex == aggregation.KexXWing {
			out[i].shareCT, shareCTs = shareCTs[0][:], shareCTs[1:]
			if p.Index < d.index {
				out[i].maskCT, maskCTs = maskCTs[0][:], maskCTs[1:]
			}
		}
	}
	if len(boxes)+len(shareCTs)+len(maskCTs) > 0 {
		d.w.t.Fatal("more was delivered than the neighbours made")
	}
	return out
}

type delivered struct {
	present         bool
	box             aggregation.Sealed
	shareCT, maskCT []byte
}

// input reads R2, opens every box, masks, and leaves the vector in the spool.
func (d *device) input() *protocol.Input {
	d.w.t.Helper()
	d.present, d.m, d.b = make([]bool, len(d.neighbours)), make([]aggregation.Share, len(d.neighbours)), make([]aggregation.Share, len(d.neighbours))
	msg := &protocol.Input{SID: d.w.m.SID(d.id), MaskedWith: make([]byte, (len(d.neighbours)+7)/8), LedgerSeq: 1}
	var peers []aggregation.PeerKey
	for i, got := range d.boxes() {
		if !got.present {
			continue
		}
		peer := d.peer(d.neighbours[i])
		if peer.Index < d.index {
			peer.MaskCT = got.maskCT
		}
		var err error
		if d.m[i], d.b[i], err = d.secrets.Open(d.session(msg.SID), d.index, peer, got.box, got.shareCT); err != nil {
			msg.Failed = append(msg.Failed, peer.Index)
			continue
		}
		d.present[i] = true
		msg.MaskedWith[i/8] |= 1 << (i % 8)
		peers = append(peers, peer)
	}
	y := append([]uint32(nil), d.x...)
	if err := d.secrets.Mask(y, d.session(msg.SID), d.index, peers); err != nil {
		d.w.t.Fatal(err)
	}
	b := aggregation.AppendWords(nil, y, d.w.cfg.Open.WordBits)
	d.w.spool[d.id] = b
	msg.Length, msg.YHash = uint64(len(b)), sha256.Sum256(b)
	for at := 0; at < len(b); at += protocol.ChunkSize {
		msg.Chunks = append(msg.Chunks, sha256.Sum256(b[at:min(at+protocol.ChunkSize, len(b))]))
	}
	msg.Sign(d.signer())
	return msg
}

func (d *device) upload() Output {
	return d.w.step(Event{Kind: Uploaded, From: d.id, Hash: sha256.Sum256(d.w.spool[d.id])})
}

// confirm reads R3 in mode SM and signs the set.
func (d *device) confirm() *protocol.Confirm {
	d.w.t.Helper()
	msg := &protocol.Confirm{SID: d.w.m.SID(d.id), Digest: sha256.Sum256(take[*protocol.Survivors](d).Bitmap)}
	msg.Sign(d.signer())
	return msg
}

// signer signs in the round's suite.
func (d *device) signer() protocol.Signer {
	return protocol.Identity{Key: d.key}.Signer(d.w.cfg.Open.Sig)
}

// reveal reads R3 and answers. own says whether it gives its own b.
func (d *device) reveal(own bool) *protocol.Reveal {
	d.w.t.Helper()
	survivors := take[*protocol.Survivors](d)
	msg := &protocol.Reveal{SID: d.w.m.SID(d.id)}
	if own {
		msg.HasOwn, msg.OwnB = 1, d.secrets.B()
	}
	for i, p := range d.neighbours {
		switch {
		case !d.present[i]:
		case bit(survivors.Bitmap, int(p.Index)):
			msg.SelfShares = append(msg.SelfShares, protocol.PeerShare{Index: p.Index, Share: [32]byte(d.b[i])})
		default:
			msg.PairShares = append(msg.PairShares, protocol.PeerShare{Index: p.Index, Share: [32]byte(d.m[i])})
		}
	}
	msg.Sign(d.signer())
	return msg
}

// Runs of the normal path up to a phase, with everyone or with those named.

func (w *world) connectAll() *world {
	for _, d := range w.devices {
		d.connect()
	}
	return w
}

func (w *world) advertiseAll() *world {
	w.t.Helper()
	w.connectAll()
	for _, d := range w.devices {
		w.ok(d.say(d.advertise()))
	}
	w.in(Shares)
	return w
}

func (w *world) shareAll() *world {
	w.t.Helper()
	return w.advertiseAll().shareThem()
}

func (w *world) shareThem() *world {
	w.t.Helper()
	for _, d := range w.devices {
		w.ok(d.say(d.shares()))
	}
	w.in(Inputs)
	return w
}

func (w *world) inputAll() *world {
	w.t.Helper()
	return w.shareAll().inputThem()
}

func (w *world) inputThem() *world {
	w.t.Helper()
	for _, d := range w.devices {
		w.ok(d.say(d.input()))
		d.upload()
	}
	w.in(Unmask)
	return w
}

// confirmAll does what mode SM wants before the reveals, and nothing in others.
func (w *world) confirmAll() *world {
	w.t.Helper()
	for _, d := range w.devices {
		if w.m.confirms() {
			w.ok(d.say(d.confirm()))
		}
	}
	return w
}

func (w *world) revealAll() *world {
	w.t.Helper()
	w.inputAll().confirmAll()
	for _, d := range w.devices {
		w.ok(d.say(d.reveal(true)))
	}
	w.in(Settling)
	return w
}

func (w *world) newFold() *Fold {
	return NewFold(w.m.suite().Shape(int(w.cfg.Open.D)), aggregation.NewAccumulator(w.m.suite().Shape(int(w.cfg.Open.D))))
}

func (w *world) read(id [32]byte) ([]byte, error) { return w.spool[id], nil }

// refold folds from the spool, as a driver does that comes back after a crash, and settles the plan.
func (w *world) refold(p *Plan) (sums [][]uint32, err error) {
	w.t.Helper()
	for c := range p.Cohorts {
		f := w.newFold()
		if err := f.Complete(p.Cohorts[c].Survivors, w.read); err != nil {
			return nil, err
		}
		sum, err := Settle(p, c, f)
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// ahead settles the plan with what was folded on arrival, which must be all of it.
func (w *world) ahead(p *Plan) (sums [][]uint32, err error) {
	w.t.Helper()
	for c := range p.Cohorts {
		if left := w.folds[c].Differs(p.Cohorts[c].Survivors); len(left) > 0 {
			w.t.Fatalf("%d vectors were not folded in or out by the time of the plan", len(left))
		}
		sum, err := Settle(p, c, w.folds[c])
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// settle does the work that is out, as the driver does: with what was folded on arrival. From the spool come the same sums. It gives
// those of all cohorts in a row.
func (w *world) settle() ([]uint32, error) {
	w.t.Helper()
	if w.plan == nil {
		w.t.Fatal("no work is out")
	}
	again, againErr := w.refold(w.plan)
	sums, err := w.ahead(w.plan)
	if !slices.EqualFunc(sums, again, slices.Equal) || fmt.Sprint(err) != fmt.Sprint(againErr) {
		w.t.Fatalf("folded on arrival %v, from the spool %v", err, againErr)
	}
	if err != nil {
		w.step(Event{Kind: Unsettled, Why: BadReveals, Detail: err.Error()})
		return nil, err
	}
	done := Event{Kind: Settled, Model: [32]byte{1}, Serve: [32]byte{2}}
	for _, sum := range sums {
		done.Sums = append(done.Sums, aggregation.SumHash(aggregation.Signed(sum, w.cfg.Open.WordBits)))
	}
	w.step(done)
	return slices.Concat(sums...), nil
}

// plainSum is what should come out: the vectors of exactly the included members, in each cohort.
func (w *world) plainSum() []uint32 {
	d := int(w.cfg.Open.D)
	sum := make([]uint32, d*w.m.blocks())
	for _, dev := range w.devices {
		if p := w.m.members[dev.id]; p != nil && p.inU3() {
			aggregation.Add(sum[p.cohort.number*d:][:d], dev.x)
		}
	}
	for i := range sum {
		sum[i] = sum[i] << (32 - w.cfg.Open.WordBits) >> (32 - w.cfg.Open.WordBits)
	}
	return sum
}

func (w *world) ok(c protocol.Code) {
	w.t.Helper()
	if c != protocol.CodeOK {
		w.t.Fatalf("hung up with %v", c)
	}
}

func (w *world) in(p Phase) {
	w.t.Helper()
	if w.m.Phase() != p {
		w.t.Fatalf("in phase %v, want %v", w.m.Phase(), p)
	}
}

// failed checks that the round was aborted for this reason, and that nothing was summed.
func (w *world) failed(why Reason) {
	w.t.Helper()
	w.in(Failed)
	if w.result == nil || w.result.Phase != Failed || w.result.Reason != why {
		w.t.Fatalf("result %+v, want reason %v", w.result, why)
	}
	if w.result.Sums != nil {
		w.t.Fatal("an aborted round has a sum")
	}
	last := w.facts[len(w.facts)-1]
	rec, err := audit.OpenEntry(prototest.Public(w.cfg.Key), last.Entry)
	if err != nil {
		w.t.Fatal(err)
	}
	if a, ok := rec.(*audit.Abort); !ok || a.Reason != uint16(why) || last.Publish != nil {
		w.t.Fatalf("the last entry is %+v", rec)
	}
}

// replays feeds the journal to a new machine: every output must be the same.
func (w *world) replays() {
	w.t.Helper()
	m := New(w.cfg)
	for i, j := range w.journal {
		e, err := ParseEvent(j.event)
		if err != nil {
			w.t.Fatalf("journal line %d: %v", i, err)
		}
		if got := digest(m.Step(j.at, e)); got != j.digest {
			w.t.Fatalf("journal line %d (kind %d): the replay says\n%s\nit was\n%s", i, e.Kind, got, j.digest)
		}
	}
	if m.Phase() != w.m.Phase() || m.SID(w.devices[0].id) != w.sid() || !m.Next().Equal(w.m.Next()) || m.Ended() != w.m.Ended() {
		w.t.Fatalf("the replay stands in phase %v, it was %v", m.Phase(), w.m.Phase())
	}
}

func (d *device) session(sid [32]byte) aggregation.Session {
	return aggregation.Session{Suite: d.w.m.suite(), OpenHash: d.w.m.OpenHash(), SID: sid}
}
