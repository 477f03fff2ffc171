package graph

import (
	"errors"
	"fmt"

	// gorgonia's tensors keep pointers that the garbage collector does not see; this module states which Go versions do
	// not move objects. The version that gorgonia asks for by itself panics on newer ones.
	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/cinesync/cinesync/model"
)

// graph is one loss under construction. The first fault stays, and later operations on it do nothing.
type graph struct {
	g      *gorgonia.ExprGraph
	learn  []*leaf
	err    error
	consts int
}

// leaf is a block of parameters that is differentiated: where it lies in the parameter vector.
type leaf struct {
	node     *gorgonia.Node
	at, size int
}

// Gradient is model.Gradient by automatic differentiation: the loss of one sample and its gradient at params, one number a
// coordinate of the layout.
func Gradient(l model.Layout, params []float32, s model.Sample) (loss float64, grad []float64, err error) {
	if err := check(l, params, s); err != nil {
		return 0, nil, err
	}
	b := &graph{g: gorgonia.NewGraph()}
	var cost *gorgonia.Node
	switch l.Family {
	case model.TwoTowerFamily:
		cost = b.twoTower(l, params, s)
	case model.NCFFamily:
		cost = b.ncf(l, params, s)
	default:
		return 0, nil, fmt.Errorf("family %q has no graph", l.Family)
	}
	if b.err != nil {
		return 0, nil, fmt.Errorf("build graph of family %q: %w", l.Family, b.err)
	}
	return b.run(cost, l.Size())
}

// check keeps indices in their tables: inside the engine a wrong one is a panic.
func check(l model.Layout, params []float32, s model.Sample) error {
	if _, err := model.Open(l); err != nil {
		return err
	}
	if len(params) != l.Size() {
		return fmt.Errorf("%d parameters for a layout of %d", len(params), l.Size())
	}
	if len(s.Targets) == 0 {
		return errors.New("a sample without targets has no loss")
	}
	if len(s.Past) == 0 {
		return errors.New("a sample without a history has no user")
	}
	for _, list := range [][]int{s.Past, s.Targets, s.Negatives} {
		for _, i := range list {
			if i < 0 || i >= len(l.Items) {
				return fmt.Errorf("item %d of %d", i, len(l.Items))
			}
		}
	}
	return nil
}

// run differentiates and evaluates, and puts the blocks' gradients where their parameters lie.
func (b *graph) run(cost *gorgonia.Node, size int) (loss float64, grad []float64, err error) {
	var wrt gorgonia.Nodes
	for _, p := range b.learn {
		wrt = append(wrt, p.node)
	}
	slopes, err := gorgonia.Grad(cost, wrt...)
	if err != nil {
		return 0, nil, fmt.Errorf("differentiate: %w", err)
	}
	machine := gorgonia.NewTapeMachine(b.g)
	defer func() { err = errors.Join(err, machine.Close()) }()
	if err := machine.RunAll(); err != nil {
		return 0, nil, fmt.Errorf("run graph: %w", err)
	}
	loss, ok := cost.Value().Data().(float64)
	if !ok {
		return 0, nil, fmt.Errorf("the loss is a %T", cost.Value().Data())
	}
	grad = make([]float64, size)
	for i, p := range b.learn {
		values, ok := slopes[i].Value().Data().([]float64)
		if !ok || len(values) != p.size {
			return 0, nil, fmt.Errorf("gradient of %s has %T, want %d numbers", p.node.Name(), slopes[i].Value().Data(), p.size)
		}
		copy(grad[p.at:], values)
	}
	return loss, grad, nil
}

// block makes a matrix of parameters a leaf of the graph.
func (b *graph) block(params []float32, name string, at, rows, cols int) *gorgonia.Node {
	n := b.matrix(name, wide(params[at:at+rows*cols]), rows, cols)
	b.learn = append(b.learn, &leaf{node: n, at: at, size: rows * cols})
	return n
}

// tensor makes a whole tensor of the layout a matrix of the graph.
func (b *graph) tensor(l model.Layout, params []float32, name string, rows, cols int) *gorgonia.Node {
	at, size, ok := l.Offset(name)
	if !ok || size != rows*cols {
		b.fault(fmt.Errorf("tensor %q has %d coordinates, want %d by %d", name, size, rows, cols))
		return nil
	}
	return b.block(params, name, at, rows, cols)
}

// constant is a matrix that is not differentiated.
func (b *graph) constant(values []float64, rows, cols int) *gorgonia.Node {
	b.consts++
	return b.matrix(fmt.Sprintf("constant %d", b.consts), values, rows, cols)
}

func (b *graph) matrix(name string, values []float64, rows, cols int) *gorgonia.Node {
	return gorgonia.NewMatrix(b.g, tensor.Float64, gorgonia.WithName(name), gorgonia.WithShape(rows, cols),
		gorgonia.WithValue(tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(values))))
}

// indices is a list of rows.
func (b *graph) indices(list []int) *gorgonia.Node {
	b.consts++
	return gorgonia.NewVector(b.g, tensor.Int, gorgonia.WithName(fmt.Sprintf("constant %d", b.consts)), gorgonia.WithShape(len(list)),
		gorgonia.WithValue(tensor.New(tensor.WithShape(len(list)), tensor.WithBacking(append([]int(nil), list...)))))
}

func (b *graph) fault(err error) {
	if b.err == nil {
		b.err = err
	}
}

// do notes the fault of an operation, and skips it after one.
func (b *graph) do(op func() (*gorgonia.Node, error)) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	n, err := op()
	if err != nil {
		b.fault(err)
	}
	return n
}

func (b *graph) mul(x, y *gorgonia.Node) *gorgonia.Node {
	return b.do(func() (*gorgonia.Node, error) { return gorgonia.Mul(x, y) })
}

func (b *graph) add(x, y *gorgonia.Node) *gorgonia.Node {
	return b.do(func() (*gorgonia.Node, error) { return gorgonia.Add(x, y) })
}

func (b *graph) times(x, y *gorgonia.Node) *gorgonia.Node {
	return b.do(func() (*gorgonia.Node, error) { return gorgonia.HadamardProd(x, y) })
}

func (b *graph) transpose(x *gorgonia.Node) *gorgonia.Node {
	return b.do(func() (*gorgonia.Node, error) { return gorgonia.Transpose(x, 1, 0) })
}

func (b *graph) relu(x *gorgonia.Node) *gorgonia.Node {
	return b.do(func() (*gorgonia.Node, error) { return gorgonia.Rectify(x) })
}

func (b *graph) rows(x *gorgonia.Node, list []int) *gorgonia.Node {
	return b.do(func() (*gorgonia.Node, error) { return gorgonia.ByIndices(x, b.indices(list), 0) })
}

// crossEntropy is log Σ exp(scores) minus the mean score of the targets. share holds, for each score, the share of the targets
// that it is.
func (b *graph) crossEntropy(scores *gorgonia.Node, share []float64) *gorgonia.Node {
	var shape tensor.Shape
	if b.err == nil {
		shape = scores.Shape()
	} else {
		return nil
	}
	e := b.do(func() (*gorgonia.Node, error) { return gorgonia.Exp(scores) })
	sum := b.do(func() (*gorgonia.Node, error) { return gorgonia.Sum(e) })
	log := b.do(func() (*gorgonia.Node, error) { return gorgonia.Log(sum) })
	hit := b.times(scores, b.constant(share, shape[0], shape[1]))
	want := b.do(func() (*gorgonia.Node, error) { return gorgonia.Sum(hit) })
	return b.do(func() (*gorgonia.Node, error) { return gorgonia.Sub(log, want) })
}

func wide(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}
