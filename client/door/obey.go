package door

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// obey does what the machine asks, in the order of its fields. The first thing is the transaction: session, charge and
// outbox row are durable, or nothing after it happens and the door shuts with the error. A crash just after it costs
// budget, never privacy; the same bytes are sent when the device comes back.
func (d *Door) obey(ctx context.Context, conn protocol.Conn, out participant.Output) error {
	if err := d.commit(ctx, conn, out); err != nil {
		d.shut = err
		return err
	}
	switch {
	case out.Entry == nil:
	case out.Entry.Kind == privacy.EntryPeriod:
		d.cfg.OnEvent(Event{Kind: "period", Detail: "a new ledger period begins: nothing of it is spent yet"})
	default:
		d.cfg.OnEvent(Event{Kind: "charged", Round: out.Entry.Round, Units: out.Entry.Units})
		d.contributed(out)
	}
	if out.Drop {
		if err := d.cfg.Scratch.Keep(d.machine.Files()...); err != nil {
			d.shut = fmt.Errorf("erase the vectors of a round: %w", err)
			return d.shut
		}
	}
	if out.Refused != nil {
		d.cfg.OnEvent(Event{Kind: "refused", Detail: out.Refused.Error()})
	}
	if out.Missed != nil {
		d.cfg.OnEvent(Event{Kind: "missed", Round: out.Missed.Round, Detail: out.Missed.Detail})
	}
	if out.Train != nil {
		d.no.reset()
		d.train(out.Train)
	}
	if conn == nil {
		return nil // the machine sends again once connected
	}
	now := d.cfg.Now()
	at, ok := out.After.Moment(now)
	if !ok {
		if err := d.late(ctx, &out); err != nil {
			return err
		}
	}
	if at.After(now) {
		d.held = &held{out, at} // deaf until then, whether or not there is anything to say
		return nil
	}
	return d.say(ctx, conn, out)
}

// late takes back what cannot be sent any more. Nobody outside notices.
func (d *Door) late(ctx context.Context, out *participant.Output) error {
	out.Send = nil
	return d.obey(ctx, nil, d.machine.Step(d.cfg.Now(), participant.Event{Late: true}))
}

// held is an output that waits for its moment.
type held struct {
	out participant.Output
	at  time.Time
}

// release waits for the moment and does nothing else: an answer to whatever came behind the roster, or bytes that are taken from the
// connection, would tell when the device was ready. So would a new process that connects once this one has ended: a door that is stopped
// waits as long, with its connection closed. A wait of 0 or more ends the connection.
func (d *Door) release(ctx context.Context, conn protocol.Conn) (time.Duration, error) {
	<-time.NewTimer(d.held.at.Sub(d.cfg.Now())).C // whether ctx ends or not
	out := d.held.out
	d.held = nil
	if ctx.Err() != nil {
		return 0, nil
	}
	if out.After.Over(d.cfg.Now()) { // the device slept
		if err := d.late(ctx, &out); err != nil {
			return -1, err
		}
	}
	return -1, d.say(ctx, conn, out)
}

// say does what others can notice.
func (d *Door) say(ctx context.Context, conn protocol.Conn, out participant.Output) error {
	for _, m := range out.Send {
		if err := d.send(ctx, conn, m); err != nil {
			return err
		}
	}
	d.more = d.more || out.More
	if out.HangUp != nil {
		conn.Close(out.HangUp.Code, out.HangUp.Detail)
		return &ended{again: d.no.next()}
	}
	if out.Fetch != nil {
		return d.startFetch(ctx, conn, out.Fetch.Hash, out.Fetch.Size, true)
	}
	if out.Closed != nil {
		d.cfg.OnEvent(Event{Kind: "closed", Round: out.Closed.Round, Closed: out.Closed})
		if !out.Closed.Aborted {
			d.publish = out.Closed.Model
			return d.fetchPublished(ctx, conn)
		}
	}
	return nil
}

// contributed shows the owner what is about to leave, if anybody looks.
func (d *Door) contributed(out participant.Output) {
	if d.cfg.OnContribution == nil {
		return
	}
	words, err := out.Noised.Read(d.cfg.Scratch)
	if err != nil {
		d.cfg.Log.Warn("show the contribution to its owner", slog.Any("error", err))
		return
	}
	d.cfg.OnContribution(out.Entry.Round, words)
}

// send is the one place where bytes leave.
func (d *Door) send(ctx context.Context, conn protocol.Conn, m protocol.Message) error {
	d.up.Add(size(m))
	if wait, ok := d.machine.Wait(d.cfg.Now()); ok { // a reader that stalls must not keep secrets alive
		limited, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		ctx = limited
	}
	if err := conn.Send(ctx, m); err != nil {
		return &ended{again: d.lost(err)} // a coordinator that hung up before it heard anything still said when to come back
	}
	return nil
}

func (d *Door) commit(ctx context.Context, conn protocol.Conn, out participant.Output) error {
	defer clear(out.Save)
	if err := d.vouched(ctx); err != nil {
		return err
	}
	if out.Save == nil && out.Entry == nil && out.Outbox == nil {
		return nil
	}
	c := Commit{SaveSession: out.Save != nil, Session: out.Save, Lazy: !out.Sync && out.Entry == nil, Erase: out.Erase}
	if out.Entry != nil {
		c.Entry, c.Seq = out.Entry.Append(nil), out.Entry.Seq
	}
	if o := out.Outbox; o != nil {
		key := append(o.OpenHash[:], outboxInput)
		c.Outbox = []OutboxRow{{Key: key, At: d.cfg.Now().Unix(), Kind: o.Question, Purpose: o.Purpose, Bytes: o.Bytes, Digest: o.Digest, Units: uint64(o.Units), Receipt: o.Receipt}}
	}
	if out.Closed != nil && out.Closed.Receipt != nil && conn != nil {
		var err error
		if c.Receipt, err = d.receipt(conn.Peer(), out.Closed); err != nil {
			return err
		}
	}
	if !c.Lazy { // a save that a power cut may take needs no vector that outlives it
		if err := d.cfg.Scratch.Sync(); err != nil {
			return fmt.Errorf("record the vector that is about to leave this device: %w", err)
		}
	}
	if err := Record(context.WithoutCancel(ctx), d.cfg.Store, d.cfg.Counter, c); err != nil {
		return fmt.Errorf("record what is about to leave this device: %w", err)
	}
	if out.Entry != nil {
		if err := d.ledger.Apply(*out.Entry); err != nil {
			return fmt.Errorf("apply ledger entry: %w", err)
		}
	}
	return nil
}

// receipt completes a round's receipt with the certificate that the coordinator has shown.
func (d *Door) receipt(coordinator protocol.Cert, c *participant.Closed) (*Receipt, error) {
	f, cert := *c.Receipt, coordinator.Bytes()
	f.Coordinator = cert[:]
	b, err := f.Append(nil)
	if err != nil {
		return nil, fmt.Errorf("keep the receipt of round %d: %w", c.Round, err)
	}
	return &Receipt{OpenHash: c.OpenHash, Round: c.Round, At: d.cfg.Now().Unix(), File: b}, nil
}

// outboxInput is the step of an outbox row: R2, the masked vector.
const outboxInput = 2

// train runs the local function beside the session. The model file was checked against the log when it was fetched.
func (d *Door) train(t *participant.Train) {
	if d.busy {
		d.next = t // an older round's training still runs; its answer will be ignored
		return
	}
	d.busy, d.next = true, nil
	model, err := d.cfg.Models.Read(t.Model)
	work := d.work
	d.working.Add(1)
	go func() {
		defer d.working.Done()
		res := &participant.Trained{OpenHash: t.OpenHash, Err: err}
		if err == nil {
			var a Answer
			a, res.Err = d.cfg.Answerer.Answer(work, Task{Round: t.Round, Model: model, Code: t.Code})
			res.LayoutHash, res.Update = a.LayoutHash, a.Update
		}
		d.trained <- res // one slot, and one training at a time: never blocks
	}()
}

// answered takes the local function's answer, and starts the training that had to wait for it.
func (d *Door) answered(ctx context.Context, conn protocol.Conn, t *participant.Trained) error {
	d.busy = false
	if t.Err != nil && d.work.Err() != nil {
		return nil // it was stopped, which says nothing about the history
	}
	if next := d.next; next != nil && next.OpenHash != t.OpenHash {
		d.train(next)
	}
	return d.obey(ctx, conn, d.machine.Step(d.cfg.Now(), participant.Event{Trained: t}))
}
