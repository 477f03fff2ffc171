package coordinator

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
)

// open opens the next round: its RoundOpen is durable and in the log before anyone hears of it.
func (c *Coordinator) open(now time.Time, b *batch) error {
	t, question := c.asking()
	number, opened := c.opened+1, max(uint64(now.Unix()), c.openedAt) // devices refuse times that run backwards
	if opened >= c.asked.Expiry {
		c.stopped = true
		c.cfg.Log.Warn("the question has expired: no further round is opened; begin a new task in a new folder")
		return nil
	}
	units, err := t.charge()
	if err != nil {
		return fmt.Errorf("charge of a round: %w", err)
	}
	if err := c.renew(opened, b); err != nil {
		return err
	}
	_, err = c.ledger.Would(privacy.RoundDebit{Round: number, Question: question, Units: units, P: t.P, B: t.B}, opened)
	if errors.Is(err, privacy.ErrCeiling) || errors.Is(err, privacy.ErrShare) {
		return c.exhausted(question, number, opened, b)
	}
	if err != nil {
		return err
	}
	clip, err := c.clip(t)
	if err != nil {
		return err
	}
	_, bitNoise, err := t.bit()
	if err != nil {
		return err
	}
	open := &audit.RoundOpen{Round: number, OpenedAt: opened, PrevRound: c.prev, Question: question,
		ModelIn: c.head.Model, CodeHash: sha256.Sum256(t.Local.Append(nil)), LayoutHash: c.layout.Hash(), D: uint32(t.Local.Words(c.layout)),
		WordBits: t.WordBits, XMax: t.XMax, Kex: t.Kex, PRG: t.PRG, Sig: t.Sig, Mode: uint16(t.Mode), SeedKind: round.SeedKind(t.Mode),
		GammaBP: t.GammaBP, DeltaBP: t.DeltaBP, Lambda: t.Lambda, Eta: t.Eta, NTarget: t.NTarget, NMin: t.NMin, Cohorts: t.Cohorts,
		C: math.Float32bits(clip), CInt: t.CInt, SigmaTotSq: t.SigmaTotSq, SigmaBitSq: bitNoise, RhoUnits: uint64(units), P: t.P, B: t.B, Deadlines: t.Deadlines,
		WitnessPolicy: c.cfg.WitnessPolicy.ID()}
	entry, err := audit.Seal(c.key(), open)
	if err != nil {
		return fmt.Errorf("seal round %d: %w", number, err)
	}
	c.row = RoundRow{Round: number, OpenHash: audit.LeafHash(entry), Index: c.log.Size(), GraceMillis: uint32(t.Grace.Milliseconds()),
		Code: t.Local.Append(nil), Context: c.evidenceOf(open.CodeHash)}
	b.Open = &c.row
	if err := c.append(entry, b); err != nil {
		return err
	}
	if err := c.newMachine(open); err != nil {
		return err
	}
	c.began = now
	return c.step(now, round.Event{Kind: round.Started}, b)
}

// newMachine makes the machine of the round in c.row; the same at the start and at a replay.
func (c *Coordinator) newMachine(open *audit.RoundOpen) error {
	if open.WitnessPolicy != c.cfg.WitnessPolicy.ID() {
		return fmt.Errorf("round %d was opened under another witness policy: start with that one until the round has ended", open.Round)
	}
	c.debit = debitOf(open)
	standing, err := c.ledger.Would(c.debit, open.OpenedAt)
	if err != nil {
		return fmt.Errorf("round %d is open, and its budget does not allow it; keep the folder and report this: %w", open.Round, err)
	}
	snapshot, err := c.blobs.snapshot(open.ModelIn)
	if err != nil {
		return fmt.Errorf("model of round %d: %w", open.Round, err)
	}
	c.machine = round.New(round.Config{Open: *open, Entry: c.entries[c.row.Index], Index: c.row.Index, Context: c.row.Context, Code: c.row.Code,
		ModelSize: uint64(len(snapshot)), Authority: c.cfg.Authority, AuthorityPQ: c.cfg.AuthorityPQ, Key: c.key(), Signer: c.cfg.Identity.Signer(open.Sig),
		Witnesses: c.cfg.WitnessPolicy, LogOrigin: c.cfg.LogOrigin, LogKey: c.logKey(),
		Grace: time.Duration(c.row.GraceMillis) * time.Millisecond, RhoCumBound: uint64(standing.Total)})
	c.seq = 0
	c.unseen = nil
	clear(c.uploads)
	clear(c.heard)
	c.folder = c.newFolder(open)
	return nil
}
