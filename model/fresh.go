package model

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Fresh gives titles that nobody has watched a row that can be served. Training knows such a title only as one that nobody chose: its row
// and bias are where that pushed them. What everybody may know of it tells more, read as the trained model reads it. All that goes in was
// published or is public, so what comes out costs no privacy.
type Fresh struct {
	Features [][]float32 // items × f, public
	Support  []float32   // how well known each title is: the sum of the popularity question (Histogram)
	Least    float64     // titles with no more support than this are fresh, such as some deviations of the sum's noise
}

// Bounds of what rows are foretold from: fewer well-known titles teach nothing, and more teach little and cost memory.
const (
	leastTeachers = 16
	mostTeachers  = 1 << 14
)

// Apply is the model with the rows of v of fresh titles foretold from their features, by ridge regression on the better known half of all
// other titles, and with the mean bias of that half. A regression draws rows to their mean, and dot products would rank shrunken rows low for
// everybody; so they are stretched from that mean by what the regression takes off rows that it has not seen, measured on that half, each row left
// out once. The rest stays as it is, and all of it where there is nothing to foretell or there are fewer than 16 to learn from.
func (f Fresh) Apply(s *Snapshot) (*Snapshot, error) {
	items, dim := len(s.Layout.Items), s.Layout.Dim
	v, n, ok := s.Layout.Offset("v")
	b, m, has := s.Layout.Offset("b")
	if !ok || !has || n != items*dim || m != items || len(s.Params) != s.Layout.Size() {
		return nil, fmt.Errorf("fresh titles: family %q has no vector and bias for each of %d titles", s.Layout.Family, items)
	}
	if err := f.check(items); err != nil {
		return nil, err
	}
	out := &Snapshot{Layout: s.Layout, Params: slices.Clone(s.Params)}
	teachers := f.teachers()
	if len(teachers) >= leastTeachers && len(teachers) < items {
		if err := f.foretell(teachers, dim, out.Params[v:v+n], out.Params[b:b+m]); err != nil {
			return nil, err
		}
	}
	if name := out.Layout.NotFinite(out.Params); name != "" {
		return nil, fmt.Errorf("fresh titles: what was foretold of %s is not finite: features are too large", name)
	}
	if s.Half {
		return out.InHalves()
	}
	return out, nil
}

// foretell writes the rows of fresh titles into v (items × dim) and their places of b.
func (f Fresh) foretell(teachers []int, dim int, v, b []float32) error {
	r, ok := f.fit(teachers, v, dim)
	if !ok {
		return fmt.Errorf("fresh titles: the features of %d well-known titles foretell nothing: they have no decomposition", len(teachers))
	}
	row, bias := make([]float64, dim), 0.
	for _, i := range teachers {
		bias += float64(b[i]) / float64(len(teachers))
	}
	for i, x := range f.Features {
		if !f.fresh(i) {
			continue
		}
		r.at(x, row)
		for k, y := range row {
			v[i*dim+k] = float32(r.to[k] + r.stretch*(y-r.to[k]))
		}
		b[i] = float32(bias)
	}
	return nil
}

func (f Fresh) check(items int) error {
	switch {
	case len(f.Features) != items || len(f.Support) != items:
		return fmt.Errorf("fresh titles: features of %d titles and support of %d, the layout has %d", len(f.Features), len(f.Support), items)
	case len(f.Features[0]) == 0:
		return fmt.Errorf("fresh titles: nothing is known of any title: rows have no features")
	case finite(f.Support) >= 0:
		return fmt.Errorf("fresh titles: the support of title %d is not finite", finite(f.Support))
	case !(f.Least >= 0) || math.IsInf(f.Least, 1):
		return fmt.Errorf("fresh titles: least support is %v, want 0 or more", f.Least)
	}
	for i, x := range f.Features {
		if len(x) != len(f.Features[0]) || finite(x) >= 0 {
			return fmt.Errorf("fresh titles: title %d has features that are not %d finite numbers", i, len(f.Features[0]))
		}
	}
	return nil
}

func (f Fresh) fresh(i int) bool { return float64(f.Support[i]) <= f.Least }

// teachers are the better known half of the titles that are not fresh, best known first.
func (f Fresh) teachers() []int {
	var out []int
	for i := range f.Support {
		if !f.fresh(i) {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(f.Support[b], f.Support[a]) })
	return out[:min((len(out)+1)/2, mostTeachers)]
}

// fit learns a title's row of v from its features.
func (f Fresh) fit(teachers []int, v []float32, dim int) (ridge, bool) {
	x, y := mat.NewDense(len(teachers), len(f.Features[0]), nil), mat.NewDense(len(teachers), dim, nil)
	for row, i := range teachers {
		for j, feature := range f.Features[i] {
			x.Set(row, j, float64(feature))
		}
		for k := range dim {
			y.Set(row, k, float64(v[i*dim+k]))
		}
	}
	return fitRidge(x, y)
}
