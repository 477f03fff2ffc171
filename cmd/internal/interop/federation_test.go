package interop

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/cinesync/operate"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
	devices "github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/cmd/internal/witnessing"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/serve/catalog/household"
)

// given are the noised vectors before their masks, by round and identity key in hex.
type given struct {
	mu      sync.Mutex
	vectors map[uint64]map[string][]uint32
}

func (g *given) put(round uint64, id [32]byte, v []uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.vectors[round] == nil {
		g.vectors[round] = map[string][]uint32{}
	}
	g.vectors[round][hex.EncodeToString(id[:])] = append([]uint32(nil), v...)
}

// witness runs the witness until ctx ends, and tells the coordinator's folder where it is.
func (w *world) witness(t *testing.T, ctx context.Context, group *errgroup.Group) {
	t.Helper()
	at := make(chan string, 1)
	group.Go(func() error {
		return witnessing.Serve(ctx, filepath.Join(w.dir, "witness"), witnessing.Options{Listen: "127.0.0.1:0",
			Ready: func(r witnessing.Running) { at <- r.Address }})
	})
	select {
	case address := <-at:
		w.cfg.Witnesses = []string{address}
		check(t, w.cfg.Save(w.coordinator()))
	case <-ctx.Done():
		t.Fatal(context.Cause(ctx))
	}
}

// running is the coordinator, and what it has told.
type running struct {
	at   coordinator.Event // where it listens
	done chan struct{}     // closed when the task is done
	ends []coordinator.Event
}

// coordinate runs the coordinator until ctx ends; it returns once the coordinator listens.
func (w *world) coordinate(t *testing.T, ctx context.Context, group *errgroup.Group) *running {
	t.Helper()
	c, listening := &running{done: make(chan struct{})}, make(chan coordinator.Event, 1)
	group.Go(func() error {
		return operate.Run(ctx, w.coordinator(), operate.Options{OnEvent: func(e coordinator.Event) {
			t.Logf("coordinator: %s, round %d, phase %q, %s %s %s %v", e.Kind, e.Round, e.Phase, e.Outcome, e.Reason, e.Detail, e.Millis)
			switch e.Kind {
			case "listening":
				listening <- e
			case "round":
				c.ends = append(c.ends, e)
			case "done":
				close(c.done)
			}
		}})
	})
	select {
	case c.at = <-listening:
	case <-ctx.Done():
		t.Fatal(context.Cause(ctx), group.Wait())
	}
	return c
}

// run makes a device of this repository and runs it until ctx ends.
func (w *world) run(t *testing.T, ctx context.Context, group *errgroup.Group, name, address string, watches []household.Watch, all *given) {
	t.Helper()
	d, id := w.ourDevice(t, ctx, name, address, watches)
	group.Go(func() error {
		door, err := d.Door(ctx, devices.Hooks{OnContribution: func(round uint64, noised []uint32) { all.put(round, id, noised) }})
		if err == nil {
			err = door.Run(ctx)
		}
		return errors.Join(err, d.Close())
	})
}

// took wants a client to have been counted in every round, as far as it can tell, and keeps its vectors.
func took(reports []report, id [32]byte, cut bool, all *given) error {
	if len(reports) != rounds {
		return fmt.Errorf("the client with key %x reports %d rounds, want %d", id[:4], len(reports), rounds)
	}
	for i, r := range reports {
		counted := r.Counted != nil && *r.Counted || r.Counted == nil && cut
		if r.Outcome != "RoundClose" || !counted || r.Round != uint64(i+1) {
			return fmt.Errorf("the client with key %x says %+v, want round %d closed with its vector", id[:4], r, i+1)
		}
		all.put(r.Round, id, r.Noised)
	}
	return nil
}

// wordBits are packed words: what a coordinator takes by itself for so few members.
const wordBits = 16

// check wants every round closed over all devices, with the sum of what they had before their masks.
func (c *running) check(t *testing.T, all *given) {
	t.Helper()
	if len(c.ends) != rounds {
		t.Fatalf("%d rounds ended, want %d", len(c.ends), rounds)
	}
	for _, e := range c.ends {
		if e.Outcome != "done" || e.U3 != ours+theirs || len(e.Members) != ours+theirs {
			t.Errorf("round %d ended %s %s %s with %d vectors of %d members, want %d of each", e.Round, e.Outcome, e.Reason, e.Detail, e.U3, len(e.Members), ours+theirs)
			continue
		}
		var sum []uint32
		for _, member := range e.Members {
			v := all.vectors[e.Round][member]
			if sum == nil {
				sum = make([]uint32, len(v))
			}
			if len(v) == 0 || len(v) != len(sum) {
				t.Fatalf("round %d: member %s has told a vector of %d words, others one of %d", e.Round, member, len(v), len(sum))
			}
			aggregation.Add(sum, v)
		}
		if hash := aggregation.SumHash(aggregation.Signed(sum, wordBits)); hex.EncodeToString(hash[:]) != e.Sum {
			t.Errorf("round %d published the sum %s, the vectors of its members add up to %x", e.Round, e.Sum, hash)
		}
	}
}

// audited wants the log to hold both rounds and to pass every check, the witness's signature among them.
func (w *world) audited(t *testing.T) {
	t.Helper()
	r, err := auditing.Verify(os.DirFS(w.dir), audit.Options{Live: true, Now: uint64(time.Now().Unix())})
	check(t, err)
	if !r.OK || r.Closed != rounds || r.Aborted != 0 || len(r.Witnesses) != 1 {
		t.Errorf("the audit says ok %v, %d closed, %d aborted, witnesses %v: %+v", r.OK, r.Closed, r.Aborted, r.Witnesses, r.Checks)
	}
}
