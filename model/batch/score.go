package batch

import (
	"fmt"

	"github.com/cinesync/cinesync/model/kernel"
)

// Scores writes the logit of every item for one user; dst has one place an item. It uses the model's work space: not while
// training, nor from two goroutines.
func (m *NeuMF) Scores(dst []float32, user int) error {
	if err := m.shape.checkScores(dst, user); err != nil {
		return err
	}
	users, items := make([]int32, m.shape.Batch), make([]int32, m.shape.Batch)
	for k := range users {
		users[k] = int32(user)
	}
	for at := 0; at < len(dst); at += m.shape.Batch {
		n := min(m.shape.Batch, len(dst)-at)
		for k := range n {
			items[k] = int32(at + k)
		}
		m.forward(users[:n], items[:n])
		copy(dst[at:], m.logits[:n])
	}
	return nil
}

// Scores writes the score of every item for one user; dst has one place an item. It uses the model's work space: not while
// training, nor from two goroutines.
func (m *TwoTower) Scores(dst []float32, user int) error {
	if err := m.shape.checkScores(dst, user); err != nil {
		return err
	}
	d := m.out()
	u := append([]float32(nil), m.user.forward([]int32{int32(user)})...)
	items := make([]int32, m.shape.Batch)
	for at := 0; at < len(dst); at += m.shape.Batch {
		n := min(m.shape.Batch, len(dst)-at)
		for k := range n {
			items[k] = int32(at + k)
		}
		kernel.NT(dst[at:at+n], m.item.forward(items[:n]), u, n, 1, d)
	}
	return nil
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
