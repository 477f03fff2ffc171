package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/internal/raced"
	"github.com/cinesync/cinesync/internal/realdata"
	"github.com/cinesync/cinesync/privacy/empirical"
)

func small() Options {
	return Options{Seed: 1, Canaries: 85, Rounds: 1, People: leastPeople}
}

// TestMembersAreFoundWithoutNoise trains at each level of noise. The whole audit, canaries and all, is played by the program's
// script "audit".
func TestMembersAreFoundWithoutNoise(t *testing.T) {
	if raced.On() {
		t.Skip("three trainings take minutes under the race detector; .ci/run runs them without")
	}
	o, last := small(), 0
	o.Progress = func(what string, done, all int) {
		if done != last+1 || all != 48 || what != "rounds of training and attack" {
			t.Errorf("%s: %d of %d comes after %d", what, done, all, last)
		}
		last = done
	}
	people, err := o.members(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range people {
		if p.Noise != levels[i].name || p.Claimed < 7.7 || p.Claimed > 7.85 || p.Loss.Members+p.Loss.Others != leastPeople || p.HitRate <= 0 || p.Caught() {
			t.Errorf("%+v", p)
		}
	}
	if bare, noisy := people[2].Update.AUC, people[0].Update.AUC; bare < 0.8 || noisy > bare-0.1 || last != 48 {
		t.Errorf("AUC %v without noise, %v with it; %d steps", bare, noisy, last)
	}
}

// TestMembershipOnRealPeople needs a data set, and says nothing about anybody in it.
func TestMembershipOnRealPeople(t *testing.T) {
	o := small()
	o.Data = realdata.Folder(t, "ml-100k")
	p, err := o.population()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.people) != leastPeople || len(p.judge.Split().Cases) < leastPeople-5 {
		t.Errorf("%d people, %d of them measured", len(p.people), len(p.judge.Split().Cases))
	}
	o.People = mostPeople
	if _, err := o.population(); err == nil || !strings.Contains(err.Error(), "ask for --people 943") {
		t.Errorf("%v", err)
	}
}

func TestAuditStops(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	o := small()
	o.Progress = func(string, int, int) { stop() }
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := o.canaries(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("canaries: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *Options)
		want   string
	}{
		"good":          {func(*Options) {}, ""},
		"few canaries":  {func(o *Options) { o.Canaries = 5 }, "--canaries is 5: 5 canaries prove at most ε = 0.00 even without any noise, and --rounds 1 claims 2.42, with at least 3 to be passed: ask for --canaries 85 or more"},
		"no canaries":   {func(o *Options) { o.Canaries = 0 }, "--canaries is 0: want up to 1000"},
		"many canaries": {func(o *Options) { o.Canaries = 1001 }, "--canaries is 1001: want up to 1000"},
		"no rounds":     {func(o *Options) { o.Rounds = 0 }, "--rounds is 0: want 1 to 8"},
		"many rounds":   {func(o *Options) { o.Rounds = 9 }, "--rounds is 9"},
		"blind":         {func(o *Options) { o.Rounds = 3 }, "--rounds 3 claims 4.44, with at least 3 to be passed: ask for --canaries 350 or more"},
		"hopeless":      {func(o *Options) { o.Rounds = 8 }, "--rounds is 8: 85 canaries prove at most ε = 3.01 even without any noise, and --rounds 8 claims 7.77, with at least 3 to be passed: ask for fewer rounds"},
		"one too few":   {func(o *Options) { o.Canaries = 84 }, "--canaries is 84: 84 canaries prove at most ε = 3.00 even without any noise, and --rounds 1 claims 2.42, with at least 3 to be passed: ask for --canaries 85 or more"},
		"fewest":        {func(o *Options) { o.Canaries = 85 }, ""},
		"few people":    {func(o *Options) { o.People = 63 }, "--people is 63: want 64 to 2000"},
		"many people":   {func(o *Options) { o.People = 2001 }, "--people is 2001"},
		"no data":       {func(o *Options) { o.Data = "nowhere" }, ""},
	} {
		o := small()
		c.change(&o)
		if err := o.Check(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	o := small()
	o.Data = "nowhere"
	if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("%v", err)
	}
	if err := (&Options{Canaries: DefaultCanaries, Rounds: DefaultRounds, People: DefaultPeople}).Check(); err != nil {
		t.Error(err)
	}
}

// made is a report whose figures are made up.
func made() *Report {
	curve := []empirical.Point{{}, {FalseAlarm: 0.25, Hit: 0.5}, {FalseAlarm: 1, Hit: 1}}
	r := &Report{Seed: 7, Machine: "a machine", Day: "2026-01-02", Delta: Delta, Level: 0.95, Unit: unit, Towards: towards}
	for _, l := range levels {
		r.Canaries = append(r.Canaries, &CanaryRun{Noise: l.name, Canaries: 100, In: 51, Rounds: 1, D: 1600, Z: 2, Rho: 0.125, Claimed: 2.4, Estimate: 2,
			Caught: l.name != whole, Attack: Inference{Lower: 3.3, Guesses: 100, Correct: 99, AUC: 0.625, curve: curve}})
		r.People = append(r.People, &PeopleRun{Noise: l.name, People: 64, Rounds: 8, Claimed: 7.7, HitRate: 0.5, Loss: Inference{Members: 30, Others: 34, Lower: 0.1}})
	}
	r.Canaries[0].Attack.Lower = 0.2
	return r
}

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *Report)
		want   string
	}{
		"all is well":    {func(*Report) {}, ""},
		"claim refuted":  {func(r *Report) { r.Canaries[0].Caught = true }, "do not publish it"},
		"blind":          {func(r *Report) { r.Canaries[2].Caught = false }, "it is blind"},
		"tenth missed":   {func(r *Report) { r.Canaries[1].Caught = false }, "with a tenth of the noise the attack proves ε of 3.300 alone, and it has to pass the 2.400 claimed"},
		"weak":           {func(r *Report) { r.Canaries[2].Attack.Lower = 2.946 }, "without any noise the attack proves ε of 2.946 alone, and it has to pass 3.000: it is blind, and its other figures say nothing; ask for more than 100 --canaries"},
		"exactly three":  {func(r *Report) { r.Canaries[2].Attack.Lower = 3 }, "it is blind"},
		"people refute":  {func(r *Report) { r.People[0].Update.Lower = 8 }, "membership inference proves ε of 8.000"},
		"without noise":  {func(r *Report) { r.People[2].Update.Lower = 8 }, ""},
		"loss can, also": {func(r *Report) { r.People[0].Loss.Lower = 8 }, "membership inference"},
	} {
		r := made()
		c.change(r)
		if err := r.Verdict(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestReportsSayWhatAClaimMust: unit, neighbour, δ, towards whom, without amplification; and both figures beside each other.
func TestReportsSayWhatAClaimMust(t *testing.T) {
	r := made()
	var text bytes.Buffer
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
	page, err := r.Markdown("plot.svg", "cinesync privacy audit --seed 7")
	if err != nil {
		t.Fatal(err)
	}
	r.Canaries[1].Caught = false
	missed, err := r.Markdown("plot.svg", "cinesync privacy audit --seed 7")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"text":   {text.String(), []string{"zero vector", "1e-06", "no quorum", "without amplification", "2.400", "0.200", "99 of 100", "stands", "refuted", "64 people"}},
		"page":   {string(page), []string{"zero vector", "1e-06", "no quorum", "without amplification", "| whole | 2.400 | 0.200 |", "](plot.svg)", "--seed 7`", "Every claim stands"}},
		"missed": {string(missed), []string{"**This audit does not pass:** with a tenth of the noise", "NOT CAUGHT"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("the %s does not say %q:\n%s", name, want, c.text)
			}
		}
	}
	r.Canaries[0].Caught = true
	if page, err = r.Markdown("plot.svg", ""); err != nil || !strings.Contains(string(page), "**This audit does not pass:** with the noise as accounted") {
		t.Errorf("%v:\n%s", err, page)
	}
}

func TestPlotIsXML(t *testing.T) {
	plot := made().Plot()
	lines, d := 0, xml.NewDecoder(bytes.NewReader(plot))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v:\n%s", err, plot)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			lines++
		}
	}
	if lines != len(levels) || !bytes.Contains(plot, []byte("131.0,166.0")) {
		t.Errorf("%d curves, or none through (0.25, 0.5):\n%s", lines, plot)
	}
}

func TestJSONHoldsTheFigures(t *testing.T) {
	b, err := json.Marshal(made())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"epsilon_claimed":2.4`, `"epsilon_lower_bound":0.2`, `"claim_refuted":true`, `"auc":0.625`, `"noise":"a tenth"`, `"unit":`, `"delta":0.000001`} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}
