package batch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// small is a shape whose every parameter can be moved by hand.
func small(layers ...int) Shape {
	return Shape{Users: 5, Items: 7, Width: 3, Layers: layers, Batch: 6, Adam: DefaultAdam()}
}

// disturb moves every parameter away from its start, so that no rectifier is at its corner.
func disturb(at []Tensor, rng *rand.Rand) {
	for _, t := range at {
		for i := range t.Params {
			t.Params[i] += float32(rng.NormFloat64() * 0.4)
		}
	}
}

// sampled is a batch that names rows twice and leaves some out.
func sampled(n int, s Shape, rng *rand.Rand) (users, items []int32, labels []float32) {
	for range n {
		users = append(users, int32(rng.IntN(s.Users-1)))
		items = append(items, int32(rng.IntN(s.Items-1)))
		labels = append(labels, float32(rng.IntN(2)))
	}
	return users, items, labels
}

type checked interface {
	Gradient(users, items []int32, more []float32) (float64, []Tensor, error)
	Tensors() []Tensor
}

// cases are both models at several depths and batch sizes.
func cases(t *testing.T, try func(name string, m checked, s Shape, n int, rng *rand.Rand)) {
	for _, layers := range [][]int{nil, {4}, {5, 3}, {6, 4, 2}} {
		for _, n := range []int{1, 2, 6} {
			s, rng := small(layers...), rand.New(rand.NewPCG(uint64(n), uint64(len(layers))))
			tower, err := NewTwoTower(s, rng)
			if err != nil {
				t.Fatal(err)
			}
			disturb(tower.Tensors(), rng)
			try(fmt.Sprintf("two towers %v, batch of %d", layers, n), tower, s, n, rng)
			if layers == nil {
				continue
			}
			neumf, err := NewNeuMF(s, rng)
			if err != nil {
				t.Fatal(err)
			}
			disturb(neumf.Tensors(), rng)
			try(fmt.Sprintf("NeuMF %v, batch of %d", layers, n), neumf, s, n, rng)
		}
	}
}

// TestGradientAgreesWithFiniteDifferences moves each coordinate both ways. The loss is computed in float32, so what is compared is the
// whole gradient of a tensor.
func TestGradientAgreesWithFiniteDifferences(t *testing.T) {
	cases(t, func(name string, m checked, s Shape, n int, rng *rand.Rand) {
		users, items, labels := sampled(n, s, rng)
		_, at, err := m.Gradient(users, items, labels)
		if err != nil {
			t.Fatal(err)
		}
		for _, tensor := range at {
			var off, size float64
			for j, g := range tensor.Gradient {
				slope := slopeAt(t, m, &tensor.Params[j], users, items, labels)
				off += (float64(g) - slope) * (float64(g) - slope)
				size += float64(g) * float64(g)
			}
			if off, size = math.Sqrt(off), math.Sqrt(size); off > 2e-3*(1+size) {
				t.Errorf("%s: gradient of %s, of length %.4g, is %.4g away from finite differences", name, tensor.Name, size, off)
			}
		}
	})
}

// slopeAt is the slope of the loss at one parameter, from a central difference.
func slopeAt(t *testing.T, m checked, x *float32, users, items []int32, more []float32) float64 {
	t.Helper()
	keep := *x
	defer func() { *x = keep }()
	central := func(h float32) float64 {
		*x = keep + h
		up, _, err := m.Gradient(users, items, more)
		if err != nil {
			t.Fatal(err)
		}
		*x = keep - h
		down, _, err := m.Gradient(users, items, more)
		if err != nil {
			t.Fatal(err)
		}
		return (up - down) / (2 * float64(h))
	}
	return central(1.0 / 512) // narrow: a step across a rectifier's corner has no slope
}

// TestEveryTensorLearns keeps the check above from comparing zeros.
func TestEveryTensorLearns(t *testing.T) {
	learnt := map[string]bool{}
	cases(t, func(name string, m checked, s Shape, n int, rng *rand.Rand) {
		if n < 2 {
			return // a softmax of one has no slope
		}
		users, items, labels := sampled(n, s, rng)
		_, at, err := m.Gradient(users, items, labels)
		if err != nil {
			t.Fatal(err)
		}
		for _, tensor := range at {
			for _, g := range tensor.Gradient {
				learnt[fmt.Sprintf("%T %s", m, tensor.Name)] = learnt[fmt.Sprintf("%T %s", m, tensor.Name)] || g != 0
			}
		}
	})
	if len(learnt) != 2*1+3*2+1+2*1+2*3*2 {
		t.Errorf("%d tensors were looked at", len(learnt))
	}
	for name, moved := range learnt {
		if !moved {
			t.Errorf("%s learns nothing", name)
		}
	}
}
