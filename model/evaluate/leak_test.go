package evaluate

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cinesync/cinesync/model/split"
)

// crowd makes people whose choices follow a popularity law and nothing else: no scorer can honestly beat popularity.
func crowd(t *testing.T, items, people, watches int, seed uint64) *split.Split {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 77))
	train := split.Train{Items: items}
	for range people {
		seen := map[int]bool{}
		var h []int
		for len(h) < watches {
			if i := int(float64(items) * math.Pow(rng.Float64(), 2.5)); !seen[i] {
				seen[i] = true
				h = append(h, i)
			}
		}
		train.Histories = append(train.Histories, h)
	}
	s, err := split.HoldOut(train, 99, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sampler draws a training negative for a user: -1 to refuse one that it should not have drawn.
type sampler func(user int, rng *rand.Rand, items int) int

// withoutOwn draws outside the user's training titles, as training code may.
func withoutOwn(s *split.Split) sampler {
	own := make([]map[int]bool, len(s.Train.Histories))
	for user, h := range s.Train.Histories {
		own[user] = map[int]bool{}
		for _, item := range h {
			own[user][item] = true
		}
	}
	return func(user int, rng *rand.Rand, items int) int {
		for {
			if i := rng.IntN(items); !own[user][i] {
				return i
			}
		}
	}
}

// leaky is the mistake that inflates published figures: it also spares what is held out, which training cannot know.
func leaky(s *split.Split) sampler {
	held := map[int]int{}
	for _, c := range s.Cases {
		held[c.User] = c.Item
	}
	honest := withoutOwn(s)
	return func(user int, rng *rand.Rand, items int) int {
		for {
			if i := honest(user, rng, items); i != held[user] {
				return i
			}
		}
	}
}

// nothing is the scorer that learns nothing (accuracy 2): popularity, less what each round's sampling drew for the user.
func nothing(s *split.Split, draw sampler, rounds int) Scorer {
	counts := s.Train.Counts()
	return scores(func(user int, history []int, dst []float32) error {
		for i, n := range counts {
			dst[i] = float32(n)
		}
		rng := rand.New(rand.NewPCG(uint64(rounds), uint64(user)))
		for range rounds * 4 * len(history) { // four negatives a play
			dst[draw(user, rng, len(dst))] -= 3
		}
		return nil
	})
}

// gains are how much the scorer that learns nothing has over popularity, at its best of some rounds.
func gain(t *testing.T, s *split.Split, draw sampler) float64 {
	t.Helper()
	j := mustJudge(t, s)
	counts := make([]float32, s.Train.Items)
	for i, n := range s.Train.Counts() {
		counts[i] = float32(n)
	}
	popularity := mustMeasure(t, j, fixed(counts...))
	best := math.Inf(-1)
	for _, rounds := range []int{1, 5, 20, 100} {
		r := mustMeasure(t, j, nothing(s, draw, rounds))
		best = max(best, r.Uniform.HR10.Mean-popularity.Uniform.HR10.Mean, r.Full.HR10.Mean-popularity.Full.HR10.Mean)
	}
	return best
}

// slack is what chance may give the scorer that learns nothing.
const slack = 0.03

// TestLearningNothingGainsNothing is the leak guard of the harness, and shows that it would notice: the same scorer with
// negatives drawn the leaky way climbs far above popularity.
func TestLearningNothingGainsNothing(t *testing.T) {
	s := crowd(t, 400, 300, 25, 3)
	if got := gain(t, s, withoutOwn(s)); got > slack {
		t.Errorf("a scorer that learns nothing gains %.3f over popularity: what is held out leaks", got)
	}
	if got := gain(t, s, leaky(s)); got < 10*slack {
		t.Errorf("with a planted leak it gains only %.3f: this test would not notice one", got)
	}
}
