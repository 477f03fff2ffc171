package participant

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// device drives one machine as the door does, with a disk in memory.
type device struct {
	t       testing.TB
	cfg     Config
	ledger  *privacy.Ledger
	machine *Machine
	reload  bool // start again from disk before every step

	disk    []byte
	scratch interface {
		Scratch
		Keep(names ...string) error
		Names() []string
	}
	update  func() Vector
	forget  bool // vectors and chunks are too long to keep
	entries []privacy.Entry
	outbox  []Outbox
	sent    []protocol.Message
	fetch   *Fetch
	train   *Train
	refused *Refused
	closed  *Closed
	missed  *Missed
	noised  []uint32
	// since is when the running round was accepted, by the test's clock.
	since time.Time
}

func newDevice(t testing.TB, h *honest) *device {
	d := &device{t: t, scratch: NewMemory(), update: func() Vector { return Floats(testUpdate(h.d)) }}
	key, cert := h.cert("the device", protocol.ClassDevice)
	d.cfg = Config{Key: key, Cert: cert, Authority: public(h.authority), Coordinator: public(h.key), LogOrigin: testOrigin,
		LogKey: public(h.logKey), Floor: testFloor(), Random: testStream("the device"), Scratch: d.scratch}
	d.cfg.Witnesses = h.policy
	if h.sig == protocol.SigHybrid {
		d.cfg.CertPQ = h.certPQ(cert, key)
		d.cfg.AuthorityPQ, _ = protocol.MLDSAKey(h.authority)
		d.cfg.CoordinatorPQ, _ = protocol.MLDSAKey(h.key)
		d.cfg.Floor.Suites.Sig = []uint16{protocol.SigHybrid}
	}
	f := &d.cfg.Floor
	f.Modes, f.SeedKinds = []aggregation.Mode{h.mode}, []uint16{h.seedKind()}
	f.Suites.Kex, f.Suites.PRG, f.WordBits, f.MaxCohorts = []uint16{h.kex}, []uint16{h.prg}, []uint16{h.wordBits}, h.cohorts
	if h.mode == aggregation.ModeW {
		f.Lambda = leastCosigned
	}
	d.boot()
	return d
}

func (d *device) boot() {
	d.t.Helper()
	var err error
	if d.ledger, err = privacy.Replay(d.cfg.Floor.Limits(), d.entries); err != nil {
		d.t.Fatal(err)
	}
	saved := bytes.Clone(d.disk)
	if d.machine, err = New(d.cfg, d.ledger, saved); err != nil {
		d.t.Fatal(err)
	}
	clear(saved) // as the door does
}

// step lets one thing happen, and what follows of itself.
func (d *device) step(h *honest, e Event) Output {
	d.t.Helper()
	out := d.one(h, e)
	for more := out; more.More; {
		more = d.one(h, Event{More: true})
	}
	return out
}

// one watches what must hold at every step.
func (d *device) one(h *honest, e Event) Output {
	d.t.Helper()
	if d.reload {
		d.boot()
	}
	held := d.machine.st.session
	out := d.machine.Step(h.now, e)
	if out.Save != nil {
		d.disk = bytes.Clone(out.Save)
		d.checkSave(out.Save)
		clear(out.Save) // as the door does
	}
	if out.Entry != nil {
		d.entries = append(d.entries, *out.Entry)
		if err := d.ledger.Apply(*out.Entry); err != nil {
			d.t.Fatal(err)
		}
		if out.Entry.Kind == privacy.EntryCharge {
			d.keep(out.Noised)
		}
	}
	if out.Drop {
		if err := d.scratch.Keep(d.machine.Files()...); err != nil {
			d.t.Fatal(err)
		}
	}
	if !slices.Equal(d.scratch.Names(), d.machine.Files()) {
		d.t.Errorf("files %v are there, the session has %v", d.scratch.Names(), d.machine.Files())
	}
	if out.Outbox != nil {
		d.outbox = append(d.outbox, *out.Outbox)
	}
	if out.Missed != nil {
		d.missed = out.Missed
	}
	d.checkDeadlines(h, out)
	for _, m := range out.Send {
		parsed, err := protocol.Parse(m.Type(), m.Append(nil)) // as the other side will see it
		if err != nil {
			d.t.Fatalf("%v does not parse: %v", m.Type(), err)
		}
		if c, ok := parsed.(*protocol.Chunk); ok && d.forget {
			c.Data = nil
		}
		d.sent = append(d.sent, parsed)
	}
	if out.Fetch != nil {
		d.fetch = out.Fetch
	}
	if out.Train != nil {
		d.train = out.Train
	}
	if out.Refused != nil {
		d.refused = out.Refused
		d.checkGone(held)
		if len(out.Send) != 0 || out.Entry != nil || out.Outbox != nil || out.Fetch != nil || out.Train != nil || out.Closed != nil {
			d.t.Errorf("a refusal comes with something else: %+v", out)
		}
	}
	if out.Closed != nil {
		d.closed = out.Closed
		d.checkGone(held)
	}
	return out
}

// checkDeadlines wants nothing to leave after the deadline of its phase, and no secret to outlive the last that it is for.
func (d *device) checkDeadlines(h *honest, out Output) {
	d.t.Helper()
	s := &d.machine.st
	if s.Phase == training && s.AcceptedAt == h.now.UnixNano() {
		d.since = h.now
	}
	passed, late := h.now.Sub(d.since), func(i int) bool {
		seconds := time.Duration(s.Open.Deadlines[i]) * time.Second
		return h.now.Sub(d.since) >= seconds+min(seconds/10, time.Minute)
	}
	for _, m := range out.Send {
		if by, timed := map[protocol.Type]int{protocol.TypeAdvertise: 0, protocol.TypeShares: 1, protocol.TypeInput: 2, protocol.TypeChunk: 2,
			protocol.TypeConfirm: 3, protocol.TypeReveal: 3}[m.Type()]; timed && late(by) {
			d.t.Errorf("a %v leaves %v after the round was accepted", m.Type(), passed)
		}
	}
	if s.Phase != idle && late(3) && (s.Secrets != nil || s.Reveal != nil || s.Shares != nil || s.Neighbours != nil || len(s.files()) > 0) {
		d.t.Errorf("secrets are there %v after the round was accepted", passed)
	}
}

func (d *device) keep(v Noised) {
	d.t.Helper()
	if d.forget {
		return
	}
	var err error
	if d.noised, err = v.Read(d.scratch); err != nil {
		d.t.Fatal(err)
	}
}

// checkZeroed wants the secrets of a session to be zero in memory.
func (d *device) checkZeroed(held session) {
	d.t.Helper()
	for name, b := range map[string][]byte{"secrets": held.Secrets, "reveal": held.Reveal, "shares": held.Shares} {
		if len(b) > 0 && !bytes.Equal(b, make([]byte, len(b))) {
			d.t.Errorf("%s were not zeroed", name)
		}
	}
	for i, q := range held.Neighbours {
		if !reflect.DeepEqual(q, neighbour{}) {
			d.t.Errorf("neighbour %d was not zeroed", i)
		}
	}
}

// checkGone wants every secret of a session that ended to be zero in memory and gone from the saved state.
func (d *device) checkGone(held session) {
	d.t.Helper()
	d.checkZeroed(held)
	if d.machine.Active() || len(d.scratch.Names()) > 0 {
		d.t.Errorf("the session goes on, or left %v", d.scratch.Names())
	}
	var s state
	if err := s.load(d.disk); err != nil {
		d.t.Fatal(err)
	}
	if s.Phase != idle || s.Secrets != nil || bytes.Contains(d.disk, []byte(`"Session"`)) {
		d.t.Errorf("the saved state still holds a session: %s", d.disk[sha256.Size:])
	}
}

// checkSave wants one exact buffer, and nothing secret in that part of it that was copied before.
func (d *device) checkSave(save []byte) {
	d.t.Helper()
	if cap(save) != len(save) {
		d.t.Errorf("%d bytes were saved in a buffer of %d, which had to grow or may have", len(save), cap(save))
	}
	s := &d.machine.st
	head := save[:sha256.Size+4+int(binary.BigEndian.Uint32(save[sha256.Size:]))]
	secret := [][]byte{s.Secrets, s.Reveal, s.Shares, s.Quantised.Hash[:], s.Noised.Hash[:]}
	for at := 0; at+32 <= len(s.Secrets); at += 32 {
		secret = append(secret, s.Secrets[at:at+32])
	}
	for i := range s.Neighbours {
		secret = append(secret, s.Neighbours[i].M[:], s.Neighbours[i].B[:])
	}
	for i, b := range secret {
		if zero := bytes.Equal(b, make([]byte, len(b))); !zero && (bytes.Contains(head, b) || bytes.Contains(head, []byte(base64.StdEncoding.EncodeToString(b)))) {
			d.t.Errorf("secret %d lies in the JSON of the saved state", i)
		}
	}
}

// savedSecrets looks for the session's secrets in the saved state, to show that checkGone looks in the right place.
func (d *device) savedSecrets() bool {
	s := d.machine.st.Secrets
	return len(s) > 0 && bytes.Contains(d.disk, s)
}

// The stages of a round, each named for what the device is told.
var stages = []string{"connected", "offer", "model", "trained", "roster", "delivery", "state", "receipt", "survivors", "close"}

// play drives a round up to and including a stage, or to a refusal. It reports the stage it stopped at.
func (d *device) play(h *honest, last string) string {
	d.t.Helper()
	for _, s := range stages {
		d.step(h, d.event(h, s))
		if d.refused != nil || s == last {
			return s
		}
		if s == "survivors" && h.mode == aggregation.ModeSM {
			d.step(h, d.event(h, "confirmed"))
			if d.refused != nil || last == "confirmed" {
				return "confirmed"
			}
		}
	}
	return "close"
}

// event is what happens at a stage.
func (d *device) event(h *honest, stage string) Event {
	d.t.Helper()
	switch stage {
	case "connected":
		return Event{Connected: true}
	case "offer":
		return Event{Msg: h.offer()}
	case "model":
		if d.fetch == nil {
			d.t.Fatal("the offer was accepted, and no model is fetched")
		}
		d.fetch = nil
		return Event{Model: &ModelReady{Hash: testModel()}}
	case "trained":
		if d.train == nil {
			d.t.Fatal("the model is there, and nothing is trained")
		}
		open := d.train.OpenHash
		d.train = nil
		return Event{Trained: &Trained{OpenHash: open, LayoutHash: testLayout, Update: d.update()}}
	case "roster":
		return Event{Msg: h.advertised(lastOf[*protocol.Advertise](d))}
	case "delivery":
		return Event{Msg: h.delivery()}
	case "state":
		return Event{Msg: &protocol.InputState{SID: h.sid}}
	case "receipt":
		return Event{Msg: h.receipt(lastOf[*protocol.Input](d))}
	case "survivors":
		return Event{Msg: h.survivors()}
	case "confirmed":
		return Event{Msg: h.confirmed(lastOf[*protocol.Confirm](d))}
	case "close":
		return Event{Msg: h.close()}
	}
	panic("no such stage: " + stage)
}

func lastOf[M protocol.Message](d *device) M {
	d.t.Helper()
	for _, m := range slices.Backward(d.sent) {
		if m, ok := m.(M); ok {
			return m
		}
	}
	var none M
	d.t.Fatalf("no %T was sent", none)
	return none
}

func allOf[M protocol.Message](d *device) []M {
	var out []M
	for _, m := range d.sent {
		if m, ok := m.(M); ok {
			out = append(out, m)
		}
	}
	return out
}

func testUpdate(d int) []float32 {
	u := make([]float32, d)
	for i := range u {
		u[i] = float32(i%5) - 2
	}
	return u
}

// types names what was sent, in order.
func (d *device) types() []string {
	var out []string
	for _, m := range d.sent {
		out = append(out, m.Type().String())
	}
	return out
}

// sentBefore is what an honest round has sent when a stage begins.
func sentBefore(stage string) []string {
	all := []struct {
		stage string
		sends []string
	}{{"connected", []string{"hello"}}, {"offer", nil}, {"model", nil}, {"trained", []string{"advertise"}}, {"roster", []string{"shares"}},
		{"delivery", []string{"input"}}, {"state", []string{"chunk"}}, {"receipt", nil}, {"survivors", []string{"reveal"}}, {"close", nil}}
	var out []string
	for _, s := range all {
		if s.stage == stage {
			return out
		}
		out = append(out, s.sends...)
	}
	panic(fmt.Sprintf("no such stage: %s", stage))
}
