package rank

import "fmt"

// Limits of a table, checked before memory is taken.
const (
	MaxTitles = 1 << 24
	MaxDim    = 1 << 12
)

// Table is what a Finder chooses from: a vector and a bias a title. Nothing in it changes.
type Table struct {
	vectors, biases []float32
	dim             int
}

// NewTable takes vectors (titles × dim, row by row) and biases (one a title; nil: all 0), which it keeps and which nobody may change
// from then on. All of them must be finite.
func NewTable(vectors, biases []float32, dim int) (*Table, error) {
	if dim < 1 || dim > MaxDim {
		return nil, fmt.Errorf("table: vectors of width %d, want 1 to %d", dim, MaxDim)
	}
	titles := len(vectors) / dim
	if len(vectors)%dim != 0 || titles < 1 || titles > MaxTitles {
		return nil, fmt.Errorf("table: %d numbers in vectors of width %d, want whole vectors of 1 to %d titles", len(vectors), dim, MaxTitles)
	}
	if biases == nil {
		biases = make([]float32, titles)
	}
	if len(biases) != titles {
		return nil, fmt.Errorf("table: %d biases for %d titles", len(biases), titles)
	}
	if i := firstEndless(vectors); i >= 0 {
		return nil, fmt.Errorf("table: number %d of title %d is %v, want a finite one", i%dim, i/dim, vectors[i])
	}
	if i := firstEndless(biases); i >= 0 {
		return nil, fmt.Errorf("table: the bias of title %d is %v, want a finite one", i, biases[i])
	}
	return &Table{vectors, biases, dim}, nil
}

// firstEndless is the place of the first NaN or infinity, or -1.
func firstEndless(x []float32) int {
	for i, v := range x {
		if v-v != 0 {
			return i
		}
	}
	return -1
}

// Titles is how many titles there are; they are known by their rows, from 0.
func (t *Table) Titles() int { return len(t.biases) }

// Dim is how many numbers a vector has.
func (t *Table) Dim() int { return t.dim }

// Vectors are titles × dim numbers, and Biases one a title. They are the table's own: only to be read.
func (t *Table) Vectors() []float32 { return t.vectors }

// Biases is described at Vectors.
func (t *Table) Biases() []float32 { return t.biases }

// Vector is the vector of a row, only to be read.
func (t *Table) Vector(row int) []float32 { return t.vectors[row*t.dim : (row+1)*t.dim] }

// Score is what a query scores a row: the products query[k]·vector[k], exact in float64, are added to 0 in the order of k and in
// float64, then the bias is, and the sum is rounded once to float32. It may be infinite; it is never NaN, and never −0.
func (t *Table) Score(query []float32, row int) float32 {
	var sum float64
	for k, v := range t.Vector(row) {
		sum += float64(query[k]) * float64(v)
	}
	return round(sum + float64(t.biases[row]))
}

// round is the float32 nearest to x, and 0 for what rounds to −0, which would equal 0 and print otherwise.
func round(x float64) float32 { return float32(x) + 0 }
