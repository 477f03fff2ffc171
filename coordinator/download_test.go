package coordinator_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// trained is a world whose task is done, with every device gone, and the models that its rounds made, the start first.
func trained(t *testing.T, o terms, test func(w *world, made []pair)) {
	t.Helper()
	bubble(t, o, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		w.await("done", 0)
		for _, d := range w.devices {
			d.vanish()
		}
		var made []pair
		for _, e := range w.disk.now().entries {
			rec, err := audit.OpenEntry(w.coord.Cert.IDPK[:], e)
			if err != nil {
				t.Fatal(err)
			}
			switch r := rec.(type) {
			case *audit.RoundOpen:
				if made == nil {
					made = append(made, pair{r.ModelIn, r.ModelIn})
				}
			case *audit.RoundClose:
				made = append(made, pair{r.ModelOut, r.ServeHash})
			}
		}
		test(w, made)
	})
}

// pair is what one round published: the model that training goes on from, and the one that is served.
type pair struct{ model, serve [32]byte }

// greeted is a connection that said hello and is in no round.
func (d *device) greeted() *raw {
	d.w.Helper()
	c := d.raw()
	c.say(&protocol.Hello{})
	c.hear(protocol.TypeWelcome)
	return c
}

// TestModelsInUseAreServedAndNoOthers asks for every model that three rounds made.
func TestModelsInUseAreServedAndNoOthers(t *testing.T) {
	trained(t, terms{rounds: 3}, func(w *world, made []pair) {
		if len(made) != 4 {
			t.Fatalf("%d models were made, want the start and three", len(made))
		}
		for i, p := range made {
			for _, hash := range [][32]byte{p.model, p.serve} {
				c := w.devices[0].greeted()
				c.say(&protocol.ModelGet{Hash: hash})
				m, err := c.Recv(w.ctx)
				if i >= 2 {
					if part, ok := m.(*protocol.ModelPart); !ok || part.Hash != hash || len(part.Data) == 0 {
						t.Errorf("model of round %d: %T, %v; want a part of it", i, m, err)
					}
				} else if protocol.CodeOf(err) != protocol.CodeNoSuchModel {
					t.Errorf("model of round %d: %T, %v; want no such model", i, m, err)
				}
				c.Close(protocol.CodeOK, "")
			}
		}
	})
}

// TestModelsInUseAreReadOnce alternates between two models and counts what that costs the disk.
func TestModelsInUseAreReadOnce(t *testing.T) {
	bubble(t, terms{rounds: 2}, func(w *world) {
		var reads atomic.Int32
		if err := w.start(func(op string) fate {
			if op == "read models" {
				reads.Add(1)
			}
			return works
		}); err != nil {
			t.Fatal(err)
		}
		w.join(w.devices...)
		w.await("done", 0)
		w.devices[0].vanish()
		head, before := w.disk.now().head, reads.Load()
		if head.Model == head.Serve {
			t.Fatal("only one model is in use: this test shows nothing")
		}
		c := w.devices[0].greeted()
		for i := range 600 { // more than there are slots for parts being sent
			c.say(&protocol.ModelGet{Hash: [][32]byte{head.Model, head.Serve}[i%2]})
			c.hear(protocol.TypeModelPart)
		}
		c.say(&protocol.ModelGet{Hash: [32]byte{1}})
		if m, err := c.Recv(w.ctx); protocol.CodeOf(err) != protocol.CodeNoSuchModel {
			t.Errorf("a model of nobody: %T, %v", m, err)
		}
		c.Close(protocol.CodeOK, "")
		if n := reads.Load() - before; n > 2 {
			t.Errorf("600 requests for two models read the disk %d times", n)
		}
	})
}

// TestPeerThatDoesNotReadHoldsNoFiles alternates between two models without reading an answer.
func TestPeerThatDoesNotReadHoldsNoFiles(t *testing.T) {
	trained(t, terms{items: big.items, dim: big.dim, rounds: 2}, func(w *world, made []pair) {
		// The connection itself keeps 16 frames of at most a chunk each, and the models in use may be in memory.
		last, size := made[len(made)-1], uint64(len(w.cfg.Start))
		c := w.devices[0].greeted()
		before := heap()
		w.running.Go(func() {
			for i := range 1000 {
				if c.Send(w.ctx, &protocol.ModelGet{Hash: [][32]byte{last.model, last.serve}[i%2]}) != nil {
					return
				}
			}
		})
		synctest.Wait() // everybody waits for somebody: nothing more is taken in
		if grown := int64(heap()) - int64(before); grown > int64(24*size) {
			t.Errorf("a peer that reads nothing makes the coordinator hold %d bytes more, %d times the model", grown, grown/int64(size))
		}
		c.Close(protocol.CodeOK, "")
	})
}

// heap is the memory that is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestOnePeerThatDoesNotReadLeavesDownloadsToOthers wants the rest to be served beside it.
func TestOnePeerThatDoesNotReadLeavesDownloadsToOthers(t *testing.T) {
	trained(t, terms{}, func(w *world, made []pair) {
		hash := made[1].model
		stuck, other := w.devices[0].greeted(), w.devices[1].greeted()
		w.running.Go(func() {
			for stuck.Send(w.ctx, &protocol.ModelGet{Hash: hash}) == nil {
			}
		})
		synctest.Wait()
		other.say(&protocol.ModelGet{Hash: hash})
		other.hear(protocol.TypeModelPart)
		other.Close(protocol.CodeOK, "")
		stuck.Close(protocol.CodeOK, "")
	})
}

// TestDeviceThatReconnectsLeavesDownloadsToOthers opens more connections than there are slots, each in place of the one before
// it, and reads none of the parts it asks for.
func TestDeviceThatReconnectsLeavesDownloadsToOthers(t *testing.T) {
	trained(t, terms{}, func(w *world, made []pair) {
		hash := made[1].model
		var stuck []*raw
		for range 520 {
			c := w.devices[0].greeted()
			stuck = append(stuck, c)
			w.running.Go(func() {
				for c.Send(w.ctx, &protocol.ModelGet{Hash: hash}) == nil {
				}
			})
			synctest.Wait()
		}
		from, other := time.Now(), w.devices[1].greeted()
		other.say(&protocol.ModelGet{Hash: hash})
		other.hear(protocol.TypeModelPart)
		if took := time.Since(from); took != 0 { // fake time
			t.Errorf("another device's part took %v, want none", took)
		}
		for _, c := range stuck[:len(stuck)-1] {
			if h := c.end(); h.Code != protocol.CodeConflict {
				t.Errorf("a replaced connection heard %v, want conflict", h)
				break
			}
		}
		for _, c := range append(stuck, other) {
			c.Close(protocol.CodeOK, "")
		}
	})
}
