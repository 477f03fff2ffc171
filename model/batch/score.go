package batch

import (
	"fmt"

	"github.com/cinesync/cinesync/model/kernel"
)

// Scores writes the logit of every item for one user; dst has one place an item. It works in memory of its own, so that several goroutines
// may ask at once, but not while the model trains.
func (m *NeuMF) Scores(dst []float32, user int) error {
	if err := m.shape.checkScores(dst, user); err != nil {
		return err
	}
	n, d := m.shape.Batch, m.shape.Width
	reader := &NeuMF{shape: m.shape, users: m.users, items: m.items, mlp: readers(m.mlp, n), last: m.last,
		in: make([]float32, n*2*d), product: make([]float32, n*d), logits: make([]float32, n)}
	users := make([]int32, n)
	for k := range users {
		users[k] = int32(user)
	}
	blocks(n, len(dst), func(items []int32) {
		reader.forward(users[:len(items)], items)
		copy(dst[items[0]:], reader.logits[:len(items)])
	})
	return nil
}

// Scores writes the score of every item for one user; dst has one place an item. It works in memory of its own, so that several goroutines
// may ask at once, but not while the model trains.
func (m *TwoTower) Scores(dst []float32, user int) error {
	if err := m.shape.checkScores(dst, user); err != nil {
		return err
	}
	u := m.user.reader(1).forward([]int32{int32(user)})
	item := m.item.reader(m.shape.Batch)
	blocks(m.shape.Batch, len(dst), func(items []int32) {
		n := len(items)
		kernel.NT(dst[items[0]:int(items[0])+n], item.forward(items), u, n, 1, m.out())
	})
	return nil
}

// reader is the tower with a work space of its own.
func (t *tower) reader(batch int) *tower {
	return &tower{table: t.table, layers: readers(t.layers, batch), in: make([]float32, batch*t.table.width)}
}

// readers are the layers with a work space of their own.
func readers(layers []*layer, batch int) []*layer {
	out := make([]*layer, len(layers))
	for i, l := range layers {
		out[i] = &layer{from: l.from, to: l.to, linear: l.linear, params: l.params, out: make([]float32, batch*l.to)}
	}
	return out
}

// blocks gives each the items from 0 to n−1, at most so many at a time.
func blocks(most, n int, each func(items []int32)) {
	items := make([]int32, 0, most)
	for i := range n {
		if items = append(items, int32(i)); len(items) == most || i == n-1 {
			each(items)
			items = items[:0]
		}
	}
}

func (s Shape) checkScores(dst []float32, user int) error {
	if len(dst) != s.Items {
		return fmt.Errorf("scores: room for %d items, the model has %d", len(dst), s.Items)
	}
	if user < 0 || user >= s.Users {
		return fmt.Errorf("scores: user %d of %d", user, s.Users)
	}
	return nil
}
