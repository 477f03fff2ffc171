package coordinator

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
)

// resume replays the journal of the round that was running. The machine must decide as it did before: another decision
// would be a broken invariant, and the process stops.
func (c *Coordinator) resume(ctx context.Context, o *OpenRound) error {
	c.row = o.RoundRow
	if o.Index >= uint64(len(c.entries)) {
		return fmt.Errorf("resume round %d: its RoundOpen at %d is not in the log", o.Round, o.Index)
	}
	rec, err := audit.OpenEntry(ed25519.PublicKey(c.cfg.Identity.Cert.IDPK[:]), c.entries[o.Index])
	if err != nil {
		return fmt.Errorf("resume round %d: %w", o.Round, err)
	}
	open, ok := rec.(*audit.RoundOpen)
	if !ok || audit.LeafHash(c.entries[o.Index]) != o.OpenHash {
		return fmt.Errorf("resume round %d: entry %d is not its RoundOpen", o.Round, o.Index)
	}
	if err := c.newMachine(open); err != nil {
		return err
	}
	for _, j := range o.Journal {
		if err := c.replay(j); err != nil {
			return fmt.Errorf("resume round %d, event %d: %w", o.Round, j.Seq, err)
		}
	}
	c.phase = c.machine.Phase()
	return c.resumeUploads(ctx, o)
}

func (c *Coordinator) replay(j JournalRow) error {
	if j.Seq != c.seq {
		return fmt.Errorf("the journal goes on with event %d", c.seq)
	}
	e, err := round.ParseEvent(j.Event)
	if err != nil {
		return err
	}
	out := c.machine.Step(time.UnixMilli(j.At), e)
	if factsDigest(out.Facts) != j.Digest {
		return fmt.Errorf("the replayed round decides differently than before; keep the folder and report this")
	}
	c.seq++
	if e.Kind == round.Message {
		if h := c.machine.Header(e.From); h != nil && c.uploads[e.From] == nil {
			c.uploads[e.From] = &upload{hash: sha256.New()}
		}
	}
	return nil
}

// resumeUploads reads how far each announced vector had come.
func (c *Coordinator) resumeUploads(ctx context.Context, o *OpenRound) error {
	for id, u := range c.uploads {
		got, err := c.store.Upload(ctx, o.Round, id)
		if err != nil {
			return err
		}
		u.hash.Write(got)
		u.offset = uint64(len(got))
	}
	return nil
}
