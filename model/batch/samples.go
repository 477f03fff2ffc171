package batch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Samples draws batches for one model: who watched what, and what they did not. It knows training pairs alone; that a title
// is held out for judging is not visible here, so held-out titles are drawn as negatives like all others.
type Samples struct {
	// Stop is asked before every batch, and its error ends the epoch, for example a context's. It may be nil.
	Stop func() error

	items       int
	users, item []int32 // the pairs, user by user
	start       []int32 // of each user's pairs; one more at the end
	sorted      []int32 // each user's items in order, for looking up
	logShare    []float32
	order       []int32 // of the samples of an epoch
	batchU      []int32
	batchI      []int32
	batchL      []float32
	batchQ      []float32
}

const maxSamples = 1 << 28 // of an epoch

// NewSamples takes each person's items, without repeats, for models of this shape.
func NewSamples(people [][]int32, s Shape) (*Samples, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(people) != s.Users {
		return nil, fmt.Errorf("samples: %d people for a model of %d users", len(people), s.Users)
	}
	n := 0
	for _, items := range people {
		n += len(items)
	}
	if n == 0 || n > maxSamples {
		return nil, fmt.Errorf("samples: %d pairs, want 1 to %d", n, maxSamples)
	}
	d := &Samples{items: s.Items, users: make([]int32, 0, n), item: make([]int32, 0, n), start: make([]int32, 0, len(people)+1),
		batchU: make([]int32, s.Batch), batchI: make([]int32, s.Batch), batchL: make([]float32, s.Batch), batchQ: make([]float32, s.Batch)}
	counts := make([]int, s.Items)
	for u, items := range people {
		d.start = append(d.start, int32(len(d.users)))
		for _, i := range items {
			if i < 0 || int(i) >= s.Items {
				return nil, fmt.Errorf("samples: user %d has item %d of %d", u, i, s.Items)
			}
			counts[i]++
			d.users, d.item = append(d.users, int32(u)), append(d.item, i)
		}
	}
	d.start = append(d.start, int32(n))
	d.sorted = slices.Clone(d.item)
	for u := range people {
		own := d.sorted[d.start[u]:d.start[u+1]]
		slices.Sort(own)
		if len(slices.Compact(slices.Clone(own))) != len(own) {
			return nil, fmt.Errorf("samples: user %d has an item twice", u)
		}
		if len(own) == s.Items {
			return nil, fmt.Errorf("samples: user %d has every item, so there is no negative to draw", u)
		}
	}
	d.logShare = make([]float32, s.Items)
	for i, c := range counts {
		d.logShare[i] = float32(math.Log(float64(max(c, 1)) / float64(n)))
	}
	return d, nil
}

// Len is the number of pairs.
func (d *Samples) Len() int { return len(d.users) }

// watched says whether the pairs have this one.
func (d *Samples) watched(u, i int32) bool {
	_, found := slices.BinarySearch(d.sorted[d.start[u]:d.start[u+1]], i)
	return found
}

// shuffle orders the samples of an epoch: pair k/each, copy k%each.
func (d *Samples) shuffle(each int, rng *rand.Rand) error {
	n := len(d.users) * each
	if each < 1 || n > maxSamples {
		return fmt.Errorf("samples: %d pairs with %d samples each, at most %d samples an epoch", len(d.users), each, maxSamples)
	}
	if len(d.order) != n {
		d.order = make([]int32, n)
	}
	for k := range d.order {
		d.order[k] = int32(k)
	}
	rng.Shuffle(n, func(a, b int) { d.order[a], d.order[b] = d.order[b], d.order[a] })
	return nil
}

// NeuMF trains for one epoch: every pair once, with this many titles beside it that its user has not watched, drawn anew, all in random
// order (He et al. 2017, section 4.1: 4). The loss is the mean over the epoch. Where it stops being finite, the epoch ends with ErrNotFinite and
// the parameters before that batch.
func (d *Samples) NeuMF(m *NeuMF, negatives int, rng *rand.Rand) (loss float64, err error) {
	if err := d.fits(m.shape); err != nil {
		return 0, err
	}
	if negatives < 0 {
		return 0, fmt.Errorf("samples: %d negatives", negatives)
	}
	each := 1 + negatives
	if err := d.shuffle(each, rng); err != nil {
		return 0, err
	}
	return d.epoch(func(k, n int) (float64, error) {
		for j, at := range d.order[k : k+n] {
			pair := int(at) / each
			u, i, label := d.users[pair], d.item[pair], float32(1)
			if int(at)%each > 0 {
				label = 0
				for i = int32(rng.IntN(d.items)); d.watched(u, i); {
					i = int32(rng.IntN(d.items))
				}
			}
			d.batchU[j], d.batchI[j], d.batchL[j] = u, i, label
		}
		return m.Step(d.batchU[:n], d.batchI[:n], d.batchL[:n])
	})
}

// TwoTower trains for one epoch: every pair once in random order, corrected for popularity (see TwoTower.Step).
func (d *Samples) TwoTower(m *TwoTower, rng *rand.Rand) (loss float64, err error) {
	if err := d.fits(m.shape); err != nil {
		return 0, err
	}
	if err := d.shuffle(1, rng); err != nil {
		return 0, err
	}
	return d.epoch(func(k, n int) (float64, error) {
		for j, pair := range d.order[k : k+n] {
			i := d.item[pair]
			d.batchU[j], d.batchI[j], d.batchQ[j] = d.users[pair], i, d.logShare[i]
		}
		return m.Step(d.batchU[:n], d.batchI[:n], d.batchQ[:n])
	})
}

func (d *Samples) fits(s Shape) error {
	if s.Users != len(d.start)-1 || s.Items != d.items || s.Batch > len(d.batchU) {
		return fmt.Errorf("samples of %d users, %d items and batches of %d for a model of %d, %d and %d", len(d.start)-1, d.items, len(d.batchU), s.Users, s.Items, s.Batch)
	}
	return nil
}

// epoch gives step each batch of the order: where it starts and how many samples it has.
func (d *Samples) epoch(step func(k, n int) (float64, error)) (loss float64, err error) {
	for k := 0; k < len(d.order); k += len(d.batchU) {
		n := min(len(d.batchU), len(d.order)-k)
		var l float64
		var err error
		if d.Stop != nil {
			err = d.Stop()
		}
		if err == nil {
			l, err = step(k, n)
		}
		if err != nil {
			return 0, fmt.Errorf("batch %d of the epoch: %w", k/len(d.batchU), err)
		}
		loss += l * float64(n) / float64(len(d.order))
	}
	return loss, nil
}
