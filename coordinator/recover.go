package coordinator

import (
	"bytes"
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
	logged := c.entries[o.Index+1:] // by this round: nothing else is logged while it runs
	for _, j := range o.Journal {
		n, err := c.replay(j, logged)
		if err != nil {
			return fmt.Errorf("resume round %d, event %d: %w", o.Round, j.Seq, err)
		}
		logged = logged[n:]
	}
	if len(logged) > 0 {
		return fmt.Errorf("resume round %d: its journal ends before the last %d of its log entries; restore the store from a backup", o.Round, len(logged))
	}
	c.told = stage{o.Round, c.machine.Phase()}
	return c.resumeUploads(ctx, o)
}

// replay gives one event to the machine again and says how many log entries it caused, the first of those in logged.
func (c *Coordinator) replay(j JournalRow, logged [][]byte) (int, error) {
	if j.Seq != c.seq {
		return 0, fmt.Errorf("the journal goes on with event %d", c.seq)
	}
	e, err := round.ParseEvent(j.Event)
	if err != nil {
		return 0, err
	}
	out := c.machine.Step(time.UnixMilli(j.At), e)
	if factsDigest(out.Facts) != j.Digest {
		return 0, fmt.Errorf("the replayed round decides differently than before: the journal is damaged, or this program is another; keep the folder and report this")
	}
	if len(out.Facts) > len(logged) {
		return 0, fmt.Errorf("it caused log entries that the store does not have; restore the store from a backup")
	}
	for i, f := range out.Facts {
		if !bytes.Equal(f.Entry, logged[i]) {
			return 0, fmt.Errorf("the log holds another entry than this event caused; keep the folder and report this")
		}
	}
	c.seq++
	c.note(e.From, len(j.Event))
	if e.Kind == round.Message {
		if h := c.machine.Header(e.From); h != nil && c.uploads[e.From] == nil {
			c.uploads[e.From] = &upload{hash: sha256.New()}
		}
	}
	return len(out.Facts), nil
}

// resumeUploads reads how far each announced vector had come, a chunk at a time.
func (c *Coordinator) resumeUploads(ctx context.Context, o *OpenRound) error {
	for id, u := range c.uploads {
		for {
			chunk, err := c.store.Chunk(ctx, o.Round, id, u.offset)
			if err != nil {
				return err
			}
			if len(chunk) == 0 {
				break
			}
			u.hash.Write(chunk)
			u.offset += uint64(len(chunk))
		}
	}
	return nil
}
