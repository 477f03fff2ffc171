package evaluate

import (
	"bytes"
	"compress/gzip"
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

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/baseline"
	judging "github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/model/split"
)

// trainer is one from a function.
type trainer func(t split.Train, seed uint64) (judging.Scorer, error)

func (f trainer) Train(_ context.Context, t split.Train, seed uint64, progress func(done, all int)) (*Trained, error) {
	s, err := f(t, seed)
	progress(1, 1)
	return &Trained{Scorer: s, Rounds: 7, BytesPerUser: 1000}, err
}

// neighbours trains well, and without rounds.
var neighbours = trainer(func(t split.Train, _ uint64) (judging.Scorer, error) {
	return baseline.NewItemKNN(t, baseline.KNNOptions{})
})

// tastes makes people who each watch titles of one of three groups, with some noise, and popularity within a group.
func tastes(users, items int) split.Train {
	rng := rand.New(rand.NewPCG(4, 8))
	t := split.Train{Items: items}
	for user := range users {
		seen := map[int]bool{}
		var h []int
		for len(h) < 9 {
			item := int(float64(items) * math.Pow(rng.Float64(), 1.5))
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

func options(t *testing.T, by Trainer, seeds int) Options {
	t.Helper()
	s, err := split.HoldOut(tastes(200, 90), 30, 1)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Task: "a task", Trainer: by, Split: s, Kind: "a split", Seed: 1, Seeds: seeds}
}

func mustRun(t *testing.T, o Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func written(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReportHasWhatItPromises pins the keys that others read, and one report of one seed.
func TestReportHasWhatItPromises(t *testing.T) {
	r := mustRun(t, options(t, neighbours, 2))
	text := written(t, r)
	if again := written(t, mustRun(t, options(t, neighbours, 2))); again != text {
		t.Error("one seed gives two reports")
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"hr10", "ndcg10", "full_hr10", "full_ndcg10", "matched_hr10", "epsilon", "delta", "rounds", "bytes_per_user", "baselines", "runs", "spread", "loses_to_popularity"} {
		if _, ok := keys[key]; !ok {
			t.Errorf("the report has no %q", key)
		}
	}
	if string(keys["epsilon"]) != "null" || string(keys["delta"]) != "null" {
		t.Errorf("without noise ε is %s at δ = %s, want null", keys["epsilon"], keys["delta"])
	}
	var rows []map[string]any
	if err := json.Unmarshal(keys["baselines"], &rows); err != nil {
		t.Fatal(err)
	}
	var names []any
	for _, row := range rows {
		names = append(names, row["name"])
		for _, key := range []string{"hr10", "ndcg10", "full_hr10", "full_ndcg10"} {
			if v, ok := row[key].(float64); !ok || v < 0 || v > 1 {
				t.Errorf("baseline %v has %s = %v", row["name"], key, row[key])
			}
		}
	}
	if diff := cmp.Diff([]any{"random", "popularity", "ItemKNN", "EASE", "iALS"}, names); diff != "" {
		t.Error(diff)
	}
	if o := options(t, neighbours, 1); o.Quiet != nil || len(r.Quiet) != 0 {
		t.Error("a task without noise is trained twice")
	}
	if len(r.Runs) != 2 || *r.Runs[1].Seed != 2 || r.HR10 != r.Runs[0].HR10 || len(r.Loses) != 0 {
		t.Errorf("runs %d, mean %v of %v, loses %v", len(r.Runs), r.HR10, r.Runs[0].HR10, r.Loses)
	}
}

// TestTheReportSaysWhatWasTrained: the task's file says content, and bare numbers have none; a seed of 0 is a seed.
func TestTheReportSaysWhatWasTrained(t *testing.T) {
	o := options(t, neighbours, 1)
	own := small(t)
	own.Model.Start = task.Content
	by, err := For(own, 2, o.Split.Train)
	if err != nil {
		t.Fatal(err)
	}
	o.Fitted, o.Seed = by.Task, 0
	r := mustRun(t, o)
	hash := by.Task.Hash()
	text := written(t, r)
	for _, want := range []string{`"start": "random"`, fmt.Sprintf(`"task_hash": "%x"`, hash), `"seed": 0,
      "hr10"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %s", want)
		}
	}
	var b strings.Builder
	if err := r.Print(&b); err != nil || !strings.Contains(b.String(), fmt.Sprintf("item vectors start random, hash %x", hash)) || !strings.Contains(b.String(), ", seed 0") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

// TestTheTestTitleOfRatingsNeverJudges: of ratings with times the newest title is set aside, and the one before judges.
func TestTheTestTitleOfRatingsNeverJudges(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "movies.csv", "movieId,title,genres\n1,A (1990),Drama\n2,B (1991),Drama\n3,C (1992),Drama\n4,D (1993),Drama\n")
	write(t, dir, "ratings.csv", "userId,movieId,rating,timestamp\n1,4,4.0,300\n1,1,4.0,100\n1,2,4.0,200\n2,3,4.0,400\n2,2,4.0,500\n2,1,4.0,600\n")
	s, kind, err := Files{Data: dir, Count: 1, Seed: 1}.Read()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(kind, "newest title, the test split, was set aside first") {
		t.Errorf("the split is called %q", kind)
	}
	if diff := cmp.Diff([][]int{{0}, {2}}, s.Train.Histories); diff != "" {
		t.Error(diff)
	}
	if len(s.Cases) != 2 || s.Cases[0].Item != 1 || s.Cases[1].Item != 1 {
		t.Errorf("judged by %+v", s.Cases)
	}
}

// TestUniformNegativesAreNeverPrintedAlone takes the other protocols away, one at a time, and wants nothing written.
func TestUniformNegativesAreNeverPrintedAlone(t *testing.T) {
	good := mustRun(t, options(t, neighbours, 1))
	for name, spoil := range map[string]func(*judging.Result){
		"no negatives by popularity": func(m *judging.Result) { m.Matched = judging.Ranking{} },
		"no full ranking":            func(m *judging.Result) { m.Full = judging.Ranking{} },
		"full ranking of some":       func(m *judging.Result) { m.Full.Users-- },
	} {
		for row := range 2 {
			r := *good
			r.Runs, r.Baselines = slices.Clone(good.Runs), slices.Clone(good.Baselines)
			one := &r.Runs[0]
			if row == 1 {
				one = &r.Baselines[2]
			}
			m := *one.Result
			spoil(&m)
			one.Result = &m
			for _, write := range []func(*bytes.Buffer) error{
				func(b *bytes.Buffer) error { return r.WriteJSON(b) },
				func(b *bytes.Buffer) error { return r.Print(b) },
				func(b *bytes.Buffer) error { return r.Draw(b, "svg") },
			} {
				var b bytes.Buffer
				if err := write(&b); !errors.Is(err, errAlone) || b.Len() > 0 {
					t.Errorf("%s: error %v, and %d bytes were written", name, err, b.Len())
				}
			}
		}
	}
	lonely := *good
	lonely.Baselines = nil
	if err := lonely.Check(); err == nil {
		t.Error("a report without popularity was taken")
	}
}

// TestALoserIsSaidToLose trains what ranks by chance, and one whose scores are no numbers.
func TestALoserIsSaidToLose(t *testing.T) {
	chance := trainer(func(_ split.Train, seed uint64) (judging.Scorer, error) { return baseline.NewRandom(seed + 100), nil })
	broken := trainer(func(split.Train, uint64) (judging.Scorer, error) { return noNumbers{}, nil })
	for _, c := range []struct {
		by   Trainer
		want []string
	}{
		{chance, []string{"THE MODEL LOSES TO POPULARITY under uniform negatives"}},
		{broken, []string{"THE MODEL LOSES TO POPULARITY", "SCORES THAT ARE NOT NUMBERS for 200 of 200 users"}},
		{neighbours, nil},
	} {
		r := mustRun(t, options(t, c.by, 1))
		var b strings.Builder
		if err := r.Print(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(b.String(), "*** "+want) {
				t.Errorf("the table does not say %q:\n%s", want, b.String())
			}
		}
		if c.want == nil && strings.Contains(b.String(), "***") {
			t.Errorf("a winner is warned of:\n%s", b.String())
		}
		for _, want := range []string{"30 uniform", "as many by popularity", "whole catalogue", "EASE", "history of 1-9", "no noise: nothing is promised"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("the table has no %q", want)
			}
		}
	}
}

// noNumbers scores with nothing.
type noNumbers struct{}

func (noNumbers) Scores(_ int, _ []int, dst []float32) error {
	for i := range dst {
		dst[i] = float32(math.NaN())
	}
	return nil
}

func TestRunStopsAtATrainersError(t *testing.T) {
	failing := trainer(func(split.Train, uint64) (judging.Scorer, error) {
		return nil, errors.New("round 3: tensor v is not finite")
	})
	if _, err := Run(t.Context(), options(t, failing, 1)); err == nil || !strings.Contains(err.Error(), "train with seed 1: round 3: tensor v") {
		t.Errorf("error %v", err)
	}
	o := options(t, neighbours, 0)
	if _, err := Run(t.Context(), o); err == nil {
		t.Error("no seed was taken")
	}
}

// TestAnInterruptEndsWhateverIsTrainedOrJudged: it comes while a model is trained, or just before each baseline is, and that one is not finished.
func TestAnInterruptEndsWhateverIsTrainedOrJudged(t *testing.T) {
	by, err := For(small(t), 1, options(t, nil, 1).Split.Train)
	if err != nil {
		t.Fatal(err)
	}
	for at, where := range map[string]string{"rounds, training 1 of 1": "seed 1", "baselines, random": "judge baseline random", "baselines, popularity": "judge baseline popularity",
		"baselines, ItemKNN": "baseline ItemKNN", "baselines, EASE": "baseline EASE", "baselines, iALS": "baseline iALS", "baselines, NeuMF": "baseline NeuMF"} {
		ctx, cancel := context.WithCancel(context.Background())
		o := options(t, by, 1)
		o.NeuMF, o.Progress = true, func(what string, _, _ int) {
			if what == at {
				cancel()
			}
		}
		if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), where) {
			t.Errorf("interrupted at %s: %v", at, err)
		}
		cancel()
	}
}

func TestDrawMakesEachFormat(t *testing.T) {
	r := mustRun(t, options(t, neighbours, 1))
	for _, format := range Formats() {
		var b bytes.Buffer
		if err := r.Draw(&b, format); err != nil || b.Len() < 1000 {
			t.Errorf("%s: %d bytes, %v", format, b.Len(), err)
		}
	}
}

// small is a no-noise task that trains in a moment.
func small(t *testing.T) *task.Task {
	t.Helper()
	own, err := task.Named("two-tower")
	if err != nil {
		t.Fatal(err)
	}
	own.Model.Dim, own.Optimizer.Rate = 6, 0.05
	return own
}

// TestATaskLearnsTastes trains through the rounds of the learning mode and wants popularity beaten.
func TestATaskLearnsTastes(t *testing.T) {
	o := options(t, nil, 1)
	by, err := For(small(t), 40, o.Split.Train)
	if err != nil {
		t.Fatal(err)
	}
	o.Trainer = by
	r := mustRun(t, o)
	if len(r.Loses) > 0 || r.Rounds != 40 || r.BytesPerUser <= 0 || r.Epsilon != nil {
		t.Errorf("loses %v, hr %.3f, %d rounds, %v bytes, ε %v", r.Loses, r.HR10, r.Rounds, r.BytesPerUser, r.Epsilon)
	}
}

func TestABackendJudgesWhatATaskTrains(t *testing.T) {
	o := options(t, nil, 1)
	by, err := For(small(t), 5, o.Split.Train)
	if err != nil {
		t.Fatal(err)
	}
	o.Trainer = by
	want := mustRun(t, o)
	opened, told := 0, 0
	o.Judge = judging.Bench{
		Open: func(*model.Snapshot) (judging.Backend, error) { opened++; return nil, errors.New("unplugged") },
		Told: func(error) { told++ },
	}
	if got := mustRun(t, o); written(t, got) != written(t, want) {
		t.Errorf("another report where the backend fails:\n%s\nwant\n%s", written(t, got), written(t, want))
	}
	if opened != 1 || told != 1 {
		t.Errorf("the backend was opened %d times and failed %d times, want once: it judges our own models alone", opened, told)
	}
}

// TestTrainingCannotSeeWhatIsHeldOut changes what is held out, and nothing that training may see: the model stays, to the bit.
func TestTrainingCannotSeeWhatIsHeldOut(t *testing.T) {
	a := options(t, nil, 1).Split
	b := &split.Split{Train: a.Train}
	for _, c := range a.Cases {
		b.Cases = append(b.Cases, split.Case{User: c.User, Item: c.Negatives[0], Negatives: append([]int{c.Item}, c.Negatives[1:]...)})
	}
	scores := func(s *split.Split) []float32 {
		by, err := For(small(t), 3, s.Train)
		if err != nil {
			t.Fatal(err)
		}
		trained, err := by.Train(t.Context(), s.Train, 5, func(int, int) {})
		if err != nil {
			t.Fatal(err)
		}
		v := make([]float32, s.Train.Items)
		if err := trained.Scorer.Scores(0, s.Train.Histories[0], v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(scores(a), scores(b)) {
		t.Error("other held-out titles, another model: training saw them")
	}
}

func TestForFitsATaskToASplit(t *testing.T) {
	s := options(t, nil, 1).Split
	own := small(t)
	own.Rounds.Cohort, own.Model.Start = 604, task.Content // more than there are people, and of what a bare split lacks
	by, err := For(own, 0, s.Train)
	if err != nil || by.Task.Rounds.Count != own.Rounds.Count || by.Task.Rounds.Cohort != 0 || by.Task.Model.Start != task.Random {
		t.Errorf("task %+v, %v", by.Task, err)
	}
	if own.Rounds.Cohort != 604 || own.Model.Start != task.Content {
		t.Error("the task that was given changed")
	}
	if got := by.Task.Model.Start; got == own.Model.Start {
		t.Errorf("start %s", got)
	}
	own.Noise, own.Popularity = task.Noise{Epsilon: 8, Delta: 1e-5}, task.Popularity{}
	if _, err := For(own, 0, s.Train); err == nil || !strings.Contains(err.Error(), "rounds.cohort is 604 and there are 200 people") {
		t.Errorf("a cohort that the noise was counted for: %v", err)
	}
	own.Population = task.Population{People: 100_000, Members: 10_000}
	if by, err := For(own, 0, s.Train); err != nil || by.Task.Rounds.Cohort != 0 {
		t.Errorf("a simulated population: %v", err)
	}
	own.Noise, own.Population = task.Noise{}, task.Population{}
	for _, rounds := range []int{-1, 1 << 30} {
		if _, err := For(own, rounds, s.Train); err == nil {
			t.Errorf("%d rounds were taken", rounds)
		}
	}
}

// TestAHeadIsTrainedOverABaseOfContent: a base whose own task starts from facts starts random here as its head does, and its cohort too is no
// larger than the people.
func TestAHeadIsTrainedOverABaseOfContent(t *testing.T) {
	o := options(t, nil, 1)
	for _, family := range []string{model.SequentialFamily, model.HybridFamily} {
		own, err := task.Named("ml-100k-" + family)
		if err != nil {
			t.Fatal(err)
		}
		own.Model.Base, own.Model.Ages, own.Model.Start = "ml-1m-100", []float32{0, 4, 20}, task.Content
		by, err := For(own, 1, o.Split.Train)
		if err != nil {
			t.Fatal(err)
		}
		if b := by.Base; b == nil || b.Model.Start != task.Random || b.Rounds.Count != 100 || b.Rounds.Cohort > 200 {
			t.Fatalf("%s: base %+v", family, b)
		}
		by.Base.Rounds.Count = 1
		o.Trainer = by
		if r := mustRun(t, o); len(r.Runs) != 1 || !(r.BytesPerUser > 0) || !(r.HR10 > 0) {
			t.Errorf("%s: %+v", family, r)
		}
	}
	own := small(t)
	if by, err := For(own, 2, o.Split.Train); err != nil || by.Base != nil {
		t.Errorf("a task without a base has %+v, %v", by.Base, err)
	}
	own, err := task.Named("ml-100k-sequential")
	if err != nil {
		t.Fatal(err)
	}
	own.Model.Base = "nobody's"
	if _, err := For(own, 2, o.Split.Train); err == nil || !strings.Contains(err.Error(), "model.base") {
		t.Errorf("an unknown base: %v", err)
	}
}

// TestEpsilonCountsTheRoundsThatAreTrained asks a private task for more rounds than its own.
func TestEpsilonCountsTheRoundsThatAreTrained(t *testing.T) {
	o := options(t, nil, 1)
	own := small(t)
	own.Noise, own.Popularity = task.Noise{Multiplier: 4, Delta: 1e-5}, task.Popularity{}
	own.Rounds.Cohort, own.Rounds.Participations, own.Rounds.Count = 0, 2, 2
	var epsilons []float64
	for _, rounds := range []int{0, 8} {
		by, err := For(own, rounds, o.Split.Train)
		if err != nil {
			t.Fatal(err)
		}
		o.Trainer, o.Quiet = by, by.Quiet()
		r := mustRun(t, o)
		epsilons = append(epsilons, *r.Epsilon)
		if len(r.Quiet) != 1 || !strings.Contains(r.Quiet[0].Name, "without noise") {
			t.Errorf("no training without noise beside: %v", r.Quiet)
		}
		alone := *r
		alone.Quiet = nil
		if err := alone.WriteJSON(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "without noise beside it") {
			t.Errorf("a private figure was written alone: %v", err)
		}
	}
	// ρ grows fourfold, and ε at least by its square root.
	if !(epsilons[1] > 1.9*epsilons[0]) {
		t.Errorf("ε is %v after 2 rounds and %v after 8", epsilons[0], epsilons[1])
	}
}

// write puts a file into a folder, packed if its name ends in .gz.
func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	if strings.HasSuffix(name, ".gz") {
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	} else {
		b.WriteString(text)
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFilesAreReadPlainAndPacked(t *testing.T) {
	dir := t.TempDir()
	const train = "0\t1\n0\t2\n1\t3\n1\t0\n"
	plain, packed := write(t, dir, "a.tsv", train), write(t, dir, "train.pairs.tsv.gz", train)
	test, negatives := write(t, dir, "test", "0\t4\t5\t9\n"), write(t, dir, "negative.gz", "(0,4)\t3\t0\n")
	want, kind, err := Files{Train: plain, Test: test, Negatives: negatives}.Read()
	if err != nil || kind != "external split" {
		t.Fatal(kind, err)
	}
	if diff := cmp.Diff([]split.Case{{User: 0, Item: 4, Negatives: []int{3, 0}}}, want.Cases); diff != "" {
		t.Error(diff)
	}
	got, _, err := Files{Train: packed, Test: test, Negatives: negatives}.Read()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packed and plain differ:\n%s", diff)
	}
	held, kind, err := Files{Data: dir, Count: 1, Items: 5, Seed: 3}.Read()
	if err != nil || !strings.HasPrefix(kind, "validation split") || len(held.Cases) != 2 || held.Cases[0].Item != 2 {
		t.Errorf("folder: %+v, %s, %v", held, kind, err)
	}
}

func TestFilesRefuse(t *testing.T) {
	dir := t.TempDir()
	train := write(t, dir, "train", "0\t1\n0\t2\n")
	bad := write(t, dir, "bad", "0\t1\nx\t2\n")
	half := write(t, dir, "half.gz", "0\t1\n0\t2\n")
	b, err := os.ReadFile(half)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(half, b[:len(b)-6], 0o600); err != nil {
		t.Fatal(err)
	}
	empty := write(t, dir, "empty", "")
	for _, c := range []struct {
		files Files
		want  string
	}{
		{Files{}, "--train is missing"},
		{Files{Train: train, Data: dir}, "two ways to name a split"},
		{Files{Train: train, Negatives: train}, "--negatives needs --test"},
		{Files{Train: filepath.Join(dir, "none")}, "no such file"},
		{Files{Train: bad}, fmt.Sprintf(`%s: train file: line 2: user is "x"`, bad)},
		{Files{Train: half}, "unexpected EOF"},
		{Files{Train: empty}, "there is not a line in it"},
		{Files{Train: train, Test: train}, "line 1: 2 fields"},
		{Files{Data: dir}, "no train.pairs.tsv in it"},
	} {
		c.files.Count = 1
		if _, _, err := c.files.Read(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.files, err, c.want)
		}
	}
}
