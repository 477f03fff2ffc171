package coordinator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/coordinator/round"
)

// Bounds of what waits for the loop. A reader whose mail does not fit waits, and with it its device, so that at most this
// many chunks are in memory.
const (
	mailQueue = 128
	maxBatch  = 128 // mails that one transaction covers
)

// loop owns the machine. Every turn handles what has arrived, makes it durable in one transaction, and only then lets
// anything be seen: a crash before the commit forgets the turn, a crash after it repeats the sends on reconnect. Work has
// a context of its own, which lasts as long as the loop, so that being told to stop never cuts a turn in half.
func (c *Coordinator) loop(ctx, work context.Context) error {
	if err := c.begun(work); err != nil {
		return err
	}
	told := false
	for {
		if c.finished() && c.followed() && !told {
			told = true // whoever stops now leaves a public log that is whole
			c.cfg.OnEvent(Event{Kind: "done"})
		}
		if err := c.turn(ctx, work); err != nil {
			if errors.Is(err, errStop) {
				return nil
			}
			return err
		}
	}
}

// errStop ends the loop because its context has ended.
var errStop = errors.New("told to stop")

// turn waits for the next thing and handles it, with what else has arrived by then.
func (c *Coordinator) turn(ctx, work context.Context) error {
	timer := time.NewTimer(c.wait())
	defer timer.Stop()
	b := newBatch()
	var err error
	select {
	case <-ctx.Done():
		return errStop
	case err := <-c.deaf:
		return fmt.Errorf("accept connections: %w", err)
	case m := <-c.mail:
		err = c.handle(work, m, b)
		for n := 1; err == nil && n < maxBatch && len(c.mail) > 0; n++ {
			err = c.handle(work, <-c.mail, b)
		}
	case a := <-c.cosign.answers:
		err = c.witnessesAnswered(a, b)
	case o := <-c.results:
		err = c.settled(o, b)
	case <-timer.C:
		err = c.tick(work, b)
	}
	if err != nil {
		return err
	}
	return c.commit(work, b)
}

// finished reports whether the task has no further round. The coordinator stays up: devices still ask how a round ended
// and for the model.
func (c *Coordinator) finished() bool {
	return c.machine == nil && (c.stopped || c.cfg.Task.Rounds > 0 && c.rounds >= c.cfg.Task.rounds())
}

// begun goes on with a replayed round: everybody is away, and work that was out is started again. It says what became of
// the round that the crash interrupted.
func (c *Coordinator) begun(ctx context.Context) error {
	if c.machine == nil {
		if err := c.askWitnesses(ctx); err != nil {
			return err
		}
		return c.retell(ctx)
	}
	b := newBatch()
	if err := c.awaitWitnesses(b); err != nil {
		return err
	}
	b.folds = c.machine.Vectors()
	e := Event{Kind: "recovered", Round: c.row.Round, Phase: c.machine.Phase().String(), Outcome: "resumed"}
	if err := c.step(c.cfg.Now(), round.Event{Kind: round.Restarted}, b); err != nil {
		return err
	}
	if b.work == nil {
		b.work = c.machine.Pending()
	}
	if r := b.result; r != nil && r.Phase == round.Failed {
		e.Outcome, e.Reason, e.Detail = "aborted", r.Reason.String(), r.Detail
	}
	b.recovered = &e
	return c.commit(ctx, b)
}

// wait is how long the loop may sleep.
func (c *Coordinator) wait() time.Duration {
	d := time.Hour // nothing but mail can be due
	for _, next := range []func() (time.Time, bool){c.roundAt, c.cosignAt} {
		if at, ok := next(); ok {
			d = min(d, at.Sub(c.cfg.Now()))
		}
	}
	return max(0, d)
}

// roundAt is when the running round wants a tick, or the next one may open; not ok if something else is waited for. A round is
// opened only when the witnesses, if there are any, have signed all that came before it: while they are away nobody could be told.
func (c *Coordinator) roundAt() (at time.Time, ok bool) {
	if c.machine != nil {
		at = c.machine.Next()
		return at, !at.IsZero()
	}
	return c.nextAt, !c.finished() && c.somebody() && c.followed()
}

// somebody reports whether a round is running, or there is a device to offer one to. A round that is opened with nobody there
// would only fill the log and use up the task's rounds.
func (c *Coordinator) somebody() bool { return c.machine != nil || len(c.peers) > 0 }

func (c *Coordinator) tick(ctx context.Context, b *batch) error {
	now := c.cfg.Now()
	if at, ok := c.roundAt(); !ok || now.Before(at) {
		return nil
	}
	if c.machine != nil {
		return c.step(now, round.Event{Kind: round.Ticked}, b)
	}
	if err := c.open(now, b); err != nil {
		return err
	}
	if c.machine == nil {
		return nil
	}
	for _, p := range c.peers {
		if err := c.invite(ctx, now, p, b); err != nil {
			return err
		}
	}
	return nil
}
