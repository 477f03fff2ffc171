package demo

import (
	"context"
	"sync"
	"time"

	"github.com/cinesync/cinesync/client/door"
	devices "github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

// device is one running device: what `cinesyncd run` runs, in a goroutine of the demo.
type device struct {
	*devices.Device
	door   *door.Door
	say    func(format string, args ...any)
	models chan [32]byte // published models as they arrive; the newest replaces one that nobody took
}

// open opens device i with its planned faults.
func (s *show) open(ctx context.Context, i int) (*device, error) {
	dir := s.folder.device(i)
	opened, err := devices.Open(dir)
	if err != nil {
		return nil, err
	}
	d := &device{Device: opened, say: s.screen.say, models: make(chan [32]byte, 1)}
	id, err := identity.Load(dir)
	if err != nil {
		return d, err
	}
	hooks := devices.Hooks{OnEvent: d.on,
		OnContribution: func(round uint64, noised []uint32) { s.given.put(round, id.Cert.IDPK, noised) },
		Answerer:       func(a door.Answerer) door.Answerer { return &queued{Answerer: a, room: s.training} },
		Dial: func(dial func(context.Context) (protocol.Conn, error)) func(context.Context) (protocol.Conn, error) {
			return (&flaky{faults: s.faults, device: i, dial: dial, room: s.dialling}).Dial
		}}
	if s.o.Crash {
		hooks.KeepAlive, hooks.Idle = crashKeepAlive, crashIdle
	}
	d.door, err = opened.Door(ctx, hooks)
	return d, err
}

// With kills, a device has to notice soon that its coordinator is another process now, or it would miss the phase.
const (
	crashKeepAlive = time.Second
	crashIdle      = 3 * time.Second
)

// room bounds how many devices of this one machine do the same thing at once. Each is alone on its own machine in real
// life; here they would starve each other's connections.
type room chan struct{}

func (r room) enter(ctx context.Context) error {
	select {
	case r <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r room) leave() { <-r }

// queued is the local function, when there is room.
type queued struct {
	door.Answerer
	room room
}

func (q *queued) Answer(ctx context.Context, t door.Task) (door.Answer, error) {
	if err := q.room.enter(ctx); err != nil {
		return door.Answer{}, err
	}
	defer q.room.leave()
	return q.Answerer.Answer(ctx, t)
}

// on is called by the device's own goroutine only.
func (d *device) on(e door.Event) {
	if e.Kind == "refused" || e.Kind == "missed" {
		d.say("%s: %s", d.Dir, e.Detail)
	}
	if e.Kind != "model" {
		return
	}
	select {
	case <-d.models:
	default:
	}
	d.models <- e.Model
}

// await waits until the device has the model, or ctx ends.
func (d *device) await(ctx context.Context, model [32]byte) {
	for {
		select {
		case got := <-d.models:
			if got == model {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// contributions are the noised vectors before their masks, which only the demo can see, since it owns both sides.
type contributions struct {
	mu      sync.Mutex
	vectors map[uint64]map[[32]byte][]uint32
}

func newContributions() *contributions {
	return &contributions{vectors: map[uint64]map[[32]byte][]uint32{}}
}

func (c *contributions) put(round uint64, id [32]byte, v []uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.vectors[round] == nil {
		c.vectors[round] = map[[32]byte][]uint32{}
	}
	c.vectors[round][id] = append([]uint32(nil), v...)
}

// take gives a round's vectors and forgets them and all earlier ones.
func (c *contributions) take(round uint64) map[[32]byte][]uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.vectors[round]
	for r := range c.vectors {
		if r <= round {
			delete(c.vectors, r)
		}
	}
	return out
}
