package batch

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tastes are people of two kinds: the even ones watch the first half of the items, the odd ones the second. Each leaves some
// of its half out.
func tastes(users, items int, rng *rand.Rand) [][]int32 {
	people := make([][]int32, users)
	for u := range people {
		for _, i := range rng.Perm(items / 2)[:items/3] {
			people[u] = append(people[u], int32(i+(u%2)*items/2))
		}
	}
	return people
}

// TestBothModelsLearnWhoLikesWhat trains on two kinds of people, and asks for the unwatched titles of everyone's own half.
func TestBothModelsLearnWhoLikesWhat(t *testing.T) {
	const users, items = 40, 30
	rng := rand.New(rand.NewPCG(5, 6))
	people := tastes(users, items, rng)
	s := Shape{Users: users, Items: items, Width: 8, Layers: []int{8, 4}, Batch: 32, Adam: DefaultAdam()}
	s.Adam.Rate = 0.01
	samples, err := NewSamples(people, s)
	if err != nil {
		t.Fatal(err)
	}
	neumf, err := NewNeuMF(s, rng)
	if err != nil {
		t.Fatal(err)
	}
	towers, err := NewTwoTower(s, rng)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]struct {
		epoch  func() (float64, error)
		scores func(dst []float32, user int) error
	}{
		"NeuMF":      {func() (float64, error) { return samples.NeuMF(neumf, 4, rng) }, neumf.Scores},
		"two towers": {func() (float64, error) { return samples.TwoTower(towers, rng) }, towers.Scores},
	} {
		var first, last float64
		for e := range 30 {
			if last, err = m.epoch(); err != nil {
				t.Fatal(err)
			}
			if e == 0 {
				first = last
			}
		}
		if last >= first {
			t.Errorf("%s: the loss went from %v to %v", name, first, last)
		}
		right, asked, scores := 0, 0, make([]float32, items)
		for u := range users {
			if err := m.scores(scores, u); err != nil {
				t.Fatal(err)
			}
			for i := range items / 2 {
				own := i + (u%2)*items/2
				if samples.watched(int32(u), int32(own)) {
					continue
				}
				asked++
				if other := (own + items/2) % items; scores[own] > scores[other] {
					right++
				}
			}
		}
		if asked == 0 || float64(right) < 0.8*float64(asked) {
			t.Errorf("%s: %d of %d unwatched titles of one's own kind beat those of the other", name, right, asked)
		}
	}
}

// TestNegativesAreWhatTheUserHasNotWatched goes through an epoch's samples.
func TestNegativesAreWhatTheUserHasNotWatched(t *testing.T) {
	const users, items, negatives = 9, 12, 4
	rng := rand.New(rand.NewPCG(7, 8))
	people := tastes(users, items, rng)
	s := Shape{Users: users, Items: items, Width: 2, Layers: []int{2}, Batch: 16, Adam: DefaultAdam()}
	samples, err := NewSamples(people, s)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewNeuMF(s, rng)
	if err != nil {
		t.Fatal(err)
	}
	if err := samples.shuffle(1+negatives, rng); err != nil {
		t.Fatal(err)
	}
	seen := map[int32]int{}
	for _, at := range samples.order {
		seen[at/(1+negatives)]++
	}
	for pair := range samples.Len() {
		if seen[int32(pair)] != 1+negatives {
			t.Errorf("pair %d has %d samples, want %d", pair, seen[int32(pair)], 1+negatives)
		}
	}
	for range 20 {
		if _, err := samples.NeuMF(m, negatives, rng); err != nil {
			t.Fatal(err)
		}
		// The last batch of the epoch lies in the work space.
		for j := range (samples.Len() * (1 + negatives)) % s.Batch {
			u, i := samples.batchU[j], samples.batchI[j]
			if samples.watched(u, i) != (samples.batchL[j] == 1) {
				t.Fatalf("user %d, item %d: watched is %v, the label %v", u, i, samples.watched(u, i), samples.batchL[j])
			}
		}
	}
}

// TestAnEpochStops at the batch before which it is told to, with the error that was given.
func TestAnEpochStops(t *testing.T) {
	s := Shape{Users: 10, Items: 12, Width: 4, Layers: []int{4}, Batch: 8, Adam: DefaultAdam()}
	rng := rand.New(rand.NewPCG(2, 3))
	samples, err := NewSamples(tastes(10, 12, rand.New(rand.NewPCG(1, 1))), s)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewNeuMF(s, rng)
	if err != nil {
		t.Fatal(err)
	}
	asked, enough := 0, errors.New("enough")
	samples.Stop = func() error {
		if asked++; asked > 2 {
			return enough
		}
		return nil
	}
	if _, err := samples.NeuMF(m, 2, rng); !errors.Is(err, enough) || !strings.Contains(err.Error(), "batch 2 of the epoch") || asked != 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestTrainingRepeats(t *testing.T) {
	people := tastes(10, 12, rand.New(rand.NewPCG(1, 1)))
	s := Shape{Users: 10, Items: 12, Width: 4, Layers: []int{4}, Batch: 8, Adam: DefaultAdam()}
	var losses [2]float64
	for i := range losses {
		rng := rand.New(rand.NewPCG(2, 3))
		samples, err := NewSamples(people, s)
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewNeuMF(s, rng)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if losses[i], err = samples.NeuMF(m, 2, rng); err != nil {
				t.Fatal(err)
			}
		}
	}
	if losses[0] != losses[1] {
		t.Errorf("one seed, two losses: %v and %v", losses[0], losses[1])
	}
}

func TestSamplesRefuse(t *testing.T) {
	s := small(4)
	good := [][]int32{{1}, {2}, nil, {0, 3}, {6}}
	if _, err := NewSamples(good, s); err != nil {
		t.Fatal(err)
	}
	for name, people := range map[string][][]int32{
		"few people":   good[:4],
		"nothing":      make([][]int32, 5),
		"item outside": {{7}, {2}, nil, nil, nil},
		"item twice":   {{1, 2, 1}, {2}, nil, nil, nil},
		"everything":   {{0, 1, 2, 3, 4, 5, 6}, nil, nil, nil, nil},
	} {
		if _, err := NewSamples(people, s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	samples, err := NewSamples(good, s)
	if err != nil {
		t.Fatal(err)
	}
	other := s
	other.Items = 8
	m, err := NewNeuMF(other, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := samples.NeuMF(m, 4, rand.New(rand.NewPCG(1, 1))); err == nil {
		t.Error("took a model of other titles")
	}
	if err := m.Scores(make([]float32, 7), 0); err == nil {
		t.Error("scored into too little room")
	}
	if err := m.Scores(make([]float32, 8), 5); err == nil {
		t.Error("scored for a user that is not there")
	}
}

// TestScoresFromSeveralGoroutinesAgree asks for everybody at once: under the race detector this finds shared work space.
func TestScoresFromSeveralGoroutinesAgree(t *testing.T) {
	cases(t, func(name string, m checked, s Shape, _ int, _ *rand.Rand) {
		ask, ok := m.(interface {
			Scores(dst []float32, user int) error
		})
		if !ok {
			t.Fatalf("%s does not score", name)
		}
		got := make([][]float32, s.Users)
		var all sync.WaitGroup
		for u := range got {
			all.Go(func() {
				got[u] = make([]float32, s.Items)
				if err := ask.Scores(got[u], u); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for u := range got {
			again := make([]float32, s.Items)
			if err := ask.Scores(again, u); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[u], again) {
				t.Errorf("%s: user %d scores %v beside others and %v alone", name, u, got[u], again)
			}
		}
	})
}
