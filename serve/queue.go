package serve

import (
	"errors"
	"sync"
)

// mostJoined is the most requests that are answered in one call of a backend.
const mostJoined = 256

// queue has requests answered by one backend, a call at a time. Who comes while a call runs waits, and all who wait are the next call: a
// backend reads its table once for all of them. Who comes to an idle queue waits for nobody.
//
// There is no goroutine: the first of those who wait calls for all, and hands over to the first of those who came meanwhile.
type queue[T any] struct {
	together func(asks []*T) error // answers some at once; it is not called twice at a time

	mu      sync.Mutex
	waiting []*waiter[T]
	busy    bool // somebody leads
}

// waiter is one request in a queue.
type waiter[T any] struct {
	ask  *T
	err  error
	turn chan bool // true: lead; false: this is answered
}

// errUnanswered is what those get who waited for a call that panicked.
var errUnanswered = errors.New("the call that this request was part of was given up")

// do has a request answered, perhaps together with others; the error is that of the call.
func (q *queue[T]) do(ask *T) error {
	w := &waiter[T]{ask: ask, turn: make(chan bool, 1)}
	q.mu.Lock()
	q.waiting = append(q.waiting, w)
	lead := !q.busy
	q.busy = true
	q.mu.Unlock()
	if lead || <-w.turn {
		q.lead()
	}
	return w.err
}

// lead answers those who wait, the caller among them, and hands over.
func (q *queue[T]) lead() {
	q.mu.Lock()
	n := min(len(q.waiting), mostJoined)
	joined := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil // lets go of what was answered
	}
	q.mu.Unlock()
	asks := make([]*T, n)
	for i, w := range joined {
		asks[i], w.err = w.ask, errUnanswered
	}
	defer q.handOver(joined) // after a panic too, which is the leader's own
	err := q.together(asks)
	for _, w := range joined {
		w.err = err
	}
}

func (q *queue[T]) handOver(answered []*waiter[T]) {
	for _, w := range answered {
		w.turn <- false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy = len(q.waiting) > 0; q.busy {
		q.waiting[0].turn <- true
	}
}
