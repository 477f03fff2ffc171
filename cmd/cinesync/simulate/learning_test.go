package simulate

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/cmd/cinesync/train"
	"github.com/cinesync/cinesync/model/split"
	"github.com/cinesync/cinesync/sim/learning"
)

// lesson is a study of made-up people.
func lesson(t *testing.T, devices, rounds int, change func(*task.Task)) *Learning {
	t.Helper()
	tk, err := task.Named("small")
	if err != nil {
		t.Fatal(err)
	}
	tk.Model.Dim, tk.Local.Steps, tk.Local.Cuts = 4, 1, 2
	if change != nil {
		change(tk)
	}
	l := &Learning{Set: MadeUp, Seed: 5}
	if l.Data, err = MakeUp(tk, devices, l.Seed); err != nil {
		t.Fatal(err)
	}
	if l.Task, err = tk.Fit(rounds, devices); err != nil {
		t.Fatal(err)
	}
	return l
}

// lines runs a study and gives what it prints, without wall times.
func (l *Learning) lines(t *testing.T) ([]string, *LearningSummary) {
	t.Helper()
	var out []string
	l.Round = func(r *LearningRound) error { out = append(out, bare(t, r)); return nil }
	s, err := l.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return append(out, bare(t, s)), s
}

func TestOneSeedLearnsTheSame(t *testing.T) {
	a, _ := lesson(t, 20, 3, nil).lines(t)
	b, _ := lesson(t, 20, 3, nil).lines(t)
	if len(a) != 4 || !slices.Equal(a, b) {
		t.Errorf("two runs of a seed give\n%s\nand\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	other := lesson(t, 20, 3, nil)
	other.Seed++
	if c, _ := other.lines(t); c[2] == a[2] {
		t.Errorf("another seed learns the same: %s", c[2])
	}
}

// TestLinesOfLearningAreThoseOfTheTask holds the last line against what train reports of the same task, people and seed.
func TestLinesOfLearningAreThoseOfTheTask(t *testing.T) {
	l := lesson(t, 30, 4, func(t *task.Task) { t.Rounds.Cohort = 10; t.Run.Seeds = []uint64{5} })
	l.Quiet, l.Every = true, 3
	var judged []int
	l.Round = func(r *LearningRound) error {
		if r.Figures != nil {
			judged = append(judged, r.Round)
		}
		if r.Members != 10 || *r.Delta != 1e-5 || r.Trained != "cpu" || r.Popularity == nil {
			t.Errorf("round %+v", r)
		}
		return nil
	}
	s, err := l.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := train.Run(context.Background(), train.Options{Task: l.Task, Data: l.Data})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(judged, []int{3, 4}) {
		t.Errorf("rounds %v were judged, want every third and the last", judged)
	}
	same := func(f *Figures, g train.Figures) bool {
		return f != nil && *f == (Figures{short(g.HR10), short(g.NDCG10), short(g.FullHR10), short(g.FullNDCG10)})
	}
	if !same(s.Figures, want.Figures) || !same(s.Popularity, *want.Popularity) || s.WithoutNoise == nil || s.WithoutNoise.HR10 != short(want.Quiet.HR10.Mean) {
		t.Errorf("figures %+v, popularity %+v, without noise %+v; train says %+v, %+v, %+v", s.Figures, s.Popularity, s.WithoutNoise, want.Figures, want.Popularity, want.Quiet.HR10)
	}
	if *s.Epsilon != short(*want.Epsilon) || s.Up+s.Down-want.BytesPerUser > 2 || want.BytesPerUser-s.Up-s.Down > 2 {
		t.Errorf("ε %v and %d bytes; train says %v and %d", *s.Epsilon, s.Up+s.Down, *want.Epsilon, want.BytesPerUser)
	}
}

func TestWithoutNoiseNothingIsPromised(t *testing.T) {
	l := lesson(t, 12, 2, nil)
	l.Task = l.Task.Quiet()
	l.Quiet = true
	lines, s := l.lines(t)
	if s.Epsilon != nil || s.Account != nil || s.WithoutNoise != nil || !strings.Contains(lines[0], `"epsilon":null`) {
		t.Errorf("%+v\n%s", s, lines[0])
	}
}

// TestSimulatedPeopleStay: with fewer people than the task's cohort the noise stays that of the simulated population.
func TestSimulatedPeopleStay(t *testing.T) {
	l := lesson(t, 12, 2, func(t *task.Task) {
		t.Rounds.Cohort, t.Population = 100, task.Population{People: 100_000, Members: 50_000}
	})
	_, s := l.lines(t)
	if s.Simulated != 100_000 || s.Members != 50_000 || s.Cohort != 12 || s.Devices != 12 {
		t.Errorf("summary %+v", s)
	}
	var b bytes.Buffer
	s.Print(&b, "cinesync simulate", "")
	if !strings.Contains(b.String(), "SIMULATED: 100000 people do not exist") {
		t.Errorf("%s", &b)
	}
}

func TestAStudyOfLearningEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l, rounds := lesson(t, 12, 5, nil), 0
	l.Round = func(*LearningRound) error {
		if rounds++; rounds == 2 {
			cancel()
		}
		return nil
	}
	if _, err := l.Run(ctx); !errors.Is(err, context.Canceled) || rounds != 2 {
		t.Errorf("%v after %d rounds", err, rounds)
	}
}

func TestPeopleArePickedByTheSeed(t *testing.T) {
	l := lesson(t, 30, 1, nil)
	a, err := Pick(l.Data, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Pick(l.Data, 10, 1)
	c, _ := Pick(l.Data, 10, 2)
	key := func(d *train.Data) string {
		var s []string
		for _, h := range d.Split.Train.Histories {
			for _, item := range h {
				s = append(s, string(rune(item)))
			}
		}
		return strings.Join(s, "")
	}
	if key(a) != key(b) || key(a) == key(c) {
		t.Error("the seed does not decide who is picked")
	}
	if err := a.Split.Check(); err != nil || len(a.Split.Train.Histories) != 10 || len(a.Split.Cases) != 10 {
		t.Errorf("%d people, %d cases: %v", len(a.Split.Train.Histories), len(a.Split.Cases), err)
	}
	for _, picked := range a.Split.Cases {
		h := a.Split.Train.Histories[picked.User]
		found := slices.ContainsFunc(l.Data.Split.Cases, func(o split.Case) bool {
			return o.Item == picked.Item && slices.Equal(l.Data.Split.Train.Histories[o.User], h)
		})
		if !found {
			t.Errorf("person %d is judged by another's title", picked.User)
		}
	}
	if all, err := Pick(l.Data, 30, 9); err != nil || key(all) != key(l.Data) {
		t.Errorf("all of them: %v", err)
	}
	if _, err := Pick(l.Data, 31, 1); !errors.Is(err, ErrDevices) || !strings.Contains(err.Error(), "--devices is 31: the data set has 30 people") {
		t.Errorf("%v", err)
	}
}

// TestPicturesAreDrawn of studies of every kind.
func TestPicturesAreDrawn(t *testing.T) {
	p := study(6, 2)
	s, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	loud := lesson(t, 12, 2, nil)
	loud.Quiet = true
	_, noisy := loud.lines(t)
	mute := lesson(t, 12, 1, func(t *task.Task) { t.Data.HoldOut = task.None })
	mute.Task = mute.Task.Quiet()
	_, quiet := mute.lines(t)
	for name, c := range map[string]struct {
		draw func(*bytes.Buffer, string) error
		want []string
	}{
		"protocol":                   {func(b *bytes.Buffer, f string) error { return s.Draw(b, f) }, []string{"in the sum", "KB", "seconds", "1e-06", "vanished"}},
		"learning":                   {func(b *bytes.Buffer, f string) error { return noisy.Draw(b, f) }, []string{"popularity", "the same without noise", "nats", "MB", "1e-05"}},
		"no noise, nothing held out": {func(b *bytes.Buffer, f string) error { return quiet.Draw(b, f) }, []string{"nothing is held out", "nothing is promised"}},
	} {
		for _, format := range Formats() {
			var b bytes.Buffer
			if err := c.draw(&b, format); err != nil || b.Len() == 0 {
				t.Errorf("%s as %s: %v", name, format, err)
			}
			for _, want := range c.want {
				if format == "svg" && !strings.Contains(b.String(), want) {
					t.Errorf("%s: the picture does not say %q", name, want)
				}
			}
		}
	}
}

// breaks is a backend that learns nothing in its first rounds, and then fails.
type breaks struct{ after int }

func (b *breaks) Train(_ []int32, c learning.Cohort) ([]learning.Part, error) {
	if b.after--; b.after < 0 {
		return nil, errors.New("unplugged")
	}
	return make([]learning.Part, len(c.Histories)), nil
}

// TestLinesSayWhoTrained loses the backend in the third round, and does not go back to it for what is compared with.
func TestLinesSayWhoTrained(t *testing.T) {
	l := lesson(t, 12, 4, nil)
	l.Backend, l.GPU, l.Quiet = &breaks{after: 2}, "Abacus 9", true
	var told []error
	l.Told = func(err error) { told = append(told, err) }
	var by []string
	l.Round = func(r *LearningRound) error { by = append(by, r.Trained); return nil }
	s, err := l.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(by, []string{"Abacus 9", "Abacus 9", "cpu", "cpu"}) || s.Trained != "cpu" {
		t.Errorf("rounds were trained by %q, the study by %q", by, s.Trained)
	}
	if len(told) != 1 || !strings.Contains(told[0].Error(), "round 3") || !strings.Contains(told[0].Error(), "unplugged") {
		t.Errorf("told %v", told)
	}
}
