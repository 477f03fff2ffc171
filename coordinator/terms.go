package coordinator

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/model"
)

// genesis is what a task puts into the log before its first round.
func (c *Coordinator) genesis(expiry uint64) []audit.Record {
	t := &c.cfg.Task
	codeHash := sha256.Sum256(t.Local.Append(nil))
	return []audit.Record{
		t.policy(),
		&audit.CodeRelease{CodeHash: codeHash, Name: t.Local.Name, Version: t.Local.Version},
		&audit.Question{ID: "train", Version: 1, Purpose: t.Purpose, Kind: 1, LayoutHash: c.layout.Hash(), D: uint32(c.layout.Size()),
			C: math.Float32bits(t.C), CInt: t.CInt, SigmaTotSq: t.SigmaTotSq, NMin: t.NMin, P: t.P, B: t.B, ShareBP: 10000,
			Expiry: expiry, CodeHash: codeHash, Result: "the next model version, in the log by its hash"},
	}
}

// checkSameTask refuses to go on in a folder whose log was begun with other terms: devices agreed to the logged ones.
func (c *Coordinator) checkSameTask() error {
	if err := c.cfg.Task.check(c.layout.Size()); err != nil {
		return err
	}
	if c.asked == nil {
		return errors.New("the log in the store holds no question: start with the store it was made for, or in a new folder")
	}
	for _, want := range c.genesis(c.asked.Expiry) {
		entry, err := audit.Seal(c.key(), want)
		if err != nil {
			return fmt.Errorf("seal %T: %w", want, err)
		}
		found := false
		for _, i := range c.context {
			found = found || bytes.Equal(c.entries[i], entry)
		}
		if !found {
			return fmt.Errorf("this folder's log was begun with another task (%s differ): start with the task it was made for, or in a new folder", words(want))
		}
	}
	return nil
}

// words names what a record of a task is made of.
func words(r audit.Record) string {
	switch r.(type) {
	case *audit.PolicyChange:
		return "ceiling, period, participations, spacing, least members, gamma or delta"
	case *audit.CodeRelease:
		return "family or parameters of the local function"
	default:
		return "purpose, model layout, clip, noise, least members, participations or spacing"
	}
}

// checkPublished refuses a store that is behind the log it published, or beside it: a backup that was restored would open
// rounds again that were charged before, and show two histories.
func (c *Coordinator) checkPublished() error {
	note, err := c.cfg.LogDir.Read("checkpoint")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the public log's checkpoint: %w", err)
	}
	cp, err := audit.OpenCheckpoint(c.cfg.LogOrigin, c.cfg.LogKey.Public().(ed25519.PublicKey), note)
	if err != nil {
		return fmt.Errorf("the public log's checkpoint is damaged or another log's: where the folder is this coordinator's own log, move that file away, "+
			"and the next start writes it again; else name its own log folder: %w", err)
	}
	if cp.Size > c.log.Size() {
		return fmt.Errorf("the public log has %d entries and the store %d: the store is an old copy, or a new one beside an old log; "+
			"put the newest store back, or start with a new store and a new log folder", cp.Size, c.log.Size())
	}
	if c.log.Root(cp.Size) != cp.Root {
		return fmt.Errorf("the public log's %d entries are not the store's: put the store back that wrote this log, or name its own log folder", cp.Size)
	}
	return nil
}

func (c *Coordinator) loadLayout(hash [32]byte) error {
	b, err := c.blobs.snapshot(hash)
	if err != nil {
		return fmt.Errorf("head model: %w", err)
	}
	snap, err := model.Parse(b)
	if err != nil {
		return fmt.Errorf("head model %x: %w", hash[:8], err)
	}
	c.layout = snap.Layout
	return nil
}
