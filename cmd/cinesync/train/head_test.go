package train

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model"
)

// TestAHeadTrainsOverItsBase wants the head's frozen part to be exactly what its base's own training serves, its rest to have moved, and
// both trainings' bytes to be counted.
func TestAHeadTrainsOverItsBase(t *testing.T) {
	items := make([]string, 30)
	for i := range items {
		items[i] = fmt.Sprintf("made-up:film:%d", i)
	}
	people := make([][]model.Example, 220)
	for u := range people {
		for j := range 8 {
			people[u] = append(people[u], model.Example{Item: (u%3)*10 + (u/3+j)%10})
		}
	}
	for _, name := range []string{"ml-100k-hybrid", "ml-100k-sequential"} {
		head, err := task.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		head.Rounds.Count = 2
		job, err := NewJob(head, items, nil, people)
		if err != nil {
			t.Fatal(err)
		}
		job.Base.Task.Rounds.Count = 2
		got, err := job.Fit(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		base, err := job.Base.Fit(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		moved := false
		for _, tensor := range got.Serve.Layout.Tensors {
			at, n, _ := got.Serve.Layout.Offset(tensor.Name)
			mine := got.Serve.Params[at : at+n]
			if tensor.Group != 0 {
				moved = moved || !slices.Equal(mine, job.Start.Params[at:at+n])
				continue
			}
			from, size, ok := base.Serve.Layout.Offset(tensor.Name)
			if !ok || !slices.Equal(mine, base.Serve.Params[from:from+size]) {
				t.Errorf("%s: tensor %s is not the one that the base's training serves", name, tensor.Name)
			}
		}
		if !moved {
			t.Errorf("%s: nothing was learned", name)
		}
		if words := head.LocalFunction().Words(job.Start.Layout); job.Terms.Grid.D != words || words >= job.Start.Layout.Size() {
			t.Errorf("%s: %d words travel of %d parameters, want %d: what is frozen stays", name, job.Terms.Grid.D, job.Start.Layout.Size(), words)
		}
		all, below := job.Traffic(), job.Base.Traffic().Total
		if all.Base != below || all.Total <= below {
			t.Errorf("%s: %d bytes, %d of them the base's, which are %d", name, all.Total, all.Base, below)
		}
	}
}

func TestAHeadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*task.Task)
		want   string
	}{
		"no such base":  {func(x *task.Task) { x.Model.Base = "nobody" }, "no built-in task"},
		"another width": {func(x *task.Task) { x.Model.Dim = 8 }, "write the same"},
		"noise":         {func(x *task.Task) { x.Noise = task.Noise{Multiplier: 1, Delta: 1e-5} }, "not added up"},
		"another head":  {func(x *task.Task) { x.Model.Base = "ml-100k-sequential" }, "want the task of a two-tower"},
	} {
		head, err := task.Named("ml-100k-hybrid")
		if err != nil {
			t.Fatal(err)
		}
		c.change(head)
		if _, err := NewJob(head, []string{"a", "b", "c"}, nil, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
