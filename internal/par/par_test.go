package par

import (
	"sync/atomic"
	"testing"
)

func TestDoCallsEveryIndexOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 1000} {
		calls := make([]atomic.Int32, n)
		Do(n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if got := calls[i].Load(); got != 1 {
				t.Fatalf("n=%d: index %d called %d times, want 1", n, i, got)
			}
		}
	}
}

func TestDoRaisesAPanicInTheCaller(t *testing.T) {
	defer func() {
		if r := recover(); r != "broken" {
			t.Fatalf("recovered %v, want broken", r)
		}
	}()
	Do(64, func(i int) {
		if i == 33 {
			panic("broken")
		}
	})
	t.Fatal("Do returned although a call panicked")
}
