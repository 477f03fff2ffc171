// Package door is the one way out of a device: everything derived from a person's history leaves through it.
//
// Owns: the device's ledger and outbox, the connection to the coordinator, the order charge, journal, send.
// Promises: what is sent was charged and journaled before, durably; a retry sends identical bytes; a store that cannot be
// read or written shuts the door.
// Never: sees a history; sends what no logged question asked for; takes a policy from an offer.
// Start here: Door.Run, then obey. Rules: the secure aggregation specification, sections 9 to 12, and privacy 8.2.
package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Store keeps the device's ledger, session and outbox, in a file apart from the history.
type Store interface {
	Entries(ctx context.Context) ([][]byte, error)
	Session(ctx context.Context) ([]byte, error)
	Commit(ctx context.Context, c Commit) error
}

// Answerer computes the device's answer to a question: for training rounds, the local function on the device's history.
// An error means that the device sits the round out.
type Answerer interface {
	Answer(ctx context.Context, t Task) (Answer, error)
}

// Task is what a round asks to be computed.
type Task struct {
	Round uint64
	Model []byte // the snapshot file, its hash checked against the log
	Code  []byte // canonical bytes of the local function, its hash checked against the log
}

// Answer is an update with the layout it was made on.
type Answer struct {
	LayoutHash [32]byte
	Update     []float32
}

// Config is what a door is given.
type Config struct {
	Participant participant.Config
	Store       Store
	Models      Models
	Answerer    Answerer
	Dial        func(ctx context.Context) (protocol.Conn, error)
	Now         func() time.Time
	Log         *slog.Logger
	// Hold is how long a connection is kept while the device trains; longer training goes without one.
	Hold time.Duration
	// OnEvent is told what happened, for the device's own pages.
	OnEvent func(Event)
	// OnContribution sees the noised vector before its mask. It is for the device's owner, and stays on the device.
	OnContribution func(round uint64, noised []uint32)
}

// Event is what the device's owner may be shown.
type Event struct {
	Kind   string // connected, refused, charged, closed, model
	Round  uint64
	Detail string
	Bytes  int64
	Units  privacy.Units
	Closed *participant.Closed
	Model  [32]byte // that recommendations now come from
}

// Door is one device's way out. Run owns everything in it.
type Door struct {
	cfg     Config
	ledger  *privacy.Ledger
	machine *participant.Machine
	fetch   *fetch
	trained chan *participant.Trained
	busy    bool // the local function runs
	next    *participant.Train
	up      atomic.Int64
	down    atomic.Int64
}

// Open reads ledger and session. A chain that does not hold means: spent. The door stays shut until the owner starts a
// new period.
func Open(ctx context.Context, cfg Config) (*Door, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(Event) {}
	}
	if cfg.Hold == 0 {
		cfg.Hold = 2 * time.Second
	}
	ledger, err := OpenLedger(ctx, cfg.Store, cfg.Participant.Floor.Limits())
	if err != nil {
		return nil, err
	}
	session, err := cfg.Store.Session(ctx)
	if err != nil {
		return nil, fmt.Errorf("read round session: %w", err)
	}
	machine, err := participant.New(cfg.Participant, ledger, session)
	if err != nil {
		return nil, err
	}
	return &Door{cfg: cfg, ledger: ledger, machine: machine, trained: make(chan *participant.Trained, 1)}, nil
}

// OpenLedger replays the ledger's chain.
func OpenLedger(ctx context.Context, s Store, limits privacy.Limits) (*privacy.Ledger, error) {
	raw, err := s.Entries(ctx)
	if err != nil {
		return nil, fmt.Errorf("read privacy ledger: %w", err)
	}
	entries := make([]privacy.Entry, len(raw))
	for i, b := range raw {
		if entries[i], err = privacy.ParseEntry(b); err != nil {
			return nil, fmt.Errorf("privacy ledger entry %d is damaged, so the budget counts as spent; start a new period with `cinesyncd budget --new-period` or restore the file: %w", i, err)
		}
	}
	ledger, err := privacy.Replay(limits, entries)
	if err != nil {
		return nil, fmt.Errorf("the privacy ledger's chain is broken, so the budget counts as spent; start a new period with `cinesyncd budget --new-period` or restore the file: %w", err)
	}
	return ledger, nil
}

// Backoff bounds between connection attempts.
const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = 5 * time.Second
	afterNo    = time.Second // after a refusal, so that a bad offer does not make a busy loop
)

// Run takes part in rounds until ctx ends (nil) or the store fails (the error). A coordinator that is away is waited for.
func (d *Door) Run(ctx context.Context) error {
	backoff := minBackoff
	for ctx.Err() == nil {
		if d.busy && d.machine.Training() {
			if err := d.awaitTraining(ctx); err != nil {
				return err
			}
		}
		conn, err := d.cfg.Dial(ctx)
		if err != nil {
			d.cfg.Log.Debug("connect to coordinator", slog.Any("error", err))
			d.pause(ctx, jitter(backoff))
			backoff = min(2*backoff, maxBackoff)
			continue
		}
		backoff = minBackoff
		again, err := d.session(ctx, conn)
		if err != nil {
			return err
		}
		d.pause(ctx, again)
	}
	return nil
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

func (d *Door) pause(ctx context.Context, t time.Duration) {
	if t <= 0 {
		return
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func jitter(t time.Duration) time.Duration { return t/2 + rand.N(t) }

// Traffic is how many bytes of frames went up and came down so far; QUIC's own overhead is left out.
func (d *Door) Traffic() (up, down int64) { return d.up.Load(), d.down.Load() }

// received is one message or the end of the connection.
type received struct {
	msg protocol.Message
	err error
}

// session serves one connection until it ends, and says how long to wait before the next.
func (d *Door) session(ctx context.Context, conn protocol.Conn) (time.Duration, error) {
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
		cancel()
		conn.Close(protocol.CodeOK, "")
		<-reading
	}()
	d.fetch = nil
	d.cfg.OnEvent(Event{Kind: "connected"})
	err := d.obey(ctx, conn, d.machine.Step(d.cfg.Now(), participant.Event{Connected: true}))
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
	var hold <-chan time.Time
	if d.busy && d.machine.Training() {
		timer := time.NewTimer(d.cfg.Hold)
		defer timer.Stop()
		hold = timer.C
	}
	select {
	case <-ctx.Done():
		return 0, nil
	case <-hold:
		return 0, nil // Run waits for the training without a connection
	case t := <-d.trained:
		return -1, d.answered(ctx, conn, t)
	case r := <-in:
		if r.err != nil {
			return d.lost(r.err), nil
		}
		d.down.Add(size(r.msg))
		if part, ok := r.msg.(*protocol.ModelPart); ok {
			return -1, d.part(ctx, conn, part)
		}
		return -1, d.obey(ctx, conn, d.machine.Step(d.cfg.Now(), participant.Event{Msg: r.msg}))
	}
}

// lost says when to come back after a connection ended.
func (d *Door) lost(err error) time.Duration {
	var h *protocol.HangUpError
	if errors.As(err, &h) {
		d.cfg.Log.Debug("the coordinator hung up", slog.String("code", h.Code.String()), slog.String("detail", h.Detail))
		if h.RetryAfter > 0 {
			return jitter(time.Duration(h.RetryAfter) * time.Second)
		}
		if h.Code != protocol.CodeShutdown && h.Code != protocol.CodeOK && h.Code != protocol.CodeInternal {
			return jitter(afterNo)
		}
	}
	return jitter(minBackoff)
}

func size(m protocol.Message) int64 { return int64(protocol.HeaderSize + len(m.Append(nil))) }
