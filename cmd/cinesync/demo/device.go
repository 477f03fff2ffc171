package demo

import (
	"context"
	"sync"

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
func (f *folder) open(ctx context.Context, i int, plan *faults, given *contributions, say func(string, ...any)) (*device, error) {
	opened, err := devices.Open(f.device(i))
	if err != nil {
		return nil, err
	}
	d := &device{Device: opened, say: say, models: make(chan [32]byte, 1)}
	id, err := identity.Load(f.device(i))
	if err != nil {
		return d, err
	}
	d.door, err = opened.Door(ctx, devices.Hooks{OnEvent: d.on,
		OnContribution: func(round uint64, noised []uint32) { given.put(round, id.Cert.IDPK, noised) },
		Dial: func(dial func(context.Context) (protocol.Conn, error)) func(context.Context) (protocol.Conn, error) {
			return (&flaky{faults: plan, device: i, dial: dial}).Dial
		}})
	return d, err
}

// on is called by the device's own goroutine only.
func (d *device) on(e door.Event) {
	if e.Kind == "refused" {
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
