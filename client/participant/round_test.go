package participant

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// TestHonestRoundIsPlayedToItsEnd also shows that the refusals' tests refuse for their own reason: without a hook nothing is.
func TestHonestRoundIsPlayedToItsEnd(t *testing.T) {
	for name, n := range map[string]int{"complete graph": 8, "ring": 70} {
		t.Run(name, func(t *testing.T) {
			h := newHonest(t, n)
			h.hooks.open = nil
			d := newDevice(t, h)
			d.play(h, "roster")
			lost := h.ring.Neighbours(h.own)[0]
			h.hooks.lost = []int{lost}
			for _, s := range stages[slices.Index(stages, "delivery"):] {
				d.step(h, d.event(h, s))
				if s == "receipt" && !d.savedSecrets() {
					t.Error("the session's secrets are not where the tests look for them")
				}
			}
			if d.refused != nil {
				t.Fatal(d.refused)
			}
			if d.closed == nil || !d.closed.Counted || d.closed.Aborted || d.closed.Model == ([32]byte{}) {
				t.Errorf("the round closed as %+v", d.closed)
			}
			if diff := cmp.Diff(sentBefore("close"), d.types()); diff != "" {
				t.Error(diff)
			}
			if len(d.entries) != 1 || uint64(d.entries[0].Units) != h.open.RhoUnits || d.entries[0].OpenHash != h.openHash || d.entries[0].LogIndex != h.openAt {
				t.Errorf("charged %+v", d.entries)
			}
			checkReveal(t, h, d, lost)
			checkUpload(t, d)
		})
	}
}

// checkReveal wants the right kind of share of every neighbour, once, as that neighbour made it.
func checkReveal(t *testing.T, h *honest, d *device, lost int) {
	t.Helper()
	r := lastOf[*protocol.Reveal](d)
	if len(r.PairShares) != 1 || int(r.PairShares[0].Index) != lost || len(r.SelfShares) != h.degree.K-1 {
		t.Fatalf("%d pair shares and %d self shares for one lost of %d", len(r.PairShares), len(r.SelfShares), h.degree.K)
	}
	if aggregation.Share(r.PairShares[0].Share) != h.members[lost].shares[h.own][0] {
		t.Error("the lost member's share is not of its mask key")
	}
	for _, s := range r.SelfShares {
		if int(s.Index) == lost || aggregation.Share(s.Share) != h.members[s.Index].shares[h.own][1] {
			t.Errorf("the share of survivor %d is not of its self mask", s.Index)
		}
	}
}

// checkUpload wants header, chunks and outbox row to tell of the same bytes, and those to differ from what they hide.
func checkUpload(t *testing.T, d *device) {
	t.Helper()
	in := lastOf[*protocol.Input](d)
	var y []byte
	for _, c := range allOf[*protocol.Chunk](d) {
		y = append(y, c.Data...)
	}
	if sha256.Sum256(y) != in.YHash || uint64(len(y)) != in.Length || len(y) != 4*testD || in.LedgerSeq != 1 {
		t.Errorf("%d bytes were uploaded, the header tells of %d; ledger %d", len(y), in.Length, in.LedgerSeq)
	}
	if bytes.Equal(y, aggregation.AppendWords(nil, d.noised, 32)) {
		t.Error("the vector left without a mask")
	}
	if len(d.outbox) != 2 || d.outbox[0].Digest != in.YHash || d.outbox[0].Receipt != nil || d.outbox[1].Receipt == nil {
		t.Errorf("outbox %+v", d.outbox)
	}
}

// TestRestartAtEveryStepGoesOnTheSame compares a device that starts again from its saved state before every step with one
// that never stops.
func TestRestartAtEveryStepGoesOnTheSame(t *testing.T) {
	run := func(reload bool) *device {
		h := newHonest(t, 8)
		d := newDevice(t, h)
		d.reload = reload
		for range 2 {
			d.play(h, "close")
		}
		if d.refused != nil || len(d.entries) != 2 {
			t.Fatalf("refused %v, %d charges", d.refused, len(d.entries))
		}
		return d
	}
	a, b := run(false), run(true)
	if !slices.EqualFunc(a.sent, b.sent, func(x, y protocol.Message) bool { return bytes.Equal(x.Append(nil), y.Append(nil)) }) {
		t.Error("the restarted device sent other bytes")
	}
	if !bytes.Equal(a.disk, b.disk) || !slices.Equal(a.entries, b.entries) {
		t.Error("the restarted device kept other things")
	}
}

// TestSavedStateThatChangedIsRefused flips bits and cuts ends.
func TestSavedStateThatChangedIsRefused(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "delivery")
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(d.disk)
		if rapid.Bool().Draw(t, "cut") {
			b = b[:rapid.IntRange(0, len(b)-1).Draw(t, "length")]
		} else {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		if _, err := New(d.cfg, d.ledger, b); !errors.Is(err, ErrDamaged) {
			t.Fatalf("a changed state was taken: %v", err)
		}
	})
	for _, body := range []string{`{}`, `{"Version":2}`, `null`, `{"Version":1,"TreeRoot":"","Shunned":""}`} {
		if _, err := New(d.cfg, d.ledger, sealed([]byte(body))); err == nil {
			t.Errorf("a state %s was taken", body)
		}
	}
	if m, err := New(d.cfg, d.ledger, nil); err != nil || m.st.Consented == nil || m.Active() {
		t.Errorf("a fresh device: %v", err)
	}
}

// TestSameQuestionGetsIdenticalBytes asks everything again, before and after a restart.
func TestSameQuestionGetsIdenticalBytes(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	again := func(stage string, e Event) {
		t.Helper()
		for range 2 {
			before := d.sent[len(d.sent)-1]
			d.step(h, Event{Connected: true})
			out := d.step(h, e)
			if d.refused != nil {
				t.Fatal(d.refused)
			}
			last := d.sent[len(d.sent)-1]
			if len(out.Send) != 1 || last.Type() != before.Type() || !bytes.Equal(last.Append(nil), before.Append(nil)) || out.Entry != nil {
				t.Fatalf("%s again is answered with %d messages, the last a %v", stage, len(out.Send), last.Type())
			}
			d.boot()
		}
	}
	d.play(h, "trained")
	h.seen = h.log.Size()
	again("offer", Event{Msg: &protocol.Offer{Code: h.code, ModelSize: 4, Evidence: h.prove(h.policyAt, h.questionAt, h.openAt)}})
	d.step(h, d.event(h, "roster"))
	for range 2 { // a new proof each time, the same roster
		before := d.sent[len(d.sent)-1].Append(nil)
		d.step(h, Event{Msg: h.rosterMsg()})
		if d.refused != nil || !bytes.Equal(before, d.sent[len(d.sent)-1].Append(nil)) {
			t.Fatalf("the same roster again: %v", d.refused)
		}
	}
	delivery := h.delivery()
	d.step(h, Event{Msg: delivery})
	again("delivery", Event{Msg: delivery})
	d.step(h, d.event(h, "state"))
	d.step(h, d.event(h, "receipt"))
	again2 := h.survivors()
	d.step(h, Event{Msg: again2})
	again2.Evidence.Consistency = nil // the tree is the one already seen
	again("survivors", Event{Msg: again2})
	if len(d.entries) != 1 {
		t.Errorf("charged %d times", len(d.entries))
	}
}

// TestOneMessagePerSessionAndStep counts distinct bytes, whatever is asked again and however often it starts again.
func TestOneMessagePerSessionAndStep(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHonest(t, 6)
		d := newDevice(t, h)
		d.play(h, "trained")
		roster := h.advertised(lastOf[*protocol.Advertise](d))
		var delivery *protocol.Delivery
		var survivors *protocol.Survivors
		for range rapid.IntRange(5, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				d.boot()
				d.step(h, Event{Connected: true})
			case 1:
				h.seen = d.machine.st.TreeSize
				roster.Evidence = h.prove(h.span(h.openAt+1, h.rosterAt)...)
				d.step(h, Event{Msg: roster})
			case 2:
				if delivery == nil && len(allOf[*protocol.Shares](d)) > 0 {
					delivery = h.delivery()
				}
				if delivery != nil {
					d.step(h, Event{Msg: delivery})
				}
			case 3:
				d.step(h, Event{Msg: &protocol.InputState{SID: h.sid}})
			case 4:
				if in := allOf[*protocol.Input](d); len(in) > 0 {
					d.step(h, Event{Msg: h.receipt(in[0])})
				}
			case 5:
				if survivors == nil && len(allOf[*protocol.Chunk](d)) > 0 {
					h.yHash = lastOf[*protocol.Input](d).YHash
					survivors = h.survivors()
					d.step(h, Event{Msg: survivors})
				} else if survivors != nil {
					survivors.Evidence = h.prove(h.span(h.rosterAt+1, h.log.Size()-1)...)
					d.step(h, Event{Msg: survivors})
				}
			}
			if d.refused != nil {
				rt.Fatal(d.refused)
			}
		}
		distinct := map[string]bool{}
		kinds := map[protocol.Type]int{}
		for _, m := range d.sent {
			if key := m.Type().String() + string(m.Append(nil)); !distinct[key] && m.Type() != protocol.TypeHello {
				distinct[key] = true
				kinds[m.Type()]++
			}
		}
		for kind, n := range kinds {
			if n != 1 {
				rt.Fatalf("%d different %v for one session", n, kind)
			}
		}
		if len(d.entries) > 1 {
			rt.Fatalf("charged %d times", len(d.entries))
		}
	})
}

// TestMessagesOfAnEarlierRoundDoNothing replays all of round 1 in every phase of round 2.
func TestMessagesOfAnEarlierRoundDoNothing(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	var old []protocol.Message
	for _, s := range stages {
		e := d.event(h, s)
		if e.Msg != nil && s != "offer" {
			old = append(old, e.Msg)
		}
		d.step(h, e)
	}
	for _, s := range stages[1:] {
		d.step(h, d.event(h, s))
		for _, m := range old {
			sent := len(d.sent)
			if out := d.step(h, Event{Msg: m}); d.refused != nil || len(d.sent) != sent || out.Entry != nil {
				t.Fatalf("after %s, an old %v: sent %v, refused %v", s, m.Type(), d.types()[sent:], d.refused)
			}
		}
	}
	if len(d.entries) != 2 || d.closed == nil || d.closed.Round != 2 {
		t.Errorf("%d charges, closed %+v", len(d.entries), d.closed)
	}
}

func TestVectorGoesOutInEveryRoundOfOneConnection(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.step(h, Event{Connected: true})
	for range 3 {
		for _, s := range stages[1:] {
			d.step(h, d.event(h, s))
		}
	}
	if n := len(allOf[*protocol.Chunk](d)); n != 3 {
		t.Errorf("%d vectors left in 3 rounds", n)
	}
}

func TestAbortEndsTheRoundAndTheChargeStands(t *testing.T) {
	for _, at := range stages[1 : len(stages)-1] {
		t.Run(at, func(t *testing.T) {
			h := newHonest(t, 8)
			d := newDevice(t, h)
			d.play(h, at)
			charged := len(d.entries)
			d.step(h, Event{Msg: h.abort()})
			if d.closed == nil || !d.closed.Aborted || d.closed.Reason != "too few came" || d.closed.Counted {
				t.Errorf("closed as %+v, refused %v", d.closed, d.refused)
			}
			if want := slices.Index(stages, at) >= slices.Index(stages, "delivery"); (charged == 1) != want || len(d.entries) != charged {
				t.Errorf("%d charges, then %d", charged, len(d.entries))
			}
			d.closed = nil
			d.play(h, "close")
			if d.closed == nil || !d.closed.Counted {
				t.Errorf("the next round closed as %+v, refused %v", d.closed, d.refused)
			}
		})
	}
}

func TestDeviceWithoutAnAnswerSitsTheRoundOut(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "model")
	out := d.step(h, Event{Trained: &Trained{OpenHash: h.openHash, Err: errors.New("nothing to learn from")}})
	if out.Refused == nil || out.Refused.Why != None || out.HangUp != nil || len(d.entries) != 0 {
		t.Errorf("%+v", out)
	}
	if got, want := out.Refused.Error(), "this device sits the round out: nothing to learn from"; got != want {
		t.Errorf("its owner is told %q, want %q", got, want)
	}
	d.refused = nil
	if out := d.step(h, Event{Msg: &protocol.Offer{Code: h.code, ModelSize: 4, Evidence: h.prove(h.policyAt, h.questionAt, h.openAt)}}); out.Fetch != nil || out.Refused != nil {
		t.Errorf("the same offer again gives %+v", out)
	}
	if d.play(h, "close"); d.closed == nil {
		t.Errorf("the next round: refused %v", d.refused)
	}
}

// TestWhatMustOutliveAPowerCutIsSaid wants the saves that a device must never forget to be synced: boxes sealed under this
// session's keys, a charge, an answer; and what was dropped from the state to be erased.
func TestWhatMustOutliveAPowerCutIsSaid(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	for _, s := range stages {
		out := d.step(h, d.event(h, s))
		if want := s == "roster" || s == "delivery" || s == "survivors"; out.Sync != want {
			t.Errorf("after %s, sync is %v, want %v", s, out.Sync, want)
		}
		if want := s == "close"; out.Erase != want {
			t.Errorf("after %s, erase is %v, want %v", s, out.Erase, want)
		}
	}
}
