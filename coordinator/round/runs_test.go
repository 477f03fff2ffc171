package round

import (
	"fmt"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

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
		w.step(Unmaskable(BadReveals, err))
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
