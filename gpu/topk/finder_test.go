package topk_test

import (
	"testing"

	"github.com/cinesync/cinesync/gpu/gputest"
	"github.com/cinesync/cinesync/gpu/topk"
	"github.com/cinesync/cinesync/serve/rank/ranktest"
)

func load(t testing.TB) *topk.Kernels {
	t.Helper()
	k, err := topk.Load(gputest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func TestConforms(t *testing.T) { ranktest.Run(t, load(t).Open) }
