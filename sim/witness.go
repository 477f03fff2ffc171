package sim

import (
	"bytes"
	"crypto/ed25519"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/coordinator/round"
)

// In mode W three honest witnesses sign every head of the log at once, but for the head over a roster, from which the graph is
// drawn: that takes a while, and where the network fails it does not come.

const simWitnesses, simQuorum = 3, 2

// policy is what devices and coordinator pin; nothing outside mode W.
func (w *world) policy() (p audit.WitnessPolicy) {
	if w.cfg.Mode != aggregation.ModeW {
		return p
	}
	for i := range simWitnesses {
		p.Witnesses = append(p.Witnesses, audit.Witness{Name: witnessName(i), Key: w.key("witness", i).Public().(ed25519.PublicKey)})
	}
	p.Quorum = simQuorum
	return p
}

func witnessName(i int) string { return fmt.Sprintf("witness-%d.sim", i) }

// signed is a checkpoint over so many entries, cosigned in so many seconds since 1970: whoever asks again then gets the same bytes.
type signed struct {
	size uint64
	at   int64
	note []byte
}

// head is the newest checkpoint, cosigned in mode W. It is its caller's.
func (c *coord) head() ([]byte, error) {
	size, at := c.log.Size(), c.w.now.Unix()
	if c.newest.note == nil || c.newest.size != size || c.newest.at != at {
		note, err := c.sign(size)
		if err != nil {
			return nil, err
		}
		c.newest = signed{size, at, note}
	}
	return bytes.Clone(c.newest.note), nil
}

// sign makes it. A quorum signs, not always the same.
func (c *coord) sign(size uint64) ([]byte, error) {
	note, err := audit.SignCheckpoint(origin, c.logKey, size, c.log.Root(size))
	if err != nil || c.w.cfg.Mode != aggregation.ModeW {
		return note, err
	}
	absent := int(size) % (simWitnesses + 1)
	var lines [][]byte
	for i := range simWitnesses {
		if i == absent {
			continue
		}
		line, err := audit.Cosign(witnessName(i), c.w.key("witness", i), note, uint64(c.w.now.Unix()))
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return audit.AddCosignatures(note, lines, c.w.policy())
}

// logged tells the machine that an entry is in the log: at once, or when witnesses have signed it where it waits for that.
func (c *coord) logged(e round.Event, cosign bool) error {
	if !cosign {
		return c.step(e)
	}
	if c.w.chance(c.w.cfg.Unsigned) {
		c.w.fact("witnesses silent")
		return nil
	}
	life, m := c.life, c.machine
	c.w.after(c.w.delay(), func() error {
		if life != c.life || m != c.machine {
			return nil
		}
		var err error
		if e.Note, err = c.head(); err != nil {
			return err
		}
		return c.step(e)
	})
	return nil
}

// retell tells a replayed machine again what it waits to see in the log.
func (c *coord) retell() error {
	for _, hash := range c.machine.Awaiting() {
		for i := c.index; i < c.log.Size(); i++ {
			if audit.LeafHash(c.entries[i]) != hash {
				continue
			}
			if err := c.logged(round.Event{Kind: round.Logged, Hash: hash, Index: i}, c.w.cfg.Mode == aggregation.ModeW); err != nil {
				return err
			}
		}
	}
	return nil
}
