package coordinator_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/protocol"
)

// misuse is something that a device does once, at its first message of a type, and what the coordinator says to it.
type misuse struct {
	name string
	at   protocol.Type
	do   func(d *device, m protocol.Message) []protocol.Message // what is sent in place of m
	code protocol.Code                                          // the hang-up; CodeOK: none
	word string                                                 // in its detail
}

func instead(list ...protocol.Message) []protocol.Message { return list }

// copied gives a message of its own to change.
func copied[M protocol.Message](m protocol.Message) M {
	c, err := protocol.Parse(m.Type(), m.Append(nil))
	if err != nil {
		panic(err)
	}
	return c.(M)
}

// twice sends the same bytes again.
func twice(_ *device, m protocol.Message) []protocol.Message { return instead(m, m) }

// altered sends the message and, after it, another one that change made of it.
func altered[M protocol.Message](change func(d *device, m M)) func(*device, protocol.Message) []protocol.Message {
	return func(d *device, m protocol.Message) []protocol.Message {
		other := copied[M](m)
		change(d, other)
		return instead(m, other)
	}
}

// spoiled sends, in place of the message, what change makes of it.
func spoiled[M protocol.Message](change func(d *device, m M)) func(*device, protocol.Message) []protocol.Message {
	return func(d *device, m protocol.Message) []protocol.Message { return altered(change)(d, m)[1:] }
}

// junk is a frame whose body does not parse.
type junk struct{ *protocol.Shares }

func (junk) Append(dst []byte) []byte { return append(dst, "junk"...) }

var misuses = []misuse{
	{"advertise twice", protocol.TypeAdvertise, twice, protocol.CodeOK, ""},
	{"shares twice", protocol.TypeShares, twice, protocol.CodeOK, ""},
	{"header twice", protocol.TypeInput, twice, protocol.CodeOK, ""},
	{"chunk twice", protocol.TypeChunk, twice, protocol.CodeOK, ""},
	{"reveal twice", protocol.TypeReveal, twice, protocol.CodeOK, ""},

	{"other keys", protocol.TypeAdvertise, altered(func(d *device, m *protocol.Advertise) {
		m.Key.BC[0] ^= 1
		m.Key.Sign(protocol.Signer{Ed: d.id.Key}, m.OpenHash)
	}), protocol.CodeConflict, "another key set"},
	{"other shares", protocol.TypeShares, altered(func(d *device, m *protocol.Shares) {
		m.Sealed[0][0] ^= 1
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), protocol.CodeConflict, "other shares"},
	{"other header", protocol.TypeInput, altered(func(d *device, m *protocol.Input) {
		m.LedgerSeq++
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), protocol.CodeConflict, "another input header"},
	{"other reveal", protocol.TypeReveal, altered(func(d *device, m *protocol.Reveal) {
		m.SelfShares[0].Share[0] ^= 1
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), protocol.CodeConflict, "another answer"},

	{"keys for another round", protocol.TypeAdvertise, spoiled(func(d *device, m *protocol.Advertise) {
		m.OpenHash[0] ^= 1
		m.Key.Sign(protocol.Signer{Ed: d.id.Key}, m.OpenHash)
	}), protocol.CodeStale, "another round"},
	{"somebody else's certificate", protocol.TypeAdvertise, spoiled(func(d *device, m *protocol.Advertise) {
		m.Key.Cert = d.w.devices[1].id.Cert
	}), protocol.CodeUnauthorised, "connection"},
	{"keys without a signature", protocol.TypeAdvertise, spoiled(func(_ *device, m *protocol.Advertise) { m.Key.Sig[0] ^= 1 }), protocol.CodeUnauthorised, "advertise"},
	{"shares of another session", protocol.TypeShares, spoiled(func(d *device, m *protocol.Shares) {
		m.SID[0] ^= 1
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), protocol.CodeStale, "another session"},
	{"a share too few", protocol.TypeShares, spoiled(func(d *device, m *protocol.Shares) {
		m.Sealed = m.Sealed[1:]
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), protocol.CodeMalformed, "boxes"},
	{"shares for a larger round", protocol.TypeShares, spoiled(func(d *device, m *protocol.Shares) {
		m.Sealed = make([][80]byte, protocol.MaxRoster)
		m.Sign(d.signer())
	}), protocol.CodeLate, "so large a message"},
	{"bytes that do not parse", protocol.TypeShares, func(_ *device, m protocol.Message) []protocol.Message {
		return instead(junk{m.(*protocol.Shares)})
	}, protocol.CodeMalformed, "parse"},
	{"an oversized vector", protocol.TypeInput, spoiled(func(d *device, m *protocol.Input) {
		m.Length += 4
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), protocol.CodeMalformed, "the round's vector has"},
	{"a chunk of other bytes", protocol.TypeChunk, spoiled(func(_ *device, m *protocol.Chunk) { m.Data[0] ^= 1 }), protocol.CodeMalformed, "does not hash"},
	{"an oversized chunk", protocol.TypeChunk, spoiled(func(_ *device, m *protocol.Chunk) {
		m.Data = append(m.Data, make([]byte, 64)...)
	}), protocol.CodeMalformed, "bytes, want"},
	{"a chunk that leaves a gap", protocol.TypeChunk, spoiled(func(_ *device, m *protocol.Chunk) { m.Offset += protocol.ChunkSize }), protocol.CodeMalformed, "the next one wanted is at 0"},
	{"a chunk of another session", protocol.TypeChunk, func(_ *device, m protocol.Message) []protocol.Message {
		other := copied[*protocol.Chunk](m)
		other.SID[0] ^= 1
		return instead(other, m) // of a round that is over: passed over
	}, protocol.CodeOK, ""},
	{"a chunk before its header", protocol.TypeInput, func(_ *device, m protocol.Message) []protocol.Message {
		h := m.(*protocol.Input)
		return instead(&protocol.Chunk{SID: h.SID, Data: make([]byte, h.Length)})
	}, protocol.CodeUnexpected, "before its input header"},
	{"shares that nobody asked for", protocol.TypeReveal, spoiled(func(d *device, m *protocol.Reveal) {
		m.PairShares, m.SelfShares = m.SelfShares, m.PairShares
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), protocol.CodeMalformed, "not those that were asked for"},
	{"another own secret", protocol.TypeReveal, spoiled(func(d *device, m *protocol.Reveal) {
		m.OwnB[0] ^= 1
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), protocol.CodeMalformed, "own_b"},

	{"hello twice", protocol.TypeAdvertise, func(_ *device, m protocol.Message) []protocol.Message {
		return instead(&protocol.Hello{}, m)
	}, protocol.CodeUnexpected, "hello was said before"},
	{"a coordinator's message", protocol.TypeAdvertise, func(_ *device, m protocol.Message) []protocol.Message {
		return instead(&protocol.Receipt{}, m)
	}, protocol.CodeUnexpected, "does not send"},
	{"no hello", protocol.TypeHello, func(*device, protocol.Message) []protocol.Message {
		return instead(&protocol.ModelGet{})
	}, protocol.CodeUnexpected, "first message must be hello"},
	{"a reveal before its time", protocol.TypeInput, func(d *device, m protocol.Message) []protocol.Message {
		r := &protocol.Reveal{SID: m.(*protocol.Input).SID}
		r.Sign(protocol.Signer{Ed: d.id.Key})
		return instead(m, r)
	}, protocol.CodeUnexpected, "nobody asked"},
	{"a message of no round", protocol.TypeAdvertise, func(d *device, m protocol.Message) []protocol.Message {
		s := &protocol.Shares{}
		s.Sign(protocol.Signer{Ed: d.id.Key})
		return instead(s)
	}, protocol.CodeUnexpected, "not on the roster"},
	{"an unknown model", protocol.TypeAdvertise, func(_ *device, m protocol.Message) []protocol.Message {
		return instead(&protocol.ModelGet{Hash: [32]byte{1}})
	}, protocol.CodeNoSuchModel, "does not have"},
	{"a part beyond the end of the model", protocol.TypeModelGet, spoiled(func(_ *device, m *protocol.ModelGet) { m.Offset = 1 << 40 }), protocol.CodeMalformed, "offset"},
}

// TestMisuseGetsItsCodeAndHarmsNothing plays each on a device that behaves otherwise. It hears the code, connects again, and
// the round ends with the exact sum of everybody, itself included.
func TestMisuseGetsItsCodeAndHarmsNothing(t *testing.T) {
	for _, m := range misuses {
		t.Run(m.name, func(t *testing.T) {
			bubble(t, terms{}, func(w *world) {
				d := w.devices[0]
				hung := d.misuses(m)
				if m.at == protocol.TypeReveal && m.code != protocol.CodeOK { // the round must not be over before it is told
					w.devices[1].hook = func(_ *tapped, m protocol.Message) []protocol.Message {
						if m.Type() == protocol.TypeReveal {
							w.until(func() bool { return len(*hung) > 0 }, "the device to be told")
						}
						return instead(m)
					}
				}
				w.mustStart()
				w.join(w.devices...)
				e := w.over(1)
				if e.Outcome != "done" || e.U3 != 4 {
					t.Errorf("%+v, want all four included", e)
				}
				d.ending(1) // the others may have answered before it was back
				for _, other := range w.devices[1:] {
					other.counted(1)
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				switch {
				case m.code == protocol.CodeOK && len(*hung) > 0:
					t.Errorf("hung up with %v", *hung)
				case m.code != protocol.CodeOK && (len(*hung) == 0 || (*hung)[0].Code != m.code || !strings.Contains((*hung)[0].Detail, m.word)):
					t.Errorf("hung up with %v, want %v and %q", *hung, m.code, m.word)
				}
			})
		})
	}
}

// misuses makes the device do it once, and gives the hang-ups that it hears until the round is over; under w.mu.
func (d *device) misuses(what misuse) *[]*protocol.HangUpError {
	done, hung := false, new([]*protocol.HangUpError)
	d.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
		if done || m.Type() != what.at {
			return instead(m)
		}
		done = true
		return what.do(d, m)
	}
	d.heard = func(_ protocol.Message, err error) {
		var h *protocol.HangUpError
		if errors.As(err, &h) && h.Code != protocol.CodeShutdown {
			d.w.mu.Lock()
			*hung = append(*hung, h)
			d.w.stir()
			d.w.mu.Unlock()
		}
	}
	return hung
}

// TestLateMessagesAreToldSo holds a device's message back until the phase has closed without it.
func TestLateMessagesAreToldSo(t *testing.T) {
	for _, c := range []struct {
		at    protocol.Type
		until string
		word  string
	}{
		{protocol.TypeAdvertise, "shares", "roster of this round is frozen"},
		{protocol.TypeShares, "inputs", "phase shares is over"},
		{protocol.TypeInput, "unmask", "phase inputs is closed"},
		{protocol.TypeChunk, "unmask", "phase inputs is closed"},
	} {
		t.Run(c.at.String(), func(t *testing.T) {
			bubble(t, terms{rounds: 2}, func(w *world) {
				d := w.devices[0]
				hold := misuse{at: c.at, do: func(_ *device, m protocol.Message) []protocol.Message {
					w.phase(1, c.until)
					return instead(m)
				}}
				hung := d.misuses(hold)
				for _, other := range w.devices[1:] { // the others wait with their answers, so that the round is not over first
					other.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
						if m.Type() == protocol.TypeReveal {
							w.until(func() bool { return len(*hung) > 0 }, "the late device to be told")
						}
						return instead(m)
					}
				}
				w.mustStart()
				w.join(w.devices...)
				if e := w.over(1); e.Outcome != "done" || e.U3 != 3 {
					t.Errorf("%+v, want the other three included", e)
				}
				if got := d.hungUp(hung); len(got) == 0 || got[0].Code != protocol.CodeLate || !strings.Contains(got[0].Detail, c.word) {
					t.Errorf("hung up with %v, want late and %q", got, c.word)
				}
				if e := w.over(2); e.Outcome != "done" || e.U3 != 4 {
					t.Errorf("%+v, want all four included in the next round", e)
				}
			})
		})
	}
}

func (d *device) hungUp(hung *[]*protocol.HangUpError) []*protocol.HangUpError {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	return *hung
}
