package coordinator_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync/atomic"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// device is a real device: the door and the participant's machine, over stores in memory and a made-up answer.
type device struct {
	w       *world
	name    string
	id      protocol.Identity
	vault   vault
	models  cache
	scratch participant.Memory
	update  []float32
	titles  []model.Example
	gone    atomic.Bool // cannot reach the coordinator any more

	// hook may replace what the device sends on a connection; nil leaves it.
	hook func(c *tapped, m protocol.Message) []protocol.Message
	// heard is told what arrives, hang-ups included; may be nil.
	heard func(m protocol.Message, err error)

	closed map[uint64]participant.Closed // under w.mu
}

func newDevice(w *world, i, d int, o terms) *device {
	name := fmt.Sprintf("device %d", i)
	dev := &device{w: w, name: name, id: o.identity(name, protocol.ClassDevice), update: make([]float32, d), closed: map[uint64]participant.Closed{}}
	dev.scratch = *participant.NewMemory()
	dev.models = cache{whole: map[[32]byte][]byte{}, parts: map[[32]byte][]byte{}}
	for k := range dev.update {
		dev.update[k] = float32((k+3*i)%7-3) / 100
	}
	return dev
}

// join starts the devices.
func (w *world) join(list ...*device) {
	w.Helper()
	for _, d := range list {
		opened, err := d.open()
		if err != nil {
			w.Fatal(err)
		}
		w.running.Go(func() {
			if err := opened.Run(w.ctx); err != nil {
				w.Errorf("%s: %v", d.name, err)
			}
		})
	}
}

func (d *device) open() (*door.Door, error) {
	return door.Open(d.w.ctx, door.Config{
		Participant: participant.Config{Key: d.id.Key, Cert: d.id.Cert, CertPQ: d.id.CertPQ, Authority: prototest.AuthorityKey(),
			AuthorityPQ: prototest.AuthorityPQ(), CoordinatorPQ: d.w.coordPQ(), Witnesses: d.w.cfg.WitnessPolicy, Coordinator: d.w.coord.Cert.IDPK[:],
			LogOrigin: logOrigin, LogKey: prototest.Public(d.w.logKey), Floor: participant.Demo(100), Random: rand.Reader},
		Store: &d.vault, Counter: &d.vault, Scratch: &d.scratch, Models: &d.models, Answerer: d, Dial: d.dial, OnEvent: d.told,
		OnContribution: func(round uint64, noised []uint32) { d.w.gave(round, d.id.Cert.IDPK, noised) }})
}

// Answer is the same update in every round of training, and the device's titles where they are asked for.
func (d *device) Answer(_ context.Context, t door.Task) (door.Answer, error) {
	snap, err := model.Parse(t.Model)
	if err != nil {
		return door.Answer{}, err
	}
	if local, err := model.ParseLocal(t.Code); err != nil {
		return door.Answer{}, err
	} else if local.Name == model.PopularityFunction {
		counts := make([]float32, local.Words(snap.Layout))
		err := model.Count(counts, d.titles)
		return door.Answer{LayoutHash: snap.Layout.Hash(), Update: participant.Floats(counts)}, err
	}
	return door.Answer{LayoutHash: snap.Layout.Hash(), Update: participant.Floats(slices.Clone(d.update))}, nil
}

func (d *device) told(e door.Event) {
	if e.Closed == nil {
		return
	}
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	d.closed[e.Round] = *e.Closed
	d.w.stir()
}

// ending waits until the device has heard how a round ended.
func (d *device) ending(round uint64) (c participant.Closed) {
	d.w.Helper()
	d.w.until(func() (ok bool) { c, ok = d.closed[round]; return ok }, fmt.Sprintf("%s to hear how round %d ended", d.name, round))
	return c
}

// counted waits until the device knows that its vector is in the round's sum.
func (d *device) counted(round uint64) {
	d.w.Helper()
	if c := d.ending(round); c.Aborted || !c.Counted {
		d.w.Errorf("%s: round %d: %+v, want it counted", d.name, round, c)
	}
}

func (d *device) dial(ctx context.Context) (protocol.Conn, error) {
	if d.gone.Load() {
		return nil, fmt.Errorf("%s is switched off", d.name)
	}
	c, err := d.w.net.Dial(ctx, address, d.id.Cert)
	if err != nil {
		return nil, err
	}
	return &tapped{Conn: c, d: d}, nil
}

// vanish ends the device's connections and lets it make no other.
func (d *device) vanish() {
	d.gone.Store(true)
	d.w.net.Cut(d.id.Cert.IDPK)
}

func (w *world) gave(round uint64, id [32]byte, v []uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.given[round] == nil {
		w.given[round] = map[[32]byte][]uint32{}
	}
	if old, ok := w.given[round][id]; ok && !slices.Equal(old, v) {
		w.Errorf("a device drew its noise twice in round %d", round)
	}
	w.given[round][id] = slices.Clone(v)
}

// tapped is a device's connection with a hook in it.
type tapped struct {
	protocol.Conn
	d *device
}

func (c *tapped) Send(ctx context.Context, m protocol.Message) error {
	list := []protocol.Message{m}
	if c.d.hook != nil {
		list = c.d.hook(c, m)
	}
	for _, m := range list {
		if err := c.Conn.Send(ctx, m); err != nil {
			if c.d.heard != nil {
				c.d.heard(nil, err) // a hang-up is told to whoever asks first
			}
			return err
		}
	}
	return nil
}

func (c *tapped) Recv(ctx context.Context) (protocol.Message, error) {
	m, err := c.Conn.Recv(ctx)
	if c.d.heard != nil {
		c.d.heard(m, err)
	}
	return m, err
}

// vault is a device's ledger, session and outbox in memory.
type vault struct {
	entries [][]byte
	session []byte
	counted uint64 // what stands for a counter elsewhere
}

func (v *vault) Reached(context.Context) (uint64, bool, error) { return v.counted, true, nil }

func (v *vault) Record(_ context.Context, seq uint64) error { v.counted = seq; return nil }

func (v *vault) Entries(context.Context) ([][]byte, error) { return slices.Clone(v.entries), nil }

func (v *vault) Session(context.Context) ([]byte, error) { return bytes.Clone(v.session), nil }

func (v *vault) Commit(_ context.Context, c door.Commit) error {
	if c.Entry != nil {
		if _, err := privacy.ParseEntry(c.Entry); err != nil || c.Seq != uint64(len(v.entries))+1 {
			return fmt.Errorf("ledger entry %d after %d: %w", c.Seq, len(v.entries), door.ErrConflict)
		}
		v.entries = append(v.entries, c.Entry)
	}
	if c.SaveSession {
		v.session = bytes.Clone(c.Session)
	}
	return nil
}

// cache keeps models in memory.
type cache struct{ whole, parts map[[32]byte][]byte }

func (c *cache) Read(hash [32]byte) ([]byte, error) {
	if b, ok := c.whole[hash]; ok {
		return b, nil
	}
	return nil, fs.ErrNotExist
}

func (c *cache) Resume(hash [32]byte, w io.Writer) (int64, bool, error) {
	if _, ok := c.whole[hash]; ok {
		return 0, true, nil
	}
	n, err := w.Write(c.parts[hash])
	return int64(n), false, err
}

func (c *cache) Append(hash [32]byte, offset int64, b []byte) error {
	if offset != int64(len(c.parts[hash])) {
		return fmt.Errorf("part at %d of a file of %d bytes so far", offset, len(c.parts[hash]))
	}
	c.parts[hash] = append(c.parts[hash], b...)
	return nil
}

func (c *cache) Finish(hash [32]byte) error {
	if sha256.Sum256(c.parts[hash]) != hash {
		return fmt.Errorf("a model that does not hash to its name")
	}
	c.whole[hash] = c.parts[hash]
	delete(c.parts, hash)
	return nil
}

func (c *cache) Promote([32]byte) error { return nil }

func (c *cache) Discard(hash [32]byte) error { delete(c.parts, hash); return nil }
