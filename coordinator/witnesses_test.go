package coordinator_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"sync"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// witnesses are three that remember, of which two make a quorum.
type witnesses struct {
	w      *world
	policy audit.WitnessPolicy
	keys   []ed25519.PrivateKey

	mu    sync.Mutex
	down  error // why they do not sign, if they do not
	spoil func([]byte) []byte
	away  *mrand.Rand   // where not nil, they do not sign now and then
	gate  chan struct{} // where not nil, they answer once it is closed
	out   int           // requests that are out
	most  int           // at once
	asked []uint64      // sizes of the trees
	size  uint64        // the newest tree they signed
	root  [32]byte
}

var errDown = errors.New("no witness can be reached")

// somePolicy is one witness's.
func somePolicy() audit.WitnessPolicy {
	return audit.WitnessPolicy{Quorum: 1, Witnesses: []audit.Witness{{Name: "witness.test", Key: prototest.Public(prototest.Key("witness"))}}}
}

// witness gives the world's coordinator witnesses.
func (w *world) witness() *witnesses {
	x := &witnesses{w: w, policy: audit.WitnessPolicy{Quorum: 2}}
	for i := range 3 {
		key := prototest.Key(fmt.Sprint("witness ", i))
		x.keys = append(x.keys, key)
		x.policy.Witnesses = append(x.policy.Witnesses, audit.Witness{Name: fmt.Sprintf("witness-%d.test", i), Key: prototest.Public(key)})
	}
	w.cfg.Witnesses, w.cfg.WitnessPolicy = x, x.policy
	return x
}

func (x *witnesses) set(f func(x *witnesses)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(x)
}

func (x *witnesses) Cosign(ctx context.Context, note []byte, size uint64, prove func(uint64) ([][32]byte, error)) ([]byte, error) {
	x.mu.Lock()
	x.out++
	x.most = max(x.most, x.out)
	x.asked = append(x.asked, size)
	gate := x.gate
	x.mu.Unlock()
	defer x.set(func(x *witnesses) { x.out-- })
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.down != nil || x.away != nil && x.away.IntN(3) == 0 {
		return nil, errors.Join(errDown, x.down)
	}
	cp, err := audit.OpenCheckpoint(logOrigin, prototest.Public(x.w.logKey), note)
	if err != nil || cp.Size != size {
		return nil, fmt.Errorf("asked for a tree of %d entries with %q: %w", size, note, err)
	}
	proof, err := prove(x.size)
	if err != nil {
		return nil, err
	}
	if x.size > 0 {
		if err := audit.CheckConsistency(proof, x.size, x.root, cp.Size, cp.Root); err != nil {
			return nil, err
		}
	}
	x.size, x.root = cp.Size, cp.Root
	var lines [][]byte
	for i := range x.policy.Quorum {
		line, err := audit.Cosign(x.policy.Witnesses[i].Name, x.keys[i], note, uint64(time.Now().Unix()))
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	signed, err := audit.AddCosignatures(note, lines, x.policy)
	if err == nil && x.spoil != nil {
		signed = x.spoil(signed)
	}
	return signed, err
}

// opens wants evidence under a checkpoint that the witnesses signed, and gives its size.
func (x *witnesses) opens(ev protocol.Evidence) uint64 {
	x.w.Helper()
	got, err := x.policy.Open(logOrigin, prototest.Public(x.w.logKey), ev.Checkpoint)
	if err != nil {
		x.w.Fatalf("a device was shown %q: %v", ev.Checkpoint, err)
	}
	for _, e := range ev.Entries {
		if err := audit.CheckInclusion(e.Proof, got.Size, got.Root, e.Index, audit.LeafHash(e.Entry)); err != nil {
			x.w.Fatal(err)
		}
	}
	return got.Size
}
