package demo

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/cinesync/cinesync/protocol"
)

// stage is where a device vanishes.
type stage uint8

const (
	stays        stage = iota
	beforeShares       // its keys are on the roster, nothing more comes
	beforeInput        // its shares are with its neighbours, its vector never comes
	midUpload          // its vector is announced and never complete
	beforeReveal       // its vector counts, its answer never comes
)

// faults decides, from the seed alone, who vanishes in which round, and where: exactly the asked share of the devices,
// spread over the later phases.
type faults struct {
	seed    uint64
	devices int
	share   float64

	mu    sync.Mutex
	round uint64
	plan  []stage
	gone  map[int]stage // who has vanished in this round so far, and where
	over  chan struct{} // closed when the round that is planned has ended
}

func newFaults(seed uint64, devices int, share float64) *faults {
	return &faults{seed: seed, devices: devices, share: share, plan: make([]stage, devices), gone: map[int]stage{}, over: make(chan struct{})}
}

// begin plans a round that has just opened. Called again for the same round, after a crash, it changes nothing.
func (f *faults) begin(round uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if round == f.round {
		return
	}
	if len(f.gone) > 0 {
		f.release() // the end of the round before was never heard: its coordinator was killed just then
	}
	f.round = round
	clear(f.plan)
	clear(f.gone)
	order := rand.New(rand.NewPCG(f.seed, round)).Perm(f.devices)
	for at, device := range order[:vanishing(f.devices, f.share)] {
		f.plan[device] = beforeShares + stage((uint64(at)+round)%4)
	}
}

// end lets the vanished come back.
func (f *faults) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.release()
}

func (f *faults) release() {
	clear(f.plan)
	clear(f.gone)
	close(f.over)
	f.over = make(chan struct{})
}

// vanishes reports whether the device vanishes instead of sending m, and until when it stays away.
func (f *faults) vanishes(device int, m protocol.Message) (<-chan struct{}, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gone := false
	switch m.(type) {
	case *protocol.Shares:
		gone = f.plan[device] == beforeShares
	case *protocol.Input:
		gone = f.plan[device] == beforeInput
	case *protocol.Chunk:
		gone = f.plan[device] == midUpload
	case *protocol.Reveal:
		gone = f.plan[device] == beforeReveal
	}
	if gone {
		f.gone[device] = f.plan[device]
	}
	return f.over, gone
}

// vanished counts who vanished in this round, by the phase whose message never came.
func (f *faults) vanished() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]int{}
	for _, s := range f.gone {
		switch s {
		case beforeShares:
			out["shares"]++
		case beforeInput, midUpload:
			out["inputs"]++
		case beforeReveal:
			out["unmask"]++
		case stays:
		}
	}
	return out
}

// flaky is a device's way to dial with planned faults.
type flaky struct {
	faults *faults
	device int
	dial   func(context.Context) (protocol.Conn, error)
	room   room
	away   <-chan struct{} // stay away until this is closed
}

func (f *flaky) Dial(ctx context.Context) (protocol.Conn, error) {
	if f.away != nil {
		select {
		case <-f.away:
			f.away = nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := f.room.enter(ctx); err != nil {
		return nil, err
	}
	defer f.room.leave()
	conn, err := f.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &flakyConn{Conn: conn, owner: f}, nil
}

type flakyConn struct {
	protocol.Conn
	owner *flaky
}

var errVanished = errors.New("this device vanishes here, as planned")

// Send vanishes without a word where the plan says so.
func (c *flakyConn) Send(ctx context.Context, m protocol.Message) error {
	if until, gone := c.owner.faults.vanishes(c.owner.device, m); gone {
		c.owner.away = until
		c.Conn.Close(protocol.CodeOK, "")
		return errVanished
	}
	return c.Conn.Send(ctx, m)
}
