package sim

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/sim/learning"
)

// federation is people who learn a small model together, on the protocol's path and on the fast one.
type federation struct {
	t      *testing.T
	start  *model.Snapshot
	people [][]model.Example
	local  model.Local
	opt    model.Optimizer
	seed   uint64
}

const (
	fedPeople = 9
	fedRounds = 3
)

func newFederation(t *testing.T, family string) *federation {
	t.Helper()
	items := make([]string, 40)
	for i := range items {
		items[i] = fmt.Sprintf("made-up:%d", i)
	}
	head := family == model.SequentialFamily || family == model.HybridFamily
	first := map[bool]string{false: family, true: model.TwoTowerFamily}[head]
	start, err := model.Spec{Family: first, Dim: 4}.New(items, nil)
	if err == nil && head { // only the head travels: its item vectors and biases are frozen
		start, err = model.NewHead(family, start)
	}
	if err != nil {
		t.Fatal(err)
	}
	f := &federation{t: t, start: start, seed: 5}
	rng := rand.New(rand.NewPCG(f.seed, 0))
	for range fedPeople {
		var h []model.Example
		for _, i := range rng.Perm(len(items))[:3+rng.IntN(12)] {
			h = append(h, model.Example{Item: i})
		}
		f.people = append(f.people, h)
	}
	if f.local, err = model.DefaultLocal(family); err != nil {
		t.Fatal(err)
	}
	if f.opt, err = model.DefaultOptimizer(family); err != nil {
		t.Fatal(err)
	}
	return f
}

// protocol runs the rounds with keys, masks and messages, noise taken off behind the machines, and notes each round's sum, grid
// and coins.
func (f *federation) protocol(mode aggregation.Mode, suite aggregation.Suite) (sums [][]int32, grid aggregation.Grid, coins map[[2]int][32]byte, last *model.Snapshot) {
	f.t.Helper()
	coins, last = map[[2]int][32]byte{}, f.start
	m, err := model.Open(f.start.Layout)
	if err != nil {
		f.t.Fatal(err)
	}
	opt := f.opt
	update := make([]float32, f.start.Layout.Size())
	out, err := Observe(Config{Seed: f.seed, Devices: fedPeople, Min: 3, DeltaBP: 3000, D: f.local.Words(f.start.Layout), Rounds: fedRounds, Mode: mode, Suite: suite}, Study{
		Noise: None,
		Update: func(u []float32, device int, round uint64) error {
			_, err := m.Trainer(last.Params).Update(update, f.people[device], f.local, learning.Draws(f.seed, device, int(round)))
			f.local.Uplink(f.start.Layout, last.Hash()).Shrink(u, update)
			return err
		},
		Coins: func(device int, round uint64, key [32]byte) { coins[[2]int{device, int(round)}] = key },
		Published: func(p Published) error {
			sums, grid = append(sums, slices.Clone(p.Sum)), p.Grid()
			if p.Included != fedPeople {
				return fmt.Errorf("%d of %d are in the sum", p.Included, fedPeople)
			}
			f.local.Uplink(f.start.Layout, last.Hash()).Grow(update, grid.Mean(p.Sum, p.Included))
			last, _, err = opt.Apply(last, update, len(sums)-1, fedRounds)
			return err
		}})
	if err != nil {
		f.t.Fatalf("%v\n%s", err, strings.Join(out.Trace, "\n"))
	}
	return sums, grid, coins, last
}

// TestLearningModeIsTheProtocol holds the fast learning mode against rounds of the real machines: with the same training, draws and
// coins both give the same integer sum before noise, word for word, and so the same model after the last round.
func TestLearningModeIsTheProtocol(t *testing.T) {
	for _, family := range []string{model.TwoTowerFamily, model.NCFFamily, model.SequentialFamily, model.HybridFamily} {
		for _, c := range []struct {
			mode  aggregation.Mode
			suite aggregation.Suite
			rank  uint32
		}{
			{aggregation.ModeSH, aggregation.Suite{}, 0},
			{aggregation.ModeW, aggregation.Suite{}, 2},
			{aggregation.ModeSM, aggregation.Suite{Kex: 1, PRG: 3, WordBits: 24}, 0},
		} {
			t.Run(fmt.Sprintf("%s/mode %d/rank %d", family, c.mode, c.rank), func(t *testing.T) {
				f := newFederation(t, family)
				f.local.Rank = c.rank
				sums, grid, coins, want := f.protocol(c.mode, c.suite)
				round := 0
				out, err := learning.Run(learning.Config{Local: f.local, Optimizer: f.opt, Rounds: fedRounds, Grid: grid, Seed: f.seed,
					Coins: func(member, number int) io.Reader { return privacy.NewStream(coins[[2]int{member, number}]) },
					Progress: func(r learning.Round) error {
						for i, v := range r.Sum {
							if v != int64(sums[round][i]) {
								return fmt.Errorf("round %d: word %d is %d, the protocol's %d", r.Number, i, v, sums[round][i])
							}
						}
						round++
						return nil
					}}, f.start, f.people)
				if err != nil {
					t.Fatal(err)
				}
				if round != fedRounds || !slices.Equal(out.Model.Params, want.Params) {
					t.Errorf("after %d rounds of %d the models differ", round, fedRounds)
				}
			})
		}
	}
}
