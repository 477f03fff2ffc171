package coordinator_test

import (
	"crypto/rand"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// attack is what one hostile device among seven honest ones does, in place of its message of a type.
type attack struct {
	name string
	at   protocol.Type
	do   func(d *device, m protocol.Message) []protocol.Message
	// counted says whether its own vector may be in the sum: some lies come after it, or are undone by a reconnect.
	counted bool
}

// signed changes a message and signs it again, as a device that lies and not one that is broken.
func signed[M interface {
	protocol.Message
	Sign(protocol.Signer)
}](change func(d *device, m M)) func(*device, protocol.Message) []protocol.Message {
	return spoiled(func(d *device, m M) {
		change(d, m)
		m.Sign(protocol.Signer{Ed: d.id.Key})
	})
}

func random(b []byte) {
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
}

// silent says nothing instead.
func silent(*device, protocol.Message) []protocol.Message { return nil }

// flood says it again and again.
func flood(_ *device, m protocol.Message) []protocol.Message {
	var out []protocol.Message
	for range 400 {
		out = append(out, m)
	}
	return out
}

var attacks = []attack{
	{"silent instead of keys", protocol.TypeAdvertise, silent, false},
	{"silent instead of shares", protocol.TypeShares, silent, false},
	{"silent instead of a header", protocol.TypeInput, silent, false},
	{"silent instead of a vector", protocol.TypeChunk, silent, false},
	{"silent instead of an answer", protocol.TypeReveal, silent, true},
	{"floods with keys", protocol.TypeAdvertise, flood, true},
	{"floods with shares", protocol.TypeShares, flood, true},
	{"floods with headers", protocol.TypeInput, flood, true},
	{"floods with chunks", protocol.TypeChunk, flood, true},
	{"floods with answers", protocol.TypeReveal, flood, true},
	{"boxes of rubbish", protocol.TypeShares, signed(func(_ *device, m *protocol.Shares) {
		for i := range m.Sealed {
			random(m.Sealed[i][:])
		}
	}), false},
	{"one box of rubbish", protocol.TypeShares, signed(func(_ *device, m *protocol.Shares) { random(m.Sealed[0][:]) }), false},
	{"complains about everybody", protocol.TypeInput, signed(func(d *device, m *protocol.Input) {
		clear(m.MaskedWith)
		m.Failed = nil
		for i := range uint32(len(d.w.devices)) {
			m.Failed = append(m.Failed, i)
		}
	}), false},
	{"masked with nobody, complains about nobody", protocol.TypeInput, signed(func(_ *device, m *protocol.Input) { clear(m.MaskedWith) }), false},
	{"another vector than announced", protocol.TypeInput, signed(func(_ *device, m *protocol.Input) { random(m.YHash[:]) }), false},
	{"two headers", protocol.TypeInput, altered(func(d *device, m *protocol.Input) {
		random(m.YHash[:])
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), true},
	{"answers with rubbish", protocol.TypeReveal, signed(func(_ *device, m *protocol.Reveal) {
		for i := range m.SelfShares {
			random(m.SelfShares[i].Share[:31])
		}
	}), true},
	{"answers with no scalars", protocol.TypeReveal, signed(func(_ *device, m *protocol.Reveal) {
		for i := range m.SelfShares {
			m.SelfShares[i].Share = [32]byte{31: 0xff}
		}
	}), true},
	{"answers for others", protocol.TypeReveal, signed(func(_ *device, m *protocol.Reveal) { m.SelfShares[0].Index++ }), true},
	{"signs with another key", protocol.TypeShares, spoiled(func(d *device, m *protocol.Shares) {
		m.Sign(protocol.Signer{Ed: d.w.devices[1].id.Key})
	}), false},
	{"answers twice", protocol.TypeReveal, altered(func(d *device, m *protocol.Reveal) {
		m.SelfShares = m.SelfShares[1:]
		m.Sign(protocol.Signer{Ed: d.id.Key})
	}), true},
}

// TestOneHostileDeviceStopsNoRound: whatever one of eight does, the others' round ends in time and well. That its sum is exactly
// that of the included vectors is checked in every world.
func TestOneHostileDeviceStopsNoRound(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			bubble(t, terms{devices: 8, rounds: 2}, func(w *world) {
				d := w.devices[0]
				var over atomic.Bool // from the second round on it behaves
				d.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
					if m.Type() != a.at || over.Load() {
						return instead(m)
					}
					return a.do(d, m)
				}
				w.mustStart()
				begun := time.Now()
				w.join(w.devices...)
				e := w.over(1)
				if e.Outcome != "done" || e.U3 < 7 || !a.counted && e.U3 != 7 {
					t.Errorf("%+v, want the round done without the hostile device", e)
				}
				if took := time.Since(begun); took > 101*time.Second {
					t.Errorf("the round took %v, its last deadline is at 100 s", took)
				}
				over.Store(true)
				w.over(2)
			})
		})
	}
}
