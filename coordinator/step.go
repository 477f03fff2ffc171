package coordinator

import (
	"crypto/sha256"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
)

// step gives one event to the machine and collects what it asks for. Entries get their log index here, and the machine
// hears of it at once: both are in the same transaction.
func (c *Coordinator) step(now time.Time, e round.Event, b *batch) error {
	if c.machine == nil {
		return nil
	}
	now = time.UnixMilli(now.UnixMilli()) // as the journal keeps it
	out := c.machine.Step(now, e)
	row := JournalRow{Round: c.row.Round, Seq: c.seq, At: now.UnixMilli(), Event: e.Append(nil), Digest: factsDigest(out.Facts)}
	b.Journal = append(b.Journal, row)
	c.note(e.From, len(row.Event))
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
			d := c.debit
			b.Charges = append(b.Charges, ChargeRow{Round: d.Round, Question: d.Question, Units: uint64(d.Units)})
		}
		for _, serial := range f.Serials {
			b.Uses = append(b.Uses, UseRow{Round: c.row.Round, Serial: serial})
		}
		if f.Cosign {
			c.unseen = append(c.unseen, event)
			continue
		}
		logged = append(logged, event)
	}
	b.sends = append(b.sends, out.Send...)
	b.folds = append(b.folds, out.Fold...)
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

// note counts what the journal holds of a device.
func (c *Coordinator) note(from [32]byte, bytes int) {
	if from != ([32]byte{}) {
		h := c.heard[from]
		c.heard[from] = heard{h.events + 1, h.bytes + bytes}
	}
}

// tired reports whether the running round has heard enough of a device: the journal has a bound for each.
func (c *Coordinator) tired(id [32]byte) bool {
	h := c.heard[id]
	return c.machine != nil && (h.events >= maxHeard || h.bytes >= maxTimes*c.machine.Wanted())
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
