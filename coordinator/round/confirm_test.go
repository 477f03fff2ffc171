package round

import (
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// signatures lists whose confirmations a device was sent, each checked.
func (d *device) signatures() []uint32 {
	d.w.t.Helper()
	var out []uint32
	msg := take[*protocol.Confirmed](d)
	for i, c := range msg.Confirms {
		p := d.w.m.roster[c.Index]
		if err := msg.Verify(i, p.verifier()); err != nil {
			d.w.t.Errorf("confirmation of member %d: %v", c.Index, err)
		}
		out = append(out, c.Index)
	}
	return out
}

func (d *device) heard(t protocol.Type) bool {
	return slices.ContainsFunc(d.w.inbox[d.id], func(m protocol.Message) bool { return m.Type() == t })
}

// TestConfirmationsAreRelayed: in mode SM nobody reveals before its neighbours' signatures on the same set were handed on; with all
// there they are at once, in the neighbours' ring order.
func TestConfirmationsAreRelayed(t *testing.T) {
	for _, sig := range []uint16{protocol.SigEd25519, protocol.SigHybrid} {
		w := newWorld(t, settings{n: 5, delta: 3000, mode: aggregation.ModeSM, sig: sig}).inputAll()
		if got := w.devices[0].say(w.devices[0].reveal(true)); got != protocol.CodeUnexpected {
			t.Errorf("a reveal before the confirmations: %v", got)
		}
		for i, d := range w.devices {
			if d.heard(protocol.TypeConfirmed) {
				t.Fatalf("relayed after %d of 5", i)
			}
			w.ok(d.say(d.confirm()))
		}
		for _, d := range w.devices {
			var want []uint32
			for _, p := range d.neighbours {
				want = append(want, p.Index)
			}
			if got := d.signatures(); !slices.Equal(got, want) {
				t.Errorf("member %d was sent confirmations of %v, its neighbours are %v", d.index, got, want)
			}
			w.ok(d.say(d.reveal(true)))
		}
		want := w.plainSum()
		if sum, err := w.settle(); err != nil || !slices.Equal(sum, want) {
			t.Errorf("settle: %v", err)
		}
		w.replays()
	}
}

// TestSilentMembersHoldConfirmationsUpForHalfThePhase, and no longer; members that are gone hold nothing up.
func TestSilentMembersHoldConfirmationsUpForHalfThePhase(t *testing.T) {
	w := newWorld(t, settings{n: 10, delta: 3000, mode: aggregation.ModeSM}).inputAll()
	silent, gone := w.devices[0], w.devices[1]
	for _, d := range w.devices[2:] {
		w.ok(d.say(d.confirm()))
	}
	gone.disconnect()
	if next := w.m.Next(); !next.Equal(w.now.Add(grace)) {
		t.Errorf("the next tick is wanted at %v", next)
	}
	w.at(34.9)
	if w.devices[5].heard(protocol.TypeConfirmed) {
		t.Fatal("relayed while a member might still confirm")
	}
	w.at(35) // of inputs at 30 and unmask at 40
	for _, d := range w.devices[2:] {
		if got := len(d.signatures()); got != 7 {
			t.Errorf("member %d was sent %d confirmations, want those of the 7 others that gave them", d.index, got)
		}
	}
	// A late one lets its own member go on, and changes nothing for the others.
	before := take[*protocol.Confirmed](w.devices[2])
	w.ok(silent.say(silent.confirm()))
	if got := len(silent.signatures()); got != 8 {
		t.Errorf("the late member was sent %d confirmations", got)
	}
	w.devices[2].disconnect()
	w.devices[2].connect()
	again := take[*protocol.Confirmed](w.devices[2])
	if again == before || !slices.Equal(again.Append(nil), before.Append(nil)) {
		t.Error("whoever comes back is sent other confirmations")
	}
	for _, d := range append(w.devices[2:], silent) {
		w.ok(d.say(d.reveal(true)))
	}
	want := w.plainSum()
	if sum, err := w.settle(); err != nil || !slices.Equal(sum, want) || w.result.U3 != 10 {
		t.Fatalf("settle: %v", err)
	}
	w.replays()
}

func TestMembersThatAreGoneAreNotWaitedFor(t *testing.T) {
	w := newWorld(t, settings{n: 10, delta: 3000, mode: aggregation.ModeSM}).inputAll()
	w.devices[0].disconnect()
	for _, d := range w.devices[1:] {
		w.ok(d.say(d.confirm()))
	}
	w.now = w.now.Add(grace)
	w.step(Event{Kind: Ticked})
	if !w.devices[1].heard(protocol.TypeConfirmed) {
		t.Error("not relayed although everybody who is there has confirmed")
	}
	// If all go silent after the relay, the round ends without a sum.
	w.at(40)
	w.failed(TooFewReveals)
}

func TestBadConfirmationsAreRefused(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000, mode: aggregation.ModeSM}).inputAll()
	d := w.devices[0]
	for name, c := range map[string]struct {
		change func(m *protocol.Confirm)
		want   protocol.Code
	}{
		"another digest":    {func(m *protocol.Confirm) { m.Digest[0] ^= 1; m.Sign(d.signer()) }, protocol.CodeMalformed},
		"another session":   {func(m *protocol.Confirm) { m.SID[0] ^= 1; m.Sign(d.signer()) }, protocol.CodeStale},
		"no signature":      {func(m *protocol.Confirm) { m.Sig[9] ^= 1 }, protocol.CodeMalformed},
		"another's":         {func(m *protocol.Confirm) { m.Sign(w.devices[1].signer()) }, protocol.CodeMalformed},
		"a half of suite 2": {func(m *protocol.Confirm) { m.SigPQ = make([]byte, protocol.PQSigSize) }, protocol.CodeMalformed},
	} {
		m := d.confirm()
		c.change(m)
		if got := d.say(m); got != c.want || w.m.members[d.id].standing != Included {
			t.Errorf("%s: hung up with %v", name, got)
		}
	}
	w.ok(d.say(d.confirm()))
	w.ok(d.say(d.confirm())) // the same bytes again
	other := d.confirm()
	other.Sig[0] ^= 1
	if got := d.say(other); got != protocol.CodeConflict {
		t.Errorf("another confirmation: %v", got)
	}
	if got := w.devices[1].say(&protocol.Confirmed{}); got != protocol.CodeUnexpected {
		t.Errorf("a device that relays: %v", got)
	}
	for _, mode := range []aggregation.Mode{aggregation.ModeW, aggregation.ModeSH} {
		w := newWorld(t, settings{n: 5, delta: 3000, mode: mode}).inputAll()
		if got := w.devices[0].say(w.devices[0].confirm()); got != protocol.CodeUnexpected {
			t.Errorf("mode %v: a confirmation that nobody asked for: %v", mode, got)
		}
	}
}

// TestCosignedSeed: in mode W the graph follows from the witnesses' signatures, the roster's receivers get the checkpoint they are
// on, and a replay draws the same graph.
func TestCosignedSeed(t *testing.T) {
	w := newWorld(t, settings{n: 10, delta: 3000, mode: aggregation.ModeW})
	w.slow = true
	w.connectAll()
	for _, d := range w.devices {
		w.ok(d.say(d.advertise()))
	}
	w.in(Keys)
	if !w.facts[0].Cosign || w.facts[0].Reserve || w.devices[0].heard(protocol.TypeRoster) {
		t.Error("the roster does not wait for its witnesses")
	}
	if next := w.m.Next(); next.Unix() != openedAt+int64(deadlines[1]) {
		t.Errorf("the next tick is wanted at %v", next)
	}
	w.slow = false
	w.showLog()
	w.in(Shares)
	for _, d := range w.devices {
		got := take[*protocol.Roster](d)
		if signed, err := witnesses().Open(testOrigin, w.cfg.LogKey, got.SeedCheckpoint); err != nil || signed.Size != 5 {
			t.Errorf("the seed's checkpoint is %q: %v", got.SeedCheckpoint, err)
		}
	}
	for _, s := range w.last.Send {
		if s.Msg.Type() == protocol.TypeRoster && (s.Seed == nil || *s.Seed != Seed{Index: 4, Size: 5}) {
			t.Errorf("the roster's proof is wanted as %+v", s.Seed)
		}
	}
	w.replays()
	// The same roster under other signatures is another session with another graph.
	other := New(w.cfg)
	for _, j := range w.journal {
		e, err := ParseEvent(j.event)
		if err != nil {
			t.Fatal(err)
		}
		if e.Note != nil {
			w.now = w.now.Add(1e9)
			e.Note = w.cosign()
		}
		other.Step(j.at, e)
	}
	if other.SID(w.devices[0].id) == w.sid() || other.SID(w.devices[0].id) == [32]byte{} {
		t.Error("the session does not follow from the signatures")
	}
}

// TestRosterWithoutWitnessesEndsTheRound at the deadline of phase Shares, and at once if what comes is no cosigned checkpoint.
func TestRosterWithoutWitnessesEndsTheRound(t *testing.T) {
	start := func() *world {
		w := newWorld(t, settings{n: 5, delta: 3000, mode: aggregation.ModeW})
		w.slow = true
		w.connectAll()
		for _, d := range w.devices {
			w.ok(d.say(d.advertise()))
		}
		return w
	}
	w := start()
	w.at(19.9)
	w.in(Keys)
	w.at(20)
	w.showLog()
	w.failed(NotCosigned)
	w.replays()
	for name, note := range map[string][]byte{"nothing": nil, "a bare checkpoint": bare(t, w)} {
		w := start()
		w.unseen[0].Note = note
		w.slow = false
		w.showLog()
		w.failed(NotCosigned)
		if w.devices[0].heard(protocol.TypeRoster) {
			t.Errorf("%s: a roster was sent", name)
		}
	}
}

func bare(t *testing.T, w *world) []byte {
	t.Helper()
	note, err := audit.SignCheckpoint(testOrigin, w.logKey(), w.tree.Size(), w.tree.Root(w.tree.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// TestHybridSignatures: in suite sig 2 both halves must be there and verify, of certificate and messages; in suite 1 neither half
// more.
func TestHybridSignatures(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000, sig: protocol.SigHybrid}).connectAll()
	d := w.devices[0]
	for name, change := range map[string]func(k *protocol.KeyBundle){
		"no second half of the certificate": func(k *protocol.KeyBundle) { k.CertPQ = nil },
		"another's second half":             func(k *protocol.KeyBundle) { k.CertPQ = w.devices[1].certPQ },
		"an altered second half":            func(k *protocol.KeyBundle) { k.CertPQ = slices.Clone(k.CertPQ); k.CertPQ[2000] ^= 1 },
		"no second signature":               func(k *protocol.KeyBundle) { k.SigPQ = nil },
		"a wrong second signature":          func(k *protocol.KeyBundle) { k.SigPQ[7] ^= 1 },
		"a wrong first signature":           func(k *protocol.KeyBundle) { k.Sig[7] ^= 1 },
	} {
		m := d.advertise()
		change(&m.Key)
		if got := d.say(m); got != protocol.CodeUnauthorised || w.m.Member(d.id) {
			t.Errorf("%s: hung up with %v", name, got)
		}
	}
	w.advertiseAll()
	m := d.shares()
	m.SigPQ[0] ^= 1
	if got := d.say(m); got != protocol.CodeMalformed {
		t.Errorf("shares with a wrong second signature: %v", got)
	}
	w.shareThem()
	in := d.input()
	in.SigPQ = nil
	if got := d.say(in); got != protocol.CodeMalformed {
		t.Errorf("an input without a second signature: %v", got)
	}
	w.inputThem()
	r := d.reveal(true)
	r.SigPQ[0] ^= 1
	if got := d.say(r); got != protocol.CodeMalformed {
		t.Errorf("a reveal with a wrong second signature: %v", got)
	}
	if receipt := take[*protocol.Receipt](d); len(receipt.SigPQ) != protocol.PQSigSize {
		t.Error("the receipt is not signed in the round's suite")
	}
	old := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
	e := old.devices[0]
	a := e.advertise()
	a.Key.CertPQ = d.certPQ
	a.Key.Sign(e.signer(), a.OpenHash)
	if got := e.say(a); got != protocol.CodeUnauthorised {
		t.Errorf("a second half in suite 1: %v", got)
	}
}
