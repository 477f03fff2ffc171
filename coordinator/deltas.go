package coordinator

import (
	"errors"
	"log/slog"
	"sync"

	"github.com/cinesync/cinesync/model/delta"
	"github.com/cinesync/cinesync/protocol"
)

// maxDeltas bounds the memory of all deltas that are kept, in bytes. What does not fit any more is not kept, nor made again while its models are in use: devices fetch the whole one.
const maxDeltas = 256 << 20

// deltas are the differences from versions that devices may have to those in use, each made when somebody asks first. Those who wait for one
// wait for all that are being made: a coordinator has few, and one core is enough for them.
type deltas struct {
	making sync.Mutex // around mu; held while one is made

	mu    sync.Mutex
	bases map[[32]byte]bool // what they may begin from
	wants map[[32]byte]bool // what they may make
	made  map[step][]byte   // empty: there is none
	bytes int
}

// step is from one version to another.
type step struct{ base, next [32]byte }

// offer says between which models deltas are made from now on, and lets go of the others.
func (d *deltas) offer(bases, wants [][32]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bases, d.wants = set(bases), set(wants)
	kept := map[step][]byte{}
	d.bytes = 0
	for s, b := range d.made {
		if d.bases[s.base] && d.wants[s.next] {
			kept[s] = b
			d.bytes += len(b)
		}
	}
	d.made = kept
}

func set(list [][32]byte) map[[32]byte]bool {
	out := make(map[[32]byte]bool, len(list))
	for _, h := range list {
		out[h] = true
	}
	return out
}

// known gives a delta that was made, or says that none will be.
func (d *deltas) known(s step) (b []byte, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.bases[s.base] || !d.wants[s.next] || s.base == s.next {
		return nil, true
	}
	b, ok = d.made[s]
	return b, ok
}

// keep keeps a delta, unless it came too late or there is no room; then nobody gets it.
func (d *deltas) keep(s step, b []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.bases[s.base] || !d.wants[s.next] {
		return nil
	}
	if d.bytes+len(b) > maxDeltas {
		b = nil
	}
	d.made[s] = b
	d.bytes += len(b)
	return b
}

// delta gives the delta of a step, the same bytes to everyone; empty if there is none.
func (c *Coordinator) delta(s step) []byte {
	d := &c.deltas
	if b, ok := d.known(s); ok {
		return b
	}
	d.making.Lock()
	defer d.making.Unlock()
	if b, ok := d.known(s); ok {
		return b // made while this one waited
	}
	b, err := c.makeDelta(s)
	if err != nil && !errors.Is(err, delta.ErrNone) {
		c.cfg.Log.Warn("a delta between two models cannot be made: devices fetch the whole file, and nothing else is wrong", slog.Any("error", err))
	}
	return d.keep(s, b)
}

func (c *Coordinator) makeDelta(s step) ([]byte, error) {
	base, err := c.blobs.snapshot(s.base)
	if err != nil {
		return nil, err
	}
	next, err := c.blobs.snapshot(s.next)
	if err != nil {
		return nil, err
	}
	return delta.Encode(base, next)
}

// deltaPart answers a request for a delta: resumable at any offset, and without a look at the disk where there can be none.
func (c *Coordinator) deltaPart(get *protocol.DeltaGet) protocol.Message {
	if !c.blobs.offered(get.Hash) {
		return noSuchModel()
	}
	b := c.delta(step{get.Base, get.Hash})
	if len(b) == 0 || get.Offset > uint64(len(b)) { // the device has a part of another program's delta
		return &protocol.DeltaPart{Base: get.Base, Hash: get.Hash}
	}
	end := min(get.Offset+protocol.ChunkSize, uint64(len(b)))
	return &protocol.DeltaPart{Base: get.Base, Hash: get.Hash, Offset: get.Offset, Total: uint64(len(b)), Data: b[get.Offset:end]}
}

// offerModels says what devices may ask for from now on: the models in use, and deltas that make the two newest of those that are trained
// on of any version that is kept.
func (c *Coordinator) offerModels() {
	c.blobs.offer(c.modelsInUse())
	wants := [][32]byte{c.head.Model}
	if c.before != (publication{}) {
		wants = append(wants, c.before.Model)
	}
	c.deltas.offer(append(wants, c.earlier...), wants)
}

// outdated notes a version that is not in use any more: its model stays as the base of deltas, for as many rounds as the operator said.
func (c *Coordinator) outdated(p publication) {
	if p == (publication{}) || c.cfg.Bases <= 0 {
		return
	}
	c.earlier = append(c.earlier, p.Model)
	c.earlier = c.earlier[max(0, len(c.earlier)-c.cfg.Bases):]
}
