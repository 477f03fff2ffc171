package score

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/model/split"
)

// snapshot is a model with every parameter at random.
func snapshot(t testing.TB, family string, n, d int, ages []float32, seed uint64) *model.Snapshot {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("movielens:movie:%d", i+1)
	}
	s, err := model.Spec{Family: family, Dim: d, Ages: ages}.New(ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 9))
	for i := range s.Params {
		s.Params[i] += float32(rng.NormFloat64() * 0.2)
	}
	return s
}

// people are so many with 0 to most watched titles, one held out each, and some negatives.
func people(n, users, most, negatives int, seed uint64) *split.Split {
	rng := rand.New(rand.NewPCG(seed, 11))
	s := &split.Split{Train: split.Train{Items: n}}
	seen := make([]int, n)
	for user := range users {
		draw := func() int {
			for {
				if i := rng.IntN(n); seen[i] != user+1 {
					seen[i] = user + 1
					return i
				}
			}
		}
		h := make([]int, rng.IntN(most+1))
		for i := range h {
			h[i] = draw()
		}
		s.Train.Histories = append(s.Train.Histories, h)
		c := split.Case{User: user, Item: draw()}
		for range min(negatives, n-len(h)-1) {
			c.Negatives = append(c.Negatives, draw())
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func judge(t testing.TB, s *split.Split) *evaluate.Judge {
	t.Helper()
	j, err := evaluate.New(s, evaluate.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// scorer is the CPU's.
func scorer(t testing.TB, s *model.Snapshot) evaluate.Scorer {
	t.Helper()
	c, err := evaluate.OfSnapshot(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ages are some channels.
func ages(n int) []float32 { return []float32{0, 4, 20, 1, 0.1, 300, 7, 1e6}[:n] }
