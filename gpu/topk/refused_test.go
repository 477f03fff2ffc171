package topk

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cinesync/cinesync/gpu"
	"github.com/cinesync/cinesync/serve/rank"
)

// TestOnlyALackOfMemoryPasses: a lost device has no room either, and never will.
func TestOnlyALackOfMemoryPasses(t *testing.T) {
	memory, other := fmt.Errorf("alloc: %w", gpu.ErrMemory), errors.New("a launch")
	for _, c := range []struct {
		err, lost error
		passes    bool
	}{{memory, nil, true}, {memory, gpu.ErrLost, false}, {other, nil, false}, {fmt.Errorf("wait: %w", gpu.ErrLost), gpu.ErrLost, false}} {
		if got := refused(c.err, c.lost); !errors.Is(got, c.err) || errors.Is(got, rank.ErrRoom) != c.passes {
			t.Errorf("%v, device lost %v: %v, want ErrRoom %v", c.err, c.lost, got, c.passes)
		}
	}
}
