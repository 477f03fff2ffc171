package coordinator_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// raw is a connection driven by hand.
type raw struct {
	protocol.Conn
	w *world
}

func (d *device) raw() *raw {
	d.w.Helper()
	c, err := d.w.net.Dial(d.w.ctx, address, d.id.Cert)
	if err != nil {
		d.w.Fatal(err)
	}
	return &raw{c, d.w}
}

func (r *raw) say(m protocol.Message) {
	r.w.Helper()
	if err := r.Send(r.w.ctx, m); err != nil {
		r.w.Fatalf("send %v: %v", m.Type(), err)
	}
}

// hear reads until a message of type t.
func (r *raw) hear(t protocol.Type) protocol.Message {
	r.w.Helper()
	for {
		m, err := r.Recv(r.w.ctx)
		if err != nil {
			r.w.Fatalf("waiting for %v: %v", t, err)
		}
		if m.Type() == t {
			return m
		}
	}
}

// end reads until the coordinator hangs up.
func (r *raw) end() *protocol.HangUpError {
	r.w.Helper()
	for {
		_, err := r.Recv(r.w.ctx)
		var h *protocol.HangUpError
		if errors.As(err, &h) {
			r.Close(protocol.CodeOK, "")
			return h
		}
		if err != nil {
			r.w.Fatal(err)
		}
	}
}

func TestNewerConnectionReplacesTheOlder(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		d := w.devices[0]
		old := d.raw()
		old.say(&protocol.Hello{})
		old.hear(protocol.TypeOffer)
		newer := d.raw()
		newer.say(&protocol.Hello{})
		newer.hear(protocol.TypeWelcome)
		newer.hear(protocol.TypeOffer)
		if h := old.end(); h.Code != protocol.CodeConflict {
			t.Errorf("the older connection heard %v", h)
		}
		newer.say(&protocol.Receipt{}) // it is still served
		if h := newer.end(); h.Code != protocol.CodeUnexpected {
			t.Errorf("the newer connection heard %v", h)
		}
	})
}

func TestSilentConnectionIsEndedInTime(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		c, from := w.devices[0].raw(), time.Now()
		if h := c.end(); h.Code != protocol.CodeTimeout {
			t.Errorf("heard %v", h)
		}
		if took := time.Since(from); took > 10*time.Second { // fake time
			t.Errorf("took %v, want 10 s at most", took)
		}
	})
}

func TestDeviceThatDoesNotReadIsDropped(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		c := w.devices[0].raw()
		c.say(&protocol.Hello{})
		offer := c.hear(protocol.TypeOffer).(*protocol.Offer)
		get := &protocol.ModelGet{Hash: w.disk.now().head.Model}
		var err error
		for n := 0; err == nil && n < 10_000; n++ {
			err = c.Send(w.ctx, get)
		}
		var h *protocol.HangUpError
		if !errors.As(err, &h) || h.Code != protocol.CodeTimeout {
			t.Errorf("after %d bytes of model were offered: %v, want a hang-up for slowness", offer.ModelSize, err)
		}
		c.Close(protocol.CodeOK, "")
	})
}

// TestJournalOfOneDeviceHasABound repeats a valid message without end. The device is sent away until later, the journal
// stays short, and the round goes on without it.
func TestJournalOfOneDeviceHasABound(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		d := w.devices[0]
		d.hook = func(c *tapped, m protocol.Message) []protocol.Message {
			if m.Type() == protocol.TypeAdvertise {
				for c.Conn.Send(w.ctx, m) == nil {
				}
				return nil
			}
			return instead(m)
		}
		heard := d.farewells()
		w.mustStart()
		w.join(d)
		w.until(func() bool { return len(*heard) > 0 }, "the device to be sent away")
		if h := (*heard)[0]; h.Code != protocol.CodeBusy || h.RetryAfter == 0 {
			t.Errorf("heard %v with %d s to wait, want busy and some", h, h.RetryAfter)
		}
		if n := len(w.disk.now().journal[1]); n > 300 {
			t.Errorf("the journal has %d events", n)
		}
		again := d.raw()
		again.say(&protocol.Hello{})
		if h := again.end(); h.Code != protocol.CodeBusy {
			t.Errorf("a reconnect heard %v, want busy", h)
		}
		w.join(w.devices[1:]...)
		if e := w.over(1); e.Outcome != "done" || e.U3 != 3 {
			t.Errorf("%+v, want the other three included", e)
		}
	})
}

func TestWelcomeTellsOfTheRoundAndTheLastHeader(t *testing.T) {
	bubble(t, terms{}, func(w *world) {
		w.mustStart()
		d := w.devices[0]
		other := w.devices[1].raw() // no round opens for nobody
		other.say(&protocol.Hello{})
		w.phase(1, "recruit")
		other.Close(protocol.CodeOK, "")
		early := d.raw()
		early.say(&protocol.Hello{})
		if m := early.hear(protocol.TypeWelcome).(*protocol.Welcome); m.Round != 1 || m.LastHeader != nil {
			t.Errorf("in round 1 a new device was welcomed with round %d and header %x", m.Round, m.LastHeader)
		}
		early.Close(protocol.CodeOK, "")
		var header []byte
		d.hook = func(_ *tapped, m protocol.Message) []protocol.Message {
			if m.Type() == protocol.TypeInput {
				header = m.Append(nil)
			}
			return instead(m)
		}
		w.join(w.devices...)
		d.counted(1)
		w.await("done", 0)
		d.vanish()
		late := d.raw()
		late.say(&protocol.Hello{})
		if m := late.hear(protocol.TypeWelcome).(*protocol.Welcome); m.Round != 0 || string(m.LastHeader) != string(header) || header == nil {
			t.Errorf("with no round running it was welcomed with round %d and another header than it signed", m.Round)
		}
		late.Close(protocol.CodeOK, "")
	})
}

func TestModelIsServedInParts(t *testing.T) {
	bubble(t, big, func(w *world) {
		w.mustStart()
		c := w.devices[0].raw()
		c.say(&protocol.Hello{})
		var got []byte
		for {
			c.say(&protocol.ModelGet{Hash: w.disk.now().head.Model, Offset: uint64(len(got))})
			m := c.hear(protocol.TypeModelPart).(*protocol.ModelPart)
			if m.Total != uint64(len(w.cfg.Start)) || m.Offset != uint64(len(got)) || len(m.Data) > protocol.ChunkSize {
				t.Fatalf("part at %d of %d with %d bytes", m.Offset, m.Total, len(m.Data))
			}
			if got = append(got, m.Data...); len(m.Data) == 0 {
				break
			}
		}
		if string(got) != string(w.cfg.Start) {
			t.Error("the parts do not make the file")
		}
		c.Close(protocol.CodeOK, "")
	})
}
