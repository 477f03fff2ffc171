package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// Memory is a weighted semaphore over bytes, first come first served.
type Memory struct {
	mu      sync.Mutex
	free    int64
	waiters []waiter
	large   *Memory // what bodies over protocol.MaxBundle may hold of it together, so that a few of them do not shut out everybody
}

type waiter struct {
	n     int64
	ready chan struct{} // closed once the bytes are the waiter's
}

// NewMemory has n bytes to give.
func NewMemory(n int64) *Memory {
	return &Memory{free: n, large: &Memory{free: max(n/2, protocol.MaxRosterBundle)}}
}

// Free is how many bytes are not held.
func (m *Memory) Free() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.free
}

// ErrNoMemory ends a connection whose frame found no memory: everybody's frames must not wait for those that are slow to be handled.
var ErrNoMemory = errors.New("no memory for the frame came free")

// Take waits for n bytes until ctx ends or over is closed, and for wait at most.
func (m *Memory) Take(ctx context.Context, over <-chan struct{}, wait time.Duration, n int) error {
	m.mu.Lock()
	if len(m.waiters) == 0 && m.free >= int64(n) {
		m.free -= int64(n)
		m.mu.Unlock()
		return nil
	}
	w := waiter{n: int64(n), ready: make(chan struct{})}
	m.waiters = append(m.waiters, w)
	m.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	err := protocol.ErrLost
	select {
	case <-w.ready:
		return nil
	case <-over:
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = fmt.Errorf("%w within %v", ErrNoMemory, wait)
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

// Give returns n bytes.
func (m *Memory) Give(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free += int64(n)
	m.grant()
}

// grant serves waiters from the front; the caller holds mu.
func (m *Memory) grant() {
	for len(m.waiters) > 0 && m.waiters[0].n <= m.free {
		m.free -= m.waiters[0].n
		close(m.waiters[0].ready)
		m.waiters = m.waiters[1:]
	}
}

// lease is one connection's hold on the memory, as a protocol.Budget. The bytes of a message stay held until the next Recv or the end of the
// connection, that is, while the message is being handled. All of it is guarded by the connection's receive lock.
type lease struct {
	memory *Memory
	wait   time.Duration
	over   <-chan struct{} // closed when the connection ends
	ctx    context.Context // of the Recv under way; set before the reader runs
	handed int             // bytes of the message that Recv returned last
}

// Take reserves n bytes, for a large body among the large ones first.
func (l *lease) Take(n int) error {
	if n <= protocol.MaxBundle {
		return l.memory.Take(l.ctx, l.over, l.wait, n)
	}
	if err := l.memory.large.Take(l.ctx, l.over, l.wait, n); err != nil {
		return err
	}
	err := l.memory.Take(l.ctx, l.over, l.wait, n)
	if err != nil {
		l.memory.large.Give(n)
	}
	return err
}

// Give returns n bytes that Take reserved at once.
func (l *lease) Give(n int) {
	l.memory.Give(n)
	if n > protocol.MaxBundle {
		l.memory.large.Give(n)
	}
}

// release returns the bytes of the last message.
func (l *lease) release() {
	l.Give(l.handed)
	l.handed = 0
}
