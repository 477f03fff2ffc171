package split

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// drawUniform gives every case n negatives.
func (s *Split) drawUniform(n int, seed uint64) error {
	for i := range s.Cases {
		c := &s.Cases[i]
		var err error
		if c.Negatives, err = Uniform(s.Train, *c, n, seed); err != nil {
			return err
		}
	}
	return nil
}

// Uniform draws n titles for a case, each as likely, none twice, out of those that the user has neither in training nor held
// out. The seed and the user's number decide.
func Uniform(t Train, c Case, n int, seed uint64) ([]int, error) {
	taken, err := t.taken(c, n)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, uint64(c.User)))
	out := make([]int, 0, n)
	for len(out) < n {
		if i := rng.IntN(t.Items); !taken[i] {
			taken[i] = true
			out = append(out, i)
		}
	}
	return out, nil
}

func (t Train) taken(c Case, n int) (map[int]bool, error) {
	taken := map[int]bool{c.Item: true}
	if c.User < len(t.Histories) {
		for _, item := range t.Histories[c.User] {
			taken[item] = true
		}
	}
	if n < 1 || n > MaxNegatives {
		return nil, fmt.Errorf("%d negatives a user, want 1 to %d", n, MaxNegatives)
	}
	if left := t.Items - len(taken); left < n {
		return nil, fmt.Errorf("user %d has not watched %d of %d titles, %d are needed as negatives: ask for fewer", c.User, left, t.Items, n)
	}
	return taken, nil
}

// Popular draws negatives by popularity: a title's chance is how many users watched it in training.
type Popular struct {
	train  Train
	counts []int
	upTo   []int // upTo[i] is the sum of counts up to and with title i
}

// NewPopular prepares drawing.
func NewPopular(t Train) *Popular {
	p := &Popular{train: t, counts: t.Counts(), upTo: make([]int, t.Items)}
	sum := 0
	for i, n := range p.counts {
		sum += n
		p.upTo[i] = sum
	}
	return p
}

// Draw gives n titles for a case, none twice, out of those that the user has neither in training nor held out, one after
// the other by popularity among those left. Titles that nobody watched come last, each as likely.
func (p *Popular) Draw(c Case, n int, seed uint64) ([]int, error) {
	taken, err := p.train.taken(c, n)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 1<<63|uint64(c.User)))
	out := make([]int, 0, n)
	total := p.upTo[len(p.upTo)-1]
	// Drawing again whatever is taken is drawing by popularity among the rest. Where nearly everything popular is taken that
	// would not end, so after some draws the rest are picked another way with the same chances.
	for tries := 0; len(out) < n && total > 0 && tries < 20*n; tries++ {
		if i := sort.SearchInts(p.upTo, rng.IntN(total)+1); !taken[i] {
			taken[i] = true
			out = append(out, i)
		}
	}
	if len(out) == n {
		return out, nil
	}
	return append(out, p.rest(taken, n-len(out), rng)...), nil
}

// rest picks n more titles: those with the smallest exponential variates of rate counts[i] are a draw one after the other
// (Efraimidis and Spirakis 2006).
func (p *Popular) rest(taken map[int]bool, n int, rng *rand.Rand) []int {
	type candidate struct {
		item int
		key  float64
	}
	var all []candidate
	for i, count := range p.counts {
		key := rng.ExpFloat64() / max(float64(count), math.SmallestNonzeroFloat32)
		if !taken[i] {
			all = append(all, candidate{i, key})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.item, b.item)) })
	out := make([]int, n)
	for i := range out {
		out[i] = all[i].item
	}
	return out
}
