// Package par runs data-parallel loops on all cores.
//
// Owns: the only goroutines that pure packages may use.
// Promises: Do returns after every call has returned; results must not depend on the order of calls.
// Never: keeps a goroutine alive after Do, decides how work is cut.
// Start here: Do.
package par

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Do calls f(0) … f(n-1), on up to GOMAXPROCS goroutines, and returns when all are done. A panic in f is raised again in
// the caller, so that a broken invariant still stops the process.
func Do(n int, f func(i int)) { Each(Width(), n, func(_, i int) { f(i) }) }

// Width is how many goroutines Do runs at once, for callers that keep memory for each.
func Width() int { return runtime.GOMAXPROCS(0) }

// Each is Do on up to width goroutines, and tells f which of them calls, from 0: two calls with the same number never overlap.
func Each(width, n int, f func(worker, i int)) {
	workers := min(width, n)
	if workers <= 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var broken any
	for worker := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() {
				if r := recover(); r != nil {
					once.Do(func() { broken = r })
				}
			}()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				f(worker, i)
			}
		}()
	}
	wg.Wait()
	if broken != nil {
		panic(broken)
	}
}
