package door

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/protocol"
)

// Run takes part in rounds until ctx ends (nil) or the store fails (the error, from then on). A coordinator that is away is
// waited for. It may be called again after it ended with ctx.
func (d *Door) Run(ctx context.Context) error {
	if d.shut != nil {
		return d.shut
	}
	var stop context.CancelFunc
	d.work, stop = context.WithCancel(ctx)
	defer d.rest(stop)
	for ctx.Err() == nil {
		if d.busy && d.machine.Training() {
			if err := d.awaitTraining(ctx); err != nil {
				return err
			}
		}
		if err := d.expire(ctx, nil); err != nil {
			return err
		}
		conn, err := d.cfg.Dial(ctx)
		if err != nil {
			if ctx.Err() == nil {
				d.cfg.Log.Log(ctx, d.awayLevel(err), "connect to coordinator", slog.Any("error", err))
			}
			if err := d.pause(ctx, d.away.next()); err != nil {
				return err
			}
			continue
		}
		again, err := d.session(ctx, conn)
		if err == nil {
			err = d.pause(ctx, again)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rest ends the local function and forgets its answer: a round that still waits for it is offered again.
func (d *Door) rest(stop context.CancelFunc) {
	stop()
	d.working.Wait()
	if d.busy {
		<-d.trained
	}
	d.busy, d.next = false, nil
}

// awaitTraining waits for the local function with no connection open.
func (d *Door) awaitTraining(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case t := <-d.trained:
		return d.answered(ctx, nil, t)
	}
}

// pause waits, and a round's deadlines do not wait with it.
func (d *Door) pause(ctx context.Context, t time.Duration) error {
	for t > 0 && ctx.Err() == nil {
		part := min(t, d.due())
		timer := time.NewTimer(part)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		if err := d.expire(ctx, nil); err != nil {
			return err
		}
		t -= part
	}
	return nil
}

// Traffic is how many bytes of frames went up and came down so far; QUIC's own overhead is left out.
func (d *Door) Traffic() (up, down int64) { return d.up.Load(), d.down.Load() }

// received is one message or the end of the connection.
type received struct {
	msg protocol.Message
	err error
}

// session serves one connection until it ends, and says how long to wait before the next.
func (d *Door) session(ctx context.Context, conn protocol.Conn) (time.Duration, error) {
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { // also while noise is drawn, or hanging up behind it would tell when that was done
		defer close(stopped)
		conn.Close(protocol.CodeOK, "")
	})
	ctx, cancel := context.WithCancel(ctx)
	in := make(chan received)
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		for {
			msg, err := conn.Recv(ctx)
			select {
			case in <- received{msg, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	defer func() {
		if !stop() {
			<-stopped
		}
		cancel()
		conn.Close(protocol.CodeOK, "")
		<-reading
	}()
	d.fetch, d.more, d.held = nil, false, nil
	d.cfg.OnEvent(Event{Kind: "connected"})
	err := d.obey(ctx, conn, d.machine.Step(d.cfg.Now(), participant.Event{Connected: true}))
	if err == nil {
		err = d.fetchPublished(ctx, conn)
	}
	for err == nil {
		var wait time.Duration
		if wait, err = d.turn(ctx, conn, in); wait >= 0 {
			return wait, err
		}
	}
	var end *ended
	if errors.As(err, &end) {
		return end.again, nil
	}
	return 0, err
}

// ended is the error of a connection that is over; anything else stops the door.
type ended struct{ again time.Duration }

func (e *ended) Error() string { return "connection is over" }

// turn handles one thing. A wait of 0 or more ends the connection.
func (d *Door) turn(ctx context.Context, conn protocol.Conn, in <-chan received) (time.Duration, error) {
	if d.held != nil {
		return d.release(ctx, conn)
	}
	var hold <-chan time.Time
	if d.busy && d.machine.Training() {
		timer := time.NewTimer(d.cfg.Hold)
		defer timer.Stop()
		hold = timer.C
	}
	expiry := time.NewTimer(d.due())
	defer expiry.Stop()
	more := make(chan struct{})
	if d.more {
		close(more) // what came in has its turn between two pieces of a vector
	}
	select {
	case <-ctx.Done():
		return 0, nil
	case <-more:
		d.more = false
		return -1, d.obey(ctx, conn, d.machine.Step(d.cfg.Now(), participant.Event{More: true}))
	case <-expiry.C:
		return -1, d.expire(ctx, conn)
	case <-hold:
		return 0, nil // Run waits for the training without a connection
	case t := <-d.trained:
		return -1, d.answered(ctx, conn, t)
	case r := <-in:
		if r.err != nil {
			return d.lost(r.err), nil
		}
		d.away.reset()
		d.down.Add(size(r.msg))
		switch part := r.msg.(type) {
		case *protocol.ModelPart:
			return -1, d.part(ctx, conn, part)
		case *protocol.DeltaPart:
			return -1, d.deltaPart(ctx, conn, part)
		}
		return -1, d.obey(ctx, conn, d.machine.Step(d.cfg.Now(), participant.Event{Msg: r.msg}))
	}
}

// look is how often a door looks at its clock: a timer stands still while the device sleeps.
const look = time.Minute

// due is how long the door may wait for anything before it looks at the round's deadlines.
func (d *Door) due() time.Duration {
	wait, ok := d.machine.Due(d.cfg.Now())
	if !ok {
		return math.MaxInt64
	}
	return max(0, min(wait, look))
}

// expire lets the machine erase the secrets of a round whose deadline is past, whether or not anybody ever says how it ended (11.4).
func (d *Door) expire(ctx context.Context, conn protocol.Conn) error {
	if wait, ok := d.machine.Due(d.cfg.Now()); !ok || wait > 0 {
		return nil
	}
	return d.obey(ctx, conn, d.machine.Step(d.cfg.Now(), participant.Event{}))
}

func size(m protocol.Message) int64 { return int64(protocol.HeaderSize + len(m.Append(nil))) }
