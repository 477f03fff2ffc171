package coordinator

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// mail is what connections tell the loop.
type mail struct {
	from  *peer
	hello *protocol.Hello  // the connection is up
	msg   protocol.Message // it sent this
	gone  bool             // it is over
}

// maxBatch bounds the mails that one transaction covers.
const maxBatch = 256

// batch is one transaction with what becomes visible after it.
type batch struct {
	Batch
	sends  []round.Send
	work   *round.Plan
	result *round.Result
	ids    map[[32]byte]bool // devices whose upload state is to be acknowledged
}

// loop owns the machine. Every turn handles what has arrived, makes it durable in one transaction, and only then lets
// anything be seen: a crash before the commit forgets the turn, a crash after it repeats the sends on reconnect.
func (c *Coordinator) loop(ctx context.Context) error {
	if err := c.begun(ctx); err != nil {
		return err
	}
	told := false
	for {
		if c.finished() && !told {
			told = true
			c.cfg.OnEvent(Event{Kind: "done"})
		}
		timer := time.NewTimer(c.wait())
		b := &batch{ids: map[[32]byte]bool{}}
		var err error
		select {
		case <-ctx.Done():
			timer.Stop()
			c.hangUpAll(protocol.CodeShutdown, "the coordinator stops; reconnect later, the round goes on")
			return nil
		case m := <-c.mail:
			err = c.handle(ctx, m, b)
			for n := 1; err == nil && n < maxBatch && len(c.mail) > 0; n++ {
				err = c.handle(ctx, <-c.mail, b)
			}
		case e := <-c.results:
			err = c.step(c.cfg.Now(), e, b)
		case <-timer.C:
			err = c.tick(b)
		}
		timer.Stop()
		if err == nil {
			err = c.commit(ctx, b)
		}
		if err != nil {
			return c.stopWith(ctx, err)
		}
	}
}

func (c *Coordinator) stopWith(ctx context.Context, err error) error {
	c.hangUpAll(protocol.CodeInternal, "the coordinator stops; reconnect later, the round goes on")
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// finished reports whether the task has no further round. The coordinator stays up: devices still ask how a round ended
// and for the model.
func (c *Coordinator) finished() bool {
	return c.machine == nil && (c.stopped || c.cfg.Task.Rounds > 0 && c.rounds >= c.cfg.Task.Rounds)
}

// begun goes on with a replayed round: everybody is away, and work that was out is started again. It says what became of
// the round that the crash interrupted.
func (c *Coordinator) begun(ctx context.Context) error {
	if c.machine == nil {
		return nil
	}
	b := &batch{ids: map[[32]byte]bool{}}
	number, before := c.row.Round, c.machine.Phase()
	if err := c.step(c.cfg.Now(), round.Event{Kind: round.Restarted}, b); err != nil {
		return err
	}
	if b.work == nil {
		b.work = c.machine.Pending()
	}
	e := Event{Kind: "recovered", Round: number, Phase: before.String(), Outcome: "resumed"}
	if r := b.result; r != nil && r.Phase == round.Failed {
		e.Outcome, e.Reason, e.Detail = "aborted", r.Reason.String(), r.Detail
	}
	c.cfg.OnEvent(e)
	return c.commit(ctx, b)
}

// wait is how long the loop may sleep.
func (c *Coordinator) wait() time.Duration {
	next := c.nextAt
	if c.machine != nil {
		next = c.machine.Next()
	}
	if next.IsZero() && c.machine != nil || c.finished() {
		return time.Hour // nothing but mail can be due
	}
	return max(0, next.Sub(c.cfg.Now()))
}

func (c *Coordinator) tick(b *batch) error {
	now := c.cfg.Now()
	if c.machine != nil {
		if next := c.machine.Next(); next.IsZero() || now.Before(next) {
			return nil
		}
		return c.step(now, round.Event{Kind: round.Ticked}, b)
	}
	if now.Before(c.nextAt) || c.finished() {
		return nil
	}
	if err := c.open(now, b); err != nil {
		return err
	}
	if c.machine == nil {
		return nil
	}
	for id := range c.peers {
		if err := c.step(now, round.Event{Kind: round.Connected, From: id}, b); err != nil {
			return err
		}
	}
	return nil
}

// step gives one event to the machine and collects what it asks for. Entries get their log index here, and the machine
// hears of it at once: both are in the same transaction.
func (c *Coordinator) step(now time.Time, e round.Event, b *batch) error {
	if c.machine == nil {
		return nil
	}
	now = time.UnixMilli(now.UnixMilli()) // as the journal keeps it
	out := c.machine.Step(now, e)
	b.Journal = append(b.Journal, JournalRow{Round: c.row.Round, Seq: c.seq, At: now.UnixMilli(), Event: e.Append(nil), Digest: factsDigest(out.Facts)})
	c.seq++
	var logged []round.Event
	for _, f := range out.Facts {
		event := round.Event{Kind: round.Logged, Hash: audit.LeafHash(f.Entry), Index: c.log.Size()}
		if f.Publish != nil {
			b.Move = &Move{From: c.head, To: Head{Version: c.head.Version + 1, Model: f.Publish.Out, Serve: f.Publish.Serve, Round: c.row.Round, Index: event.Index}}
		}
		if err := c.append(f.Entry, b); err != nil {
			return err
		}
		if f.Reserve {
			last := c.charges[len(c.charges)-1]
			b.Charges = append(b.Charges, ChargeRow{Round: last.round, Question: c.question, Units: last.units})
		}
		logged = append(logged, event)
	}
	b.sends = append(b.sends, out.Send...)
	if out.Work != nil {
		b.work = out.Work
	}
	if out.Result != nil {
		b.result = out.Result
		b.End = &Ended{Round: c.row.Round, OpenHash: c.row.OpenHash, Index: out.Result.Entry, Members: out.Result.Members}
	}
	for _, event := range logged {
		if err := c.step(now, event, b); err != nil {
			return err
		}
	}
	return nil
}

// factsDigest lets a replay notice that it would decide differently.
func factsDigest(facts []round.Fact) [32]byte {
	h := sha256.New()
	for _, f := range facts {
		leaf := audit.LeafHash(f.Entry)
		h.Write(leaf[:])
	}
	return [32]byte(h.Sum(nil))
}

// append puts an entry into the log in memory and into the batch.
func (c *Coordinator) append(entry []byte, b *batch) error {
	b.Entries = append(b.Entries, EntryRow{Index: c.log.Size(), Entry: entry})
	return c.learn(entry)
}

// commit is the order of writes: the transaction, then the public log, then messages, work and announcements.
func (c *Coordinator) commit(ctx context.Context, b *batch) error {
	if !b.empty() {
		if err := c.store.Commit(ctx, &b.Batch); err != nil {
			return err
		}
	}
	if b.Move != nil {
		c.head = b.Move.To
	}
	if len(b.Entries) > 0 {
		if err := c.publishLog(b.Entries[0].Index); err != nil {
			return err
		}
	}
	for id := range b.ids {
		c.acknowledge(id)
	}
	for _, s := range b.sends {
		c.send(s)
	}
	c.tellPhase()
	if b.work != nil {
		c.startWork(ctx, b.work)
	}
	if b.result != nil {
		return c.ended(b.result)
	}
	return nil
}

func (b *batch) empty() bool {
	return b.Open == nil && len(b.Journal)+len(b.Entries)+len(b.Chunks)+len(b.Headers)+len(b.Charges) == 0 && b.Move == nil && b.End == nil
}

// tellPhase tells the operator where the round stands, once for each phase.
func (c *Coordinator) tellPhase() {
	if c.machine == nil {
		return
	}
	if p := c.machine.Phase(); p != c.phase || c.seq == 1 {
		c.phase = p
		if !p.Over() {
			c.cfg.OnEvent(Event{Kind: "phase", Round: c.row.Round, Phase: p.String(), Devices: len(c.peers)})
		}
	}
}

// ended lets go of a round: promotes what it published, and plans the next.
func (c *Coordinator) ended(r *round.Result) error {
	e := Event{Kind: "round", Round: c.row.Round, Phase: r.Phase.String(), Outcome: "done", U1: r.U1, U2: r.U2, U3: r.U3}
	for _, ms := range r.Millis {
		e.Millis = append(e.Millis, int(ms))
	}
	for _, m := range r.Members {
		if m.Leaf >= 0 {
			e.Members = append(e.Members, fmt.Sprintf("%x", m.ID))
		}
	}
	if r.Phase == round.Failed {
		e.Outcome, e.Reason, e.Detail = "aborted", r.Reason.String(), r.Detail
	} else {
		e.Sum, e.Model, e.Serve = fmt.Sprintf("%x", r.Sum), fmt.Sprintf("%x", r.Model), fmt.Sprintf("%x", r.Serve)
		if err := c.announce(c.row.Round); err != nil {
			return err
		}
	}
	c.machine = nil
	c.nextAt = c.cfg.Now().Add(c.cfg.Task.Interval)
	c.cfg.OnEvent(e)
	return nil
}
