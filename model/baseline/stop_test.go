package baseline

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/cinesync/cinesync/model/split"
)

// TestInvertIsTheInverse at sizes around a panel's, against gonum's.
func TestInvertIsTheInverse(t *testing.T) {
	for _, size := range []struct{ n, panel int }{{1, 8}, {2, 8}, {7, 8}, {8, 8}, {9, 8}, {29, 8}, {panel + 1, panel}} {
		n := size.n
		rng := rand.New(rand.NewPCG(3, uint64(n)))
		root := mat.NewDense(n, n, nil)
		for i := range n {
			for j := range n {
				root.Set(i, j, rng.NormFloat64())
			}
		}
		var a, want mat.SymDense
		a.SymOuterK(1, root)
		for i := range n {
			a.SetSym(i, i, a.At(i, i)+1)
		}
		var c mat.Cholesky
		if !c.Factorize(&a) || c.InverseTo(&want) != nil {
			t.Fatal("the matrix is not positive definite")
		}
		got := make([]float64, n*n)
		for i := range n {
			for j := range n {
				got[i*n+j] = a.At(i, j)
				if j < i {
					got[i*n+j] = math.NaN() // not to be read
				}
			}
		}
		if err := (upper{got, n, size.panel, nil}).invert(); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for j := i; j < n; j++ {
				if d := math.Abs(got[i*n+j] - want.At(i, j)); !(d <= 1e-9*mat.Max(&want)) {
					t.Fatalf("n = %d: element %d,%d is %v, want %v", n, i, j, got[i*n+j], want.At(i, j))
				}
			}
		}
	}
	if err := invert([]float64{1, 2, 2, 1}, 2, nil); err == nil {
		t.Error("a matrix that is not positive definite was inverted")
	}
}

// TestEveryLongTrainingStops: at the first question, and at one on the way, with the error that was given and no more work than until the next.
func TestEveryLongTrainingStops(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	train := split.Train{Items: panel + 9}
	for range 150 {
		train.Histories = append(train.Histories, rng.Perm(train.Items)[:20])
	}
	enough := errors.New("enough")
	for name, make := range map[string]func(Stop) error{
		"ItemKNN": func(s Stop) error { _, err := NewItemKNN(train, KNNOptions{Stop: s}); return err },
		"EASE":    func(s Stop) error { _, err := NewEASE(train, DefaultLambda, s); return err },
		"iALS":    func(s Stop) error { _, err := NewIALS(train, IALSOptions{Stop: s, Dim: 8}); return err },
		"NeuMF":   func(s Stop) error { _, err := NewNeuMF(train, NeuMFOptions{Stop: s, Epochs: 2}); return err },
	} {
		var all atomic.Int64
		if err := make(func() error { all.Add(1); return nil }); err != nil || all.Load() < 20 {
			t.Errorf("%s: asked %d times, %v", name, all.Load(), err)
		}
		for _, after := range []int64{0, 1, all.Load() / 2, all.Load() - 1} {
			var asked atomic.Int64
			err := make(func() error {
				if asked.Add(1) > after {
					return enough
				}
				return nil
			})
			if !errors.Is(err, enough) {
				t.Errorf("%s, stopped at question %d of %d: %v", name, after+1, all.Load(), err)
			}
		}
	}
}
