package batch

import (
	"math/rand/v2"

	"github.com/cinesync/cinesync/model/kernel"
)

// table is an embedding: a row of parameters for each user or item, with the gradient of those rows alone that a batch
// names.
type table struct {
	width   int
	p, m, v []float32 // rows × width: parameters and Adam's moments
	slot    []int32   // of each row: 1 + where its gradient lies, 0 when the batch does not name it
	named   []int32   // rows of this batch, in the order they were met
	grad    []float32 // named × width
}

// newTable draws its rows from a normal distribution of this spread.
func newTable(rows, width, batch int, spread float64, rng *rand.Rand) *table {
	t := &table{width: width, p: make([]float32, rows*width), m: make([]float32, rows*width), v: make([]float32, rows*width),
		slot: make([]int32, rows), named: make([]int32, 0, batch), grad: make([]float32, batch*width)}
	for i := range t.p {
		t.p[i] = float32(rng.NormFloat64() * spread)
	}
	return t
}

func (t *table) row(i int32) []float32 {
	at := int(i) * t.width
	return t.p[at : at+t.width : at+t.width]
}

// slope is where the gradient of row i is added up. It starts at zero in each batch.
func (t *table) slope(i int32) []float32 {
	at := int(t.slot[i])
	if at == 0 {
		t.named = append(t.named, i)
		at = len(t.named)
		t.slot[i] = int32(at)
		clear(t.grad[(at-1)*t.width : at*t.width])
	}
	return t.grad[(at-1)*t.width : at*t.width : at*t.width]
}

// update moves the named rows and forgets which they were.
func (t *table) update(s *kernel.AdamStep) {
	w := t.width
	for at, i := range t.named {
		lo, hi := int(i)*w, (int(i)+1)*w
		s.Update(t.p[lo:hi], t.m[lo:hi], t.v[lo:hi], t.grad[at*w:(at+1)*w])
	}
	t.forget()
}

func (t *table) forget() {
	for _, i := range t.named {
		t.slot[i] = 0
	}
	t.named = t.named[:0]
}

// collect writes the whole table's gradient to dst (rows × width), zero where the batch named nothing.
func (t *table) collect(dst []float32) {
	clear(dst)
	for at, i := range t.named {
		copy(dst[int(i)*t.width:], t.grad[at*t.width:(at+1)*t.width])
	}
}

func (t *table) tensor(name string) Tensor {
	return Tensor{Name: name, Rows: len(t.slot), Cols: t.width, Params: t.p}
}
