package hostile

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Device is an honest device: the real machine, with a disk in memory. Everything it says is recorded as the coordinator
// reads it.
type Device struct {
	t       testing.TB
	s       *Coordinator
	Name    string
	cfg     participant.Config
	ledger  *privacy.Ledger
	machine *participant.Machine
	disk    []byte
	scratch *participant.Memory
	entries []privacy.Entry
	seen    uint64 // the tree it was shown last

	Said    []protocol.Message   // in order, parsed from the bytes that left
	Refused *participant.Refused // the last refusal
	Closed  *participant.Closed
	Missed  *participant.Missed
	Held    participant.Hold // of the last step
	// Truth is, by session, what only the device knows: its clipped, quantised and noised vector before the mask.
	Truth map[[32]byte][]uint32

	meter func(work func())  // runs the device's own work; nil: just runs it
	heard []protocol.Message // in order
	fetch *participant.Fetch
	train *participant.Train
}

func (d *Device) boot() {
	d.t.Helper()
	var err error
	if d.ledger, err = privacy.Replay(d.cfg.Floor.Limits(), d.entries); err != nil {
		d.t.Fatal(err)
	}
	if d.machine, err = participant.New(d.cfg, d.ledger, d.disk); err != nil {
		d.t.Fatal(err)
	}
}

// ID is the device's identity key.
func (d *Device) ID() ed25519.PublicKey { return d.cfg.Cert.IDPK[:] }

// Hear hands the device a message, as its bytes, and answers what it asks of its own side: the model file and the local
// function. It returns what the device says to that.
func (d *Device) Hear(m protocol.Message) []protocol.Message {
	d.t.Helper()
	body := m.Append(nil)
	var parsed protocol.Message
	var err error
	d.work(func() { parsed, err = protocol.Parse(m.Type(), body) })
	if err != nil {
		d.t.Fatalf("the coordinator's %v cannot be sent: %v", m.Type(), err)
	}
	d.heard = append(d.heard, parsed)
	before := len(d.Said)
	d.step(participant.Event{Msg: parsed})
	for d.fetch != nil || d.train != nil {
		fetch, train := d.fetch, d.train
		d.fetch, d.train = nil, nil
		if fetch != nil {
			d.step(participant.Event{Model: &participant.ModelReady{Hash: d.s.served(d, fetch.Hash)}})
		} else {
			d.step(participant.Event{Trained: &participant.Trained{OpenHash: train.OpenHash, LayoutHash: layout, Update: participant.Floats(d.s.update(d))}})
		}
	}
	return d.Said[before:]
}

// Reconnect is a new connection: the device says hello.
func (d *Device) Reconnect() {
	d.t.Helper()
	d.step(participant.Event{Connected: true})
}

// Restart is a new process on the same disk.
func (d *Device) Restart() {
	d.t.Helper()
	d.boot()
	d.Reconnect()
}

func (d *Device) step(e participant.Event) {
	d.t.Helper()
	var out participant.Output
	var sent [][]byte
	d.work(func() {
		out = d.machine.Step(d.s.now, e)
		for _, m := range out.Send {
			sent = append(sent, m.Append(nil))
		}
	})
	if out.Save != nil {
		d.disk = bytes.Clone(out.Save)
	}
	if out.Entry != nil {
		d.entries = append(d.entries, *out.Entry)
		if err := d.ledger.Apply(*out.Entry); err != nil {
			d.t.Fatal(err)
		}
		words, err := out.Noised.Read(d.scratch)
		if err != nil {
			d.t.Fatal(err)
		}
		d.Truth[out.Entry.SID] = words
	}
	if out.Drop {
		d.work(func() {
			if err := d.scratch.Keep(d.machine.Files()...); err != nil {
				d.t.Fatal(err)
			}
		})
	}
	if out.Refused != nil {
		d.Refused = out.Refused
		if len(out.Send) > 0 {
			d.t.Errorf("%s refuses and says %v", d.Name, out.Send)
		}
	}
	if out.Closed != nil {
		d.Closed = out.Closed
	}
	if out.Missed != nil {
		d.Missed = out.Missed
	}
	d.fetch, d.train, d.Held = out.Fetch, out.Train, out.After
	for i, m := range out.Send {
		parsed, err := protocol.Parse(m.Type(), sent[i])
		if err != nil {
			d.t.Fatalf("%s: %v does not parse: %v", d.Name, m.Type(), err)
		}
		d.Said = append(d.Said, parsed)
	}
	if out.More {
		d.step(participant.Event{More: true})
	}
}

// Heard is what the coordinator said to it, in order.
func (d *Device) Heard() []protocol.Message { return d.heard }

// work is what a device's own processor does: reading, deciding, writing.
func (d *Device) work(do func()) {
	if d.meter != nil {
		d.meter(do)
		return
	}
	do()
}

// said gives the messages of one kind that a device sent, oldest first.
func said[M protocol.Message](d *Device) []M {
	var out []M
	for _, m := range d.Said {
		if m, ok := m.(M); ok {
			out = append(out, m)
		}
	}
	return out
}

// last gives the newest of them.
func last[M protocol.Message](d *Device) (m M, ok bool) {
	all := said[M](d)
	if len(all) == 0 {
		return m, false
	}
	return all[len(all)-1], true
}

// uploaded is the vector that a device sent for a session, put together from its chunks; nil if it is not whole.
func (d *Device) uploaded(sid [32]byte) []byte {
	var y []byte
	for _, c := range said[*protocol.Chunk](d) {
		if c.SID == sid && c.Offset == uint64(len(y)) {
			y = append(y, c.Data...)
		}
	}
	for _, h := range said[*protocol.Input](d) {
		if h.SID == sid && h.Length == uint64(len(y)) && len(y) > 0 {
			return y
		}
	}
	return nil
}
