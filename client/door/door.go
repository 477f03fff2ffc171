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
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Store keeps the device's ledger, session and outbox, in a file apart from the history.
type Store interface {
	Entries(ctx context.Context) ([][]byte, error)
	// Session gives bytes of the caller's own, who clears them.
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
	Update     participant.Vector
}

// Scratch keeps the vectors of the running round, in files that only the device's owner can read.
type Scratch interface {
	participant.Scratch
	// Sync makes durable what was written.
	Sync() error
	// Keep overwrites and removes all files but those named.
	Keep(names ...string) error
}

// Config is what a door is given.
type Config struct {
	Participant participant.Config
	Store       Store
	Counter     Counter // of the ledger in Store, kept elsewhere
	Scratch     Scratch // a round's vectors, in place of Participant.Scratch
	Models      Models
	Deltas      Deltas // beside Models; nil: whole models are fetched
	Answerer    Answerer
	Dial        func(ctx context.Context) (protocol.Conn, error)
	Now         func() time.Time
	Log         *slog.Logger
	// Hold is how long a connection is kept while the device trains; longer training goes without one.
	Hold time.Duration
	// OnEvent is told what happened, for the device's own pages.
	OnEvent func(Event)
	// OnContribution sees the noised vector before its mask, whole. It is for the device's owner, and stays on the device.
	OnContribution func(round uint64, noised []uint32)
}

// Event is what the device's owner may be shown.
type Event struct {
	Kind   string // connected, refused, charged, missed, closed, model
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
	shut    error // the store or the counter failed: what is in memory may be ahead of it, so nothing leaves any more
	fetch   *fetch
	publish [32]byte // a published model that is still to be downloaded; zero for none
	trained chan *participant.Trained
	busy    bool  // the local function runs
	more    bool  // the machine has more to send on this connection
	held    *held // waits for its moment, and everything else on this connection with it
	next    *participant.Train
	// uncounted: the counter is missing, and the ledger counts as spent until the coordinator vouches for it.
	uncounted bool
	working   sync.WaitGroup
	work      context.Context // of the local function: ends with Run
	away      backoff         // no word from the coordinator
	no        backoff         // one side refused
	up        atomic.Int64
	down      atomic.Int64
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
	standing, err := CatchUp(ctx, cfg.Counter, ledger)
	if err != nil {
		return nil, err
	}
	cfg.Participant.Reached, cfg.Participant.Uncounted = standing.Reached, standing.Uncounted
	session, err := cfg.Store.Session(ctx)
	if err != nil {
		return nil, fmt.Errorf("read round session: %w", err)
	}
	defer clear(session)
	cfg.Participant.Scratch = cfg.Scratch
	machine, err := participant.New(cfg.Participant, ledger, session)
	if err != nil {
		return nil, err
	}
	if err := cfg.Scratch.Keep(machine.Files()...); err != nil { // what a crash left
		return nil, fmt.Errorf("erase the vectors of earlier rounds: %w", err)
	}
	return &Door{cfg: cfg, ledger: ledger, machine: machine, uncounted: standing.Uncounted, trained: make(chan *participant.Trained, 1),
		away: backoff{least: minBackoff, most: maxBackoff}, no: backoff{least: afterNo, most: maxNo}}, nil
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
