package baseline

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/internal/par"
	"github.com/cinesync/cinesync/model/kernel"
	"github.com/cinesync/cinesync/model/split"
)

// IALS factorises who watched what by alternating least squares over all pairs (Hu, Koren and Volinsky 2008), with the
// weights and the scaled regularisation of Rendle et al. 2022, section 3.
type IALS struct {
	o     IALSOptions
	items int
	h     []float32 // items × d
	gram  []float32 // α₀·hᵀh, d × d
}

// IALSOptions are iALS's. Zero values stand for the defaults.
type IALSOptions struct {
	Dim    int     // d; 0: 64, and 32 for fewer than 2,000 users
	Sweeps int     // over users and titles; 0: 16
	Alpha0 float64 // weight of a pair that was not watched, against 1 for one that was
	Lambda float64 // regularisation, times (plays + α₀·rows of the other side)^Nu
	Nu     float64
	Seed   uint64
	Stop   Stop
}

// maxIALSDim bounds d; each user's equation takes its square.
const maxIALSDim = 512

func (o *IALSOptions) fill(users int) error {
	if o.Dim == 0 {
		o.Dim = 64
		if users < 2000 {
			o.Dim = 32
		}
	}
	if o.Sweeps == 0 {
		o.Sweeps = 16
	}
	if o.Alpha0 == 0 {
		o.Alpha0 = 0.3
	}
	if o.Lambda == 0 {
		o.Lambda = 0.003
	}
	if o.Nu == 0 {
		o.Nu = 1
	}
	if o.Dim < 1 || o.Dim > maxIALSDim || o.Sweeps < 1 || !(o.Alpha0 > 0 && o.Alpha0 < 1e6) || !(o.Lambda > 0 && o.Lambda < 1e6) || !(o.Nu > 0 && o.Nu <= 2) {
		return fmt.Errorf("iALS: d %d, %d sweeps, alpha0 %v, lambda %v, nu %v: want positive numbers, d up to %d, nu up to 2",
			o.Dim, o.Sweeps, o.Alpha0, o.Lambda, o.Nu, maxIALSDim)
	}
	return nil
}

// NewIALS trains from small random vectors.
func NewIALS(t split.Train, o IALSOptions) (*IALS, error) {
	if err := o.fill(len(t.Histories)); err != nil {
		return nil, err
	}
	m := &IALS{o: o, items: t.Items, h: make([]float32, t.Items*o.Dim)}
	rng := rand.New(rand.NewPCG(o.Seed, 0x1a15))
	for i := range m.h {
		m.h[i] = float32(0.1 / math.Sqrt(float64(o.Dim)) * rng.NormFloat64())
	}
	users, plays := make([]float32, len(t.Histories)*o.Dim), make([][]int32, len(t.Histories))
	for u, h := range t.Histories {
		for _, item := range h {
			plays[u] = append(plays[u], int32(item))
		}
	}
	seen := watchers(t)
	for range o.Sweeps {
		if err := o.half(users, plays, m.h); err != nil {
			return nil, fmt.Errorf("iALS: %w", err)
		}
		if err := o.half(m.h, seen, users); err != nil {
			return nil, fmt.Errorf("iALS: %w", err)
		}
	}
	m.gram = o.weighted(m.h)
	for _, v := range m.h {
		if v != v || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("iALS: a factor is not a finite number after %d sweeps: raise lambda", o.Sweeps)
		}
	}
	return m, nil
}

// half solves every row of one side with the other side fixed.
func (o IALSOptions) half(rows []float32, plays [][]int32, other []float32) error {
	gram := o.weighted(other)
	const each = 16 // rows that share a workspace
	par.Do((len(plays)+each-1)/each, func(b int) {
		if o.Stop.now() != nil {
			return
		}
		s := newSolver(o.Dim)
		for i := b * each; i < min(len(plays), (b+1)*each); i++ {
			s.solve(rows[i*o.Dim:(i+1)*o.Dim], gram, other, plays[i], o.ridge(len(plays[i]), len(other)/o.Dim))
		}
	})
	return o.Stop.now()
}

// weighted is α₀ times the Gram matrix of a side.
func (o IALSOptions) weighted(side []float32) []float32 {
	gram := make([]float32, o.Dim*o.Dim)
	kernel.TN(gram, side, side, o.Dim, o.Dim, len(side)/o.Dim)
	kernel.Scale(float32(o.Alpha0), gram)
	return gram
}

func (o IALSOptions) ridge(plays, rows int) float64 {
	return o.Lambda * math.Pow(float64(plays)+o.Alpha0*float64(rows), o.Nu)
}

// Scores solves the user's vector from the history, as training does, and multiplies.
func (m *IALS) Scores(_ int, history []int, dst []float32) error {
	if err := fits(dst, m.items); err != nil {
		return err
	}
	items, w := make([]int32, len(history)), make([]float32, m.o.Dim)
	for i, item := range history {
		items[i] = int32(item)
	}
	newSolver(m.o.Dim).solve(w, m.gram, m.h, items, m.o.ridge(len(items), m.items))
	kernel.NT(dst, w, m.h, 1, m.items, m.o.Dim)
	return nil
}
