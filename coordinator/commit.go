package coordinator

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// batch is one transaction with what becomes visible after it.
type batch struct {
	Batch
	ids       map[[32]byte]bool // devices whose upload state is to be acknowledged
	words     []word
	sends     []round.Send
	folds     []round.Vector
	work      *round.Plan
	result    *round.Result
	recovered *Event
	cosigned  *cosigned // what the witnesses signed
}

// word is a message of the driver's own for one connection.
type word struct {
	to  *peer
	msg protocol.Message
}

func newBatch() *batch { return &batch{ids: map[[32]byte]bool{}} }

func (b *batch) hangUp(p *peer, code protocol.Code, detail string) {
	b.words = append(b.words, word{p, &protocol.HangUp{Code: code, Detail: detail}})
}

// busy sends a device away that has used up what one round hears of it, so that the journal has a bound.
func (b *batch) busy(p *peer) {
	b.words = append(b.words, word{p, &protocol.HangUp{Code: protocol.CodeBusy, RetryAfter: uint32(busyFor / time.Second),
		Detail: "this round has heard enough of this device; come back later"}})
}

// commit is the order of writes: the transaction, then the public log, then messages, work and announcements.
func (c *Coordinator) commit(ctx context.Context, b *batch) error {
	blamed, err := c.blame(ctx, b)
	if err != nil {
		return err
	}
	if !b.empty() {
		if err := c.store.Commit(ctx, &b.Batch); err != nil {
			return err
		}
	}
	if b.Move != nil {
		c.head = b.Move.To
		c.offerModels()
	}
	if err := c.show(ctx, b); err != nil {
		return err
	}
	if b.recovered != nil {
		c.cfg.OnEvent(*b.recovered)
	}
	c.sizeUp()
	for id := range b.ids {
		c.acknowledge(id)
	}
	for _, w := range b.words {
		w.to.held = nil
		w.to.queue(w.msg)
	}
	for _, s := range b.sends {
		c.send(s)
	}
	c.tellPhase()
	if c.machine != nil {
		c.folder.add(ctx, b.folds)
	}
	if b.work != nil {
		c.startWork(ctx, b.work)
	}
	if b.result != nil {
		return c.ended(b.result, blamed)
	}
	return nil
}

// sizeUp tells the connections how large a message of theirs may be, so that what waits for the loop is no more than the running round
// can want.
func (c *Coordinator) sizeUp() {
	most := protocol.MaxControl
	if c.machine != nil {
		most = max(most, c.machine.Wanted())
	}
	c.most.Store(int64(most))
}

// show makes new entries public, or asks the witnesses to let it, and sends what waited for them.
func (c *Coordinator) show(ctx context.Context, b *batch) error {
	if s := b.cosigned; s != nil {
		if err := c.publish(s.tree.Size(), s.note); err != nil {
			return err
		}
		for _, p := range c.peers {
			c.release(p)
		}
	}
	if len(b.Entries) > 0 {
		if err := c.publishLog(); err != nil {
			return err
		}
	}
	return c.askWitnesses(ctx)
}

func (b *batch) empty() bool {
	return b.Open == nil && len(b.Journal)+len(b.Entries)+len(b.Chunks)+len(b.Headers)+len(b.Charges)+len(b.Uses)+len(b.Conduct) == 0 && b.Move == nil && b.End == nil
}

// tellPhase tells the operator where the round stands, once for each phase.
func (c *Coordinator) tellPhase() {
	if c.machine == nil {
		return
	}
	at := stage{c.row.Round, c.machine.Phase()}
	if at == c.told || at.phase.Over() {
		return
	}
	c.told = at
	c.cfg.OnEvent(Event{Kind: "phase", Round: at.round, Phase: at.phase.String(), Devices: len(c.peers)})
}

// ended lets go of a round: promotes what it published, and plans the next.
func (c *Coordinator) ended(r *round.Result, blamed []Blamed) error {
	e := Event{Kind: "round", Round: c.row.Round, Phase: r.Phase.String(), Outcome: "done", U1: r.U1, U2: r.U2, U3: r.U3}
	for _, ms := range r.Millis {
		e.Millis = append(e.Millis, int(ms))
	}
	e.Members, e.Clip = included(r.Members), math.Float32frombits(c.openRecord(c.row.OpenHash).C)
	if r.Phase == round.Failed {
		e.Outcome, e.Reason, e.Detail, e.Blamed = "aborted", r.Reason.String(), r.Detail, blamed
	} else {
		e.Sum, e.Model, e.Serve = hexes(r.Sums), fmt.Sprintf("%x", r.Model), fmt.Sprintf("%x", r.Serve)
		if err := c.announce(); err != nil {
			return err
		}
		c.prune()
	}
	c.machine = nil
	c.folder.stop()
	now := c.cfg.Now()
	if r.Phase == round.Done {
		c.took(now)
	}
	c.nextAt = now.Add(c.cfg.Task.Interval)
	c.cfg.OnEvent(e)
	return nil
}
