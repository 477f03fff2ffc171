package coordinator

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Coordinator is one running coordinator. Everything below the line is owned by the loop.
type Coordinator struct {
	cfg    Config
	store  Store
	mail   chan mail
	deaf   chan error      // the listener's last word
	done   chan struct{}   // closed when the loop has ended
	last   protocol.HangUp // what everybody still connected hears then; set before done is closed
	conns  sync.WaitGroup
	works  sync.WaitGroup
	blobs  blobs
	deltas deltas
	parts  chan struct{} // one slot for each part of a model that is being sent
	turns  turns         // and of these, one for each device
	most   atomic.Int64  // bytes of the largest shares message that the running round may want

	// owned by the loop
	log        *audit.Log
	entries    [][]byte
	checkpoint []byte        // what devices and the public log are shown; nil before the first cosignature
	shown      uint64        // size of its tree
	public     uint64        // size of the tree in the log folder
	unlogged   *Release      // the newest version, while that tree does not hold it
	cosign     cosigner      // the witnesses
	silent     bool          // they failed last, and the operator knows
	unseen     []round.Event // what the machine hears once the witnesses have signed the entry
	head       Head
	newest     publication       // by the log; the head's once that is durable
	before     publication       // the one before it
	earlier    [][32]byte        // models of versions before that, the oldest first, which deltas may begin from
	logged     map[[32]byte]bool // every model that the log names
	layout     model.Layout
	context    []uint64 // log indexes of the policy in force, code releases and questions
	question   [32]byte // of training
	popular    [32]byte // the question before it; zero: there is none
	asked      *audit.Question
	ledger     *privacy.Population
	debit      privacy.RoundDebit // of the running round
	machine    *round.Machine
	row        RoundRow
	seq        uint64
	told       stage              // what the operator was told last
	heard      map[[32]byte]heard // of this round, by device
	opened     uint64             // the highest round number in the log
	openedAt   uint64             // when that round was opened
	rounds     int                // ended so far, aborted or not
	nextAt     time.Time
	began      time.Time     // when the running round was opened, zero if by another process
	shortest   time.Duration // of the rounds of this process with a sum, from one opening to the next; 0 before the first
	stopped    bool          // no more rounds are to be opened
	prev       [32]byte
	peers      map[[32]byte]*peer
	uploads    map[[32]byte]*upload
	folder     *folder // of the running round
	results    chan outcome
}

// heard is what one round's journal holds of one device.
type heard struct{ events, bytes int }

// stage is a phase of a round.
type stage struct {
	round uint64
	phase round.Phase
}

// publication is what a version consists of: the model that the next round trains on, and the one that is served.
type publication struct{ Model, Serve [32]byte }

// Listener gives the connections of authenticated devices.
type Listener interface {
	Accept(ctx context.Context) (protocol.Conn, error)
}

// New checks the configuration, loads the store and, where a round was running, replays it.
func New(ctx context.Context, cfg Config, store Store) (*Coordinator, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(Event) {}
	}
	cfg.Task = cfg.Task.filled()
	if err := checkParties(cfg); err != nil {
		return nil, err
	}
	c := &Coordinator{cfg: cfg, store: store, mail: make(chan mail, mailQueue), deaf: make(chan error, 1), done: make(chan struct{}),
		blobs: blobs{files: cfg.Models}, log: audit.NewLog(), ledger: privacy.NewPopulation(), logged: map[[32]byte]bool{}, heard: map[[32]byte]heard{}, peers: map[[32]byte]*peer{},
		uploads: map[[32]byte]*upload{}, results: make(chan outcome, 1), cosign: cosigner{answers: make(chan cosigned, 1)}, parts: make(chan struct{}, maxParts)}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Run serves devices and runs the task's rounds until ctx ends; then it returns nil, when everything it started has ended.
// An error means that this process must not go on: the next one loads what is durable.
func (c *Coordinator) Run(ctx context.Context, l Listener) error {
	// Connections and work outlive ctx until the loop has ended, so that devices hear why.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	accepting := make(chan struct{})
	go func() {
		defer close(accepting)
		c.accept(serving, l)
	}()
	err := c.loop(ctx, serving)
	c.last = protocol.HangUp{Code: protocol.CodeShutdown, Detail: "the coordinator stops; reconnect later, the round goes on"}
	if err != nil {
		c.last.Code = protocol.CodeInternal
	}
	close(c.done)
	cancel()
	<-accepting
	c.conns.Wait()
	c.works.Wait()
	return err
}

func (c *Coordinator) key() ed25519.PrivateKey { return c.cfg.Identity.Key }

// load rebuilds what the loop owns from the store: log, population ledger, head, and the running round.
func (c *Coordinator) load(ctx context.Context) error {
	saved, err := c.store.Load(ctx)
	if err != nil {
		return err
	}
	for _, e := range saved.Entries {
		if err := c.learn(e); err != nil {
			return err
		}
	}
	if err := c.checkCharges(saved.Charges); err != nil {
		return err
	}
	if err := c.checkPublished(); err != nil {
		return err
	}
	if len(saved.Entries) == 0 {
		return c.begin(ctx)
	}
	c.head = saved.Head
	c.offerModels()
	if err := c.loadLayout(c.head.Model); err != nil {
		return err
	}
	if err := c.checkSameTask(); err != nil {
		return err
	}
	if _, err := c.optimizer(c.head.Model, c.head.Version == 0); err != nil {
		return err
	}
	if err := c.publishLoaded(); err != nil {
		return err
	}
	if err := c.announce(); err != nil {
		return err
	}
	if saved.Open != nil {
		if err := c.resume(ctx, saved.Open); err != nil {
			return err
		}
	}
	if _, question := c.asking(); c.ledger.Exhausted(question) {
		c.rest()
	}
	c.prune()
	return nil
}

// learn takes one entry, at start or after a commit, into everything that is derived from the log.
func (c *Coordinator) learn(entry []byte) error {
	rec, err := audit.OpenEntry(ed25519.PublicKey(c.cfg.Identity.Cert.IDPK[:]), entry)
	if err != nil {
		return fmt.Errorf("log entry %d: %w", len(c.entries), err)
	}
	index := c.log.Append(entry)
	hash := audit.LeafHash(entry)
	c.entries = append(c.entries, entry)
	switch r := rec.(type) {
	case *audit.PolicyChange:
		c.context = append(slices.DeleteFunc(c.context, c.isPolicy), index)
	case *audit.CodeRelease:
		c.context = append(c.context, index)
	case *audit.Question:
		c.context = append(c.context, index)
		if r.ID == firstQuestion {
			c.popular = hash
			break
		}
		c.question, c.asked = hash, r
	case *audit.RoundOpen:
		c.opened, c.openedAt = r.Round, r.OpenedAt
		c.logged[r.ModelIn] = true
		if c.newest == (publication{}) {
			c.newest = publication{r.ModelIn, r.ModelIn} // the start
		}
	case *audit.BudgetExhausted:
		c.opened = max(c.opened, r.Round) // that number is used up
	case *audit.RoundClose:
		c.rounds++
		c.prev = hash
		c.outdated(c.before)
		c.before, c.newest = c.newest, publication{r.ModelOut, r.ServeHash}
		c.logged[r.ModelOut], c.logged[r.ServeHash] = true, true
	case *audit.Abort:
		c.rounds++
		c.prev = hash
	}
	return c.account(hash, rec)
}

// isPolicy reports whether a log entry is a PolicyChange.
func (c *Coordinator) isPolicy(index uint64) bool {
	rec, err := audit.OpenEntry(ed25519.PublicKey(c.cfg.Identity.Cert.IDPK[:]), c.entries[index])
	return err == nil && audit.KindOf(rec) == audit.KindPolicyChange
}

// openRecord finds a RoundOpen by its hash; rounds end soon after they open, so it lies near the end.
func (c *Coordinator) openRecord(hash [32]byte) *audit.RoundOpen {
	for i := len(c.entries) - 1; i >= 0; i-- {
		if audit.LeafHash(c.entries[i]) == hash {
			rec, err := audit.OpenEntry(ed25519.PublicKey(c.cfg.Identity.Cert.IDPK[:]), c.entries[i])
			if open, ok := rec.(*audit.RoundOpen); ok && err == nil {
				return open
			}
			return nil
		}
	}
	return nil
}

// begin starts a new log where nothing was trained yet: policy, code release and question are its first entries, and version 0 is the head.
func (c *Coordinator) begin(ctx context.Context) error {
	snap, err := model.Parse(c.cfg.Start)
	if err != nil {
		return fmt.Errorf("starting model: %w", err)
	}
	c.layout = snap.Layout
	if err := c.checkTask(); err != nil {
		return err
	}
	if err := c.checkUntrained(); err != nil {
		return err
	}
	hash := sha256.Sum256(c.cfg.Start)
	if err := c.blobs.stage(hash, c.cfg.Start, nil, nil); err != nil {
		return err
	}
	c.head = Head{Model: hash, Serve: hash}
	c.offerModels()
	batch := &Batch{First: &c.head}
	for _, r := range c.genesis(uint64(c.cfg.Now().Add(c.cfg.Task.Expiry).Unix())) {
		entry, err := audit.Seal(c.key(), r)
		if err != nil {
			return fmt.Errorf("seal %T: %w", r, err)
		}
		batch.Entries = append(batch.Entries, EntryRow{Index: c.log.Size(), Entry: entry})
		if err := c.learn(entry); err != nil {
			return err
		}
	}
	if err := c.store.Commit(ctx, batch); err != nil {
		return err
	}
	return c.publishLog()
}
