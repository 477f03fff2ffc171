package train

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/sim/learning"
)

// shape is a cohort's.
type shape struct {
	titles, dim, members, longest int
	ages                          []float32
	local                         model.Local
	groups                        [3]float32 // of v, w and b; all 0: 1
}

func (s shape) String() string {
	return fmt.Sprintf("%d titles × %d, %d channels, %d × %d cuts of %d, %d negatives, histories to %d, groups %v",
		s.titles, s.dim, len(s.ages), s.local.Steps, s.local.Cuts, s.local.Next, s.local.Negatives, s.longest, s.groups)
}

// local is a two-tower's local function.
func local(steps, cuts, next, negatives uint32, dropout float32) model.Local {
	return model.Local{Name: model.TwoTowerFamily, Version: 1, Steps: steps, Cuts: cuts, Next: next, Negatives: negatives, Dropout: dropout, Rate: 1, RateDense: 0.1}
}

// history draws a history of n titles or of all there are, without one twice.
func history(rng *rand.Rand, titles, n int) []model.Example {
	n = min(n, titles)
	out := make([]model.Example, 0, n)
	if n > titles/4 {
		for _, i := range rng.Perm(titles)[:n] {
			out = append(out, model.Example{Item: i})
		}
		return out
	}
	seen := make(map[int]bool, n)
	for len(out) < n {
		x := rng.Float64()
		i := int(float64(titles) * x * x)
		if !seen[i] {
			seen[i], out = true, append(out, model.Example{Item: i})
		}
	}
	return out
}

// cohort makes one of random members and a random model.
func cohort(t testing.TB, s shape, seed uint64) learning.Cohort {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	items := make([]string, s.titles)
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	snap, err := model.Spec{Family: s.local.Name, Dim: s.dim, Ages: s.ages}.New(items, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range snap.Params {
		snap.Params[i] += float32(0.3 * rng.NormFloat64() / math.Sqrt(float64(s.dim)))
	}
	if s.groups != [3]float32{} {
		for i := range snap.Layout.Tensors {
			snap.Layout.Tensors[i].Group = s.groups[i]
		}
	}
	c := learning.Cohort{Model: snap, Local: s.local}
	words := s.local.Words(snap.Layout)
	c.Grid = aggregation.Grid{C: 0.5, CInt: uint32(math.Ceil(8 * math.Sqrt(float64(words)))), D: words, WordBits: 32}
	c.Grid.CInt = max(c.Grid.CInt, 40)
	c.Grid.XMax = c.Grid.CInt
	for i := range s.members {
		n := 2 + rng.IntN(max(s.longest-1, 1))
		if i == 0 {
			n = s.longest
		}
		c.Histories = append(c.Histories, history(rng, s.titles, n))
	}
	c.Draws = func(i int) *rand.Rand { return learning.Draws(seed, i, 1) }
	c.Coins = func(i int) io.Reader { return privacy.NewStream([32]byte{byte(seed), byte(i), byte(i >> 8)}) }
	return c
}

// result is what the CPU makes of a cohort.
type result struct {
	updates [][]float32 // before uplink and clip
	parts   []learning.Part
	sum     []int32
}

// onCPU trains a cohort as sim/learning does.
func onCPU(t testing.TB, c learning.Cohort) result {
	t.Helper()
	m, err := model.Open(c.Model.Layout)
	if err != nil {
		t.Fatal(err)
	}
	q, err := aggregation.NewQuantiser(c.Grid)
	if err != nil {
		t.Fatal(err)
	}
	trainer, uplink := m.Trainer(c.Model.Params), c.Local.Uplink(c.Model.Layout, c.Model.Hash())
	r := result{sum: make([]int32, c.Grid.D)}
	sent := make([]float32, c.Grid.D)
	for i, h := range c.Histories {
		var p learning.Part
		update := make([]float32, c.Model.Layout.Size())
		if p.Loss, p.Err = trainer.Update(update, h, c.Local, c.Draws(i)); p.Err == nil {
			uplink.Shrink(sent, update)
			if p.Norm, p.Err = privacy.Clip(sent, c.Grid.C); p.Err == nil {
				p.Clipped = p.Norm > float64(c.Grid.C)
				p.Err = q.Add(r.sum, sent, c.Coins(i))
			}
		}
		r.parts, r.updates = append(r.parts, p), append(r.updates, update)
	}
	return r
}
