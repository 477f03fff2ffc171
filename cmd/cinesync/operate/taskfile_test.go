package operate

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
)

// taskFile is one for the model of start.
const taskFile = `
version = 1
name = "tiny"
purpose = "Test a coordinator that runs a file."
[model]
family = "two-tower"
dim = 2
ages = [0, 4, 20]
start = "content"
[data]
set = "none"
layout = "movielens"
set_aside = "none"
hold_out = "none"
titles = "all"
least = 2
[rounds]
count = 3
cohort = 0
[grid]
clip = 0.25
c_int = 150
word_bits = 32
[noise]
multiplier = 0.5
delta = 1e-6
[local]
steps = 2
cuts = 3
next = 4
negatives = 0
dropout = 0.25
rate = 0.5
rate_dense = 0.05
[optimizer]
rate = 0.01
beta1 = 0.8
beta2 = 0.9
average = 0.7
per_coordinate = false
schedule = "cosine"
`

// following is a configuration that leaves to a file what it can.
func following() *Config {
	cfg := config()
	t := &cfg.Task
	t.File, t.Family, t.Purpose, t.Rounds, t.Clip, t.CInt, t.SigmaTotSq, t.P = "task.toml", "", "", 0, 0, 0, 0, 0
	return cfg
}

// logHolds tells whether a text is in the public log's entries.
func logHolds(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(filepath.Join(dir, "..", "log"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestACoordinatorRunsATaskFileAndLogsItsHash(t *testing.T) {
	dir := made(t, following())
	put(t, dir, "task.toml", taskFile)
	if e := runs(t, dir, "phase"); e.Round != 1 {
		t.Errorf("%+v, want round 1", e)
	}
	file, err := task.Parse([]byte(taskFile))
	if err != nil {
		t.Fatal(err)
	}
	if !logHolds(t, dir, fmt.Sprintf("; task %x", file.Hash())) || !logHolds(t, dir, file.Purpose) {
		t.Error("the log does not hold the file's hash and purpose")
	}
	code := file.LocalFunction().Hash()
	if !logHolds(t, dir, string(code[:])) {
		t.Error("the log does not hold the hash of the file's local function")
	}
	put(t, dir, "task.toml", strings.Replace(taskFile, "beta1 = 0.8", "beta1 = 0.9", 1))
	refuses(t, dir, "begun with another task")
}

func TestTheFilesTermsAreTheCoordinators(t *testing.T) {
	cfg := following()
	dir := made(t, cfg)
	put(t, dir, "task.toml", taskFile)
	file, err := cfg.readTask(dir, start(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Task.terms(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.Local != file.LocalFunction() || got.Rounds != 3 || got.C != 0.25 || got.CInt != 150 || got.XMax != 150 || got.WordBits != 32 || got.P != 3 ||
		got.SigmaTotSq != 75*75 || got.Hash != file.Hash() || got.Optimizer.Beta1 != 0.8 || got.Optimizer.Average != 0.7 || got.NTarget != 4 {
		t.Errorf("%+v", got)
	}
}

// TestTheFilesPopularityIsTheCoordinators asks first by the file's word alone.
func TestTheFilesPopularityIsTheCoordinators(t *testing.T) {
	cfg := following()
	dir := made(t, cfg)
	put(t, dir, "task.toml", taskFile+"[popularity]\nask = true\nshare = 0.1\nstrength = 0.5\nfloor = 2.5\n")
	file, err := cfg.readTask(dir, start(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Task.terms(file)
	if err != nil {
		t.Fatal(err)
	}
	if p := got.Popularity; p == nil || p.C != 1 || p.CInt == 0 || p.SigmaTotSq == 0 || p.Strength != 0.5 || p.Floor != 2.5 {
		t.Errorf("%+v", p)
	}
}

func TestATaskFileThatCannotBeRunIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		file   func(string) string
		change func(*Task)
		words  []string
	}{
		{"no file", nil, nil, []string{"task.file", "no such file"}},
		{"unknown field", func(s string) string { return s + "momentum = 1\n" }, nil, []string{"line 42", "optimizer.momentum", "unknown"}},
		{"no noise", func(s string) string {
			return strings.Replace(s, "multiplier = 0.5\ndelta = 1e-6", "multiplier = 0.0", 1)
		}, nil, []string{"no noise", "simulation"}},
		{"simulated people", func(s string) string { return s + "[population]\npeople = 1000\n" }, nil, []string{"simulated people"}},
		{"another grid of popularity", func(s string) string { return s + "[popularity]\nask = true\nshare = 0.1\n" },
			func(t *Task) { t.PopularityFirst = &Popularity{CInt: 7} }, []string{"task.popularity_first.c_int is 7"}},
		{"popularity not asked", func(s string) string { return s }, func(t *Task) { t.PopularityFirst = &Popularity{} }, []string{"popularity.ask"}},
		{"another model", func(s string) string { return strings.Replace(s, "dim = 2", "dim = 3", 1) }, nil, []string{"starting model", "width 3"}},
		{"another clip", func(s string) string { return s }, func(t *Task) { t.Clip = 1 }, []string{"task.clip is 1", "0.25", "leave it out"}},
		{"another noise", func(s string) string { return s }, func(t *Task) { t.SigmaTotSq = 1 }, []string{"task.sigma_tot_sq is 1"}},
		{"another family", func(s string) string { return s }, func(t *Task) { t.Family = "ncf" }, []string{"task.family is ncf"}},
		{"a moving clip", func(s string) string { return s }, func(t *Task) { t.AdaptClip = &Adapt{Quantile: 0.5, Rate: 0.2, Least: 0.1, Most: 1} }, []string{"adapt_clip"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := following()
			if c.change != nil {
				c.change(&cfg.Task)
			}
			dir := made(t, cfg)
			if c.file != nil {
				put(t, dir, "task.toml", c.file(taskFile))
			}
			refuses(t, dir, c.words...)
		})
	}
}
