package coordinator

import "sync"

// turns let one device send one part of a model at a time, over however many connections it has: the slots that all devices
// share are not for one of them.
type turns struct {
	mu sync.Mutex
	of map[[32]byte]*turn
}

type turn struct {
	slot  chan struct{}
	conns int
}

// join gives the slot of a device to one of its connections; leave must be called when that one is over.
func (t *turns) join(id [32]byte) (slot chan struct{}, leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[[32]byte]*turn{}
	}
	own := t.of[id]
	if own == nil {
		own = &turn{slot: make(chan struct{}, 1)}
		t.of[id] = own
	}
	own.conns++
	return own.slot, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if own.conns--; own.conns == 0 {
			delete(t.of, id)
		}
	}
}
