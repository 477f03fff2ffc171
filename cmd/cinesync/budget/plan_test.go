package budget

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
)

func some() Want {
	return Want{Population: 100_000, Cohort: 1000, Rounds: 200, Epsilon: 4, Dim: 100_000, Clip: 0.5, GammaBP: 500, LossBP: 1000}
}

func planOf(t *testing.T, w Want) Plan {
	t.Helper()
	p, err := w.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAPlanKeepsItsPromise: whatever is planned costs at most the ε that was wanted, by the ledger's integers, passes the checks of
// devices and coordinator, and with less noise would not do.
func TestAPlanKeepsItsPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cohort := rapid.IntRange(aggregation.MinDevices, 4000).Draw(t, "cohort")
		w := Want{Population: cohort * rapid.IntRange(1, 1000).Draw(t, "times"), Cohort: cohort, Rounds: rapid.IntRange(1, 2000).Draw(t, "rounds"),
			Epsilon: math.Exp(rapid.Float64Range(-1, 4).Draw(t, "ln eps")), Dim: rapid.IntRange(1, 2_000_000).Draw(t, "dim"), Clip: 1,
			GammaBP: rapid.IntRange(0, 1000).Draw(t, "gamma"), LossBP: rapid.IntRange(0, 3000).Draw(t, "loss")}
		p, err := w.Plan()
		var wrong FieldError
		if errors.As(err, &wrong) {
			return // no plan is an honest answer
		}
		if err != nil {
			t.Fatal(err)
		}
		c := p.Chosen
		if p.Epsilon > w.Epsilon || p.Participations*w.Population < w.Rounds*w.Cohort {
			t.Fatalf("ε = %v of %v, %d participations: %+v", p.Epsilon, w.Epsilon, p.Participations, p)
		}
		grid := aggregation.Grid{C: w.Clip, CInt: c.CInt, XMax: c.XMax, D: w.Dim, WordBits: uint16(c.WordBits)}
		if err := errors.Join(grid.Validate(cohort, c.SigmaTotSq), privacy.CheckNoise(cohort, w.GammaBP, w.LossBP, c.SigmaTotSq)); err != nil {
			t.Fatal(err)
		}
		less, err := privacy.Charge(c.CInt, c.SigmaTotSq-max(1, c.SigmaTotSq/1000))
		if err != nil {
			return
		}
		if eps, _, err := privacy.Epsilon((less * privacy.Units(p.Participations)).Rho(), p.Delta); err == nil && eps <= w.Epsilon && c.SigmaTotSq > 1<<20 {
			t.Fatalf("a thousandth less noise costs ε = %v, still within %v", eps, w.Epsilon)
		}
	})
}

// TestTheSpecificationsRound is the worked example of the design (privacy 12.2), asked for by its ε.
func TestTheSpecificationsRound(t *testing.T) {
	w := some()
	w.Dim, w.Epsilon, w.Delta, w.Rounds, w.Participations = 1_000_000, 7.4811, 1e-6, 3000, 30
	p := planOf(t, w)
	if math.Abs(p.Noise-4) > 0.001 || p.HonestFloor != 850 || p.Participations != 30 {
		t.Errorf("z = %v, h_min = %d, P = %d; want 4, 850, 30", p.Noise, p.HonestFloor, p.Participations)
	}
	if c := p.Chosen; c.CInt != 8000 || c.WordBits != 24 { // 8·10^6 and 6·32,000 stay below 2^23
		t.Errorf("C_int = %d in words of %d bits: want 8√d in 24", c.CInt, c.WordBits)
	}
}

// TestTheRatioIsMeasured draws what the devices of a planned round would add and takes the norm of its mean.
func TestTheRatioIsMeasured(t *testing.T) {
	w := Want{Population: 64, Cohort: 64, Rounds: 10, Epsilon: 20, Dim: 2000, Clip: 2, GammaBP: 500, LossBP: 1000}
	c := planOf(t, w).Chosen
	sum := make([]float64, w.Dim)
	zero := make([]int32, w.Dim)
	for i := range w.Cohort {
		y, err := privacy.Perturb(zero, c.SigmaLocSq, privacy.NewStream(sha256.Sum256([]byte{byte(i)})))
		if err != nil {
			t.Fatal(err)
		}
		for j, v := range y {
			sum[j] += float64(int32(v))
		}
	}
	var square float64
	for _, v := range sum {
		square += v * v
	}
	grid := aggregation.Grid{C: w.Clip, CInt: c.CInt, XMax: c.XMax, D: w.Dim, WordBits: uint16(c.WordBits)}
	got := math.Sqrt(square) / float64(w.Cohort) / grid.Scale() / float64(w.Clip)
	if math.Abs(got/c.RatioNoLoss-1) > 0.05 { // 2000 coordinates: 1.6 % is one standard deviation
		t.Errorf("measured %.4f, planned %.4f", got, c.RatioNoLoss)
	}
}

// TestSurplusOfTheSpecification: what nobody's loss leaves over is √1.18 at γ = 5 %, δ = 10 % and √1.54 at 30 % (privacy 6.3).
func TestSurplusOfTheSpecification(t *testing.T) {
	for loss, want := range map[int]float64{1000: 1000. / 850, 3000: 1000. / 650} {
		w := some()
		w.LossBP = loss
		if got := planOf(t, w).Chosen.Surplus; math.Abs(got*got-want) > 0.001 {
			t.Errorf("δ = %d: the surplus is %v in variance, want %v", loss, got*got, want)
		}
	}
}

func TestSmallWordsWhereTheyDo(t *testing.T) {
	for _, row := range []struct{ cohort, dim, bits int }{{64, 4000, 16}, {600, 100_000, 16}, {1000, 100_000, 24}, {4000, 2_000_000, 24}, {16_000, 20_000_000, 32}} {
		w := some()
		w.Cohort, w.Dim = row.cohort, row.dim
		if p := planOf(t, w); p.Chosen.WordBits != row.bits {
			t.Errorf("%d members, %d coordinates: %d bits chosen, want %d: %+v", row.cohort, row.dim, p.Chosen.WordBits, row.bits, p.Encodings)
		}
	}
}

// TestVerdictsNameTheTerm: the shipped policy takes a quiet enough plan and names what is wrong with another.
func TestVerdictsNameTheTerm(t *testing.T) {
	w := some()
	w.Epsilon = 3
	for _, v := range planOf(t, w).Policies {
		if v.Policy == participant.Balanced().Name && !v.Takes {
			t.Errorf("refused: %s", v.Why)
		}
	}
	for name, change := range map[string]func(*Want){"z = ": func(w *Want) { w.Epsilon = 30 }, "a roster": func(w *Want) { w.Cohort = 20 },
		"γ = ": func(w *Want) { w.GammaBP = 100 }, "losses": func(w *Want) { w.LossBP = 4000 }, "a clip": func(w *Want) { w.Clip = 100 },
		"participations": func(w *Want) { w.Participations = 31; w.Rounds = 3100 }, "ρ = ": func(w *Want) { w.Epsilon = 12; w.Participations, w.Rounds = 20, 2000 }} {
		w := some()
		w.Epsilon = 3
		change(&w)
		for _, v := range planOf(t, w).Policies {
			if v.Policy == participant.Balanced().Name && !strings.Contains(v.Why, name) {
				t.Errorf("%q: %+v", name, v)
			}
		}
	}
}

// TestAPolicyThatRestsWantsPeopleEnough: strict takes part in every second round at most, so half of all devices must fill a round.
func TestAPolicyThatRestsWantsPeopleEnough(t *testing.T) {
	for _, c := range []struct {
		population, rounds int
		takes              bool
	}{{2000, 10, true}, {1999, 10, false}, {1000, 10, false}, {1000, 1, true}, {1_000_000, 10, true}} {
		w := some()
		w.Epsilon, w.Population, w.Rounds = 1, c.population, c.rounds
		for _, v := range planOf(t, w).Policies {
			switch {
			case v.Policy == participant.Strict().Name && v.Takes != c.takes:
				t.Errorf("%d devices, %d rounds: %+v", c.population, c.rounds, v)
			case v.Policy == participant.Strict().Name && !v.Takes && !strings.Contains(v.Why, "rest"):
				t.Errorf("%d devices, %d rounds: %+v does not name the rest", c.population, c.rounds, v)
			case v.Policy == participant.Strict().Name && v.Spacing != 2, v.Policy == participant.Balanced().Name && (v.Spacing != 1 || !v.Takes):
				t.Errorf("%+v", v)
			}
		}
	}
}

func TestWishesThatCannotBe(t *testing.T) {
	for field, change := range map[string]func(*Want){
		"cohort":         func(w *Want) { w.Cohort = 2 },
		"population":     func(w *Want) { w.Population = 999 },
		"rounds":         func(w *Want) { w.Rounds = 0 },
		"participations": func(w *Want) { w.Participations = 1 },
		"dim":            func(w *Want) { w.Dim = 0 },
		"clip":           func(w *Want) { w.Clip = float32(math.NaN()) },
		"epsilon":        func(w *Want) { w.Epsilon = math.NaN() },
		"delta":          func(w *Want) { w.Delta = 1 },
		"gamma":          func(w *Want) { w.GammaBP = wholeBP },
		"loss":           func(w *Want) { w.LossBP = -1 },
	} {
		w := some()
		change(&w)
		_, err := w.Plan()
		var wrong FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	w := some()
	w.Cohort, w.GammaBP, w.LossBP = 200, 5000, 6000
	if _, err := w.Plan(); err == nil || !strings.Contains(err.Error(), "none need be honest") {
		t.Errorf("nobody honest: %v", err)
	}
	w = some()
	w.Epsilon = 0.0005
	if _, err := w.Plan(); err == nil || !strings.Contains(err.Error(), "no word size carries this round") {
		t.Errorf("far too little ε: %v", err)
	}
}

func TestDraw(t *testing.T) {
	p := planOf(t, some())
	for _, format := range Formats() {
		var b bytes.Buffer
		if err := p.Draw(&b, format); err != nil || b.Len() < 1000 {
			t.Errorf("%s: %d bytes, %v", format, b.Len(), err)
		}
	}
	var b bytes.Buffer
	if err := p.Draw(&b, "svg"); err != nil || !strings.Contains(b.String(), "rounds that the device takes part in") {
		t.Errorf("the picture does not say what it shows (%v)", err)
	}
	if err := p.Draw(&b, "gif87"); err == nil {
		t.Error("a format that there is not")
	}
	points, err := p.curve(p.Noise)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range points {
		if at.X == float64(p.Participations) && math.Abs(at.Y-p.Epsilon) > 1e-3 {
			t.Errorf("the curve passes ε = %v at the plan's rounds, the plan says %v", at.Y, p.Epsilon)
		}
	}
}
