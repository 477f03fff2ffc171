package content

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// fading makes a sparse matrix whose singular values fall quickly enough to be told apart: blocks of titles that share tokens.
func fading(rows, cols int, rng *rand.Rand) sparse {
	m := sparse{rows: rows, cols: cols, start: []int{0}}
	for range rows {
		group := int(float64(6) * math.Pow(rng.Float64(), 2))
		for c := range cols {
			if p := 0.05 + 0.8*math.Pow(0.5, math.Abs(float64(c%6-group))); rng.Float64() < p {
				m.col, m.val = append(m.col, c), append(m.val, 0.2+rng.Float64())
			}
		}
		m.start = append(m.start, len(m.col))
	}
	return m
}

// TestReduceIsTheTruncatedSVD compares with the dense decomposition: the best rank-k approximation is unique where the values
// differ, and its error is known.
func TestReduceIsTheTruncatedSVD(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(2, 60).Draw(t, "rows"), rapid.IntRange(2, 60).Draw(t, "cols")
		k := rapid.IntRange(1, 8).Draw(t, "k")
		m := fading(rows, cols, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2)))
		got, err := m.reduce(k)
		if err != nil {
			t.Fatal(err)
		}
		var svd mat.SVD
		if !svd.Factorize(m.dense(), mat.SVDThin) {
			t.Fatal("the dense matrix has no decomposition")
		}
		values := svd.Values(nil)
		_, have := got.Dims()
		if have != min(k, rows, cols) {
			t.Fatalf("%d components, want %d", have, min(k, rows, cols))
		}
		for j := range have {
			column := mat.Col(nil, j, got)
			var square, top float64
			for _, v := range column {
				square += v * v
				if math.Abs(v) > math.Abs(top) {
					top = v
				}
			}
			if d := math.Abs(math.Sqrt(square) - values[j]); d > 0.01*values[0] {
				t.Errorf("component %d has length %v, the singular value is %v", j, math.Sqrt(square), values[j])
			}
			if top < 0 {
				t.Errorf("component %d: its largest entry is %v, want a positive one", j, top)
			}
		}
		var gram, all mat.Dense // what the components keep of the titles' likeness
		gram.Mul(got, got.T())
		d := m.dense()
		all.Mul(d, d.T())
		all.Sub(&all, &gram)
		var rest float64
		for _, v := range values[have:] {
			rest += v * v * v * v
		}
		if e := mat.Norm(&all, 2); e > math.Sqrt(rest)+0.02*values[0]*values[0] {
			t.Errorf("titles' likeness is off by %v, the best of rank %d by %v", e, have, math.Sqrt(rest))
		}
	})
}

// TestReduceFindsARank wants the exact answer where the matrix has no more than k directions.
func TestReduceFindsARank(t *testing.T) {
	m := sparse{rows: 4, cols: 3, start: []int{0, 1, 2, 4, 4}, col: []int{0, 0, 1, 2}, val: []float64{3, 4, 6, 8}}
	got, err := m.reduce(2)
	if err != nil {
		t.Fatal(err)
	}
	want := mat.NewDense(4, 2, []float64{0, 3, 0, 4, 10, 0, 0, 0})
	if !mat.EqualApprox(got, want, 1e-9) {
		t.Errorf("got\n%v\nwant\n%v", mat.Formatted(got), mat.Formatted(want))
	}
	if got, err := (&sparse{rows: 3, start: []int{0, 0, 0, 0}}).reduce(2); got != nil || err != nil {
		t.Errorf("an empty matrix has %v, %v", got, err)
	}
}

// BenchmarkReduce is a plot field of ML-1M's size, against the products with the matrix that it cannot do without.
func BenchmarkReduce(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 3))
	m := sparse{rows: 3706, cols: 10000, start: []int{0}}
	for range m.rows {
		for range 60 {
			m.col, m.val = append(m.col, int(float64(m.cols)*math.Pow(rng.Float64(), 2))), append(m.val, rng.Float64())
		}
		m.start = append(m.start, len(m.col))
	}
	x, y := mat.NewDense(m.cols, 32+oversampling, nil), mat.NewDense(m.rows, 32+oversampling, nil)
	var products time.Duration
	for b.Loop() {
		if _, err := m.reduce(32); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		began := time.Now()
		for range passes + 1 {
			m.times(x)
			m.transposedTimes(y)
		}
		products += time.Since(began)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(products), "x-of-its-products")
}
