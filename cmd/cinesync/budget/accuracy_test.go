package budget

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
)

// trained writes a report whose points lie on a known curve, with some scatter.
func trained(t *testing.T, floor, quiet, half, steep, scatter float64) []byte {
	t.Helper()
	type point map[string]any
	var points []point
	for i, u := range []float64{0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6} {
		hr := floor + (quiet-floor)/(1+math.Pow(u/half, steep)) + scatter*float64(i%2*2-1)
		points = append(points, point{"rounds": 25, "noise_to_update": 5 * u, "spread": point{"hr10": point{"mean": hr, "sd": scatter}}})
	}
	b, err := json.Marshal(point{"task": "known", "set": "nowhere", "people": 10, "rounds": 25, "popularity": point{"hr10": 0.4}, "without_noise": point{"hr10": point{"mean": quiet}}, "points": points})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAKnownCurveIsFound(t *testing.T) {
	for _, c := range [][4]float64{{0.3, 0.75, 0.2, 1}, {0.1, 0.8, 0.5, 2}, {0.45, 0.7, 0.05, 1.4}} {
		f, err := fitted(trained(t, c[0], c[1], c[2], c[3], 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range []float64{0.005, 0.02, 0.15, 0.5, 1.5} {
			if want := c[0] + (c[1]-c[0])/(1+math.Pow(u/c[2], c[3])); math.Abs(f.at(u)-want) > 0.01 {
				t.Errorf("%v: at %v the fit gives %.3f, want %.3f (%+v)", c, u, f.at(u), want, f)
			}
		}
	}
	quiet, err := fitted(trained(t, 0.3, 0.75, 0.2, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	loud, err := fitted(trained(t, 0.3, 0.75, 0.2, 1, 0.02))
	if err != nil || loud.rest < 0.02 || loud.rest < 2*quiet.rest {
		t.Errorf("points that scatter by .02 leave an error of %v, others of %v (%v)", loud.rest, quiet.rest, err)
	}
	if _, err := fitted([]byte(`{"points":[{}]}`)); err == nil || !strings.Contains(err.Error(), "4 are the least") {
		t.Errorf("one point: %v", err)
	}
}

// TestTheShippedCurveFallsWithNoise: what was measured lies near the curve, more noise never promises more, and the range holds the value.
func TestTheShippedCurveFallsWithNoise(t *testing.T) {
	f, err := fitted(measured)
	if err != nil {
		t.Fatal(err)
	}
	if f.rest > 0.05 || f.run.Command == "" || f.run.Popularity.HR10 < 0.3 {
		t.Errorf("the fit leaves %.3f of %q, popularity %v", f.rest, f.run.Command, f.run.Popularity.HR10)
	}
	before := 1.
	for u := f.least; u <= f.most; u *= 1.2 {
		if v := f.at(u); v > before {
			t.Errorf("at %v the curve rises to %v", u, v)
		} else {
			before = v
		}
	}
}

func TestAPlanTellsTheAccuracyOfItsNoise(t *testing.T) {
	w := Want{Population: 100_000, Cohort: 10_000, Rounds: 100, Epsilon: 8, Dim: 30_000, Clip: 0.5, GammaBP: 500, LossBP: 1000}
	p := planOf(t, w)
	if p.Accuracy == nil {
		t.Fatalf("nothing is told: %s", p.Unmeasured)
	}
	a := *p.Accuracy
	if !(a.Low < a.Value && a.Value < a.High) || a.Value > a.Quiet+1e-9 || !strings.Contains(a.Source, "--curve") {
		t.Errorf("%+v", a)
	}
	w.Epsilon = 2
	if q := planOf(t, w); q.Accuracy != nil && q.Accuracy.Value > a.Value {
		t.Errorf("less ε promises more: %v over %v", q.Accuracy.Value, a.Value)
	}
	w.Cohort, w.Population, w.Dim, w.Epsilon, w.Rounds = 200, 200, 200_000, 0.5, 10
	if q := planOf(t, w); q.Accuracy != nil || !strings.Contains(q.Unmeasured, "times the noise") {
		t.Errorf("far louder than anything measured, and it tells %+v", fmt.Sprint(q.Accuracy))
	}
}

// TestTheCurveIsOfTheTaskAsItIs holds the measured curve to the built-in task: where that changes, the curve's command is run again.
func TestTheCurveIsOfTheTaskAsItIs(t *testing.T) {
	var m struct {
		Task    string   `json:"task"`
		Hash    string   `json:"task_hash"`
		Command string   `json:"command"`
		Seeds   []uint64 `json:"seeds"`
	}
	if err := json.Unmarshal(measured, &m); err != nil {
		t.Fatal(err)
	}
	now, err := task.Named(m.Task)
	if err != nil {
		t.Fatal(err)
	}
	if hash := now.Hash(); m.Hash != hex.EncodeToString(hash[:]) || len(m.Seeds) < 3 {
		t.Errorf("measured.json is of task %s with hash %s and %d seeds; the task's hash is %x: run `%s --json` again", m.Task, m.Hash, len(m.Seeds), hash, m.Command)
	}
}
