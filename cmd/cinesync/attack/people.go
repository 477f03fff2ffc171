package attack

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/cinesync/cinesync/client/history/imports"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/baseline"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/privacy/empirical"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/catalog/household"
	"github.com/cinesync/cinesync/sim"
)

// population is who a model may be trained on. The newest title of each is kept back, to see what the model is worth.
type population struct {
	start  *model.Snapshot
	people [][]model.Watch
	judge  *evaluate.Judge
	in     []bool
}

// leastWatches is how many titles somebody has watched to be among the people.
const leastWatches = 5

// width of the item vectors, as the demo has it for this many people.
const width = 16

func (o *Options) population() (*population, error) {
	titles, histories, err := o.histories()
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(titles))
	for i, t := range titles {
		ids[i] = t.ID
	}
	p := &population{}
	if p.start, err = model.New(model.TwoTowerFamily, ids, catalog.Features(titles), width); err != nil {
		return nil, err
	}
	var persons []evaluate.Person
	for _, h := range histories {
		if len(p.people) == o.People || len(h) < leastWatches {
			continue
		}
		last := len(h) - 1
		p.people = append(p.people, h[:last])
		persons = append(persons, evaluate.Person{Watches: h[:last], HeldOut: h[last].Item})
	}
	if len(p.people) < o.People {
		return nil, fmt.Errorf("--people is %d, and there are %d with %d titles or more: ask for --people %d", o.People, len(p.people), leastWatches, len(p.people))
	}
	const negatives = 99
	cases, err := evaluate.OfPeople(p.start.Layout, persons, negatives, o.Seed)
	if err != nil {
		return nil, err
	}
	if p.judge, err = evaluate.New(cases, evaluate.Options{Seed: o.Seed}); err != nil {
		return nil, err
	}
	p.in = empirical.Coins(len(p.people), rand.New(rand.NewPCG(o.Seed, 1<<62)))
	return p, nil
}

// histories are invented households, or a MovieLens folder's first people.
func (o *Options) histories() ([]catalog.Title, [][]model.Watch, error) {
	var out [][]model.Watch
	if o.Data == "" {
		titles := catalog.Builtin().Titles()
		households, err := household.Make(titles, o.People, o.Seed)
		for _, h := range households {
			var list []model.Watch
			for _, w := range h {
				list = append(list, model.Watch{Item: w.Item, At: w.At})
			}
			out = append(out, list)
		}
		return titles, out, err
	}
	set, err := imports.ReadMovieLens(o.Data)
	if err != nil {
		return nil, nil, fmt.Errorf("--data: %w", err)
	}
	var titles []catalog.Title
	for _, t := range set.Titles {
		titles = append(titles, catalog.Title{ID: t.ID, Kind: catalog.Film, Title: t.Title, Year: t.Year, Genres: t.Genres})
	}
	for _, u := range set.Users {
		out = append(out, u.Watches)
	}
	return titles, out, nil
}

// trainAndAttack trains once and tells members from others in two ways.
func (p *population) trainAndAttack(ctx context.Context, o *Options, noise sim.Noise, progress func() error) (*PeopleRun, error) {
	f, err := p.train(ctx, o.Seed, noise, progress)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	scorer, err := evaluate.OfSnapshot(f.serve)
	if err != nil {
		return nil, err
	}
	worth, err := p.judge.Measure(scorer)
	if err != nil {
		return nil, err
	}
	popularity, err := p.judge.Measure(baseline.NewPopularity(p.judge.Split().Train))
	if err != nil {
		return nil, err
	}
	run := &PeopleRun{People: len(p.people), Rounds: trainingRounds, HitRate: worth.Uniform.HR10.Mean,
		Popularity: popularity.Uniform.HR10.Mean}
	if run.Claimed, _, err = privacy.Epsilon(privacy.Units(f.units).Rho(), Delta); err != nil {
		return nil, err
	}
	scores, err := p.byLoss(f.serve)
	if err != nil {
		return nil, err
	}
	if run.Loss, err = p.membership(scores); err != nil {
		return nil, err
	}
	if scores, err = f.byUpdate(o.Seed+1, progress); err != nil {
		return nil, err
	}
	run.Update, err = p.membership(scores)
	return run, err
}
