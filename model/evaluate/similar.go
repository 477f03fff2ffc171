package evaluate

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/cinesync/cinesync/model/split"
)

// Similarity compares two titles of the catalogue: 1 for like, 0 for unlike.
type Similarity interface{ Cosine(i, j int) float64 }

// Vectors compares titles by public content: one row a title.
type Vectors struct {
	rows  [][]float32
	norms []float64
}

// NewVectors takes a matrix of content features, items × f.
func NewVectors(rows [][]float32, items int) (*Vectors, error) {
	if len(rows) != items {
		return nil, fmt.Errorf("vectors of %d titles, the catalogue has %d", len(rows), items)
	}
	v := &Vectors{rows: rows, norms: make([]float64, items)}
	for i, row := range rows {
		if len(row) != len(rows[0]) {
			return nil, fmt.Errorf("vector of title %d has %d entries, that of title 0 has %d", i, len(row), len(rows[0]))
		}
		v.norms[i] = math.Sqrt(dot(row, row))
		if math.IsNaN(v.norms[i]) || math.IsInf(v.norms[i], 0) {
			return nil, fmt.Errorf("vector of title %d holds what is not a finite number", i)
		}
	}
	return v, nil
}

// Cosine is 0 where a vector is all zeros.
func (v *Vectors) Cosine(i, j int) float64 {
	if v.norms[i] == 0 || v.norms[j] == 0 {
		return 0
	}
	return dot(v.rows[i], v.rows[j]) / (v.norms[i] * v.norms[j])
}

func dot(a, b []float32) float64 {
	var sum float64
	for k := range a {
		sum += float64(a[k]) * float64(b[k])
	}
	return sum
}

// Audience compares titles by who watched them in training, one bit a user. It measures lists; no model may start from it.
type Audience struct {
	words int
	seen  []uint64 // items × words
	sizes []int
}

// mostWords bounds the memory of an Audience at 128 MiB: of larger populations the first users stand for all.
const mostWords = 1 << 24

// NewAudience notes who watched what.
func NewAudience(t split.Train) *Audience {
	users := min(len(t.Histories), 64*max(1, mostWords/t.Items))
	a := &Audience{words: (users + 63) / 64, sizes: make([]int, t.Items)}
	a.seen = make([]uint64, t.Items*a.words)
	for user, h := range t.Histories[:users] {
		for _, item := range h {
			a.seen[item*a.words+user/64] |= 1 << (user % 64)
			a.sizes[item]++
		}
	}
	return a
}

// Cosine is the number of common users over the geometric mean of both numbers.
func (a *Audience) Cosine(i, j int) float64 {
	if a.sizes[i] == 0 || a.sizes[j] == 0 {
		return 0
	}
	x, y := a.seen[i*a.words:(i+1)*a.words], a.seen[j*a.words:(j+1)*a.words]
	both := 0
	for k, w := range x {
		both += bits.OnesCount64(w & y[k])
	}
	return float64(both) / math.Sqrt(float64(a.sizes[i])*float64(a.sizes[j]))
}
