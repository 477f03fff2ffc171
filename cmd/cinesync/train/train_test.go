package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/internal/realdata"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/split"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/sim/learning"
)

// small is a task for invented people that trains in a second, with noise where its name has an ε.
func small(t testing.TB, name string, change func(*task.Task)) *task.Task {
	t.Helper()
	b, err := os.ReadFile("testdata/noisy.toml")
	if err != nil {
		t.Fatal(err)
	}
	out, err := task.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(name, "eps") {
		out = out.Quiet()
		out.Optimizer.PerCoordinate = true
	}
	out.Name, out.Model.Dim, out.Rounds.Count, out.Run.Seeds = name, 8, 12, []uint64{1, 2}
	if change != nil {
		change(out)
	}
	return out
}

// world is invented people, half of whom watch the first half of the titles: who watched some titles tells which come next.
func world(t testing.TB, people int) *Data {
	t.Helper()
	const titles = 120
	d := &Data{}
	genres := []string{"Comedy", "Horror"}
	for i := range titles {
		d.Titles = append(d.Titles, catalog.Title{ID: fmt.Sprintf("test:film:%d", i), Kind: catalog.Film, Title: fmt.Sprint("Film ", i), Year: 1950 + i%60,
			Genres: []string{genres[2*i/titles]}})
	}
	rng := rand.New(rand.NewPCG(7, 9))
	train := split.Train{Items: titles}
	for who := range people {
		perm := rng.Perm(titles / 2)[:12]
		for i := range perm {
			perm[i] += who % 2 * titles / 2
		}
		train.Histories = append(train.Histories, perm)
	}
	s, err := split.HoldOut(train, 30, 1)
	if err != nil {
		t.Fatal(err)
	}
	d.Split = s
	return d
}

func run(t testing.TB, o Options) (*Report, *model.Snapshot) {
	t.Helper()
	r, s, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

func TestARunReportsWhatItCostsAndWhatItIsHeldAgainst(t *testing.T) {
	d := world(t, 60)
	r, served := run(t, Options{Task: small(t, "ml-1m-eps8", nil), Data: d})
	switch {
	case r.Epsilon == nil || *r.Epsilon > 8 || *r.Epsilon < 7.9 || *r.Delta != 1e-5:
		t.Errorf("ε = %v at δ = %v, want just below 8 at 1e-5", r.Epsilon, r.Delta)
	case r.Quiet == nil || r.Quiet.HR10.Mean <= r.Popularity.HR10:
		t.Errorf("without noise %+v, popularity %v", r.Quiet, r.Popularity)
	case len(r.Runs) != 2 || math.Abs(r.HR10-(r.Runs[0].HR10+r.Runs[1].HR10)/2) > 1e-9 || math.Abs(r.Spread.HR10.SD-math.Abs(r.Runs[0].HR10-r.Runs[1].HR10)/math.Sqrt2) > 1e-9:
		t.Errorf("%d seeds, mean %v, spread %v of %v", len(r.Runs), r.HR10, r.Spread.HR10.SD, r.Runs)
	case r.Traffic.Up != 4*int64(r.Words) || r.Traffic.Down != int64(len(served.Encode())) || r.BytesPerUser != 12*(r.Traffic.Up+r.Traffic.Down)+4*120:
		t.Errorf("traffic %+v", r.Traffic)
	}
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"popularity", "without noise", "ε = 8 at δ = 1e-05", "one person", "no amplification", "seeds 1, 2", "bytes of one person"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, b.String())
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var flat map[string]any
	if err := json.Unmarshal(text, &flat); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"hr10", "ndcg10", "full_hr10", "full_ndcg10", "matched_hr10", "epsilon", "delta", "rounds", "bytes_per_user", "popularity", "without_noise", "task_hash"} {
		if flat[field] == nil {
			t.Errorf("the JSON has no %s", field)
		}
	}
}

// TestTheLastRoundIsJudged: what is reported is what the model that comes out does, whatever rounds before it did.
func TestTheLastRoundIsJudged(t *testing.T) {
	d := world(t, 60)
	o := Options{Task: small(t, "two-tower", nil), Data: d, Curve: Curve{Against: AgainstRounds}}
	r, served := run(t, o)
	b, err := newBench(o)
	if err != nil {
		t.Fatal(err)
	}
	result, err := b.measure(served)
	if err != nil {
		t.Fatal(err)
	}
	last := r.Points[len(r.Points)-1]
	if got := flat(result); got != r.Runs[0].Figures || last.Rounds != 12 || last.Spread.HR10.Values[0] != got.HR10 {
		t.Errorf("the model gives %+v, the report %+v, the curve's end %+v", got, r.Runs[0].Figures, last)
	}
	if r.Epsilon != nil || r.Quiet != nil || r.Account != nil {
		t.Errorf("a task without noise promises %v", r.Epsilon)
	}
	if again, same := run(t, o); !bytes.Equal(same.Encode(), served.Encode()) || again.Runs[1].Figures != r.Runs[1].Figures {
		t.Error("another run of the same seeds differs")
	}
}

// TestTrainingNeverSeesWhatIsHeldOut: with other titles held out, the same training comes out.
func TestTrainingNeverSeesWhatIsHeldOut(t *testing.T) {
	o := Options{Task: small(t, "two-tower", nil), Data: world(t, 40), Seeds: 1}
	_, a := run(t, o)
	for i := range o.Data.Split.Cases {
		c := &o.Data.Split.Cases[i]
		c.Item, c.Negatives[0] = c.Negatives[0], c.Item
	}
	if _, b := run(t, o); !bytes.Equal(a.Encode(), b.Encode()) {
		t.Error("the model changed with the held-out titles")
	}
}

func TestNoiseCosts(t *testing.T) {
	o := Options{Task: small(t, "ml-1m-eps8", nil), Data: world(t, 60), Seeds: 1, Curve: Curve{AgainstEpsilon, []float64{0.01, 1000}}}
	r, _ := run(t, o)
	loud, faint := r.Points[0], r.Points[1]
	if loud.Noise <= faint.Noise || loud.Spread.HR10.Mean >= faint.Spread.HR10.Mean || *loud.Epsilon > 0.01 {
		t.Errorf("at ε = 0.01 %+v, at 1000 %+v", loud, faint)
	}
	if len(loud.Spread.HR10.Values) != 1 || math.Abs(faint.Spread.HR10.Mean-r.Quiet.HR10.Mean) > 0.15 {
		t.Errorf("next to no noise gives %v, none %v", faint.Spread.HR10.Mean, r.Quiet.HR10.Mean)
	}
	for _, against := range []string{AgainstEpsilon, AgainstRounds, AgainstBytes} {
		r.Against = against
		var b bytes.Buffer
		if err := r.Draw(&b, "svg"); err != nil || !strings.Contains(b.String(), "popularity") {
			t.Errorf("against %s: %v", against, err)
		}
	}
	if r.Points = nil; r.Draw(&bytes.Buffer{}, "svg") == nil {
		t.Error("a picture of nothing")
	}
}

// TestPointsHaveTheConditionalFigureBeside: as reports have, and only where the task asks for one.
func TestPointsHaveTheConditionalFigureBeside(t *testing.T) {
	o := Options{Task: small(t, "ml-1m-eps8", func(t *task.Task) { t.Rounds.Cohort, t.Noise.Conditional = 20, task.Poisson }), Data: world(t, 60), Seeds: 1,
		Curve: Curve{AgainstEpsilon, []float64{1, 8}}}
	for _, c := range []Curve{o.Curve, {Against: AgainstRounds}} {
		o.Curve = c
		r, _ := run(t, o)
		before := 0.
		for _, p := range r.Points {
			if p.Conditional == nil || p.Conditional.Epsilon >= *p.Epsilon || p.Conditional.Epsilon <= before || !strings.Contains(p.Conditional.Condition, "only if") {
				t.Fatalf("against %s: ε %v, conditional %+v after one of %v", c.Against, *p.Epsilon, p.Conditional, before)
			}
			before = p.Conditional.Epsilon
		}
		if last := r.Points[len(r.Points)-1]; *last.Conditional != *r.Account.Conditional {
			t.Errorf("against %s: the curve ends at %+v, the report says %+v", c.Against, last.Conditional, r.Account.Conditional)
		}
		var b bytes.Buffer
		if err := r.Print(&b); err != nil || strings.Count(b.String(), "CONDITIONAL") != 2 {
			t.Errorf("%v:\n%s", err, b.String())
		}
	}
	o.Task, o.Curve = small(t, "ml-1m-eps8", func(t *task.Task) { t.Rounds.Cohort = 20 }), Curve{Against: AgainstRounds}
	if r, _ := run(t, o); r.Points[0].Conditional != nil {
		t.Errorf("a task that asks for none has %+v", r.Points[0].Conditional)
	}
}

// TestTheQuestionCountsPeople: without noise the biases are the logarithm of the sum of everybody's answer of norm 1.
func TestTheQuestionCountsPeople(t *testing.T) {
	d := world(t, 50)
	o := Options{Task: small(t, "two-tower", func(t *task.Task) { t.Popularity.Floor = 2 }), Data: d}
	b, err := newBench(o)
	if err != nil {
		t.Fatal(err)
	}
	job, err := b.job(o.Task)
	if err != nil {
		t.Fatal(err)
	}
	start, err := popular(job, 5)
	if err != nil {
		t.Fatal(err)
	}
	want, mean := make([]float64, len(b.items)), 0.
	for _, h := range d.Split.Train.Histories {
		for _, item := range h {
			want[item] += 1 / math.Sqrt(float64(len(h)))
		}
	}
	for i := range want {
		want[i] = math.Log(want[i] + 2)
		mean += want[i] / float64(len(want))
	}
	at, n, _ := start.Layout.Offset("b")
	for i, v := range start.Params[at : at+n] {
		if math.Abs(float64(v)-(want[i]-mean)) > 0.05 {
			t.Fatalf("title %d starts at %v, want %v", i, v, want[i]-mean)
		}
	}
	job.Terms.Question.SigmaTotSq = 100 * uint64(job.Terms.Question.CInt) * uint64(job.Terms.Question.CInt)
	noisy, err := popular(job, 5)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(noisy.Params, start.Params) {
		t.Error("ten times everybody's answer as noise changes nothing")
	}
}

// TestTheQuestionsNoiseIsThatOfItsAccount draws it and takes its standard deviation.
func TestTheQuestionsNoiseIsThatOfItsAccount(t *testing.T) {
	for _, sigma := range []float64{50, 3 * math.Sqrt(privacy.MaxVariance)} {
		sum := make([]int64, 20_000)
		if err := noise(sum, sigma, stream("test", 1, 1)); err != nil {
			t.Fatal(err)
		}
		var square float64
		for _, v := range sum {
			square += float64(v) * float64(v) / float64(len(sum))
		}
		if got := math.Sqrt(square); math.Abs(got/sigma-1) > 0.03 { // one standard deviation is 0.5 %
			t.Errorf("σ = %v, wanted %v", got, sigma)
		}
	}
}

func TestADivergedTrainingKeepsTheLastGoodModel(t *testing.T) {
	o := Options{Task: small(t, "two-tower", func(t *task.Task) {
		t.Local.Rate, t.Local.RateDense, t.Local.Steps, t.Optimizer.Rate = 100, 100, 60, 100
	}), Data: world(t, 30)}
	_, _, err := Run(context.Background(), o)
	var d *Diverged
	if !errors.As(err, &d) || !errors.Is(err, learning.ErrDiverged) {
		t.Fatalf("%v", err)
	}
	if d.Good == nil || d.Good.Layout.NotFinite(d.Good.Params) != "" {
		t.Error("no good model is kept")
	}
	for _, word := range []string{"seed 1", "round ", "tensor "} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not name the %s", err, word)
		}
	}
}

// TestAComparisonThatDivergesKeepsTheFinishedModel: an engine that breaks once the training itself is done.
func TestAComparisonThatDivergesKeepsTheFinishedModel(t *testing.T) {
	o := Options{Task: small(t, "ml-1m-eps8", nil), Data: world(t, 60), Seeds: 1}
	_, want, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Engine = &breaks{after: o.Task.Rounds.Count}
	o.Curve = Curve{Against: AgainstEpsilon, Values: []float64{8}}
	report, served, err := Run(context.Background(), o)
	var d *Diverged
	var aside *Aside
	if !errors.As(err, &aside) || !errors.Is(err, learning.ErrDiverged) || errors.As(err, &d) {
		t.Fatalf("%v, and a last good model is given: %v", err, d != nil)
	}
	if served == nil || served.Hash() != want.Hash() {
		t.Error("the finished model is lost")
	}
	for _, word := range []string{"without noise", "curve", "seed 1"} {
		if !strings.Contains(report.Failed, word) {
			t.Errorf("%q does not name %q", report.Failed, word)
		}
	}
	if report.Quiet != nil || report.Points != nil || report.HR10 == 0 {
		t.Errorf("the report is that of another training: %+v", report)
	}
}

// TestALaterSeedThatDivergesKeepsTheFinishedModel: the first seed's model and figures stand, and the report says which seed is missing.
func TestALaterSeedThatDivergesKeepsTheFinishedModel(t *testing.T) {
	o := Options{Task: small(t, "ml-1m-eps8", nil), Data: world(t, 60), Seeds: 1}
	want, model, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Seeds, o.Engine = 2, &breaks{after: o.Task.Rounds.Count}
	report, served, err := Run(context.Background(), o)
	var d *Diverged
	var aside *Aside
	if !errors.As(err, &aside) || !errors.Is(err, learning.ErrDiverged) || errors.As(err, &d) {
		t.Fatalf("%v, and a last good model is given: %v", err, d != nil)
	}
	if served == nil || served.Hash() != model.Hash() {
		t.Error("the finished model is lost")
	}
	if len(report.Runs) != 1 || !slices.Equal(report.Seeds, []uint64{1}) || report.HR10 != want.HR10 || report.Popularity.HR10 != want.Popularity.HR10 || report.Quiet != nil {
		t.Errorf("the report is that of another training: %+v", report)
	}
	for _, word := range []string{"seed 2", "round 1", "seed 1"} {
		if !strings.Contains(report.Failed, word) {
			t.Errorf("%q does not name %q", report.Failed, word)
		}
	}
}

// TestAnInterruptAfterTheFirstSeedKeepsItsModel ends the second seed's training on its way.
func TestAnInterruptAfterTheFirstSeedKeepsItsModel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := Options{Task: small(t, "two-tower", nil), Data: world(t, 40)}
	o.Progress = func(_ string, done, _ int) {
		if done > o.Task.Rounds.Count {
			cancel()
		}
	}
	report, served, err := Run(ctx, o)
	if !errors.Is(err, context.Canceled) || served == nil || report == nil || len(report.Runs) != 1 {
		t.Errorf("%v, a model %v, a report %v", err, served != nil, report)
	}
	if _, served, err := Run(ctx, o); !errors.Is(err, context.Canceled) || served != nil {
		t.Errorf("interrupted before anything is done: %v, a model %v", err, served != nil)
	}
}

// TestWhatNothingJudgedSaysSo: with nothing held out there are no figures, and no zeros in their place.
func TestWhatNothingJudgedSaysSo(t *testing.T) {
	d := world(t, 40)
	d.Split.Cases = nil
	r, served := run(t, Options{Task: small(t, "two-tower", nil), Data: d, Seeds: 1})
	if served == nil || !strings.Contains(r.Unjudged, "data.hold_out") {
		t.Errorf("it says %q", r.Unjudged)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"popularity":null`) || !strings.Contains(string(text), `"unjudged":"nothing`) || !strings.Contains(b.String(), r.Unjudged) {
		t.Errorf("it is printed as %s\n%s", text, b.String())
	}
	if judged, _ := run(t, Options{Task: small(t, "two-tower", nil), Data: world(t, 40), Seeds: 1}); judged.Unjudged != "" {
		t.Errorf("a judged one says %q", judged.Unjudged)
	}
}

// breaks is the hand-written engine for so many rounds, and gives NaN afterwards.
type breaks struct {
	after int
	last  *model.Snapshot // of the round that is counted
}

func (b *breaks) Trainer(s *model.Snapshot) (model.Trainer, error) {
	m, err := model.Open(s.Layout)
	if err != nil {
		return nil, err
	}
	if s != b.last {
		b.after, b.last = b.after-1, s
	}
	if b.after < 0 {
		return notANumber{}, nil
	}
	return m.Trainer(s.Params), nil
}

type notANumber struct{}

func (notANumber) Update(dst []float32, _ []model.Example, _ model.Local, _ *rand.Rand) (float64, error) {
	dst[0] = float32(math.NaN())
	return 0, nil
}

// TestAModelThatLosesSaysSo: everybody watches the same three titles beside others, and noise hides that.
func TestAModelThatLosesSaysSo(t *testing.T) {
	d := world(t, 60)
	train, rng := split.Train{Items: len(d.Titles)}, rand.New(rand.NewPCG(1, 2))
	for who := range 60 {
		h := rng.Perm(len(d.Titles) - 3)[:8]
		for i := range h {
			h[i] += 3
		}
		train.Histories = append(train.Histories, append(h, who%3, (who+1)%3, (who+2)%3))
	}
	var err error
	if d.Split, err = split.HoldOut(train, 30, 1); err != nil {
		t.Fatal(err)
	}
	r, _ := run(t, Options{Task: small(t, "ml-1m-eps8", func(t *task.Task) { t.Noise.Epsilon = 0.01 }), Data: d, Seeds: 1})
	if len(r.Loses) == 0 || r.HR10 >= r.Popularity.HR10 {
		t.Errorf("HR@10 %v, popularity %v, loses under %v", r.HR10, r.Popularity.HR10, r.Loses)
	}
}

func TestCurvesAreReadStrictly(t *testing.T) {
	if c, err := ParseCurve("epsilon=8,1"); err != nil || !slices.Equal(c.Values, []float64{1, 8}) {
		t.Errorf("%+v, %v", c, err)
	}
	for _, s := range []string{"", "epsilon", "epsilon=", "epsilon=0", "epsilon=nan", "epsilon=1,x", "rounds=3", "time"} {
		if _, err := ParseCurve(s); err == nil {
			t.Errorf("%q is read", s)
		}
	}
	if _, _, err := Run(context.Background(), Options{Task: small(t, "two-tower", nil), Data: world(t, 20), Seeds: 1, Curve: Curve{AgainstEpsilon, []float64{1}}}); err == nil || !strings.Contains(err.Error(), "no noise") {
		t.Errorf("a curve of ε without δ: %v", err)
	}
}

// folder writes a data set in the pairs layout.
func folder(t *testing.T, pairs string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ml-1m")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"train.pairs.tsv": pairs, "item_map.tsv": "ncf_item\tml1m_movie_id\n0\t10\n1\t30\n2\t20\n3\t40\n",
		"movies.dat": "10::A (1990)::Comedy\n20::B (1991)::Drama\n30::C (1992)::Horror\n40::D (1993)::Horror\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPairsAreRead(t *testing.T) {
	d := task.Data{Set: "ml-1m", Layout: task.Pairs, SetAside: task.None, HoldOut: task.Newest, Titles: task.All, Least: 1}
	dir := folder(t, "0\t1\n0\t2\n0\t0\n1\t0\n2\t0\n2\t1\n")
	for _, at := range []string{dir, filepath.Dir(dir)} {
		got, err := Read(at, d)
		if err != nil {
			t.Fatal(err)
		}
		if s := fmt.Sprintf("%v %v %v", got.Split.Train.Histories, got.Split.Cases[0].Item, got.Titles[1].Title); s != "[[1 2] [0]] 0 C" { // person 1 has one title alone
			t.Errorf("%s", s)
		}
	}
	d.SetAside = task.Newest
	got, err := Read(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(got.Split.Train.Histories, got.Split.Cases[0].Item); s != "[[1]] 2" {
		t.Errorf("with the newest set aside: %s", s)
	}
	d.SetAside, d.Titles = task.None, task.Watched
	dir = folder(t, "0\t1\n0\t0\n1\t2\n1\t1\n2\t3\n2\t0\n")
	if got, err = Read(dir, d); err != nil || len(got.Titles) != 3 || fmt.Sprint(got.Split.Train.Histories, got.Split.Cases[0].User) != "[[0] [1] [2]] 1" {
		t.Errorf("watched titles: %v, %v", got, err)
	}
	d.HoldOut = task.None
	if got, err = Read(dir, d); err != nil || len(got.Split.Cases) != 0 || len(got.Split.Train.Histories) != 3 {
		t.Errorf("nothing held out: %+v, %v", got, err)
	}
}

func TestBadDataIsNamed(t *testing.T) {
	d := task.Data{Set: "ml-1m", Layout: task.Pairs, SetAside: task.None, HoldOut: task.Newest, Titles: task.All, Least: 1}
	for pairs, word := range map[string]string{"0\t9\n": "item 9", "0\tx\n": "line 1", "": "line", "0\t1\n": "data.least"} {
		if _, err := Read(folder(t, pairs), d); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want %s", pairs, err, word)
		}
	}
	if _, err := Read(t.TempDir(), d); err == nil || !strings.Contains(err.Error(), "no folder ml-1m") {
		t.Errorf("%v", err)
	}
	if _, err := Read("/nowhere", d); err == nil || !strings.Contains(err.Error(), "is no folder") {
		t.Errorf("%v", err)
	}
}

// TestML100KSetsTheTestTitlesAside: what loo.test.negative judges by is in neither training nor validation.
func TestML100KSetsTheTestTitlesAside(t *testing.T) {
	dir := realdata.Folder(t, "ml-100k")
	tk, err := task.Named("ml-100k")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Read(dir, tk.Data)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "loo.test.negative"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	test, err := split.ReadNegatives(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(test) != 943 || len(d.Split.Train.Histories) != 943 || len(d.Titles) != 1682 {
		t.Fatalf("%d test titles, %d people, %d titles", len(test), len(d.Split.Train.Histories), len(d.Titles))
	}
	for i, c := range test {
		if slices.Contains(d.Split.Train.Histories[c.User], c.Item) || d.Split.Cases[i].User == c.User && d.Split.Cases[i].Item == c.Item {
			t.Fatalf("user %d: test title %d is in training or validation", c.User, c.Item)
		}
	}
}

// popular is the model after the question of popularity.
func popular(j *Job, seed uint64) (*model.Snapshot, error) {
	h, err := j.ask(seed)
	if err != nil {
		return nil, err
	}
	return j.popular(h)
}
