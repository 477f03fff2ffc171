package train

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/sim/learning"
)

// Curve is what accuracy is drawn against.
type Curve struct {
	Against string    // epsilon: a training for each value; rounds, bytes: one training, judged on its way
	Values  []float64 // of epsilon
}

// The kinds of curve.
const (
	AgainstEpsilon = "epsilon"
	AgainstRounds  = "rounds"
	AgainstBytes   = "bytes"
)

// ParseCurve reads epsilon=1,2,4,8 or rounds or bytes.
func ParseCurve(s string) (Curve, error) {
	against, list, has := strings.Cut(s, "=")
	switch {
	case against == AgainstEpsilon && has:
		c := Curve{Against: against}
		for _, part := range strings.Split(list, ",") {
			v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
			if err != nil || !(v >= 1e-3 && v <= 1000) {
				return Curve{}, fmt.Errorf("--curve has the ε %q: want numbers of 0.001 to 1000, as in epsilon=1,2,4,8", part)
			}
			c.Values = append(c.Values, v)
		}
		slices.Sort(c.Values)
		return c, nil
	case (against == AgainstRounds || against == AgainstBytes) && !has:
		return Curve{Against: against}, nil
	}
	return Curve{}, fmt.Errorf("--curve is %q: want epsilon=1,2,4,8 or rounds or bytes", s)
}

// Point is one place of a curve: accuracy after so many rounds at so much noise. Those on the way of a training are no results: the
// result is the last round's.
type Point struct {
	Rounds  int      `json:"rounds"`
	Bytes   int64    `json:"bytes_per_user"`
	Epsilon *float64 `json:"epsilon"`
	// Conditional is the figure beside ε that holds on its condition alone, where the task asks for one.
	Conditional *task.Conditional `json:"conditional,omitempty"`
	Multiplier  float64           `json:"noise_multiplier"`
	Noise       float64           `json:"noise_to_update"`
	Spread      Spread            `json:"spread"`
}

func (b *bench) curve(ctx context.Context, c Curve, seeds []uint64) ([]Point, error) {
	if c.Against == AgainstEpsilon {
		return b.againstEpsilon(ctx, c.Values, seeds)
	}
	return b.onTheWay(ctx, seeds)
}

// againstEpsilon trains anew for each value.
func (b *bench) againstEpsilon(ctx context.Context, values []float64, seeds []uint64) ([]Point, error) {
	if b.o.Task.Noise.None() {
		return nil, fmt.Errorf("--curve epsilon: task %s has no noise, and so no δ; write noise.epsilon and noise.delta into it", b.o.Task.Name)
	}
	var out []Point
	for _, eps := range values {
		t := *b.o.Task
		t.Noise = task.Noise{Epsilon: eps, Delta: t.Noise.Delta, Conditional: t.Noise.Conditional}
		job, err := b.job(&t)
		if err != nil {
			return nil, fmt.Errorf("ε = %v: %w", eps, err)
		}
		runs, _, err := b.train(ctx, job, seeds, fmt.Sprintf("curve at ε = %v", eps))
		if err != nil {
			return nil, fmt.Errorf("ε = %v: %w", eps, err)
		}
		a := job.Terms.Account
		out = append(out, Point{Rounds: t.Rounds.Count, Bytes: job.Traffic().Total, Epsilon: &a.Epsilon, Conditional: a.Conditional, Multiplier: a.Multiplier, Noise: noiseToClip(job.Terms),
			Spread: spread(runs)})
	}
	return out, nil
}

// places is how many points a curve has that is measured on the way.
const places = 20

// onTheWay trains once more a seed and judges the served model about twenty times.
func (b *bench) onTheWay(ctx context.Context, seeds []uint64) ([]Point, error) {
	job, err := b.job(b.o.Task)
	if err != nil {
		return nil, err
	}
	rounds := job.Task.Rounds.Count
	step := max(1, (rounds+places-1)/places)
	at := map[int][]Single{}
	for i, seed := range seeds {
		job.Progress = func(r learning.Round) error {
			b.tell("curve", i*rounds+r.Number, len(seeds)*rounds)
			if r.Number%step != 0 && r.Number != rounds {
				return nil
			}
			result, err := b.measure(r.Serve)
			if err != nil {
				return err
			}
			at[r.Number] = append(at[r.Number], Single{Seed: seed, Figures: flat(result)})
			return nil
		}
		if _, err := job.Fit(ctx, seed); err != nil {
			return nil, err
		}
	}
	var out []Point
	for number := 1; number <= rounds; number++ {
		if len(at[number]) == 0 {
			continue
		}
		p, err := pointAt(job, number)
		if err != nil {
			return nil, err
		}
		p.Spread = spread(at[number])
		out = append(out, p)
	}
	return out, nil
}

// pointAt is what so many rounds have cost.
func pointAt(job *Job, rounds int) (Point, error) {
	spent, err := job.After(rounds)
	if err != nil {
		return Point{}, err
	}
	p := Point{Rounds: rounds, Bytes: spent.Up + spent.Down, Epsilon: spent.Epsilon}
	if a := job.Terms.Account; a != nil {
		p.Multiplier, p.Noise = a.Multiplier, noiseToClip(job.Terms)
		if p.Conditional, err = job.Task.Conditional(job.Terms, len(job.People), rounds); err != nil {
			return Point{}, err
		}
	}
	return p, nil
}
