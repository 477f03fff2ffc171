package coordinator

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/model"
)

// genesis is what a task puts into the log before its first round.
func (c *Coordinator) genesis(expiry uint64) []audit.Record {
	t := &c.cfg.Task
	out := []audit.Record{t.policy()}
	if first := t.first(c.layout); first != nil {
		out = append(out, first.question(firstQuestion, c.layout, expiry)...)
	}
	return append(out, t.question(trainQuestion, c.layout, expiry)...)
}

// question is the release of a question's code and the question itself.
func (t *Task) question(id string, layout model.Layout, expiry uint64) []audit.Record {
	codeHash := sha256.Sum256(t.Local.Append(nil))
	return []audit.Record{
		&audit.CodeRelease{CodeHash: codeHash, Name: t.Local.Name, Version: t.Local.Version},
		&audit.Question{ID: id, Version: 1, Purpose: t.Purpose, Kind: t.asks(), LayoutHash: layout.Hash(), D: uint32(t.Local.Words(layout)),
			C: math.Float32bits(t.largestClip()), CInt: t.CInt, SigmaTotSq: t.SigmaTotSq, NMin: t.NMin, P: t.P, B: t.B, ShareBP: t.ShareBP,
			Expiry: expiry, CodeHash: codeHash, Result: t.result()},
	}
}

// result is where the result appears, and the task file by its hash: every round names the question, and with it the file.
func (t *Task) result() string {
	appears := "the next model version, in the log by its hash"
	if t.Local.Name == model.PopularityFunction {
		appears = "the title biases that training starts from, in version 1"
	}
	if t.Hash == ([32]byte{}) {
		return appears
	}
	return fmt.Sprintf("%s; task %x", appears, t.Hash)
}

// checkSameTask refuses to go on in a folder whose log was begun with other terms: devices agreed to the logged ones.
func (c *Coordinator) checkSameTask() error {
	if err := c.checkTask(); err != nil {
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
		return "purpose, task file, model layout, clip, noise, least members, participations, spacing or share"
	}
}

// checkTask holds every question's terms against the layout, and chooses the words that were left to it.
func (c *Coordinator) checkTask() error {
	t := &c.cfg.Task
	d := t.Local.Words(c.layout)
	t.chooseWords(d)
	if err := t.check(d); err != nil {
		return err
	}
	return t.checkPopularity(c.layout)
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
