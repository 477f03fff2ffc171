package batch

import "fmt"

// Limits of a model, checked before memory is taken.
const (
	maxRows   = 1 << 22 // users or items
	maxWidth  = 1 << 10 // a table or a layer
	maxLayers = 8
	maxBatch  = 1 << 13
	maxCells  = 1 << 28 // one table
)

// Shape is what both models have: the tables, the batch and the optimiser.
type Shape struct {
	Users, Items int
	Width        int   // of a user's and an item's vector; NeuMF has two such vectors of each, for GMF and for the MLP
	Layers       []int // widths behind the input. NeuMF: of the MLP, whose input is 2·Width. Two towers: of each tower; none leaves the plain vectors
	Batch        int   // samples a step, at most
	Adam         Adam
}

// NeuMFShape is NeuMF as He et al. (2017) and performance 2 have it: 32 wide, MLP 64-32-16-8, batches of 256.
func NeuMFShape(users, items int) Shape {
	return Shape{Users: users, Items: items, Width: 32, Layers: []int{32, 16, 8}, Batch: 256, Adam: DefaultAdam()}
}

// TwoTowerShape has vectors of 32, towers 32-64-32 and batches of 256.
func TwoTowerShape(users, items int) Shape {
	return Shape{Users: users, Items: items, Width: 32, Layers: []int{64, 32}, Batch: 256, Adam: DefaultAdam()}
}

func (s Shape) check() error {
	for _, f := range []struct {
		name     string
		v, least int
		most     int
	}{{"users", s.Users, 1, maxRows}, {"items", s.Items, 2, maxRows}, {"width", s.Width, 1, maxWidth}, {"batch", s.Batch, 1, maxBatch}, {"number of layers", len(s.Layers), 0, maxLayers}} {
		if f.v < f.least || f.v > f.most {
			return fmt.Errorf("batch model: %s is %d, want %d to %d", f.name, f.v, f.least, f.most)
		}
	}
	for i, w := range s.Layers {
		if w < 1 || w > maxWidth {
			return fmt.Errorf("batch model: layer %d is %d wide, want 1 to %d", i+1, w, maxWidth)
		}
	}
	if cells := max(s.Users, s.Items) * 2 * s.Width; cells > maxCells {
		return fmt.Errorf("batch model: a table of %d numbers, at most %d: take a smaller width", cells, maxCells)
	}
	if err := s.Adam.check(); err != nil {
		return fmt.Errorf("batch model: %w", err)
	}
	return nil
}

// checkSamples refuses a batch that is empty, too large, ragged, or names rows that the tables lack.
func (s Shape) checkSamples(users, items []int32, more int) error {
	n := len(users)
	if n == 0 || n > s.Batch {
		return fmt.Errorf("batch of %d samples, want 1 to %d", n, s.Batch)
	}
	if len(items) != n || more != n {
		return fmt.Errorf("batch of %d users, %d items and %d labels or weights: want as many of each", n, len(items), more)
	}
	for k, u := range users {
		if u < 0 || int(u) >= s.Users {
			return fmt.Errorf("sample %d: user %d of %d", k, u, s.Users)
		}
		if i := items[k]; i < 0 || int(i) >= s.Items {
			return fmt.Errorf("sample %d: item %d of %d", k, i, s.Items)
		}
	}
	return nil
}

// Tensor is one block of parameters and, after Gradient, its slope. Rows × Cols, row-major.
type Tensor struct {
	Name       string
	Rows, Cols int
	Params     []float32 // the model's own memory
	Gradient   []float32 // nil but in the answer of Gradient
}
