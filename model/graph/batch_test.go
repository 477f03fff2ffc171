package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/gorgonia"

	"github.com/cinesync/cinesync/model/batch"
)

// leafOf makes a tensor of package batch a leaf; name picks it.
func (b *graph) leafOf(at []batch.Tensor, name string) *gorgonia.Node {
	place := 0
	for _, t := range at {
		if t.Name == name {
			n := b.matrix(name, wide(t.Params), t.Rows, t.Cols)
			b.learn = append(b.learn, &leaf{node: n, at: place, size: t.Rows * t.Cols})
			return n
		}
		place += t.Rows * t.Cols
	}
	b.fault(fmt.Errorf("no tensor %q", name))
	return nil
}

// part is some columns of a matrix, as a product with a matrix of zeros and ones.
func (b *graph) part(x *gorgonia.Node, cols, from, to int) *gorgonia.Node {
	pick := make([]float64, cols*(to-from))
	for j := from; j < to; j++ {
		pick[j*(to-from)+j-from] = 1
	}
	return b.mul(x, b.constant(pick, cols, to-from))
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// layer is in·w + b over n rows, with a rectifier unless it is linear.
func (b *graph) layer(in *gorgonia.Node, at []batch.Tensor, suffix string, n int, linear bool) *gorgonia.Node {
	out := b.add(b.mul(in, b.leafOf(at, "w"+suffix)), b.mul(b.constant(ones(n), n, 1), b.leafOf(at, "b"+suffix)))
	if linear {
		return out
	}
	return b.relu(out)
}

// neumf is the mean of log(1 + exp(s)) − label·s over the samples' logits s (He et al. 2017, equations 7 and 12).
func (b *graph) neumf(at []batch.Tensor, width, layers int, users, items []int, labels []float64) *gorgonia.Node {
	n := len(users)
	u, v := b.rows(b.leafOf(at, "users"), users), b.rows(b.leafOf(at, "items"), items)
	gmf := b.times(b.part(u, 2*width, 0, width), b.part(v, 2*width, 0, width))
	hidden := b.do(func() (*gorgonia.Node, error) {
		return gorgonia.Concat(1, b.part(u, 2*width, width, 2*width), b.part(v, 2*width, width, 2*width))
	})
	for i := range layers {
		hidden = b.layer(hidden, at, fmt.Sprint(i+1), n, false)
	}
	all := b.do(func() (*gorgonia.Node, error) {
		return gorgonia.Concat(1, gmf, hidden, b.constant(ones(n), n, 1))
	})
	s := b.mul(all, b.transpose(b.leafOf(at, "out")))
	e := b.add(b.constant(ones(n), n, 1), b.do(func() (*gorgonia.Node, error) { return gorgonia.Exp(s) }))
	log := b.do(func() (*gorgonia.Node, error) { return gorgonia.Log(e) })
	sum := b.do(func() (*gorgonia.Node, error) { return gorgonia.Sum(log) })
	hit := b.do(func() (*gorgonia.Node, error) { return gorgonia.Sum(b.times(s, b.constant(labels, n, 1))) })
	loss := b.do(func() (*gorgonia.Node, error) { return gorgonia.Sub(sum, hit) })
	return b.do(func() (*gorgonia.Node, error) { return gorgonia.Div(loss, gorgonia.NewConstant(float64(n))) })
}

// towers is the mean cross-entropy of each user's item among the items of the batch, whose scores are lowered by logQ.
func (b *graph) towers(at []batch.Tensor, layers int, users, items []int, logQ []float64) *gorgonia.Node {
	n := len(users)
	side := func(table, suffix string, rows []int) *gorgonia.Node {
		x := b.rows(b.leafOf(at, table), rows)
		for i := range layers {
			x = b.layer(x, at, suffix+fmt.Sprint(i+1), n, i == layers-1)
		}
		return x
	}
	u, v := side("users", ".user.", users), side("items", ".item.", items)
	lower, diagonal := make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		diagonal[i*n+i] = 1
		for j, q := range logQ {
			lower[i*n+j] = -q
		}
	}
	scores := b.add(b.mul(u, b.transpose(v)), b.constant(lower, n, n))
	e := b.mul(b.do(func() (*gorgonia.Node, error) { return gorgonia.Exp(scores) }), b.constant(ones(n), n, 1))
	log := b.do(func() (*gorgonia.Node, error) { return gorgonia.Log(e) })
	sum := b.do(func() (*gorgonia.Node, error) { return gorgonia.Sum(log) })
	hit := b.do(func() (*gorgonia.Node, error) { return gorgonia.Sum(b.times(scores, b.constant(diagonal, n, n))) })
	loss := b.do(func() (*gorgonia.Node, error) { return gorgonia.Sub(sum, hit) })
	return b.do(func() (*gorgonia.Node, error) { return gorgonia.Div(loss, gorgonia.NewConstant(float64(n))) })
}

// minibatch draws samples that name some rows twice.
func minibatch(s batch.Shape, rng *rand.Rand) (users, items []int32, more []float32) {
	for range s.Batch {
		users, items = append(users, int32(rng.IntN(s.Users))), append(items, int32(rng.IntN(s.Items)))
		more = append(more, float32(rng.IntN(2)))
	}
	return users, items, more
}

func indices(v []int32) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

// TestBatchGradientsAgreeWithTheGraphs holds package batch to automatic differentiation, as the federated families are.
func TestBatchGradientsAgreeWithTheGraphs(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 5))
		s := batch.Shape{Users: 4 + rng.IntN(9), Items: 4 + rng.IntN(9), Width: 2 + rng.IntN(7), Layers: []int{2 + rng.IntN(8), 2 + rng.IntN(5)}, Batch: 2 + rng.IntN(30), Adam: batch.DefaultAdam()}
		users, items, more := minibatch(s, rng)
		neumf, err := batch.NewNeuMF(s, rng)
		if err != nil {
			t.Fatal(err)
		}
		towers, err := batch.NewTwoTower(s, rng)
		if err != nil {
			t.Fatal(err)
		}
		for name, m := range map[string]struct {
			at   []batch.Tensor
			hand func() (float64, []batch.Tensor, error)
			loss func(b *graph, at []batch.Tensor) *gorgonia.Node
		}{
			"NeuMF": {neumf.Tensors(), func() (float64, []batch.Tensor, error) { return neumf.Gradient(users, items, more) },
				func(b *graph, at []batch.Tensor) *gorgonia.Node {
					return b.neumf(at, s.Width, len(s.Layers), indices(users), indices(items), wide(more))
				}},
			"two towers": {towers.Tensors(), func() (float64, []batch.Tensor, error) { return towers.Gradient(users, items, more) },
				func(b *graph, at []batch.Tensor) *gorgonia.Node {
					return b.towers(at, len(s.Layers), indices(users), indices(items), wide(more))
				}},
		} {
			size := 0
			for _, tensor := range m.at {
				size += len(tensor.Params)
				for i := range tensor.Params {
					tensor.Params[i] += float32(rng.NormFloat64() * 0.4)
				}
			}
			loss, got, err := m.hand()
			if err != nil {
				t.Fatal(err)
			}
			b := &graph{g: gorgonia.NewGraph()}
			cost := m.loss(b, m.at)
			if b.err != nil {
				t.Fatalf("%s: %v", name, b.err)
			}
			want, oracle, err := b.run(cost, size)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(loss-want) > 1e-5*(1+want) {
				t.Errorf("%s, seed %d: loss %v, the graph's is %v", name, seed, loss, want)
			}
			at := 0
			for _, tensor := range got {
				if off, length := apart(tensor.Gradient, oracle[at:at+len(tensor.Gradient)]); off > 1e-5*(0.1+length) || length == 0 {
					t.Errorf("%s, seed %d: gradient of %s, of length %.4g, is %.3g away from the graph's", name, seed, tensor.Name, length, off)
				}
				at += len(tensor.Gradient)
			}
		}
	}
}

// apart is the distance of two vectors, and the second's length.
func apart(got []float32, want []float64) (off, length float64) {
	for i, w := range want {
		off += (float64(got[i]) - w) * (float64(got[i]) - w)
		length += w * w
	}
	return math.Sqrt(off), math.Sqrt(length)
}
