package coordinator_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/cinesync/cinesync/model/delta"
	"github.com/cinesync/cinesync/protocol"
)

// bases keeps three versions beside the two newest.
var bases = terms{half: true, items: 60, dim: 8, rounds: 7, bases: 3}

// fetchDelta asks for all of a delta.
func (d *device) fetchDelta(base, hash [32]byte) []byte {
	d.w.Helper()
	c := d.greeted()
	defer func() { c.Close(protocol.CodeOK, "") }()
	var got []byte
	for {
		c.say(&protocol.DeltaGet{Base: base, Hash: hash, Offset: uint64(len(got))})
		p := c.hear(protocol.TypeDeltaPart).(*protocol.DeltaPart)
		if p.Base != base || p.Hash != hash || p.Total > 0 && p.Offset != uint64(len(got)) {
			d.w.Fatalf("part at %d from %x to %x", p.Offset, p.Base[:4], p.Hash[:4])
		}
		got = append(got, p.Data...)
		if uint64(len(got)) >= p.Total {
			return got
		}
	}
}

// TestVersionsThatAreKeptAreBasesOfDeltas asks for the way from every version that seven rounds made to every other.
func TestVersionsThatAreKeptAreBasesOfDeltas(t *testing.T) {
	trained(t, bases, func(w *world, made []pair) {
		newest := len(made) - 1
		for _, restart := range []bool{false, true} {
			if restart {
				w.halt()
				w.mustStart()
			}
			for i, base := range made {
				for j, next := range made {
					if j < newest-1 {
						continue // not in use: no such model, as for whole files
					}
					d := w.devices[0].fetchDelta(base.model, next.model)
					if i == j || i < newest-1-bases.bases {
						if len(d) != 0 {
							t.Errorf("%d bytes from version %d to %d, want none", len(d), i, j)
						}
						continue
					}
					if other := w.devices[1].fetchDelta(base.model, next.model); !slices.Equal(other, d) {
						t.Errorf("from version %d to %d, two devices get two deltas", i, j)
					}
					to := w.disk.models[fmt.Sprintf("%x.snapshot", next.model)]
					if file, err := delta.Apply(w.disk.models[fmt.Sprintf("%x.snapshot", base.model)], d, next.model); err != nil || len(d) >= len(to) {
						t.Errorf("from version %d to %d: a delta of %d bytes makes %d of %d: %v", i, j, len(d), len(file), len(to), err)
					}
				}
			}
			if none := w.devices[0].fetchDelta(sha256.Sum256([]byte("unknown")), made[newest].model); len(none) != 0 {
				t.Errorf("a delta of %d bytes from nowhere", len(none))
			}
		}
	})
}

func TestOldVersionsKeepTheirModelAlone(t *testing.T) {
	trained(t, bases, func(w *world, made []pair) {
		newest := len(made) - 1
		want := append(append([]string{"serving"}, made[newest-1].files()...), made[newest].files()...)
		for _, p := range made[newest-1-bases.bases : newest-1] {
			want = append(want, fmt.Sprintf("%x.snapshot", p.model))
		}
		slices.Sort(want)
		if got := w.models(); !slices.Equal(got, want) {
			t.Errorf("the folder holds %q,\nwant %q", got, want)
		}
	})
}

func TestDeltaOfAModelThatIsNotInUse(t *testing.T) {
	trained(t, bases, func(w *world, made []pair) {
		for _, hash := range [][32]byte{made[1].model, sha256.Sum256([]byte("unknown"))} {
			c := w.devices[0].greeted()
			c.say(&protocol.DeltaGet{Base: made[0].model, Hash: hash})
			if m, err := c.Recv(w.ctx); protocol.CodeOf(err) != protocol.CodeNoSuchModel {
				t.Errorf("%T, %v; want no such model", m, err)
			}
			c.Close(protocol.CodeOK, "")
		}
		// A part of another program's longer delta is no reason to hang up: the device takes the whole model.
		c := w.devices[0].greeted()
		c.say(&protocol.DeltaGet{Base: made[6].model, Hash: made[7].model, Offset: 1 << 60})
		if p := c.hear(protocol.TypeDeltaPart).(*protocol.DeltaPart); p.Total != 0 || len(p.Data) != 0 {
			t.Errorf("%+v, want none", p)
		}
		c.Close(protocol.CodeOK, "")
	})
}

// TestDeltaIsMadeOnce has every device ask many times.
func TestDeltaIsMadeOnce(t *testing.T) {
	o := bases
	o.rounds = 3
	bubble(t, o, func(w *world) {
		var reads atomic.Int32
		if err := w.start(func(op string) fate {
			if op == "read models" {
				reads.Add(1)
			}
			return works
		}); err != nil {
			t.Fatal(err)
		}
		start := w.disk.now().head.Model
		w.join(w.devices...)
		w.await("done", 0)
		for _, d := range w.devices {
			d.vanish()
		}
		head, before := w.disk.now().head, reads.Load()
		for i := range 50 {
			if d := w.devices[i%4].fetchDelta(start, head.Model); len(d) == 0 {
				t.Fatal("there is no delta")
			}
		}
		if n := reads.Load() - before; n > 2 {
			t.Errorf("50 requests for one delta read the disk %d times", n)
		}
	})
}

// TestDeltaFromADamagedVersionIsNotMade leaves devices the whole file.
func TestDeltaFromADamagedVersionIsNotMade(t *testing.T) {
	trained(t, bases, func(w *world, made []pair) {
		w.disk.models[fmt.Sprintf("%x.snapshot", made[4].model)] = []byte("damaged")
		if d := w.devices[0].fetchDelta(made[4].model, made[7].model); len(d) != 0 {
			t.Errorf("a delta of %d bytes from a damaged version", len(d))
		}
		if d := w.devices[0].fetchDelta(made[5].model, made[7].model); len(d) == 0 {
			t.Error("no delta from the version after it")
		}
	})
}
