package coordinator_test

import (
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/model"
)

// TestModelMovesByWhatTheSumStandsFor makes the next model out of what the devices gave, with no coordinator: the mean of their vectors
// is in the round's subspace, and the step is by what it stands for.
func TestModelMovesByWhatTheSumStandsFor(t *testing.T) {
	const rank, dim = 2, 6
	bubble(t, terms{dim: dim, half: true, task: func(t *coordinator.Task) { t.Local.Rank = rank }}, func(w *world) {
		w.mustStart()
		w.join(w.devices...)
		e := w.over(1)
		if e.Outcome != "done" || e.U3 != len(w.devices) {
			t.Fatalf("%+v, want all included", e)
		}
		start, err := model.Parse(w.cfg.Start)
		if err != nil {
			t.Fatal(err)
		}
		_, n, _ := start.Layout.Offset("v")
		words := len(start.Params) - n + n/dim*rank
		sum := make([]uint32, words)
		w.mu.Lock()
		for _, v := range w.given[1] {
			if len(v) != words {
				t.Fatalf("a device gave %d words, want %d", len(v), words)
			}
			for i := range sum {
				sum[i] += v[i]
			}
		}
		w.mu.Unlock()
		task := w.cfg.Task
		grid := aggregation.Grid{C: task.C, CInt: task.CInt, XMax: task.CInt, D: words, WordBits: 32}
		update := make([]float32, len(start.Params))
		task.Local.Uplink(start.Layout, start.Hash()).Grow(update, grid.Mean(aggregation.Signed(sum, 32), len(w.devices)))
		opt := task.Optimizer
		next, _, err := opt.Apply(start, update, 0, task.Rounds)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.disk.now().head.Model; got != next.Hash() {
			t.Errorf("the round made model %x, its vectors make %x", got[:4], next.Hash())
		}
	})
}
