package content

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Features gives one row a title (titles × f), the fields side by side: each brought down to its components, centred, and
// scaled so that the root mean square length of its rows is its weight. Fields in which nothing is known take no columns; it is
// an error if that is all of them.
func Features(titles int, fields []Field) ([][]float32, error) {
	if titles < 1 || titles > MaxTitles {
		return nil, fmt.Errorf("content features: %d titles, want 1 to %d", titles, MaxTitles)
	}
	left := MaxTokens
	for i := range fields {
		n, err := fields[i].check(titles, left)
		if err != nil {
			return nil, fmt.Errorf("content features: field %q: %w", fields[i].Name, err)
		}
		left -= n
	}
	rows := make([][]float32, titles)
	for i := range fields {
		block, err := fields[i].block()
		if err != nil {
			return nil, fmt.Errorf("content features: field %q: %w", fields[i].Name, err)
		}
		if block == nil {
			continue
		}
		for t := range rows {
			for _, v := range block.RawRowView(t) {
				rows[t] = append(rows[t], float32(v))
			}
		}
	}
	if len(rows[0]) == 0 {
		return nil, fmt.Errorf("content features: no field tells one of %d titles from another", titles)
	}
	return rows, nil
}

// block is a field's part of the features, nil if it tells no title from another.
func (f *Field) block() (*mat.Dense, error) {
	m := f.matrix()
	if most := min(MaxComponents, MaxNumbers/m.rows); f.Components == 0 && m.cols > most {
		return nil, fmt.Errorf("%d different tokens to keep a column each, at most %d can: set components", m.cols, most)
	}
	var out *mat.Dense
	var err error
	if f.Components > 0 {
		out, err = m.reduce(f.Components)
	} else {
		out = m.dense()
	}
	if err != nil || out == nil {
		return nil, err
	}
	centre(out, m)
	length := mat.Norm(out, 2) / math.Sqrt(float64(m.rows))
	if length < 1e-9 {
		return nil, nil // all titles are alike
	}
	out.Scale(f.Weight/length, out)
	return out, nil
}

// dense has a column for each of s; nil if there is none.
func (s *sparse) dense() *mat.Dense {
	if s.cols == 0 {
		return nil
	}
	out := mat.NewDense(s.rows, s.cols, nil)
	for i := range s.rows {
		row := out.RawRowView(i)
		for e := s.start[i]; e < s.start[i+1]; e++ {
			row[s.col[e]] = s.val[e]
		}
	}
	return out
}

// centre takes the mean of the titles of which anything is known off their rows. The others stay at zero, the mean: not knowing
// says nothing.
func centre(x *mat.Dense, known sparse) {
	_, cols := x.Dims()
	mean := make([]float64, cols)
	n := 0.0
	for i := range known.rows {
		if known.start[i] < known.start[i+1] {
			add(mean, x.RawRowView(i), 1)
			n++
		}
	}
	for i := range known.rows {
		if known.start[i] < known.start[i+1] {
			add(x.RawRowView(i), mean, -1/n)
		}
	}
}
