package learning

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

var errGone = errors.New("the device fell off the bus")

// other is a backend of the CPU's own parts, put together as a backend has to. It fails in the round of that number, half way.
type other struct {
	rounds, members int
	fails           int
	short           bool // tells of a member too few
}

func (o *other) Train(total []int32, c Cohort) ([]Part, error) {
	o.rounds++
	m, err := model.Open(c.Model.Layout)
	if err != nil {
		return nil, err
	}
	q, err := aggregation.NewQuantiser(c.Grid)
	if err != nil {
		return nil, err
	}
	trainer, update := m.Trainer(c.Model.Params), make([]float32, c.Model.Layout.Size())
	sent, uplink := make([]float32, c.Grid.D), c.Local.Uplink(c.Model.Layout, c.Model.Hash())
	parts := make([]Part, len(c.Histories))
	for i, history := range c.Histories {
		o.members++
		if o.fails == o.rounds && i == len(c.Histories)/2 {
			return nil, errGone
		}
		p := &parts[i]
		if p.Loss, p.Err = trainer.Update(update, history, c.Local, c.Draws(i)); p.Err != nil {
			p.Err = fmt.Errorf("%w: %w", ErrDiverged, p.Err)
			continue
		}
		uplink.Shrink(sent, update)
		if p.Norm, p.Err = privacy.Clip(sent, c.Grid.C); p.Err == nil {
			p.Clipped = p.Norm > float64(c.Grid.C)
			p.Err = q.Add(total, sent, c.Coins(i))
		}
	}
	if o.short {
		parts = parts[1:]
	}
	return parts, nil
}

// trained is a run over people of whom two have nothing to learn from, and what its fallback heard.
func trained(t *testing.T, o *other, change func(*Config)) (*Result, []string, error) {
	t.Helper()
	s := start(t)
	cfg := config(t, s)
	cfg.Noise, cfg.Cohort = 0.3, 10
	if o != nil {
		cfg.Backend = o
	}
	var said []string
	cfg.Fallback = func(round int, err error) { said = append(said, fmt.Sprintf("%d %v", round, err)) }
	if change != nil {
		change(&cfg)
	}
	some := slices.Insert(people(12), 5, nil, []model.Example{{Item: 3}})
	out, err := Run(cfg, s, some)
	return out, said, err
}

func TestABackendTrainsTheSameRounds(t *testing.T) {
	want, _, err := trained(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &other{}
	got, said, err := trained(t, o, nil)
	if err != nil || len(said) > 0 {
		t.Fatalf("error %v, fallback heard %q", err, said)
	}
	if o.rounds != 4 || o.members > 40 || o.members == 0 {
		t.Errorf("the backend trained %d rounds of %d members in all", o.rounds, o.members)
	}
	if !slices.Equal(got.Model.Params, want.Model.Params) || !reflect.DeepEqual(got.Rounds, want.Rounds) {
		t.Errorf("the backend's models or rounds are others:\n%+v\n%+v", got.Rounds, want.Rounds)
	}
}

// TestTheCPUTakesOver lets the backend fail in the middle of a round: the models must be those of a run without it.
func TestTheCPUTakesOver(t *testing.T) {
	want, _, err := trained(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]*other{"in the first round": {fails: 1}, "in the third": {fails: 3}, "by telling of too few": {short: true}} {
		got, said, err := trained(t, o, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(got.Model.Params, want.Model.Params) || !reflect.DeepEqual(got.Rounds, want.Rounds) {
			t.Errorf("%s: the round was not trained again from its beginning", name)
		}
		round := max(o.fails, 1)
		reason := errGone.Error()
		if o.short {
			reason = "took part"
		}
		if len(said) != 1 || !strings.HasPrefix(said[0], fmt.Sprintf("%d round %d:", round, round)) || !strings.Contains(said[0], reason) {
			t.Errorf("%s: the fallback heard %q", name, said)
		}
		if o.rounds != round {
			t.Errorf("%s: the backend was asked in %d rounds", name, o.rounds)
		}
	}
	if _, _, err := trained(t, &other{fails: 2}, func(c *Config) { c.Fallback = nil }); err != nil {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestDivergenceElsewhereEndsTheTraining(t *testing.T) {
	o := &other{}
	_, said, err := trained(t, o, func(c *Config) {
		c.Rounds, c.Local.Rate, c.Local.RateDense, c.Local.Steps, c.Optimizer.Rate = 50, 100, 100, 60, 1
	})
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "member ") || len(said) > 0 {
		t.Errorf("error %v, fallback heard %q: the backend did its part", err, said)
	}
}

func TestAnEngineAndABackendAreTooMany(t *testing.T) {
	_, _, err := trained(t, &other{}, func(c *Config) {
		c.Engine = func(*model.Snapshot) (model.Trainer, error) { return untrained{}, nil }
	})
	if err == nil || !strings.Contains(err.Error(), "backend") {
		t.Errorf("got %v", err)
	}
}
