package task

import (
	"bytes"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/privacy"
)

// some is a task as text.
func some(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/noisy.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func parsed(t testing.TB, text string) *Task {
	t.Helper()
	out, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBuiltInTasksRead(t *testing.T) {
	for _, name := range Names() {
		b, err := Source(name)
		if err != nil {
			t.Fatal(err)
		}
		task, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if task.Name != name {
			t.Errorf("%s calls itself %s", name, task.Name)
		}
		items := make([]string, 1700)
		for i := range items {
			items[i] = strings.Repeat("x", i/100+1) + string(rune('a'+i%26)) + string(rune('0'+i%10)) + string(rune('A'+i/26%26)) + string(rune('A'+i/676))
		}
		first := task.Model
		if task.Model.Head() {
			base, err := Named(task.Model.Base)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			first = base.Model
		}
		snap, err := first.New(items[:200], nil)
		if err == nil && task.Model.Head() {
			snap, err = task.Model.Over(snap)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := task.Terms(task.LocalFunction().Words(snap.Layout), 200, 6040); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Named("nothing"); err == nil || !strings.Contains(err.Error(), "two-tower") {
		t.Errorf("a task that there is not: %v", err)
	}
}

// TestHashIsOfWhatIsSaid: order, comments and spelling do not count, and every value does.
func TestHashIsOfWhatIsSaid(t *testing.T) {
	text := some(t)
	task := parsed(t, text)
	same := strings.NewReplacer("dim = 16", "# narrow\ndim = 0x10", "steps = 3\n", "", "[local]\n", "[local]\nsteps = 3\n").Replace(text)
	if same == text || parsed(t, same).Hash() != task.Hash() {
		t.Error("the same task written otherwise has another hash")
	}
	again, err := Parse(task.Canonical())
	if err != nil || !bytes.Equal(again.Canonical(), task.Canonical()) {
		t.Errorf("canonical bytes read back: %v", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(task.Canonical())), "\n") {
		field, value, _ := strings.Cut(line, " = ")
		changed, ok := otherwise(value)
		if !ok {
			continue
		}
		other, err := Parse(bytes.Replace(task.Canonical(), []byte(line), []byte(field+" = "+changed), 1))
		if err != nil {
			continue // the other value is impossible, which the table of bounds shows
		}
		if other.Hash() == task.Hash() {
			t.Errorf("%s does not count", field)
		}
	}
}

func otherwise(value string) (string, bool) {
	switch {
	case value == "true":
		return "false", true
	case value == "false":
		return "true", true
	case strings.HasPrefix(value, `"`):
		return `"x` + value[1:], true
	case strings.HasPrefix(value, "["):
		return "[7]", true
	case strings.HasPrefix(value, "{"):
		return `{"v" = 0.5}`, true
	}
	return value + "1", true
}

func TestBadFilesAreRefusedByFieldAndLine(t *testing.T) {
	text := some(t)
	line := func(of string) int { return 1 + strings.Count(text[:strings.Index(text, of)], "\n") }
	for _, c := range []struct {
		old, new, field, says string
	}{
		{"dim = 16", "dim = 16\nheads = 2", "model.heads", "unknown"},
		{"dim = 16", "Dim = 16", "model.Dim", "unknown"},
		{"steps = 3\n", "", "local.steps", "missing"},
		{"dim = 16", "dim = 0", "model.dim", "is 0"},
		{"least = 2", "least = 2\nnew_titles = -1", "data.new_titles", "want 0"},
		{"titles = \"all\"", "titles = \"watched\"\nnew_titles = 9", "data.new_titles", "data.titles must be all"},
		{"hold_out = \"newest\"", "hold_out = \"none\"\nnew_titles = 9", "data.new_titles", "data.hold_out must be newest"},
		{"least = 2", "least = 2\npeople = -1", "data.people", "want 0"},
		{"dim = 16", "dim = 100000", "model", "width 100000"},
		{`family = "two-tower"`, `family = "three-tower"`, "model.family", "two-tower or ncf"},
		{"ages = [0, 4, 20]", "ages = []", "model.ages", "is empty"},
		{"ages = [0, 4, 20]", "ages = [nan]", "model", "age NaN"},
		{"[data]", "[model.groups]\nvv = 2\n[data]", "model.groups.vv", "one of v, w, b"},
		{"[data]", "[model.groups]\nv = 0\n[data]", "model.groups.v", "want 1e-06"},
		{`layout = "pairs"`, `layout = "csv"`, "data.layout", "movielens or pairs"},
		{`set = "ml-1m"`, `set = "../ml-1m"`, "data.set", "name of a folder"},
		{"count = 30", "count = 0", "rounds.count", "want 1 to 100000"},
		{"cohort = 0", "cohort = 2", "rounds.cohort", "0 for everybody"},
		{"cohort = 0", "cohort = 0\nparticipations = 3", "rounds.participations", "simulate a population"},
		{"clip = 0.5", "clip = nan", "grid.clip", "positive norm"},
		{"clip = 0.5", "clip = 0.0", "grid.clip", "positive norm"},
		{"word_bits = 32", "word_bits = 31", "grid.word_bits", "16, 24 or 32"},
		{"c_int = 0", "c_int = 4294967295", "grid.c_int", "at most"},
		{"epsilon = 8.0", "epsilon = nan", "noise.epsilon", "NaN"},
		{"epsilon = 8.0", "epsilon = 8.0\nmultiplier = 1.0", "noise.epsilon", "leave one out"},
		{"delta = 1e-5", "delta = 1.0", "noise.delta", "between 0 and 1"},
		{"epsilon = 8.0\n", "", "noise", "says nothing"},
		{"epsilon = 8.0", `epsilon = 8.0` + "\nconditional = \"shuffle\"", "noise.conditional", "poisson"},
		{"share = 0.1", "share = 1.0", "popularity.share", "between 0 and 1"},
		{"share = 0.1\n", "", "popularity.share", "where there is noise"},
		{"ask = true", "ask = false", "popularity.ask", "leave the table's other fields out"},
		{"steps = 3", "steps = 1000", "local", "at most 64"},
		{"dropout = 0.3", "dropout = 1.0", "local", "dropout is 1"},
		{"beta1 = 0.9", "beta1 = 1.0", "optimizer.beta1", "below 1"},
		{`schedule = "cosine"`, `schedule = "step"`, "optimizer.schedule", "cosine"},
		{"seeds = [1, 2, 3]", "seeds = [1, 1]", "run.seeds", "twice"},
		{"version = 1", "version = 2", "version", "reads 1"},
		{`name = "ml-1m-eps8"`, `name = ""`, "name", "letters"},
	} {
		if !strings.Contains(text, c.old) {
			t.Fatalf("the task has no %q", c.old)
		}
		_, err := Parse([]byte(strings.Replace(text, c.old, c.new, 1)))
		var field *FieldError
		switch {
		case err == nil:
			t.Errorf("%s: accepted", c.new)
		case !errors.As(err, &field):
			t.Errorf("%s: %v names no field", c.new, err)
		case field.Field != c.field || !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: %v, want %s: %s", c.new, err, c.field, c.says)
		case field.Line == 0 || c.new != "" && strings.HasSuffix(c.field, "."+strings.Fields(c.new)[0]) && field.Line != line(c.old):
			t.Errorf("%s: line %d", c.new, field.Line)
		}
	}
}

func TestBadTOMLNamesTheLine(t *testing.T) {
	for bad, line := range map[string]string{"version = 1\nversion = 1\n": "line 2", "version = \"one\"": "line 1", "version = 1\nname = 3\n": "line 2", "\n\n[model": "line 3",
		"version = 1\n[local]\nsteps = -1\n": "line 3",
		"version = 1\n[grid]\nclip = inf\n":  "line 3: grid.clip"} {
		if _, err := Parse([]byte(bad)); err == nil || !strings.Contains(err.Error(), line) {
			t.Errorf("%q: %v, want %s", bad, err, line)
		}
	}
	if _, err := Parse(bytes.Repeat([]byte("#\n"), MaxBytes)); err == nil {
		t.Error("a file without end")
	}
}

// TestEpsilonIsReachedAndNeverPassed: the noise of a target is charged as ledgers do, with the question.
func TestEpsilonIsReachedAndNeverPassed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		task := &Task{}
		task.Noise = Noise{Epsilon: rapid.Float64Range(0.1, 20).Draw(t, "eps"), Delta: 1e-6}
		task.Rounds.Count = rapid.IntRange(1, 2000).Draw(t, "rounds")
		task.Grid = Grid{Clip: 1, WordBits: 32}
		task.Popularity = Popularity{Ask: true, Share: rapid.Float64Range(0.01, 0.5).Draw(t, "share"), Strength: 1}
		terms, err := task.Terms(10_000, 100, 100)
		if err != nil {
			t.Skip(err)
		}
		each, err := privacy.Charge(terms.Grid.CInt, terms.SigmaTotSq)
		if err != nil {
			t.Fatal(err)
		}
		once, err := privacy.Charge(terms.Question.CInt, terms.Question.SigmaTotSq)
		if err != nil {
			t.Fatal(err)
		}
		eps, _, err := privacy.Epsilon((each*privacy.Units(task.Rounds.Count) + once).Rho(), 1e-6)
		if err != nil || eps != terms.Account.Epsilon || eps > task.Noise.Epsilon || eps < 0.999*task.Noise.Epsilon {
			t.Fatalf("ε = %v by the ledgers, %v in the account, %v wanted (%v)", eps, terms.Account.Epsilon, task.Noise.Epsilon, err)
		}
	})
}

// TestKnownAnswers: z over 200 rounds of everybody at ε = 2, δ = 10^-6 is 33 (accuracy 4, rounded there), and a half of ρ to the
// question makes it √2 times that.
func TestKnownAnswers(t *testing.T) {
	task := &Task{Noise: Noise{Epsilon: 2, Delta: 1e-6}, Rounds: Rounds{Count: 200}, Grid: Grid{Clip: 0.5, WordBits: 32}, Population: Population{People: 100_000}}
	terms, err := task.Terms(125_370, 3706, 6040)
	if err != nil {
		t.Fatal(err)
	}
	if z := terms.Noise(); math.Abs(z-36) > 3 || terms.Members != 100_000 {
		t.Errorf("z = %v for %d members", z, terms.Members)
	}
	task.Popularity = Popularity{Ask: true, Share: 0.5}
	shared, err := task.Terms(125_370, 3706, 6040)
	if err != nil {
		t.Fatal(err)
	}
	if r := shared.Noise() / terms.Noise(); math.Abs(r-math.Sqrt2) > 1e-3 {
		t.Errorf("half of ρ costs a factor of %v", r)
	}
}

// TestConditionalStandsBeside: sampling never lowers the figure itself, and the other one says on what it rests.
func TestConditionalStandsBeside(t *testing.T) {
	task := &Task{Noise: Noise{Multiplier: 2.64, Delta: 1e-5, Conditional: Poisson}, Rounds: Rounds{Count: 60, Cohort: 3020}, Grid: Grid{Clip: 0.5, WordBits: 32}}
	terms, err := task.Terms(60_000, 3706, 6040)
	if err != nil {
		t.Fatal(err)
	}
	a := terms.Account
	plain, _, err := privacy.Epsilon(60/(2*2.64*2.64), 1e-5)
	if err != nil || math.Abs(a.Epsilon-plain) > 0.01*plain {
		t.Errorf("ε = %v, want %v", a.Epsilon, plain)
	}
	if c := a.Conditional; c == nil || c.Epsilon >= a.Epsilon || math.Abs(c.Epsilon-8) > 1 || c.Rate != 0.5 || !strings.Contains(c.Condition, "only if") {
		t.Errorf("conditional: %+v beside %v", c, a.Epsilon)
	}
	task.Rounds.Cohort = 0
	if terms, err := task.Terms(60_000, 3706, 6040); err != nil || terms.Account.Conditional != nil {
		t.Errorf("everybody takes part, and nothing is conditional: %+v, %v", terms, err)
	}
}

func TestTermsThatDoNotFit(t *testing.T) {
	task := parsed(t, some(t))
	task.Rounds.Cohort = 100
	if _, err := task.Terms(1000, 100, 99); err == nil || !strings.Contains(err.Error(), "rounds.cohort is 100") {
		t.Errorf("a cohort of more than there are: %v", err)
	}
	task.Rounds.Cohort, task.Grid.WordBits = 0, 16
	if _, err := task.Terms(60_000, 100, 6040); err == nil || !strings.Contains(err.Error(), "grid.word_bits is 16: the noise alone") {
		t.Errorf("a grid that wraps: %v", err)
	}
}

// TestAGridThatDoesNotFitIsBlamedOnWhatTheOwnerWrote: c_int and x_max that the task left out are not named as if they stood in it, and what is
// advised fits.
func TestAGridThatDoesNotFitIsBlamedOnWhatTheOwnerWrote(t *testing.T) {
	for name, test := range map[string]struct {
		grid  Grid
		noise float64 // multiplier
		field string
		words []string
		mend  func(*Task)
	}{
		"nothing": {grid: Grid{Clip: 0.5, WordBits: 16}, field: "grid.c_int", words: []string{"is 0", "1961", "write grid.x_max = 5 or less", "1/393", "or write grid.word_bits = 24 and grid.x_max = 1388"},
			mend: func(t *Task) { t.Grid.WordBits, t.Grid.XMax = 24, 1388 }},
		"c_int": {grid: Grid{Clip: 0.5, WordBits: 16, CInt: 400}, field: "grid.c_int", words: []string{"is 400", "write grid.x_max = 5 or less"},
			mend: func(t *Task) { t.Grid.XMax = 5 }},
		"x_max": {grid: Grid{Clip: 0.5, WordBits: 16, XMax: 40}, field: "grid.x_max", words: []string{"is 40", "lower it to 5 or less"},
			mend: func(t *Task) { t.Grid.XMax = 5 }},
		"noise that alone is too much": {grid: Grid{Clip: 0.5, WordBits: 16}, noise: 100, field: "grid.word_bits", words: []string{"is 16", "noise", "write grid.word_bits = 24 and grid.x_max = 1194"},
			mend: func(t *Task) { t.Grid.WordBits, t.Grid.XMax = 24, 1194 }},
		"c_int of full words": {grid: Grid{Clip: 0.5, WordBits: 32, CInt: 400_000}, field: "grid.c_int", words: []string{"is 400000", "at most 355543"},
			mend: func(t *Task) { t.Grid.CInt = 355_543 }},
		"a coarse one": {grid: Grid{Clip: 0.5, WordBits: 16, CInt: 100, XMax: 1}, field: "grid.c_int", words: []string{"is 100", "too coarse", "0 stands for"},
			mend: func(t *Task) { t.Grid.CInt = 0 }},
	} {
		task := parsed(t, some(t))
		task.Grid, task.Noise, task.Popularity, task.Population, task.Rounds.Cohort = test.grid, Noise{}, Popularity{}, Population{}, 0
		if test.noise > 0 {
			task.Noise = Noise{Multiplier: test.noise, Delta: 1e-6}
		}
		_, err := task.Terms(60_000, 100, 6040)
		if err == nil || !strings.HasPrefix(err.Error(), test.field+" ") {
			t.Errorf("%s: %v, want it of %s", name, err, test.field)
			continue
		}
		for _, word := range test.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", name, err, word)
			}
		}
		test.mend(task)
		if _, err := task.Terms(60_000, 100, 6040); err != nil {
			t.Errorf("%s: what it advises gives %v", name, err)
		}
	}
}

// TestEveryFieldIsDocumented holds docs/spec/task.md against the struct.
func TestEveryFieldIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../../docs/spec/task.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range Fields() {
		if !strings.Contains(string(b), "`"+field+"`") {
			t.Errorf("docs/spec/task.md does not say what %s is", field)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range Names() {
		b, err := Source(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("version = 1\n[model.groups]\n\"a.b\" = 1e-3\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		task, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(task.Canonical())
		if err != nil {
			t.Fatalf("canonical bytes are refused: %v\n%s", err, task.Canonical())
		}
		if again.Hash() != task.Hash() {
			t.Fatalf("the hash changed:\n%s\n%s", task.Canonical(), again.Canonical())
		}
		if terms, err := task.Terms(5000, 100, 1000); err == nil && terms.Account != nil && !(terms.Account.Epsilon > 0) {
			t.Fatalf("ε = %v", terms.Account.Epsilon)
		}
	})
}
