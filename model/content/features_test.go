package content

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// facts makes one list a title of words parted by blanks.
func facts(titles ...string) [][]Token {
	out := make([][]Token, len(titles))
	for i, t := range titles {
		for _, w := range strings.Fields(t) {
			out[i] = append(out[i], Token{w, 1})
		}
	}
	return out
}

// TestMatrixKnownAnswer checks TF-IDF by hand: "spy" is in 2 of 4 titles and twice in the first, "war" in one, "the" in all.
func TestMatrixKnownAnswer(t *testing.T) {
	f := Field{Titles: facts("spy the spy war", "the spy", "the", ""), Least: 1, Most: 0.5}
	m := f.matrix()
	if m.rows != 4 || m.cols != 2 {
		t.Fatalf("%d × %d, want 4 titles and the tokens spy and war: the is a stop word", m.rows, m.cols)
	}
	spy, war := (1+math.Log(2))*(1+math.Log(5./3)), 1+math.Log(5./2)
	length := math.Hypot(spy, war)
	want := [][]float64{{spy / length, war / length}, {1, 0}, {0, 0}, {0, 0}}
	got := m.dense()
	for i := range want {
		for j, v := range want[i] {
			if math.Abs(got.At(i, j)-v) > 1e-12 {
				t.Errorf("title %d, token %d: %v, want %v", i, j, got.At(i, j), v)
			}
		}
	}
	f.Least = 2
	if m := f.matrix(); m.cols != 1 {
		t.Errorf("%d tokens are left, one is in two titles and no stop word", m.cols)
	}
}

func TestPlainTakesWeightsAsTheyAre(t *testing.T) {
	f := Field{Titles: [][]Token{{{"1990", 0.1}, {"1980", 0.4}, {"1990", 0.2}}}, Plain: true}
	if got := f.matrix(); !slices.EqualFunc(got.val, []float64{0.8, 0.6}, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
		t.Errorf("%v, want 0.8 of the 1980s and 0.6 of the 1990s: the columns are in the order of the texts", got.val)
	}
}

// TestFeaturesScale wants each field centred over the titles it knows, at its weight, and nothing said of a title that it does
// not know.
func TestFeaturesScale(t *testing.T) {
	fields := []Field{
		{Name: "genres", Titles: facts("drama", "comedy", "drama war", "", "comedy"), Weight: 2, Plain: true},
		{Name: "plot", Titles: facts("a b c", "b c", "d e", "", "a e"), Weight: 0.5, Components: 2},
	}
	rows, err := Features(5, fields)
	if err != nil {
		t.Fatal(err)
	}
	for f, cols := range [][2]int{{0, 3}, {3, 5}} {
		var square float64
		for j := cols[0]; j < cols[1]; j++ {
			var mean float64
			for i := range rows {
				mean += float64(rows[i][j]) / 5
				square += float64(rows[i][j]) * float64(rows[i][j]) / 5
			}
			if math.Abs(mean) > 1e-6 {
				t.Errorf("field %d: column %d has mean %v", f, j, mean)
			}
			if rows[3][j] != 0 {
				t.Errorf("field %d says %v of a title that it does not know", f, rows[3][j])
			}
		}
		if got := math.Sqrt(square); math.Abs(got-fields[f].Weight) > 1e-6 {
			t.Errorf("field %d: rows have length %v, want its weight %v", f, got, fields[f].Weight)
		}
	}
	if diff := cmp.Diff(rows[1][:3], rows[4][:3]); diff != "" {
		t.Errorf("two titles of one genre differ in it:\n%s", diff)
	}
}

func TestFeaturesRefuse(t *testing.T) {
	good := func() Field { return Field{Name: "plot", Titles: facts("a b", "b c"), Weight: 1, Components: 1} }
	nan := math.NaN()
	for name, change := range map[string]func(*Field){
		"lists for":             func(f *Field) { f.Titles = f.Titles[:1] },
		"weight is":             func(f *Field) { f.Weight = nan },
		"weight is 0":           func(f *Field) { f.Weight = 0 },
		"largest share":         func(f *Field) { f.Most = nan },
		"components, want":      func(f *Field) { f.Components = MaxComponents + 1 },
		"-1 components":         func(f *Field) { f.Components = -1 },
		"a token of 0 bytes":    func(f *Field) { f.Titles[1][0].Text = "" },
		"a token of 257":        func(f *Field) { f.Titles[1][0].Text = strings.Repeat("a", 257) },
		"has weight NaN":        func(f *Field) { f.Titles[1][0].Weight = nan },
		"has weight +Inf":       func(f *Field) { f.Titles[1][0].Weight = math.Inf(1) },
		"no field tells":        func(f *Field) { f.Titles = facts("a", "a") },
		"no field tells one of": func(f *Field) { f.Titles = facts("", "") },
		"different tokens to keep": func(f *Field) {
			f.Components = 0
			for i := range MaxComponents + 1 {
				f.Titles[0] = append(f.Titles[0], Token{string(rune(0x4e00 + i)), 1})
			}
		},
	} {
		f := good()
		change(&f)
		if _, err := Features(2, []Field{f}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	wide := Field{Name: "plot", Titles: make([][]Token, MaxTitles), Weight: 1, Components: MaxComponents}
	if _, err := Features(MaxTitles, []Field{wide}); err == nil || !strings.Contains(err.Error(), "at most 134217728 numbers") {
		t.Errorf("a field of more numbers than memory should hold: got %v", err)
	}
	for _, titles := range []int{0, -1, MaxTitles + 1} {
		if _, err := Features(titles, nil); err == nil {
			t.Errorf("%d titles are taken", titles)
		}
	}
}

// TestFeaturesDependOnFactsAlone shuffles the tokens within titles, and asks twice.
func TestFeaturesDependOnFactsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		titles := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), 0, 6), 2, 12).Draw(t, "titles")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		lists, shuffled := make([][]Token, len(titles)), make([][]Token, len(titles))
		for i, list := range titles {
			for _, text := range list {
				lists[i] = append(lists[i], Token{text, 1})
			}
			shuffled[i] = slices.Clone(lists[i])
			rng.Shuffle(len(list), func(a, b int) { shuffled[i][a], shuffled[i][b] = shuffled[i][b], shuffled[i][a] })
		}
		get := func(lists [][]Token) ([][]float32, string) {
			rows, err := Features(len(lists), []Field{{Name: "x", Titles: lists, Weight: 1, Components: 3}})
			if err != nil {
				return nil, err.Error()
			}
			return rows, ""
		}
		want, wantErr := get(lists)
		got, gotErr := get(shuffled)
		if diff := cmp.Diff(want, got); diff != "" || wantErr != gotErr {
			t.Fatalf("the order of facts counts: %s %s\n%s", wantErr, gotErr, diff)
		}
		for i, row := range want {
			for _, v := range row {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					t.Fatalf("title %d has %v", i, v)
				}
			}
		}
	})
}
