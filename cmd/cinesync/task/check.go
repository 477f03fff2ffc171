package task

import (
	"errors"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
)

// Words of the file.
const (
	Content = "content"
	Random  = "random"

	MovieLens = "movielens"
	Pairs     = "pairs"
	Newest    = "newest"
	None      = "none"
	All       = "all"
	Watched   = "watched"

	Poisson = "poisson"
	Cosine  = "cosine"

	HandEngine     = "hand"
	GorgoniaEngine = "gorgonia"
)

// Bounds of a task.
const (
	maxRounds  = 100_000
	maxPeople  = 1_000_000_000
	maxSeeds   = 100
	maxNew     = 1 << 19
	maxText    = 200
	maxNoise   = 10_000
	maxEpsilon = 1000
)

func (t *Task) check() error {
	if t.Version != Version {
		return bad("version", "is %d: this program reads %d; update it", t.Version, Version)
	}
	for _, part := range []func() error{t.words, t.Model.check, t.Data.check, t.Rounds.check, t.Grid.check, t.Noise.check, t.Popularity.check,
		t.people, t.local, t.Optimizer.check, t.Run.check} {
		if err := part(); err != nil {
			return err
		}
	}
	if t.Model.Head() && t.Popularity.Ask {
		return bad("popularity.ask", "is true: the title biases of a %s head are its base's, and frozen", t.Model.Family)
	}
	if t.Popularity.Ask && t.Noise.None() != (t.Popularity.Share == 0) {
		return bad("popularity.share", "is %v: want a part of ρ between 0 and 1 where there is noise, and 0 where there is none", t.Popularity.Share)
	}
	if t.Model.Fresh && !t.Popularity.Ask {
		return bad("model.fresh", "is true: the popularity question tells which titles those are, so popularity.ask must be true")
	}
	return nil
}

func (t *Task) words() error {
	if !named(t.Name) {
		return bad("name", "is %q: want 1 to %d letters, digits and -._", t.Name, maxText)
	}
	if strings.TrimSpace(t.Purpose) == "" || len(t.Purpose) > maxText || strings.ContainsFunc(t.Purpose, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return bad("purpose", "is %q: want one line of 1 to %d bytes for the devices' owners", t.Purpose, maxText)
	}
	if !named(t.Data.Set) {
		return bad("data.set", "is %q: want the name of a folder, of letters, digits and -._", t.Data.Set)
	}
	return nil
}

func named(s string) bool {
	return s != "" && len(s) <= maxText && s[0] != '.' && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._", r)
	}) < 0
}

// one wants one of some words.
func one(field, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return bad(field, "is %q: want %s", value, strings.Join(words, " or "))
}

// within wants a number of a closed range; NaN is in none.
func within[N int | uint32 | float32 | float64](field string, v, least, most N) error {
	if v >= least && v <= most {
		return nil
	}
	return bad(field, "is %v: want %v to %v", v, least, most)
}

func (m *Model) check() error {
	err := errors.Join(one("model.family", m.Family, model.TwoTowerFamily, model.NCFFamily, model.SequentialFamily, model.HybridFamily), one("model.start", m.Start, Content, Random))
	if err != nil {
		return first(err)
	}
	if err := within("model.scale", m.Scale, 1e-3, 1e3); err != nil {
		return err
	}
	switch head := m.Head(); {
	case head && !named(m.Base):
		return bad("model.base", "is %q: a %s head is trained over a two-tower; want the name of its built-in task", m.Base, m.Family)
	case !head && m.Base != "":
		return bad("model.base", "is %q: only sequential and hybrid have one; leave it out", m.Base)
	}
	if m.Dim < 1 {
		return bad("model.dim", "is %d: want a positive width", m.Dim)
	}
	if len(m.Ages) == 0 {
		return bad("model.ages", "is empty: want one channel at least, 0 for the whole history")
	}
	l, err := m.Spec().Layout([]string{"a", "b"})
	if err != nil {
		return bad("model.family", "is %q: %v", m.Family, err)
	}
	if err := l.Validate(); err != nil {
		return bad("model", "makes no layout: %v", err)
	}
	return m.group(&l)
}

// group sets the clip-group factors of a layout.
func (m *Model) group(l *model.Layout) error {
	var names []string
	for i, t := range l.Tensors {
		names = append(names, t.Name)
		if g, ok := m.Groups[t.Name]; ok {
			if t.Group == 0 {
				return bad("model.groups."+t.Name, "is %v: %s keeps this tensor as it is; leave it out", g, m.Family)
			}
			if err := within("model.groups."+t.Name, g, 1e-6, 1e6); err != nil {
				return err
			}
			l.Tensors[i].Group = g
		}
	}
	for _, name := range sorted(m.Groups) {
		if !slices.Contains(names, name) {
			return bad("model.groups."+name, "names no tensor of %s: want one of %s", m.Family, strings.Join(names, ", "))
		}
	}
	return nil
}

func (d *Data) check() error {
	if err := errors.Join(one("data.layout", d.Layout, MovieLens, Pairs), one("data.set_aside", d.SetAside, Newest, None),
		one("data.hold_out", d.HoldOut, Newest, None), one("data.titles", d.Titles, All, Watched)); err != nil {
		return first(err)
	}
	for _, f := range d.Facts {
		if !named(f) {
			return bad("data.facts", "names %q: want names of folders, of letters, digits and -._", f)
		}
	}
	switch err := first(errors.Join(within("data.least", d.Least, 0, maxPeople), within("data.people", d.People, 0, maxPeople),
		within("data.new_titles", d.NewTitles, 0, maxNew))); {
	case err != nil:
		return err
	case d.NewTitles > 0 && d.HoldOut != Newest:
		return bad("data.new_titles", "is %d: people are judged by them, so data.hold_out must be newest", d.NewTitles)
	case d.NewTitles > 0 && d.Titles != All:
		return bad("data.new_titles", "is %d: nobody watched them in training, so data.titles must be all", d.NewTitles)
	}
	return nil
}

func (r *Rounds) check() error {
	if err := within("rounds.count", r.Count, 1, maxRounds); err != nil {
		return err
	}
	if r.Cohort != 0 && (r.Cohort < aggregation.MinDevices || r.Cohort > maxPeople) {
		return bad("rounds.cohort", "is %d: want %d people at least, or 0 for everybody", r.Cohort, aggregation.MinDevices)
	}
	return within("rounds.participations", r.Participations, 0, r.Count)
}

func (g *Grid) check() error {
	if !(g.Clip >= 1e-6 && g.Clip <= 1e6) {
		return bad("grid.clip", "is %v: want a positive norm, 1e-6 to 1e6", g.Clip)
	}
	if g.CInt > math.MaxInt32 {
		return bad("grid.c_int", "is %d: want at most %d", g.CInt, math.MaxInt32)
	}
	if g.CInt > 0 && g.XMax > g.CInt {
		return bad("grid.x_max", "is %d: no coordinate can exceed c_int, which is %d; lower it, or leave it out", g.XMax, g.CInt)
	}
	if !slices.Contains([]uint16{16, 24, 32}, g.WordBits) {
		return bad("grid.word_bits", "is %d: want 16, 24 or 32", g.WordBits)
	}
	if g.WordBits == 32 && g.XMax != 0 && g.XMax != g.CInt {
		return bad("grid.x_max", "is %d: in words of 32 bits it is c_int; leave it out", g.XMax)
	}
	return nil
}

// None tells whether there is no noise.
func (n Noise) None() bool { return n.Multiplier == 0 && n.Epsilon == 0 }

func (n *Noise) check() error {
	if err := within("noise.multiplier", n.Multiplier, 0, maxNoise); err != nil {
		return err
	}
	if err := within("noise.epsilon", n.Epsilon, 0, maxEpsilon); err != nil {
		return err
	}
	switch {
	case n.Multiplier > 0 && n.Epsilon > 0:
		return bad("noise.epsilon", "is %v and noise.multiplier is %v: one follows from the other; leave one out", n.Epsilon, n.Multiplier)
	case n.Multiplier > 0 && n.Multiplier < 1e-3:
		return bad("noise.multiplier", "is %v: want 0 for none, or 0.001 to %d", n.Multiplier, maxNoise)
	case n.Epsilon > 0 && n.Epsilon < 1e-3:
		return bad("noise.epsilon", "is %v: want 0.001 to %d", n.Epsilon, maxEpsilon)
	case !n.None() && !(n.Delta > 1e-30 && n.Delta < 1):
		return bad("noise.delta", "is %v: where there is noise, want a number between 0 and 1, such as 1e-6", n.Delta)
	case n.None() && n.Delta != 0:
		return bad("noise.delta", "is %v and there is no noise: leave it out", n.Delta)
	case n.None() && n.Conditional != "":
		return bad("noise.conditional", "is %q and there is no noise: leave it out", n.Conditional)
	case n.Conditional != "" && n.Conditional != Poisson:
		return bad("noise.conditional", "is %q: want poisson, or leave it out", n.Conditional)
	}
	return nil
}

func (p *Popularity) check() error {
	switch {
	case !p.Ask && *p != (Popularity{}):
		return bad("popularity.ask", "is false: leave the table's other fields out, or ask")
	case !(p.Share >= 0 && p.Share < 1):
		return bad("popularity.share", "is %v: want a part of ρ between 0 and 1", p.Share)
	case p.Ask && !(p.Strength >= 1e-3 && p.Strength <= model.MaxStrength):
		return bad("popularity.strength", "is %v: want 0.001 to %d", p.Strength, model.MaxStrength)
	case !(p.Floor >= 0 && p.Floor <= maxPeople):
		return bad("popularity.floor", "is %v: want a number of people, or 0 for the noise's own", p.Floor)
	}
	return nil
}

// people checks the simulated population against the rounds.
func (t *Task) people() error {
	p, r := t.Population, t.Rounds
	if err := within("population.people", p.People, 0, maxPeople); err != nil {
		return err
	}
	if p.Members < 0 || p.Members > p.People {
		return bad("population.members", "is %d: want at most the %d simulated people, or 0 for all of them", p.Members, p.People)
	}
	switch {
	case p.People > 0 && p.People < aggregation.MinDevices:
		return bad("population.people", "is %d: want %d at least, or 0 for those of the data", p.People, aggregation.MinDevices)
	case p.People == 0 && r.Participations != 0 && r.Participations != r.Count:
		return bad("rounds.participations", "is %d: rounds draw from people freely, so that one may be in all %d; leave it out, or simulate a population",
			r.Participations, r.Count)
	case r.Participations > 0 && r.Participations < t.fewest():
		return bad("rounds.participations", "is %d: %d rounds of %d members among %d people need at least %d each", r.Participations, r.Count, p.members(),
			p.People, t.fewest())
	}
	return nil
}

// members of a simulated round.
func (p Population) members() int {
	if p.Members > 0 {
		return p.Members
	}
	return p.People
}

// fewest is how often each simulated device must take part if all take turns evenly.
func (t *Task) fewest() int {
	n := int64(t.Population.People)
	if n == 0 {
		return 0
	}
	return int((int64(t.Rounds.Count)*int64(t.Population.members()) + n - 1) / n)
}

func (t *Task) local() error {
	if _, err := model.ParseLocal(t.LocalFunction().Append(nil)); err != nil {
		return bad("local", "asks for what devices do not compute: %v", err)
	}
	return nil
}

func (o *Optimizer) check() error {
	switch {
	case !(o.Rate > 0 && o.Rate <= 100):
		return bad("optimizer.rate", "is %v: want a positive number up to 100", o.Rate)
	case !(o.Beta1 >= 0 && o.Beta1 < 1):
		return bad("optimizer.beta1", "is %v: want 0 to below 1", o.Beta1)
	case !(o.Beta2 >= 0 && o.Beta2 < 1):
		return bad("optimizer.beta2", "is %v: want 0 to below 1", o.Beta2)
	case !(o.Average >= 0 && o.Average < 1):
		return bad("optimizer.average", "is %v: want 0 to below 1", o.Average)
	}
	return one("optimizer.schedule", o.Schedule, Cosine)
}

func (r *Run) check() error {
	if len(r.Seeds) > maxSeeds {
		return bad("run.seeds", "has %d: want at most %d", len(r.Seeds), maxSeeds)
	}
	seen := map[uint64]bool{}
	for _, s := range r.Seeds {
		if seen[s] {
			return bad("run.seeds", "has %d twice: a spread over equal seeds is none", s)
		}
		if s > math.MaxInt64 {
			return bad("run.seeds", "has %d: want at most %d, the largest integer of TOML", s, uint64(math.MaxInt64))
		}
		seen[s] = true
	}
	return one("run.engine", r.Engine, HandEngine, GorgoniaEngine)
}

// first is the first of joined errors.
func first(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()[0]
	}
	return err
}

func sorted[V any](m map[string]V) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
