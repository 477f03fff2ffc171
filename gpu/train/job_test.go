package train

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/model"
)

func small(groups [3]float32) shape {
	return shape{titles: 10, dim: 3, members: 2, longest: 6, ages: []float32{0, 4}, local: local(2, 3, 2, 5, 0.3), groups: groups}
}

// TestWordsThatTravel wants the runs of words to be the uplink's: neighbours with one factor are one run, frozen tensors none.
func TestWordsThatTravel(t *testing.T) {
	for name, c := range map[string]struct {
		groups [3]float32
		want   []part
	}{
		"all alike":    {[3]float32{1, 1, 1}, []part{{factor: 1}}},
		"two factors":  {[3]float32{1, 0.5, 0.5}, []part{{factor: 1}, {from: 30, at: 30, factor: 0.5}}},
		"no towers":    {[3]float32{2, 0, 2}, []part{{factor: 2}, {from: 30, at: 48, factor: 2}}},
		"towers alone": {[3]float32{0, 3, 0}, []part{{at: 30, factor: 3}}},
	} {
		co := cohort(t, small(c.groups), 1)
		j := &job{cohort: co, grid: co.Grid, words: co.Local.Words(co.Model.Layout)}
		if err := j.check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, j.runs, cmp.AllowUnexported(part{})); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		update, sent := make([]float32, co.Model.Layout.Size()), make([]float32, j.words)
		for i := range update {
			update[i] = float32(i)
		}
		co.Local.Uplink(co.Model.Layout, co.Model.Hash()).Shrink(sent, update)
		for w, want := range sent {
			k := len(j.runs) - 1
			for int(j.runs[k].from) > w {
				k--
			}
			if got := update[int(j.runs[k].at)+w-int(j.runs[k].from)]; got != want {
				t.Fatalf("%s: word %d is taken from %v, the uplink takes %v", name, w, got, want)
			}
		}
	}
}

func TestShapesThatAreRefused(t *testing.T) {
	co := cohort(t, small([3]float32{}), 1)
	for name, c := range map[string]struct {
		change func(*job)
		shape  bool
	}{
		"a rank":          {func(j *job) { j.cohort.Local.Rank, j.words = 1, 28+10; j.grid.D = j.words }, true},
		"another grid":    {func(j *job) { j.grid.D++ }, false},
		"a C_int of 2^31": {func(j *job) { j.grid.CInt = 1 << 31 }, true},
		"no clip":         {func(j *job) { j.grid.C = 0 }, false},
	} {
		j := &job{cohort: co, grid: co.Grid, words: co.Grid.D}
		c.change(j)
		if err := j.check(); err == nil || errors.Is(err, ErrShape) != c.shape {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// drawn is a chunk in plain memory, drawn.
func drawn(t *testing.T, j *job) *chunk {
	t.Helper()
	n, l := len(j.cohort.Histories), j.cohort.Local
	c := &chunk{cuts: make([]cut, n*int(l.Steps*l.Cuts)), candidates: make([]candidates, n*int(l.Steps)), coins: make([][4]uint32, n)}
	s := span{to: n}
	for i := range n {
		s.lists += j.listsOf(i)
	}
	c.lists = make([]int32, s.lists)
	c.begin(j, s)
	var d drawer
	for i := range n {
		if err := d.member(j, c, i); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestDrawsAreTheDevices draws again as model's trainers do.
func TestDrawsAreTheDevices(t *testing.T) {
	for _, negatives := range []uint32{0, 5} {
		s := small([3]float32{})
		s.local.Negatives = negatives
		co := cohort(t, s, 1)
		c := drawn(t, &job{cohort: co})
		list := func(at, n uint32) []int {
			var out []int
			for _, x := range c.lists[at : at+n] {
				out = append(out, int(x))
			}
			return out
		}
		for i, who := range c.who {
			h := co.Histories[who]
			var cutter model.Cutter
			rng := co.Draws(who)
			for step := range int(s.local.Steps) {
				place := i*int(s.local.Steps) + step
				all := cutter.Draw(h, s.local, rng)
				want := model.DrawNegatives(nil, s.local, s.titles, rng)
				for k, x := range all {
					got := c.cuts[place*len(all)+k]
					if !slices.Equal(list(got.at, got.past), x.Past) || !slices.Equal(list(got.at+got.past, got.next), x.Next) || int(got.first) != len(want) {
						t.Fatalf("member %d, step %d, cut %d: %+v holds other titles than %v", i, step, k, got, x)
					}
					want = append(want, x.Next...)
				}
				if negatives == 0 {
					want = nil
				}
				if got := c.candidates[place]; !slices.Equal(list(got.at, got.count), want) {
					t.Fatalf("member %d, step %d: candidates %v, want %v", i, step, list(got.at, got.count), want)
				}
			}
		}
	}
}

func TestATitleTwiceIsRefused(t *testing.T) {
	var d drawer
	h := []model.Example{{Item: 3}, {Item: 4}, {Item: 3}}
	if err := d.once(h[:2], 10); err != nil {
		t.Error(err)
	}
	if err := d.once(h[:2], 10); err != nil {
		t.Errorf("another member: %v", err)
	}
	for _, titles := range []int{10, 20} { // its memory grows
		if err := d.once(h, titles); err == nil {
			t.Error("accepted")
		}
	}
}
