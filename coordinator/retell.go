package coordinator

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
)

// retell tells once more, at a start without a running round, how the last one ended: a crash between its commit and the
// operator's event would else leave nobody knowing. Whoever heard it before passes it over by its number.
func (c *Coordinator) retell(ctx context.Context) error {
	e, openHash := c.lastEnd()
	if e == nil {
		return nil
	}
	open := c.openRecord(openHash)
	if open == nil {
		return fmt.Errorf("the round that ended last has no RoundOpen %x in the log", openHash[:8])
	}
	e.Round = open.Round
	kept, err := c.store.Members(ctx, openHash)
	if err != nil {
		return err
	}
	e.Clip = math.Float32frombits(open.C)
	if kept != nil {
		e.Members = included(kept.Members)
	}
	c.cfg.OnEvent(*e)
	return nil
}

// lastEnd finds the newest RoundClose or Abort; nil before the first round has ended.
func (c *Coordinator) lastEnd() (*Event, [32]byte) {
	for i := len(c.entries) - 1; i >= 0; i-- {
		rec, err := audit.OpenEntry(ed25519.PublicKey(c.cfg.Identity.Cert.IDPK[:]), c.entries[i])
		if err != nil {
			return nil, [32]byte{} // load has opened every entry
		}
		switch r := rec.(type) {
		case *audit.RoundClose:
			e := &Event{Kind: "round", Phase: round.Done.String(), Outcome: "done", U1: int(r.U1), U2: int(r.U2), U3: int(r.U3),
				Sum: hexes(r.SumHash), Model: hex.EncodeToString(r.ModelOut[:]), Serve: hex.EncodeToString(r.ServeHash[:])}
			for _, ms := range r.PhaseMillis {
				e.Millis = append(e.Millis, int(ms))
			}
			return e, r.Open
		case *audit.Abort:
			return &Event{Kind: "round", Phase: round.Failed.String(), Outcome: "aborted", Reason: round.Reason(r.Reason).String(), Detail: r.Detail,
				U1: int(r.U1), U2: int(r.U2), U3: int(r.U3)}, r.Open
		}
	}
	return nil, [32]byte{}
}

// included lists, in hexadecimal, the identity keys of those whose vectors are in the sum.
func included(members []round.Member) []string {
	var out []string
	for _, m := range members {
		if m.Leaf >= 0 {
			out = append(out, hex.EncodeToString(m.ID[:]))
		}
	}
	return out
}

// hexes lists hashes in hexadecimal, with commas between them.
func hexes(list [][32]byte) string {
	var out []string
	for _, h := range list {
		out = append(out, hex.EncodeToString(h[:]))
	}
	return strings.Join(out, ",")
}
