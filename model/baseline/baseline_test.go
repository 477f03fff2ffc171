package baseline

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/cinesync/cinesync/internal/realdata"
	"github.com/cinesync/cinesync/model/split"
)

// scorer is what all baselines are.
type scorer interface {
	Scores(user int, history []int, dst []float32) error
}

// tastes makes users who each watch titles of one of three groups, with some noise: there is something to learn.
func tastes(users, items int, seed uint64) split.Train {
	rng := rand.New(rand.NewPCG(seed, 8))
	t := split.Train{Items: items}
	for user := range users {
		seen := map[int]bool{}
		var h []int
		for len(h) < 10 {
			item := rng.IntN(items)
			if item%3 != user%3 && rng.IntN(8) > 0 || seen[item] {
				continue
			}
			seen[item] = true
			h = append(h, item)
		}
		t.Histories = append(t.Histories, h)
	}
	return t
}

func all(t testing.TB, train split.Train, seed uint64) map[string]scorer {
	t.Helper()
	knn, err := NewItemKNN(train, KNNOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ease, err := NewEASE(train, 20, nil)
	if err != nil {
		t.Fatal(err)
	}
	ials, err := NewIALS(train, IALSOptions{Dim: 6, Sweeps: 8, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	neumf, err := NewNeuMF(train, NeuMFOptions{Epochs: 30, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]scorer{"NeuMF": neumf, "random": NewRandom(seed), "popularity": NewPopularity(train), "ItemKNN": knn, "EASE": ease, "iALS": ials}
}

func scoresOf(t testing.TB, s scorer, user int, history []int, items int) []float32 {
	t.Helper()
	v := make([]float32, items)
	if err := s.Scores(user, history, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// hits is the share of users whose held-out title is among the first ten of the whole catalogue less the history.
func hits(t testing.TB, s scorer, on *split.Split) float64 {
	t.Helper()
	n := 0
	for _, c := range on.Cases {
		v := scoresOf(t, s, c.User, on.Train.Histories[c.User], on.Train.Items)
		rank := 0
		for i, score := range v {
			if i != c.Item && score >= v[c.Item] && !slices.Contains(on.Train.Histories[c.User], i) {
				rank++
			}
		}
		if rank < 10 {
			n++
		}
	}
	return float64(n) / float64(len(on.Cases))
}

// TestLearnersFindTastes wants what learns to be well above what does not, and the same from the same seed.
func TestLearnersFindTastes(t *testing.T) {
	s, err := split.HoldOut(tastes(240, 90, 1), 20, 1)
	if err != nil {
		t.Fatal(err)
	}
	models, again := all(t, s.Train, 5), all(t, s.Train, 5)
	popularity := hits(t, models["popularity"], s)
	for name, m := range models {
		got := hits(t, m, s)
		if learns := name != "random" && name != "popularity"; learns && got < popularity+0.1 {
			t.Errorf("%s hits %.3f, popularity %.3f", name, got, popularity)
		}
		for user := range 3 {
			h := s.Train.Histories[user]
			if !slices.Equal(scoresOf(t, m, user, h, 90), scoresOf(t, again[name], user, h, 90)) {
				t.Errorf("%s: one seed gives two answers", name)
			}
		}
	}
	if slices.Equal(scoresOf(t, models["random"], 1, nil, 90), scoresOf(t, models["random"], 2, nil, 90)) {
		t.Error("random ranks alike for two users")
	}
}

func TestBaselinesTakeStrangersAndRefuseOtherCatalogues(t *testing.T) {
	train := tastes(30, 40, 2)
	train.Histories = append(train.Histories, nil)
	for name, m := range all(t, train, 1) {
		for i, v := range scoresOf(t, m, 30, nil, 40) {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Errorf("%s: title %d has score %v for somebody without a history", name, i, v)
			}
		}
		if err := m.Scores(0, nil, make([]float32, 39)); err == nil && name != "random" {
			t.Errorf("%s scored 39 titles of 40", name)
		}
	}
}

// TestItemKNNAgainstTheDefinition computes one row by hand-written loops.
func TestItemKNNAgainstTheDefinition(t *testing.T) {
	train := tastes(60, 30, 3)
	const shrink = 7
	k, err := NewItemKNN(train, KNNOptions{Neighbours: 30, Shrink: shrink})
	if err != nil {
		t.Fatal(err)
	}
	has := func(user, item int) float64 {
		if slices.Contains(train.Histories[user], item) {
			return 1
		}
		return 0
	}
	history := []int{4, 11, 20}
	got := scoresOf(t, k, 0, history, 30)
	for i := range 30 {
		var want float64
		for _, j := range history {
			var both, mine, other float64
			for user := range 60 {
				both += has(user, i) * has(user, j)
				mine += has(user, i)
				other += has(user, j)
			}
			if i != j {
				want += both / (math.Sqrt(mine*other) + shrink)
			}
		}
		if math.Abs(float64(got[i])-want) > 1e-5 {
			t.Errorf("title %d: %v, want %v", i, got[i], want)
		}
	}
	few, err := NewItemKNN(train, KNNOptions{Neighbours: 2, Shrink: shrink})
	if err != nil {
		t.Fatal(err)
	}
	in := make([]int, 30)
	for _, list := range few.near {
		for _, n := range list {
			in[n.item]++
		}
	}
	for i, n := range in {
		if n != 2 {
			t.Errorf("title %d has %d neighbours, want 2", i, n)
		}
	}
}

// TestEASEIsTheMinimum checks the condition that defines it: with an empty diagonal, the gradient of
// ‖X − XB‖² + λ‖B‖² vanishes off the diagonal.
func TestEASEIsTheMinimum(t *testing.T) {
	const items, lambda = 25, 4.0
	train := tastes(80, items, 4)
	e, err := NewEASE(train, lambda, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, b := mat.NewDense(80, items, nil), mat.NewDense(items, items, nil)
	for user, h := range train.Histories {
		for _, item := range h {
			x.Set(user, item, 1)
		}
	}
	for i := range items {
		for j, v := range scoresOf(t, e, 0, []int{i}, items) {
			b.Set(i, j, float64(v))
		}
		if b.At(i, i) != 0 {
			t.Errorf("title %d explains itself: %v", i, b.At(i, i))
		}
	}
	var rest, grad mat.Dense
	rest.Mul(x, b)
	rest.Sub(&rest, x)
	grad.Mul(x.T(), &rest)
	for i := range items {
		for j := range items {
			if g := grad.At(i, j) + lambda*b.At(i, j); i != j && math.Abs(g) > 1e-4 {
				t.Errorf("gradient at %d, %d is %v", i, j, g)
			}
		}
	}
}

// TestSolverAgainstGonum solves one row's normal equations both ways.
func TestSolverAgainstGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const d, rows = 7, 20
	side, gram := make([]float32, rows*d), make([]float32, d*d)
	for i := range side {
		side[i] = float32(rng.NormFloat64())
	}
	plays := []int32{3, 9, 12, 0}
	a, right := mat.NewSymDense(d, nil), mat.NewVecDense(d, nil)
	for i := range d {
		for j := range d {
			var sum float64
			for r := range rows {
				sum += 0.1 * float64(side[r*d+i]) * float64(side[r*d+j])
			}
			gram[i*d+j] = float32(sum)
			for _, p := range plays {
				sum += float64(side[int(p)*d+i]) * float64(side[int(p)*d+j])
			}
			if i == j {
				sum += 0.5
			}
			a.SetSym(i, j, sum)
		}
		for _, p := range plays {
			right.SetVec(i, right.AtVec(i)+float64(side[int(p)*d+i]))
		}
	}
	var want mat.VecDense
	if err := want.SolveVec(a, right); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, d)
	s := newSolver(d)
	for range 2 { // the second time in used memory
		s.solve(got, gram, side, plays, 0.5)
		for i := range d {
			if math.Abs(float64(got[i])-want.AtVec(i)) > 1e-4 {
				t.Errorf("coordinate %d: %v, want %v", i, got[i], want.AtVec(i))
			}
		}
	}
}

// TestIALSLowersItsLoss wants each sweep to bring the objective down.
func TestIALSLowersItsLoss(t *testing.T) {
	train := tastes(60, 40, 6)
	last := math.Inf(1)
	for _, sweeps := range []int{1, 2, 4, 8} {
		m, err := NewIALS(train, IALSOptions{Dim: 5, Sweeps: sweeps, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		got := objective(t, m, train)
		if !(got < last) {
			t.Errorf("%d sweeps: objective %v, before it was %v", sweeps, got, last)
		}
		last = got
	}
}

// objective is what iALS minimises, with each user's vector solved for the titles.
func objective(t *testing.T, m *IALS, train split.Train) float64 {
	d := m.o.Dim
	var sum float64
	counts := train.Counts()
	for i := range m.items {
		var norm float64
		for _, v := range m.h[i*d : (i+1)*d] {
			norm += float64(v) * float64(v)
		}
		sum += m.o.ridge(counts[i], len(train.Histories)) * norm
	}
	for user, h := range train.Histories {
		for i, v := range scoresOf(t, m, user, h, m.items) {
			sum += m.o.Alpha0 * float64(v) * float64(v)
			if slices.Contains(h, i) {
				sum += (float64(v) - 1) * (float64(v) - 1)
			}
		}
		items := make([]int32, len(h))
		for i, item := range h {
			items[i] = int32(item)
		}
		w := make([]float32, d)
		newSolver(d).solve(w, m.gram, m.h, items, m.o.ridge(len(h), m.items))
		for _, v := range w {
			sum += m.o.ridge(len(h), m.items) * float64(v) * float64(v)
		}
	}
	return sum
}

func TestBaselinesRefuseBadSettings(t *testing.T) {
	train := tastes(5, 40, 1)
	for _, c := range []struct {
		name string
		make func() error
		want string
	}{
		{"lambda 0", func() error { _, err := NewEASE(train, 0, nil); return err }, "lambda is 0"},
		{"lambda not a number", func() error { _, err := NewEASE(train, math.NaN(), nil); return err }, "lambda is NaN"},
		{"too many titles", func() error { _, err := NewEASE(split.Train{Items: MostEASE + 1}, 1, nil); return err }, "10001 titles"},
		{"neighbours", func() error { _, err := NewItemKNN(train, KNNOptions{Neighbours: -1}); return err }, "-1 neighbours"},
		{"shrinkage", func() error { _, err := NewItemKNN(train, KNNOptions{Shrink: math.NaN()}); return err }, "shrinkage NaN"},
		{"epochs", func() error { _, err := NewNeuMF(train, NeuMFOptions{Epochs: -1}); return err }, "-1 epochs"},
		{"nobody", func() error { _, err := NewNeuMF(split.Train{Items: 3}, NeuMFOptions{}); return err }, "users is 0"},
		{"width", func() error { _, err := NewIALS(train, IALSOptions{Dim: 513}); return err }, "d 513"},
		{"alpha", func() error { _, err := NewIALS(train, IALSOptions{Alpha0: -1}); return err }, "alpha0 -1"},
	} {
		if err := c.make(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestAnchorsOnMovieLens100K judges on the given negatives and wants the figures that others measured (design: accuracy 1).
func TestAnchorsOnMovieLens100K(t *testing.T) {
	s := movieLens100K(t)
	ials, err := NewIALS(s.Train, IALSOptions{Seed: 1, Dim: 16, Sweeps: 4})
	if err != nil {
		t.Fatal(err)
	}
	knn, err := NewItemKNN(s.Train, KNNOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		s         scorer
		low, high float64
	}{{"popularity", NewPopularity(s.Train), 0.39, 0.43}, {"random", NewRandom(1), 0.07, 0.13}, {"ItemKNN", knn, 0.59, 0.70}, {"iALS", ials, 0.62, 0.72}} {
		n := 0
		for _, one := range s.Cases {
			v := scoresOf(t, c.s, one.User, s.Train.Histories[one.User], s.Train.Items)
			rank := 0
			for _, i := range one.Negatives {
				if v[i] >= v[one.Item] {
					rank++
				}
			}
			if rank < 10 {
				n++
			}
		}
		if hr := float64(n) / float64(len(s.Cases)); hr < c.low || hr > c.high {
			t.Errorf("%s: HR@10 %.3f, want %v to %v", c.name, hr, c.low, c.high)
		}
	}
}

// movieLens100K is everything less what the negatives file holds out.
func movieLens100K(t testing.TB) *split.Split {
	t.Helper()
	folder := realdata.Folder(t, "ml-100k")
	open := func(name string) *os.File {
		f, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	cases, err := split.ReadNegatives(open("loo.test.negative"))
	if err != nil {
		t.Fatal(err)
	}
	held, test := map[int]int{}, []split.Held(nil)
	for _, c := range cases {
		held[c.User] = c.Item
		test = append(test, split.Held{User: c.User, Item: c.Item})
	}
	var text strings.Builder
	lines := bufio.NewScanner(open("u.data"))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		user, err := strconv.Atoi(f[0])
		if err != nil {
			t.Fatal(err)
		}
		item, err := strconv.Atoi(f[1])
		if err != nil {
			t.Fatal(err)
		}
		if held[user-1] != item-1 {
			fmt.Fprintf(&text, "%d\t%d\t%s\t%s\n", user-1, item-1, f[2], f[3])
		}
	}
	train, err := split.ReadTrain(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := split.Join(train, test, cases, 1682, 99, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestACatalogueMuchLargerThanWhatIsWatched ends: what costs time is what was watched, and not the largest number of a file.
func TestACatalogueMuchLargerThanWhatIsWatched(t *testing.T) {
	const items = 1 << 20
	train := split.Train{Items: items, Histories: [][]int{{0, items - 1}, {0, items - 1, 7}, {7}}}
	knn, err := NewItemKNN(train, KNNOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]scorer{"ItemKNN": knn, "popularity": NewPopularity(train)} {
		v := scoresOf(t, s, 0, []int{0}, items)
		if !(v[items-1] > v[1]) || !(v[7] > v[1]) || v[1] != 0 {
			t.Errorf("%s: %v for what was watched with it, %v for what nobody watched", name, []float32{v[items-1], v[7]}, v[1])
		}
	}
	if _, err := NewEASE(train, DefaultLambda, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("EASE: %v", err)
	}
}
