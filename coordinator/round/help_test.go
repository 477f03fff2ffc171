package round

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
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
