package quic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// memory is a weighted semaphore over bytes, first come first served.
type memory struct {
	mu      sync.Mutex
	free    int64
	waiters []waiter
}

type waiter struct {
	n     int64
	ready chan struct{} // closed once the bytes are the waiter's
}

func newMemory(n int64) *memory { return &memory{free: n} }

// errNoMemory ends a connection whose frame found no memory: everybody's frames must not wait for those that are slow to be handled.
var errNoMemory = errors.New("no memory for the frame came free")

// take waits for n bytes until ctx ends or over is closed, and for memoryWait at most.
func (m *memory) take(ctx context.Context, over <-chan struct{}, n int) error {
	m.mu.Lock()
	if len(m.waiters) == 0 && m.free >= int64(n) {
		m.free -= int64(n)
		m.mu.Unlock()
		return nil
	}
	w := waiter{n: int64(n), ready: make(chan struct{})}
	m.waiters = append(m.waiters, w)
	m.mu.Unlock()
	timer := time.NewTimer(memoryWait)
	defer timer.Stop()
	err := protocol.ErrLost
	select {
	case <-w.ready:
		return nil
	case <-over:
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = fmt.Errorf("%w within %v", errNoMemory, time.Duration(memoryWait))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.IndexFunc(m.waiters, func(o waiter) bool { return o.ready == w.ready }); i >= 0 {
		m.waiters = slices.Delete(m.waiters, i, i+1)
	} else {
		m.free += w.n // granted at the same moment
	}
	m.grant()
	return err
}

func (m *memory) give(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free += int64(n)
	m.grant()
}

// grant serves waiters from the front; the caller holds mu.
func (m *memory) grant() {
	for len(m.waiters) > 0 && m.waiters[0].n <= m.free {
		m.free -= m.waiters[0].n
		close(m.waiters[0].ready)
		m.waiters = m.waiters[1:]
	}
}

// lease is one connection's hold on the memory, as a protocol.Budget. The bytes of a message stay held until the next Recv or the end of the
// connection, that is, while the message is being handled. All of it is guarded by the connection's receive lock.
type lease struct {
	memory *memory
	over   <-chan struct{} // closed when the connection ends
	ctx    context.Context // of the Recv under way; set before the reader runs
	handed int             // bytes of the message that Recv returned last
}

// Take reserves n bytes.
func (l *lease) Take(n int) error { return l.memory.take(l.ctx, l.over, n) }

// Give returns n bytes.
func (l *lease) Give(n int) { l.memory.give(n) }

// release returns the bytes of the last message.
func (l *lease) release() {
	l.memory.give(l.handed)
	l.handed = 0
}
