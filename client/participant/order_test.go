package participant

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// memory is what a hostile coordinator keeps of one device, and what must never be in it.
type memory struct {
	t     testing.TB
	d     *device
	heard int
	said  map[string][sha256.Size]byte // one message for each session and step
	set   map[[32]byte][32]byte        // the digest that was answered or confirmed, by session
	kinds map[string]string            // the kind of share given for a member of a session
}

func (m *memory) listen() {
	m.t.Helper()
	for _, msg := range m.d.sent[m.heard:] {
		switch msg := msg.(type) {
		case *protocol.Advertise:
			m.once(fmt.Sprintf("advertise %x", msg.OpenHash), msg)
		case *protocol.Shares:
			m.once(fmt.Sprintf("shares %x", msg.SID), msg)
		case *protocol.Input:
			m.once(fmt.Sprintf("input %x", msg.SID), msg)
			m.paid(msg.SID)
		case *protocol.Chunk:
			m.once(fmt.Sprintf("chunk %x %d", msg.SID, msg.Offset), msg)
			m.paid(msg.SID)
		case *protocol.Confirm:
			m.once(fmt.Sprintf("confirm %x", msg.SID), msg)
			m.answers(msg.SID, msg.Digest)
		case *protocol.Reveal:
			m.once(fmt.Sprintf("reveal %x", msg.SID), msg)
			m.answers(msg.SID, m.d.machine.st.Digest)
			m.oneKind(msg.SID, "self", msg.SelfShares)
			m.oneKind(msg.SID, "pair", msg.PairShares)
		}
	}
	m.heard = len(m.d.sent)
}

func (m *memory) once(name string, msg protocol.Message) {
	sum := sha256.Sum256(msg.Append(nil))
	if old, again := m.said[name]; again && old != sum {
		m.t.Fatalf("%s was sent with other bytes before", name)
	}
	m.said[name] = sum
}

func (m *memory) paid(sid [32]byte) {
	for _, e := range m.d.entries {
		if e.SID == sid {
			return
		}
	}
	m.t.Fatalf("a vector left that its ledger was not charged for")
}

func (m *memory) answers(sid, digest [32]byte) {
	if old, again := m.set[sid]; again && old != digest {
		m.t.Fatalf("two sets of survivors were answered in one session")
	}
	m.set[sid] = digest
}

func (m *memory) oneKind(sid [32]byte, kind string, shares []protocol.PeerShare) {
	for _, s := range shares {
		name := fmt.Sprintf("%x %d", sid, s.Index)
		if old, again := m.kinds[name]; again && old != kind {
			m.t.Fatalf("shares of both kinds were given for member %d", s.Index)
		}
		m.kinds[name] = kind
	}
}

// act plays a coordinator that says what it likes when it likes: each byte is a thing that happens, and may take more of them.
// Nothing may panic; what must never be said is never said.
func act(t testing.TB, mode aggregation.Mode, script []byte) {
	h := newHonest(t, 6)
	h.mode = mode
	d := newDevice(t, h)
	m := &memory{t: t, d: d, said: map[string][sha256.Size]byte{}, set: map[[32]byte][32]byte{}, kinds: map[string]string{}}
	a := &actor{h: h, d: d, script: script}
	for n := 0; len(a.script) > 0 && n < 60; n++ {
		if e, ok := a.next(); ok {
			d.step(h, e)
			m.listen()
		}
	}
}

type actor struct {
	h      *honest
	d      *device
	script []byte
	last   protocol.Message
}

func (a *actor) byte() byte {
	if len(a.script) == 0 {
		return 0
	}
	b := a.script[0]
	a.script = a.script[1:]
	return b
}

// some names members by the bits of the next byte.
func (a *actor) some() (out []int) {
	for i, b := 0, a.byte(); i < 6; i++ {
		if b>>i&1 == 1 {
			out = append(out, i)
		}
	}
	return out
}

func (a *actor) next() (Event, bool) {
	switch b := a.byte(); b % 8 {
	case 0:
		a.d.boot()
		return Event{Connected: true}, true
	case 1:
		n := time.Duration(a.byte())
		if a.h.now = a.h.now.Add(n * 100 * time.Millisecond); n > 250 {
			a.h.now = a.h.now.Add(25 * time.Hour)
		}
		return Event{}, true
	case 2:
		return a.local(b >> 3)
	default:
		return a.remote(b >> 3)
	}
}

// local is what happens on the device.
func (a *actor) local(what byte) (Event, bool) {
	h := a.h
	switch what % 3 {
	case 0:
		return Event{Model: &ModelReady{Hash: testModel()}}, true
	case 1:
		return Event{Trained: &Trained{OpenHash: h.openHash, LayoutHash: testLayout, Update: Floats(testUpdate(h.d))}}, true
	}
	return Event{More: true}, true
}

// remote is what the coordinator says: the truth, the truth again, or the truth with a byte changed.
func (a *actor) remote(what byte) (Event, bool) {
	msg := a.message(what % 12)
	if msg == nil {
		return Event{}, false
	}
	a.last = msg
	if what >= 24 { // a quarter of them
		body := msg.Append(nil)
		if len(body) == 0 {
			return Event{}, false
		}
		body[(int(a.byte())<<8|int(a.byte()))%len(body)] ^= a.byte() | 1
		var err error
		if msg, err = protocol.Parse(msg.Type(), body); err != nil {
			return Event{}, false
		}
	}
	return Event{Msg: msg}, true
}

func (a *actor) message(what byte) protocol.Message {
	h, d := a.h, a.d
	open := h.open.Round > 0 && d.machine.st.OpenHash == h.openHash
	joined := open && len(h.members) > 0 && h.ring != nil && d.machine.st.SID == h.sid
	switch {
	case what == 0:
		h.members, h.leaves, h.ring, h.inputLeaves = nil, nil, nil, nil
		return h.offer()
	case what == 1:
		return a.last
	case what == 2 && open && d.machine.st.Phase == advertised:
		if h.ring == nil {
			return h.advertised(lastOf[*protocol.Advertise](d))
		}
		return h.roster() // another one
	case what == 3 && open && h.ring != nil:
		return h.rosterMsg()
	case what == 4 && joined && d.machine.st.Phase >= shared:
		h.hooks.absent = a.some()
		defer func() { h.hooks.absent = nil }()
		return h.delivery()
	case what == 5 && joined:
		return &protocol.InputState{SID: h.sid, Offset: uint64(a.byte())}
	case what == 6 && joined && d.machine.st.Masked.there():
		return h.receipt(&protocol.Input{YHash: d.machine.st.Masked.Hash})
	case what == 7 && joined:
		h.hooks.lost = a.some()
		return h.survivors()
	case what == 8 && joined && d.machine.st.Phase >= confirming && len(d.machine.st.Confirm) > 0:
		c := lastOf[*protocol.Confirm](d)
		if a.byte()%4 == 0 {
			c = &protocol.Confirm{SID: c.SID, Digest: sha256.Sum256([]byte("another"))}
		}
		return h.confirmed(c)
	case what == 9 && open:
		return h.close()
	case what == 10 && open:
		return h.abort()
	case what == 11:
		return &protocol.Welcome{Evidence: h.prove()}
	}
	return nil
}

func modeOf(b byte) aggregation.Mode {
	return [...]aggregation.Mode{aggregation.ModeSH, aggregation.ModeSM}[b%2]
}

// honestScript plays a round to its end, so that random ones begin near it.
func honestScript() []byte {
	say := func(what byte, more ...byte) []byte { return append([]byte{what<<3 | 3}, more...) }
	var out []byte
	for _, b := range [][]byte{{0}, say(0), {2}, {1<<3 | 2}, say(2), say(4, 0), say(5, 0), say(6), say(7, 0), say(8, 2), say(9)} {
		out = append(out, b...)
	}
	return out
}

// FuzzOrders looks for an order of true and altered messages that makes a device say what it must not.
func FuzzOrders(f *testing.F) {
	for mode := range byte(2) {
		f.Add(mode, honestScript())
		f.Add(mode, append(honestScript()[:12], honestScript()...))
	}
	f.Fuzz(func(t *testing.T, mode byte, script []byte) { act(t, modeOf(mode), script) })
}

// TestHonestScriptReachesTheEnd shows that the orders are of real rounds.
func TestHonestScriptReachesTheEnd(t *testing.T) {
	for mode := range byte(2) {
		h := newHonest(t, 6)
		h.mode = modeOf(mode)
		d := newDevice(t, h)
		a := &actor{h: h, d: d, script: honestScript()}
		for len(a.script) > 0 {
			if e, ok := a.next(); ok {
				d.step(h, e)
			}
		}
		if d.closed == nil || !d.closed.Counted {
			t.Errorf("mode %v: closed %+v, refused %v", h.mode, d.closed, d.refused)
		}
	}
}

// TestOrdersNeverMakeADeviceSayTwoThings is the same for random orders in every run of the tests.
func TestOrdersNeverMakeADeviceSayTwoThings(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		script := honestScript()[:rapid.SampledFrom([]int{0, 2, 4, 6, 8, 10, 12, 14}).Draw(rt, "honest")]
		script = append(script, rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(rt, "script")...)
		act(t, modeOf(rapid.Byte().Draw(rt, "mode")), script)
	})
}
