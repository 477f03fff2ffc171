package round

import (
	"bytes"
	"testing"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// TestBadKeysGetTheRightCode: one device of five sends a bad R0; the others go on.
func TestBadKeysGetTheRightCode(t *testing.T) {
	recert := func(d *device, change func(*protocol.Cert)) *protocol.Advertise {
		c := d.cert
		change(&c)
		d.cert = protocol.IssueCert(prototest.Authority(), c)
		return d.advertise()
	}
	resign := func(d *device, change func(*protocol.KeyBundle)) *protocol.Advertise {
		a := d.advertise()
		change(&a.Key)
		a.Key.Sign(protocol.Signer{Ed: d.key}, d.w.m.OpenHash())
		return a
	}
	for name, c := range map[string]struct {
		make func(d *device) *protocol.Advertise
		want protocol.Code
	}{
		"good":             {(*device).advertise, protocol.CodeOK},
		"another round":    {func(d *device) *protocol.Advertise { a := d.advertise(); a.OpenHash[0] ^= 1; return a }, protocol.CodeStale},
		"another device's": {func(d *device) *protocol.Advertise { return d.w.devices[1].advertise() }, protocol.CodeUnauthorised},
		"forged signature": {func(d *device) *protocol.Advertise { a := d.advertise(); a.Key.Sig[5] ^= 1; return a }, protocol.CodeUnauthorised},
		"signed for another round": {func(d *device) *protocol.Advertise {
			a := d.advertise()
			a.Key.Sign(protocol.Signer{Ed: d.key}, [32]byte{1})
			return a
		}, protocol.CodeUnauthorised},
		"altered after signing": {func(d *device) *protocol.Advertise { a := d.advertise(); a.Key.BC[0] ^= 1; return a }, protocol.CodeUnauthorised},
		"coordinator's class": {func(d *device) *protocol.Advertise {
			return recert(d, func(c *protocol.Cert) { c.Class = protocol.ClassCoordinator })
		}, protocol.CodeUnauthorised},
		"expired": {func(d *device) *protocol.Advertise {
			return recert(d, func(c *protocol.Cert) { c.NotAfter = openedAt - 1 })
		}, protocol.CodeExpired},
		"not yet valid": {func(d *device) *protocol.Advertise {
			return recert(d, func(c *protocol.Cert) { c.NotBefore = openedAt + 1 })
		}, protocol.CodeExpired},
		"expires this second": {func(d *device) *protocol.Advertise {
			return recert(d, func(c *protocol.Cert) { c.NotAfter = openedAt })
		}, protocol.CodeOK},
		"self-signed": {func(d *device) *protocol.Advertise { d.cert = protocol.IssueCert(d.key, d.cert); return d.advertise() }, protocol.CodeUnauthorised},
		"low-order mask key": {func(d *device) *protocol.Advertise {
			return resign(d, func(k *protocol.KeyBundle) { k.SPK = [32]byte{1} })
		}, protocol.CodeMalformed},
		"low-order sharing key": {func(d *device) *protocol.Advertise {
			return resign(d, func(k *protocol.KeyBundle) { k.EPK = [32]byte{} })
		}, protocol.CodeMalformed},
		"not canonical": {func(d *device) *protocol.Advertise {
			return resign(d, func(k *protocol.KeyBundle) { k.EPK[31] |= 0x80 })
		}, protocol.CodeMalformed},
		"both keys equal": {func(d *device) *protocol.Advertise { return resign(d, func(k *protocol.KeyBundle) { k.EPK = k.SPK }) }, protocol.CodeMalformed},
		"a mask key used before": {func(d *device) *protocol.Advertise {
			return resign(d, func(k *protocol.KeyBundle) { k.SPK = d.w.devices[1].public.SPK })
		}, protocol.CodeMalformed},
		"a key used as the other": {func(d *device) *protocol.Advertise {
			return resign(d, func(k *protocol.KeyBundle) { k.EPK = d.w.devices[1].public.SPK })
		}, protocol.CodeMalformed},
		"a sharing key used before": {func(d *device) *protocol.Advertise {
			return resign(d, func(k *protocol.KeyBundle) { k.EPK = d.w.devices[1].public.EPK })
		}, protocol.CodeMalformed},
	} {
		w := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
		w.ok(w.devices[1].say(w.devices[1].advertise()))
		d := w.devices[0]
		if got := d.say(c.make(d)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if taken := w.m.members[d.id] != nil; taken != (c.want == protocol.CodeOK) {
			t.Errorf("%s: a member now: %v", name, taken)
		}
		w.replays()
	}
}

// TestRepeatedAndAlteredMessages: the same bytes again are answered as before or not at all; other bytes are a conflict, at
// any later time.
func TestRepeatedAndAlteredMessages(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
	d := w.devices[0]
	type repeat struct {
		name          string
		same, altered protocol.Message
	}
	var sofar []repeat
	check := func() {
		t.Helper()
		for _, r := range sofar {
			if code := d.say(r.same); code != protocol.CodeOK {
				t.Errorf("in phase %v: %s again: %v", w.m.Phase(), r.name, code)
			}
			if code := d.say(r.altered); code != protocol.CodeConflict {
				t.Errorf("in phase %v: %s altered: %v", w.m.Phase(), r.name, code)
			}
		}
	}
	alter := func(m *protocol.Advertise) *protocol.Advertise {
		a := *m
		a.Key.BC[3] ^= 1
		a.Key.Sign(protocol.Signer{Ed: d.key}, a.OpenHash)
		return &a
	}
	adv := d.advertise()
	w.ok(d.say(adv))
	sofar = append(sofar, repeat{name: "advertise", same: adv, altered: alter(adv)})
	check()
	for _, o := range w.devices[1:] {
		w.ok(o.say(o.advertise()))
	}
	check()
	shares := d.shares()
	other := d.shares() // other polynomials
	w.ok(d.say(shares))
	sofar = append(sofar, repeat{name: "shares", same: shares, altered: other})
	check()
	for _, o := range w.devices[1:] {
		w.ok(o.say(o.shares()))
	}
	input := d.input()
	forged := *input
	forged.YHash[0] ^= 1
	forged.Sign(protocol.Signer{Ed: d.key})
	w.ok(d.say(input))
	sofar = append(sofar, repeat{name: "input", same: input, altered: &forged})
	check()
	d.upload()
	check()
	d.upload() // again: nothing happens
	for _, o := range w.devices[1:] {
		w.ok(o.say(o.input()))
		o.upload()
	}
	check()
	reveal, without := d.reveal(true), d.reveal(false)
	w.ok(d.say(reveal))
	sofar = append(sofar, repeat{name: "reveal", same: reveal, altered: without})
	check()
	for _, o := range w.devices[1:] {
		w.ok(o.say(o.reveal(true)))
	}
	w.in(Settling)
	check()
	want := w.plainSum()
	sum, err := w.settle()
	if err != nil || !equal(sum, want) || w.result.U3 != 5 {
		t.Fatalf("%v, %+v", err, w.result)
	}
	w.replays()
}

func equal(a, b []uint32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// TestRepeatedInputIsToldWhereItStands: before the upload is whole the device hears how to go on, afterwards it gets the same
// receipt.
func TestRepeatedInputIsToldWhereItStands(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).shareAll()
	d := w.devices[2]
	input := d.input()
	for range 2 {
		w.ok(d.say(input))
		take[*protocol.InputState](d)
		w.inbox[d.id] = nil
	}
	d.upload()
	first := take[*protocol.Receipt](d)
	w.inbox[d.id] = nil
	w.ok(d.say(input))
	if again := take[*protocol.Receipt](d); !bytes.Equal(again.Append(nil), first.Append(nil)) {
		t.Error("another receipt for the same vector")
	}
}

// TestMessagesAtTheWrongTime tries each message of a member that fell behind, of one that did not, and of a stranger, in every
// phase.
func TestMessagesAtTheWrongTime(t *testing.T) {
	const ok, late, unexpected = protocol.CodeOK, protocol.CodeLate, protocol.CodeUnexpected
	for _, c := range []struct {
		phase  Phase
		behind bool // the last member has sent nothing since its keys; in phase Keys not even those
		want   [4]protocol.Code
	}{
		{Keys, true, [4]protocol.Code{ok, unexpected, unexpected, unexpected}},
		{Shares, true, [4]protocol.Code{ok, ok, unexpected, unexpected}},
		{Inputs, true, [4]protocol.Code{ok, late, late, unexpected}},
		{Inputs, false, [4]protocol.Code{ok, ok, ok, unexpected}},
		{Unmask, true, [4]protocol.Code{ok, late, late, unexpected}},
		{Unmask, false, [4]protocol.Code{ok, ok, ok, ok}},
		{Settling, true, [4]protocol.Code{ok, late, late, ok}}, // its answer is not needed any more, and no fault
		{Settling, false, [4]protocol.Code{ok, ok, ok, ok}},
	} {
		for at, want := range c.want {
			w := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
			last, stranger := w.devices[4], newDevice(w, "stranger")
			messages := w.advance(c.phase, c.behind)
			w.in(c.phase)
			if got := last.say(messages[at]); got != want {
				t.Errorf("%v in phase %v, behind %v: %v, want %v", messages[at].Type(), c.phase, c.behind, got, want)
			}
			strangers := unexpected
			if at == 0 {
				messages[0] = stranger.advertise()
				strangers = late
				if c.phase == Keys {
					continue
				}
			}
			if got := stranger.say(messages[at]); got != strangers {
				t.Errorf("%v of a stranger in phase %v: %v", messages[at].Type(), c.phase, got)
			}
		}
	}
}

// advance runs the round to a phase, with the last member or, if it is behind, without it. It gives the last member's four
// messages, made up where it cannot make them.
func (w *world) advance(to Phase, behind bool) [4]protocol.Message {
	w.t.Helper()
	last := w.devices[4]
	steps := []struct {
		phase    Phase
		deadline float64
		send     func(d *device) protocol.Message
	}{
		{Keys, 10, func(d *device) protocol.Message { return d.advertise() }},
		{Shares, 20, func(d *device) protocol.Message { return d.shares() }},
		{Inputs, 30, func(d *device) protocol.Message { return d.input() }},
		{Unmask, 40, func(d *device) protocol.Message { return d.reveal(true) }},
	}
	var own [4]protocol.Message
	for i, s := range steps {
		if s.phase > to || w.m.Phase() > s.phase {
			break
		}
		others := w.devices[:4]
		if s.phase == to {
			others = others[:3] // so that the phase goes on
		}
		for _, d := range others {
			w.ok(d.say(s.send(d)))
			if s.phase == Inputs {
				d.upload()
			}
		}
		owes := !behind || i < 2 && to <= Shares
		if owes || i == 0 {
			own[i] = s.send(last)
		}
		if s.phase == to {
			break
		}
		if !behind || i == 0 {
			w.ok(last.say(own[i]))
			if s.phase == Inputs {
				last.upload()
			}
			continue
		}
		w.at(s.deadline)
	}
	sid := w.sid()
	for i, m := range []protocol.Message{nil, &protocol.Shares{SID: sid}, &protocol.Input{SID: sid}, &protocol.Reveal{SID: sid}} {
		if own[i] == nil {
			own[i] = m
		}
	}
	return own
}

// TestStaleSessionsAndOddMessages names another session, and sends what only a coordinator sends.
func TestStaleSessionsAndOddMessages(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).inputAll()
	d := w.devices[0]
	other := w.sid()
	other[7] ^= 1
	for _, m := range []protocol.Message{&protocol.Shares{SID: other}, &protocol.Input{SID: other}, &protocol.Reveal{SID: other}} {
		if got := d.say(m); got != protocol.CodeStale {
			t.Errorf("%v of another session: %v", m.Type(), got)
		}
	}
	for _, m := range []protocol.Message{&protocol.Roster{}, &protocol.Survivors{}, &protocol.Receipt{}, &protocol.Close{}, &protocol.Chunk{}, nil} {
		if got := d.say(m); got != protocol.CodeUnexpected {
			t.Errorf("%T: %v", m, got)
		}
	}
}

// TestOldMessagesAreRefusedInTheNextRound replays each message of one round in another.
func TestOldMessagesAreRefusedInTheNextRound(t *testing.T) {
	old := newWorld(t, settings{n: 5, delta: 3000}).revealAll()
	next := newWorld(t, settings{n: 5, delta: 2000}).inputAll() // another RoundOpen
	d := old.devices[0]
	p := old.m.members[d.id]
	for _, m := range []protocol.Message{p.shares, p.input, p.reveal} {
		if got := next.devices[0].say(m); got != protocol.CodeStale {
			t.Errorf("%v: %v", m.Type(), got)
		}
	}
	fresh := newWorld(t, settings{n: 5, delta: 2000}).connectAll()
	if got := fresh.devices[0].say(p.advertise); got != protocol.CodeStale {
		t.Errorf("advertise: %v", got)
	}
	relabelled := *p.advertise
	relabelled.OpenHash = fresh.m.OpenHash()
	if got := fresh.devices[0].say(&relabelled); got != protocol.CodeUnauthorised {
		t.Errorf("advertise under another open_hash: %v", got)
	}
}

// TestMalformedMessagesAreRefused: each message of the later phases with one thing wrong, signed again where it matters.
func TestMalformedMessagesAreRefused(t *testing.T) {
	shares := func(change func(*protocol.Shares)) func(*world) (protocol.Message, *device) {
		return func(w *world) (protocol.Message, *device) {
			w.advertiseAll()
			m := w.devices[0].shares()
			change(m)
			return m, w.devices[0]
		}
	}
	input := func(change func(*protocol.Input)) func(*world) (protocol.Message, *device) {
		return func(w *world) (protocol.Message, *device) {
			w.shareAll()
			d := w.devices[0]
			m := d.input()
			sig := m.Sig
			if change(m); m.Sig == sig {
				m.Sign(protocol.Signer{Ed: d.key})
			}
			return m, d
		}
	}
	reveal := func(change func(*protocol.Reveal)) func(*world) (protocol.Message, *device) {
		return func(w *world) (protocol.Message, *device) {
			w.inputAll()
			d := w.devices[0]
			m := d.reveal(true)
			sig := m.Sig
			if change(m); m.Sig == sig {
				m.Sign(protocol.Signer{Ed: d.key})
			}
			return m, d
		}
	}
	for name, setup := range map[string]func(*world) (protocol.Message, *device){
		"shares: one box too few":   shares(func(m *protocol.Shares) { m.Sealed = m.Sealed[1:] }),
		"shares: one box too many":  shares(func(m *protocol.Shares) { m.Sealed = append(m.Sealed, [80]byte{}) }),
		"shares: forged":            shares(func(m *protocol.Shares) { m.Sig[0] ^= 1 }),
		"shares: box altered":       shares(func(m *protocol.Shares) { m.Sealed[1][4] ^= 1 }),
		"input: too long":           input(func(m *protocol.Input) { m.Length += 4 }),
		"input: too short":          input(func(m *protocol.Input) { m.Length = 0 }),
		"input: huge":               input(func(m *protocol.Input) { m.Length = 1 << 63 }),
		"input: chunk missing":      input(func(m *protocol.Input) { m.Chunks = nil }),
		"input: chunk too many":     input(func(m *protocol.Input) { m.Chunks = append(m.Chunks, [32]byte{}) }),
		"input: short bitmap":       input(func(m *protocol.Input) { m.MaskedWith = nil }),
		"input: long bitmap":        input(func(m *protocol.Input) { m.MaskedWith = append(m.MaskedWith, 0) }),
		"input: bit beyond":         input(func(m *protocol.Input) { m.MaskedWith[0] |= 0x10 }),
		"input: silent about one":   input(func(m *protocol.Input) { m.MaskedWith[0] &^= 1 }),
		"input: failed and masked":  input(func(m *protocol.Input) { m.Failed = []uint32{1} }),
		"input: itself failed":      input(func(m *protocol.Input) { m.MaskedWith[0] &^= 1; m.Failed = []uint32{99} }),
		"input: forged":             input(func(m *protocol.Input) { m.Sig[0] ^= 1 }),
		"reveal: one share too few": reveal(func(m *protocol.Reveal) { m.SelfShares = m.SelfShares[1:] }),
		"reveal: twice":             reveal(func(m *protocol.Reveal) { m.SelfShares[1] = m.SelfShares[0] }),
		"reveal: other order":       reveal(func(m *protocol.Reveal) { m.SelfShares[0], m.SelfShares[1] = m.SelfShares[1], m.SelfShares[0] }),
		"reveal: of the other kind": reveal(func(m *protocol.Reveal) { m.PairShares, m.SelfShares = m.SelfShares, nil }),
		"reveal: both kinds":        reveal(func(m *protocol.Reveal) { m.PairShares = m.SelfShares[:1] }),
		"reveal: out of range":      reveal(func(m *protocol.Reveal) { m.SelfShares[0].Index = 1 << 30 }),
		"reveal: another own b":     reveal(func(m *protocol.Reveal) { m.OwnB[0] ^= 1 }),
		"reveal: forged":            reveal(func(m *protocol.Reveal) { m.Sig[0] ^= 1 }),
	} {
		w := newWorld(t, settings{n: 5, delta: 3000})
		msg, d := setup(w)
		before := w.m.members[d.id].standing
		if got := d.say(msg); got != protocol.CodeMalformed {
			t.Errorf("%s: %v", name, got)
		}
		if w.m.members[d.id].standing != before {
			t.Errorf("%s: the member stands elsewhere now", name)
		}
		w.replays()
	}
}

// TestWrongBytesAreNotCounted: an upload whose hash is not the announced one, one that was never announced, one too late.
func TestWrongBytesAreNotCounted(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).shareAll()
	d, silent, slow := w.devices[0], w.devices[1], w.devices[2]
	w.ok(d.say(d.input()))
	w.spool[d.id][0] ^= 1
	out := d.upload()
	if h, ok := out.Send[0].Msg.(*protocol.HangUp); !ok || h.Code != protocol.CodeMalformed {
		t.Errorf("altered bytes: %+v", out.Send)
	}
	w.spool[d.id][0] ^= 1
	d.upload()
	if w.m.members[d.id].standing != Sent {
		t.Error("the right bytes are not taken after wrong ones")
	}
	if out := w.step(Event{Kind: Uploaded, From: silent.id, Hash: [32]byte{1}}); len(out.Send) > 0 || w.m.members[silent.id].standing != Shared {
		t.Error("a vector that was never announced is answered")
	}
	if out := w.step(Event{Kind: Uploaded, From: [32]byte{1}}); len(out.Send) > 0 {
		t.Error("a stranger's vector is answered")
	}
	w.ok(slow.say(slow.input()))
	for _, o := range []*device{silent, w.devices[3], w.devices[4]} {
		w.ok(o.say(o.input()))
		o.upload()
	}
	w.at(30)
	w.in(Unmask)
	out = slow.upload()
	if h, ok := out.Send[0].Msg.(*protocol.HangUp); !ok || h.Code != protocol.CodeLate || w.m.members[slow.id].standing != Dropped {
		t.Errorf("late bytes: %+v", out.Send)
	}
}

// TestOneSerialNumberOneMember: a certificate that is counted for another member is refused.
func TestOneSerialNumberOneMember(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
	first, second := w.devices[0], w.devices[1]
	w.ok(first.say(first.advertise()))
	second.cert.Serial = first.cert.Serial
	second.cert = protocol.IssueCert(prototest.Authority(), second.cert)
	if got := second.say(second.advertise()); got != protocol.CodeMalformed {
		t.Errorf("hung up with %v", got)
	}
	if w.m.Member(second.id) || !w.m.Member(first.id) {
		t.Error("the second is a member, or the first is none")
	}
}
