package coordinator_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/protocol"
)

// attack is what one hostile device among honest ones does, in place of its message of a type.
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
		m.Sign(d.signer())
	})
}

// signer signs in the task's suite.
func (d *device) signer() protocol.Signer { return d.id.Signer(d.w.cfg.Task.Sig) }

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
		m.Sign(d.signer())
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
		m.Sign(d.w.devices[1].signer())
	}), false},
	{"answers twice", protocol.TypeReveal, altered(func(d *device, m *protocol.Reveal) {
		m.SelfShares = m.SelfShares[1:]
		m.Sign(d.signer())
	}), true},
}

// quantum are attacks on what key agreement 2 and signature suite 2 add.
var quantum = []attack{
	{"X-Wing keys that are cut", protocol.TypeAdvertise, keyed(func(_ *device, k *protocol.KeyBundle) { k.KEM = k.KEM[:len(k.KEM)/2] }), false},
	{"no X-Wing keys", protocol.TypeAdvertise, keyed(func(_ *device, k *protocol.KeyBundle) { k.KEM = nil }), false},
	{"X-Wing keys of rubbish", protocol.TypeAdvertise, keyed(func(_ *device, k *protocol.KeyBundle) { k.KEM = slices.Repeat([]byte{0xff}, len(k.KEM)) }), false},
	{"one X-Wing key twice", protocol.TypeAdvertise, keyed(func(_ *device, k *protocol.KeyBundle) {
		half := len(k.KEM) / 2
		k.KEM = slices.Concat(k.KEM[:half], k.KEM[:half])
	}), false},
	{"half a certificate", protocol.TypeAdvertise, keyed(func(_ *device, k *protocol.KeyBundle) { k.CertPQ = nil }), false},
	{"somebody else's second half", protocol.TypeAdvertise, keyed(func(d *device, k *protocol.KeyBundle) { k.CertPQ = d.w.devices[1].id.CertPQ }), false},
	{"one signature of two", protocol.TypeShares, spoiled(func(d *device, m *protocol.Shares) { m.Sign(protocol.Signer{Ed: d.id.Key}) }), false},
	{"a wrong second signature", protocol.TypeShares, spoiled(func(_ *device, m *protocol.Shares) { random(m.SigPQ) }), false},
	{"a wrong first signature", protocol.TypeInput, spoiled(func(_ *device, m *protocol.Input) { random(m.Sig[:]) }), false},
	{"no ciphertexts", protocol.TypeShares, signed(func(_ *device, m *protocol.Shares) { m.ShareCTs, m.MaskCTs = nil, nil }), false},
	{"ciphertexts too many", protocol.TypeShares, signed(func(_ *device, m *protocol.Shares) { m.ShareCTs = append(m.ShareCTs, m.ShareCTs[0]) }), false},
	{"ciphertexts of rubbish for its boxes", protocol.TypeShares, signed(func(_ *device, m *protocol.Shares) {
		for i := range m.ShareCTs {
			random(m.ShareCTs[i][:])
		}
	}), false},
}

// keyed changes the keys that a device advertises and signs them again.
func keyed(change func(d *device, k *protocol.KeyBundle)) func(*device, protocol.Message) []protocol.Message {
	return spoiled(func(d *device, m *protocol.Advertise) {
		change(d, &m.Key)
		m.Key.Sign(d.signer(), m.OpenHash)
	})
}

// TestOneHostileDeviceStopsNoRoundAfterQuantum is the same in the post-quantum suites.
func TestOneHostileDeviceStopsNoRoundAfterQuantum(t *testing.T) {
	for _, a := range quantum {
		t.Run(a.name, func(t *testing.T) {
			bubble(t, terms{devices: 5, rounds: 2, sig: protocol.SigHybrid, task: func(t *coordinator.Task) { t.Kex = 2 }}, func(w *world) { w.withstands(a) })
		})
	}
}

// TestLostDeviceThatSentAWrongCiphertextEndsOneRound: the box beside it does not open, so one of five holds no share of a member that
// is lost, and the other three are too few. There is no sum, and the next round is whole.
func TestLostDeviceThatSentAWrongCiphertextEndsOneRound(t *testing.T) {
	bubble(t, terms{devices: 5, rounds: 2, task: func(t *coordinator.Task) { t.Kex = 2 }}, func(w *world) {
		var first atomic.Pointer[device] // of those that make a ciphertext, whoever is first
		for _, d := range w.devices {
			d.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
				if s, ok := m.(*protocol.Shares); ok && len(s.MaskCTs) > 0 && first.CompareAndSwap(nil, d) {
					return signed(func(_ *device, m *protocol.Shares) { random(m.MaskCTs[0][:]) })(d, m)
				}
				if m.Type() == protocol.TypeInput && first.Load() == d {
					d.vanish()
					return nil
				}
				return instead(m)
			}
		}
		w.mustStart()
		w.join(w.devices...)
		if e := w.over(1); e.Outcome != "aborted" || e.Reason != "too few inputs" || !strings.Contains(e.Detail, "lost member") {
			t.Errorf("%+v, want too few inputs", e)
		}
		if e := w.over(2); e.Outcome != "done" || e.U3 != 4 {
			t.Errorf("%+v, want the other four", e)
		}
	})
}

// TestOneHostileDeviceStopsNoRound: whatever one of them does, the others' round ends in time and well. That its sum is exactly
// that of the included vectors is checked in every world.
func TestOneHostileDeviceStopsNoRound(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			bubble(t, terms{devices: 8, rounds: 2}, func(w *world) { w.withstands(a) })
		})
	}
}

// withstands runs a round with the first device hostile, and one in which it behaves.
func (w *world) withstands(a attack) {
	w.Helper()
	d := w.devices[0]
	var over atomic.Bool
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
	if others := len(w.devices) - 1; e.Outcome != "done" || e.U3 < others || !a.counted && e.U3 != others {
		w.Errorf("%+v, want the round done without the hostile device", e)
	}
	if took := time.Since(begun); took > 101*time.Second {
		w.Errorf("the round took %v, its last deadline is at 100 s", took)
	}
	over.Store(true)
	w.over(2)
}
