package coordinator

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// Witnesses sign what this log says, so that it cannot say something else to somebody else.
type Witnesses interface {
	// Cosign gives the checkpoint note of the tree of size entries with the cosignatures of enough witnesses. prove gives the
	// consistency proof from an older tree to this one; it may be called from several goroutines. It returns when ctx ends.
	Cosign(ctx context.Context, note []byte, size uint64, prove func(old uint64) ([][32]byte, error)) ([]byte, error)
}

// checkParties looks for those that a task needs besides its devices.
func checkParties(cfg Config) error {
	switch {
	case cfg.Task.Sig == protocol.SigHybrid && cfg.AuthorityPQ == nil:
		return errors.New("task: sig is 2 and the enrolment authority's ML-DSA key is not known: add it to its key file")
	case cfg.Task.Sig == protocol.SigHybrid && len(cfg.Identity.CertPQ) == 0:
		return errors.New("task: sig is 2 and the coordinator's own certificate is not hybrid: have a new one issued")
	case cfg.Task.Mode == aggregation.ModeW && cfg.Witnesses == nil:
		return errors.New("task: mode is W and there are no witnesses: devices refuse such rounds")
	case cfg.Witnesses == nil && cfg.WitnessPolicy.IsZero():
		return nil
	case cfg.Witnesses == nil:
		return errors.New("a witness policy is given and no way to reach the witnesses")
	}
	if err := cfg.WitnessPolicy.Validate(); err != nil {
		return fmt.Errorf("witness policy: %w", err)
	}
	return nil
}

// Bounds of asking the witnesses.
const (
	cosignTimeout = 15 * time.Second
	minCosignWait = 200 * time.Millisecond // after a failure; doubled with each one after it
	maxCosignWait = 30 * time.Second
	cosignRefresh = time.Hour // devices refuse a newest cosignature of more than a day ago; asked again, witnesses sign with a new time
)

// cosigner is how far the witnesses have followed the log. It is owned by the loop; one request is out at a time, always for the
// newest tree.
type cosigner struct {
	busy    bool
	due     time.Time     // when to ask next, if nothing was logged before
	wait    time.Duration // after the last failure; 0 after a success
	answers chan cosigned
}

// cosigned is what came of one request.
type cosigned struct {
	tree audit.View
	note []byte
	err  error
}

func (c *Coordinator) witnessed() bool { return c.cfg.Witnesses != nil }

// followed reports whether everything in the log may be shown: a cosigned checkpoint covers it, or none is needed.
func (c *Coordinator) followed() bool { return c.shown == c.log.Size() }

// cosignAt is when the witnesses are to be asked next; not ok while they are being asked, or where there are none.
func (c *Coordinator) cosignAt() (at time.Time, ok bool) {
	if !c.witnessed() || c.cosign.busy {
		return at, false
	}
	if c.cosign.wait == 0 && !c.followed() {
		return c.cfg.Now(), true
	}
	return c.cosign.due, true
}

// askWitnesses asks for cosignatures of the newest tree if it is time to.
func (c *Coordinator) askWitnesses(ctx context.Context) error {
	if at, ok := c.cosignAt(); !ok || c.cfg.Now().Before(at) {
		return nil
	}
	tree := c.log.View(c.log.Size())
	note, err := audit.SignCheckpoint(c.cfg.LogOrigin, c.cfg.LogKey, tree.Size(), tree.Root())
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	c.cosign.busy = true
	c.works.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, cosignTimeout)
		defer cancel()
		signed, err := c.cfg.Witnesses.Cosign(ctx, note, tree.Size(), tree.Consistency)
		select {
		case c.cosign.answers <- cosigned{tree, signed, err}:
		case <-c.done:
		}
	})
	return nil
}

// witnessesAnswered takes in what came of a request. A note that the policy does not accept counts as a failure.
func (c *Coordinator) witnessesAnswered(a cosigned, b *batch) error {
	c.cosign.busy = false
	if a.err == nil {
		a.err = c.checkCosigned(a)
	}
	now := c.cfg.Now()
	if a.err != nil {
		c.cosign.wait = min(max(minCosignWait, 2*c.cosign.wait), maxCosignWait)
		c.cosign.due = now.Add(c.cosign.wait/2 + rand.N(c.cosign.wait)) // many coordinators may share a witness
		c.tellWitnesses(true, a.err)
		return nil
	}
	c.cosign.wait, c.cosign.due = 0, now.Add(cosignRefresh)
	c.tellWitnesses(false, nil)
	b.cosigned = &a
	return c.tellCosigned(now, a.tree.Size(), a.note, b)
}

func (c *Coordinator) checkCosigned(a cosigned) error {
	got, err := c.cfg.WitnessPolicy.Open(c.cfg.LogOrigin, c.logKey(), a.note)
	if err != nil {
		return fmt.Errorf("cosigned checkpoint: %w", err)
	}
	if got.Size != a.tree.Size() || got.Root != a.tree.Root() {
		return fmt.Errorf("cosigned checkpoint: it is of a tree of %d entries, asked was for %d", got.Size, a.tree.Size())
	}
	return nil
}

// tellWitnesses tells the operator when cosignatures begin to fail and when they come again.
func (c *Coordinator) tellWitnesses(failing bool, why error) {
	if failing == c.silent {
		return
	}
	c.silent = failing
	e := Event{Kind: "witness", Outcome: "recovered", Detail: "witnesses sign the log again"}
	if failing {
		e.Outcome, e.Detail = "failing", why.Error()
		c.cfg.Log.Warn("the witnesses do not sign the log: devices are told nothing new until they do", slog.Any("error", why))
	}
	c.cfg.OnEvent(e)
}

// tellCosigned tells the machine of entries that it wanted to see under a cosigned checkpoint. The note is journalled with the
// event, so that a replay draws the same graph.
func (c *Coordinator) tellCosigned(now time.Time, size uint64, note []byte, b *batch) error {
	events := c.unseen
	c.unseen = nil
	for _, e := range events {
		if e.Index >= size {
			c.unseen = append(c.unseen, e)
			continue
		}
		e.Note = bytes.Clone(note)
		if err := c.step(now, e, b); err != nil {
			return err
		}
	}
	return nil
}

// awaitWitnesses takes up, after a crash, what the replayed machine still wants to see cosigned. If it was, the checkpoint that
// says so is durable.
func (c *Coordinator) awaitWitnesses(b *batch) error {
	for _, hash := range c.machine.Awaiting() {
		for i := c.row.Index; i < c.log.Size(); i++ {
			if audit.LeafHash(c.entries[i]) == hash {
				c.unseen = append(c.unseen, round.Event{Kind: round.Logged, Hash: hash, Index: i})
			}
		}
	}
	return c.tellCosigned(c.cfg.Now(), c.shown, c.checkpoint, b)
}

func (c *Coordinator) logKey() ed25519.PublicKey { return c.cfg.LogKey.Public().(ed25519.PublicKey) }
