package baseline

import (
	"errors"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model/kernel"
	"github.com/cinesync/cinesync/model/split"
)

// EASE is the linear autoencoder with an empty diagonal, in closed form (Steck 2019): B = I − P·diag(1/diag P) with
// P = (XᵀX + λI)⁻¹, and a history's scores are the sum of its titles' rows of B.
type EASE struct {
	items int
	b     []float32 // items × items
}

// MostEASE is the largest catalogue that EASE takes: its matrix has the square of that many numbers.
const MostEASE = 10_000

// ErrTooLarge means that a baseline does not take so large a catalogue.
var ErrTooLarge = errors.New("the catalogue is too large")

// DefaultLambda is EASE's λ.
const DefaultLambda = 500

// NewEASE solves for B. λ is added to how many users watched each title; it must be positive.
func NewEASE(t split.Train, lambda float64, stop Stop) (*EASE, error) {
	n := t.Items
	switch {
	case n > MostEASE:
		return nil, fmt.Errorf("EASE: %d titles, its square matrix takes %d at most: %w", n, MostEASE, ErrTooLarge)
	case !(lambda > 0) || math.IsInf(lambda, 0):
		return nil, fmt.Errorf("EASE: lambda is %v, want a positive number", lambda)
	}
	users := watchers(t)
	gram := make([]float64, n*n)
	par.Do(n, func(i int) {
		if stop.now() != nil {
			return
		}
		row := gram[i*n : (i+1)*n]
		together(t, users[i], row)
		row[i] += lambda
	})
	if err := stop.now(); err != nil {
		return nil, fmt.Errorf("EASE: %w", err)
	}
	if err := invert(gram, n, stop); err != nil {
		return nil, fmt.Errorf("EASE: invert XᵀX + %v·I: %w", lambda, err)
	}
	e := &EASE{items: n, b: make([]float32, n*n)}
	par.Do(n, func(i int) {
		for j := range n {
			if i != j {
				e.b[i*n+j] = float32(-gram[min(i, j)*n+max(i, j)] / gram[j*n+j])
			}
		}
	})
	return e, nil
}

// Scores adds rows of B.
func (e *EASE) Scores(_ int, history []int, dst []float32) error {
	if err := fits(dst, e.items); err != nil {
		return err
	}
	clear(dst)
	for _, j := range history {
		kernel.Add(dst, e.b[j*e.items:(j+1)*e.items])
	}
	return nil
}
