package sim

import (
	"container/heap"
	"time"
)

// moment is something that will happen.
type moment struct {
	at  time.Time
	seq uint64 // ties happen in the order they were planned
	do  func() error
}

type agenda []moment

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(moment)) }
func (a *agenda) Pop() any {
	old := *a
	m := old[len(old)-1]
	*a = old[:len(old)-1]
	return m
}

// after plans something.
func (w *world) after(d time.Duration, do func() error) {
	w.planned++
	heap.Push(&w.agenda, moment{w.now.Add(d), w.planned, do})
}
