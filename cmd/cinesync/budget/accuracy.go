package budget

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// measured.json is what `cinesync train --curve epsilon=… --json` printed, with its command in it.
//
//go:embed measured.json
var measured []byte

// Curve is the accuracy to expect at the plan's noise, from a curve that was fitted to measured trainings. It stands for their data, model and
// recipe, which Source names; another federation's own curve may lie elsewhere.
type Curve struct {
	Metric     string  `json:"metric"`
	Value      float64 `json:"value"`
	Low        float64 `json:"low"` // two standard errors of fit and seeds to each side
	High       float64 `json:"high"`
	Popularity float64 `json:"popularity"`    // on the same split
	Quiet      float64 `json:"without_noise"` // the same training
	Error      float64 `json:"error"`
	Source     string  `json:"source"`
}

// run is the part of a training's report that a curve is fitted to.
type run struct {
	Task       string   `json:"task"`
	Command    string   `json:"command"`
	Set        string   `json:"set"`
	Family     string   `json:"family"`
	Dim        int      `json:"dim"`
	People     int      `json:"people"`
	Rounds     int      `json:"rounds"`
	Seeds      []uint64 `json:"seeds"`
	Popularity struct {
		HR10 float64 `json:"hr10"`
	} `json:"popularity"`
	Quiet struct {
		HR10 spread `json:"hr10"`
	} `json:"without_noise"`
	Points []struct {
		Rounds int     `json:"rounds"`
		Noise  float64 `json:"noise_to_update"`
		Spread struct {
			HR10 spread `json:"hr10"`
		} `json:"spread"`
	} `json:"points"`
}

type spread struct {
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

// fit is HR@10 as a function of u, the noise of the mean over the clip after all rounds are averaged: floor + (quiet − floor)/(1 + (u/half)^steep).
type fit struct {
	run                      run
	floor, half, steep, rest float64 // rest is the root mean square of what is left
	least, most              float64 // of u, as measured
}

// reach is how far beyond what was measured a curve is still read.
const reach = 1.25

// expect reads the curve at the plan's noise: the norm of the noise in one mean update over the clip, and the rounds over which it averages. Where
// nothing like it was measured it says so instead.
func (p *Plan) expect() error {
	f, err := fitted(measured)
	if err != nil {
		return fmt.Errorf("accuracy of a plan: %w", err)
	}
	u := p.Chosen.Ratio / math.Sqrt(float64(p.Rounds))
	if u > f.most*reach {
		p.Unmeasured = fmt.Sprintf("%.2g times the noise of the loudest training that was measured", u/f.most)
		return nil
	}
	v := f.at(u)
	half := 2 * f.rest
	p.Accuracy = &Curve{Metric: "HR@10 among 99 uniform negatives", Value: v, Low: max(0, v-half), High: min(1, v+half), Popularity: f.run.Popularity.HR10,
		Quiet: f.run.Quiet.HR10.Mean, Error: f.rest, Source: fmt.Sprintf("%d noises, %d seeds each, of task %s: %s of width %d on %s, %d people, %d rounds (%s)",
			len(f.run.Points), len(f.run.Seeds), f.run.Task, f.run.Family, f.run.Dim, f.run.Set, f.run.People, f.run.Rounds, f.run.Command)}
	return nil
}

func (f *fit) at(u float64) float64 {
	return f.floor + (f.run.Quiet.HR10.Mean-f.floor)/(1+math.Pow(u/f.half, f.steep))
}

// fitted fits the curve by least squares over its three parameters; the no-noise end is measured.
func fitted(b []byte) (*fit, error) {
	var f fit
	if err := json.Unmarshal(b, &f.run); err != nil {
		return nil, fmt.Errorf("read measured trainings: %w", err)
	}
	if len(f.run.Points) < 4 {
		return nil, fmt.Errorf("%d measured trainings, 4 are the least that a curve is fitted to", len(f.run.Points))
	}
	var u, y []float64
	var seeds float64
	for _, p := range f.run.Points {
		u, y = append(u, p.Noise/math.Sqrt(float64(p.Rounds))), append(y, p.Spread.HR10.Mean)
		seeds += p.Spread.HR10.SD * p.Spread.HR10.SD / float64(len(f.run.Points))
	}
	f.least, f.most = slices.Min(u), slices.Max(u)
	best := math.Inf(1)
	for half := f.least / 4; half <= 4*f.most; half *= 1.1 {
		for steep := 0.4; steep <= 5; steep += 0.2 {
			g := fit{run: f.run, half: half, steep: steep}
			g.floor = min(max(0, g.bestFloor(u, y)), f.run.Quiet.HR10.Mean)
			if left := g.squares(u, y); left < best {
				best, f.floor, f.half, f.steep = left, g.floor, half, steep
			}
		}
	}
	f.rest = math.Sqrt(best/float64(len(u)) + seeds)
	return &f, nil
}

// bestFloor solves for the floor, in which the curve is linear.
func (f *fit) bestFloor(u, y []float64) float64 {
	var above, below float64
	for i := range u {
		w := 1 - 1/(1+math.Pow(u[i]/f.half, f.steep))
		above += w * (y[i] - (1-w)*f.run.Quiet.HR10.Mean)
		below += w * w
	}
	return above / max(below, 1e-12)
}

func (f *fit) squares(u, y []float64) float64 {
	var sum float64
	for i := range u {
		d := f.at(u[i]) - y[i]
		sum += d * d
	}
	return sum
}
