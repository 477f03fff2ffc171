package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// planted is a model whose rows are a linear reading of the titles' facts with a little noise, except for every fifth title, which
// nobody watched: training left it far off.
func planted(t testing.TB, half bool) (*Snapshot, Fresh, func(item int) []float64) {
	t.Helper()
	const items, facts, dim = 120, 6, 4
	rng := rand.New(rand.NewPCG(5, 6))
	s, err := Spec{Family: TwoTowerFamily, Dim: dim, Ages: []float32{0}}.New(ids(items), nil)
	if err != nil {
		t.Fatal(err)
	}
	reading := make([]float64, facts*dim)
	for i := range reading {
		reading[i] = rng.NormFloat64()
	}
	f := Fresh{Features: make([][]float32, items), Support: make([]float32, items)}
	truth := func(item int) []float64 {
		out := make([]float64, dim)
		for j, x := range f.Features[item] {
			for k := range out {
				out[k] += float64(x) * reading[j*dim+k]
			}
		}
		return out
	}
	v, _, _ := s.Layout.Offset("v")
	b, _, _ := s.Layout.Offset("b")
	for i := range items {
		for range facts {
			f.Features[i] = append(f.Features[i], float32(rng.NormFloat64()))
		}
		for k, y := range truth(i) {
			s.Params[v+i*dim+k] = float32(y + 0.05*rng.NormFloat64())
			if i%5 == 0 {
				s.Params[v+i*dim+k] = -9
			}
		}
		s.Params[b+i] = -9
		if i%5 != 0 {
			f.Support[i] = float32(i)
			s.Params[b+i] = float32(i % 2)
		}
	}
	if half {
		if s, err = s.InHalves(); err != nil {
			t.Fatal(err)
		}
	}
	return s, f, truth
}

func TestFreshTitlesAreReadFromTheirFacts(t *testing.T) {
	for _, half := range []bool{false, true} {
		s, f, truth := planted(t, half)
		out, err := f.Apply(s)
		if err != nil {
			t.Fatal(err)
		}
		if out.Half != half {
			t.Errorf("halves: %v, want %v", out.Half, half)
		}
		v, _, _ := s.Layout.Offset("v")
		b, _, _ := s.Layout.Offset("b")
		want := slices.Clone(s.Params)
		for i := range f.Features {
			if i%5 != 0 {
				continue
			}
			for k, y := range truth(i) {
				at := v + i*4 + k
				if math.Abs(float64(out.Params[at])-y) > 0.2 {
					t.Fatalf("title %d, place %d is %v, its facts say %v", i, k, out.Params[at], y)
				}
				want[at] = out.Params[at]
			}
			if want[b+i] = 0.5; out.Params[b+i] != 0.5 { // the 48 best known are those from title 61, of either bias
				t.Fatalf("the bias of title %d is %v, want the mean of the better known", i, out.Params[b+i])
			}
		}
		if !slices.Equal(out.Params, want) {
			t.Error("something else than fresh titles changed")
		}
	}
}

func TestNothingIsForetoldFromNothing(t *testing.T) {
	s, f, _ := planted(t, false)
	for what, least := range map[string]float64{"all are fresh": 1000, "one title is known": float64(slices.Max(f.Support)) - 0.5} {
		f.Least = least
		out, err := f.Apply(s)
		if err != nil || !slices.Equal(out.Params, s.Params) {
			t.Errorf("%s: the model changed, or %v", what, err)
		}
	}
	f.Least = 0
	for i := range f.Support {
		f.Support[i] = 1
	}
	if out, err := f.Apply(s); err != nil || !slices.Equal(out.Params, s.Params) {
		t.Errorf("no title is fresh, and the model changed, or %v", err)
	}
}

func TestFreshRefusesWhatIsNoNumber(t *testing.T) {
	for what, change := range map[string]func(s *Snapshot, f *Fresh){
		"features of 119 titles":          func(_ *Snapshot, f *Fresh) { f.Features = f.Features[1:] },
		"support of 119":                  func(_ *Snapshot, f *Fresh) { f.Support = f.Support[1:] },
		"title 3 has features":            func(_ *Snapshot, f *Fresh) { f.Features[3][2] = float32(math.NaN()) },
		"title 4 has features":            func(_ *Snapshot, f *Fresh) { f.Features[4] = f.Features[4][1:] },
		"support of title 7 is not":       func(_ *Snapshot, f *Fresh) { f.Support[7] = float32(math.Inf(1)) },
		"least support is NaN":            func(_ *Snapshot, f *Fresh) { f.Least = math.NaN() },
		"least support is -1":             func(_ *Snapshot, f *Fresh) { f.Least = -1 },
		"nothing is known":                func(_ *Snapshot, f *Fresh) { f.Features[0] = nil },
		"has no vector and bias for each": func(s *Snapshot, _ *Fresh) { s.Params = s.Params[1:] },
	} {
		s, f, _ := planted(t, false)
		change(s, &f)
		if _, err := f.Apply(s); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
}

// TestLeftOutIsWhatLeavingOutGives: the closed form against fits without the row.
func TestLeftOutIsWhatLeavingOutGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, f := rapid.IntRange(4, 12).Draw(t, "rows"), rapid.IntRange(1, 4).Draw(t, "inputs")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		penalty := rapid.Float64Range(0.1, 10).Draw(t, "penalty")
		x, y := mat.NewDense(n, f, nil), mat.NewDense(n, 2, nil)
		for i := range n {
			for j := range f {
				x.Set(i, j, rng.NormFloat64())
			}
			y.Set(i, 0, rng.NormFloat64())
			y.Set(i, 1, rng.NormFloat64())
		}
		want, wantReach := 0., 0.
		means := centred(mat.DenseCopyOf(y))
		for out := range n {
			for k, fit := range without(x, y, out, penalty) {
				want += (y.At(out, k) - fit) * (y.At(out, k) - fit)
				wantReach += (fit - means[k]) * (fit - means[k])
			}
		}
		centred(x)
		centred(y)
		var gram, cross, by mat.Dense
		gram.Mul(x.T(), x)
		for j := range f {
			gram.Set(j, j, gram.At(j, j)+penalty)
		}
		cross.Mul(x.T(), y)
		var eigen mat.EigenSym
		sym := mat.NewSymDense(f, nil)
		sym.SymOuterK(1, x.T())
		if !eigen.Factorize(sym, true) {
			t.Fatal("no decomposition")
		}
		var q, z, turned mat.Dense
		eigen.VectorsTo(&q)
		z.Mul(x, &q)
		weights := eigen.Values(nil)
		for j, v := range weights {
			weights[j] = 1 / (v + penalty)
		}
		if err := by.Solve(&gram, &cross); err != nil {
			t.Fatal(err)
		}
		turned.Mul(q.T(), &by)
		if got, reach := leftOut(&z, y, &turned, weights, n); math.Abs(got-want) > 1e-6*(1+want) || math.Abs(reach-wantReach) > 1e-6*(1+wantReach) {
			t.Fatalf("closed form %v and %v, leaving out %v and %v", got, reach, want, wantReach)
		}
	})
}

// without fits all rows but one and foretells it. The intercept is a column of ones without a penalty.
func without(x, y *mat.Dense, out int, penalty float64) []float64 {
	n, f := x.Dims()
	ones, rest := mat.NewDense(n-1, f+1, nil), mat.NewDense(n-1, 2, nil)
	row := 0
	for i := range n {
		if i == out {
			continue
		}
		ones.SetRow(row, append(slices.Clone(x.RawRowView(i)), 1))
		rest.SetRow(row, y.RawRowView(i))
		row++
	}
	var gram, cross, by mat.Dense
	gram.Mul(ones.T(), ones)
	for j := range f {
		gram.Set(j, j, gram.At(j, j)+penalty)
	}
	cross.Mul(ones.T(), rest)
	if by.Solve(&gram, &cross) != nil {
		return []float64{math.NaN()}
	}
	var fit mat.Dense
	fit.Mul(mat.NewDense(1, f+1, append(slices.Clone(x.RawRowView(out)), 1)), &by)
	return fit.RawRowView(0)
}
