package privacy

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// elsewhere names, for the kinds of vector that are not computed here, the package whose tests read the same file for them.
var elsewhere = map[string]string{
	"rdp_epsilon":                "privacy/accountant",
	"rdp_curve":                  "privacy/accountant",
	"rdp_gaussian_sigma":         "privacy/accountant",
	"distributed_noise_epsilon":  "privacy/accountant",
	"tree_epsilon":               "privacy/accountant",
	"matrix_factorisation_coefs": "privacy/accountant",
	"pld_epsilon":                "privacy/accountant",
	"smallest_subsampled_noise":  "privacy/accountant",
	"advanced_composition":       "privacy/accountant",
	"one_run_audit":              "privacy/empirical",
}

// computed gives, for each kind that is implemented, what our code answers.
var computed = map[string]func(t *testing.T, in inputs) map[string]float64{
	"zcdp_epsilon":              zcdpVector,
	"analytic_gaussian_sigma":   analyticVector,
	"noise_calibration":         calibrationVector,
	"ledger":                    ledgerVector,
	"discrete_gaussian_law":     lawVector,
	"discrete_gaussian_sum_tau": tauVector,
	"rounded_l2_bound":          roundedVector,
	"adaptive_clip_noise":       clipBitVector,
}

type inputs map[string]any

func (in inputs) float(name string) float64 {
	v, ok := in[name].(float64)
	if !ok {
		panic(fmt.Sprintf("vector has no number %q", name))
	}
	return v
}

type vector struct {
	ID        string
	Kind      string
	Inputs    inputs
	Expected  map[string]any
	Tolerance map[string]tolerance
}

type tolerance struct {
	Exact    bool
	Abs, Rel float64
	RelBelow float64 `json:"rel_below"`
	RelAbove float64 `json:"rel_above"`
}

func (w tolerance) allows(got, want float64) bool {
	if w.Exact {
		return got == want
	}
	return math.Abs(got-want) <= w.Abs || math.Abs(got-want) <= w.Rel*math.Abs(want) ||
		(w.RelBelow+w.RelAbove > 0 && want*(1-w.RelBelow) <= got && got <= want*(1+w.RelAbove))
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/accountant.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Schema  string
		Count   int
		Vectors []vector
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if file.Schema != "cinesync-vectors/1" || len(file.Vectors) != file.Count || file.Count == 0 {
		t.Fatalf("schema %q with %d of %d vectors", file.Schema, len(file.Vectors), file.Count)
	}
	return file.Vectors
}

func TestVectors(t *testing.T) {
	seen := make(map[string]int)
	for _, v := range readVectors(t) {
		seen[v.Kind]++
		compute, ours := computed[v.Kind]
		_, theirs := elsewhere[v.Kind]
		if ours == theirs {
			t.Errorf("%s: kind %q is not in exactly one of the lists of what is held here and what elsewhere", v.ID, v.Kind)
		}
		if !ours {
			continue
		}
		t.Run(v.ID, func(t *testing.T) { checkVector(t, v, compute(t, v.Inputs)) })
	}
	for kind := range computed {
		if seen[kind] == 0 {
			t.Errorf("no vector of kind %q", kind)
		}
	}
}

func checkVector(t *testing.T, v vector, got map[string]float64) {
	if len(v.Tolerance) == 0 {
		t.Fatal("the vector checks nothing")
	}
	for field, tol := range v.Tolerance {
		want, ok := v.Expected[field].(float64)
		if !ok {
			t.Fatalf("%s: no number expected", field)
		}
		x, ok := got[field]
		if !ok {
			t.Errorf("%s: not computed", field)
		} else if !tol.allows(x, want) {
			t.Errorf("%s: got %.15g, want %.15g within %+v", field, x, want, tol)
		}
	}
}

func zcdpVector(t *testing.T, in inputs) map[string]float64 {
	rho, delta := in.float("rho"), in.float("delta")
	eps, _, err := Epsilon(rho, delta)
	if err != nil {
		t.Fatal(err)
	}
	exact, err := GaussianEpsilon(rho, delta)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]float64{"epsilon": eps, "epsilon_loose": EpsilonLoose(rho, delta), "epsilon_gaussian_exact": exact}
}

// analyticVector finds the least σ for (ε, δ) at sensitivity 1, ρ = 1/(2σ²).
func analyticVector(_ *testing.T, in inputs) map[string]float64 {
	low, high := 1e-6, 1e6
	for range 200 {
		mid := (low + high) / 2
		if GaussianDelta(1/(2*mid*mid), in.float("epsilon")) > in.float("delta") {
			low = mid
		} else {
			high = mid
		}
	}
	return map[string]float64{"sigma": high * in.float("l2_sensitivity")}
}

func calibrationVector(t *testing.T, in inputs) map[string]float64 {
	n, gamma, delta := int(in.float("roster_size")), int(in.float("gamma_basis_points")), int(in.float("delta_basis_points"))
	total := uint64(in.float("sigma_total_sq"))
	if err := CheckNoise(n, gamma, delta, total); err != nil {
		t.Error(err)
	}
	h := HonestFloor(n, gamma, delta)
	return map[string]float64{
		"min_survivors": float64(minSurvivors(n, delta)), "max_corrupt": float64(maxCorrupt(n, gamma)),
		"h_min": float64(h), "sigma_local_sq": float64(LocalVariance(total, h)),
	}
}

// ledgerVector pays for the rounds one by one under a ceiling of exactly their sum.
func ledgerVector(t *testing.T, in inputs) map[string]float64 {
	units, err := Charge(uint32(in.float("c_int")), uint64(in.float("sigma_total_sq")))
	if err != nil {
		t.Fatal(err)
	}
	rounds := uint32(in.float("participations"))
	l := NewLedger(Limits{Ceiling: units * Units(rounds), Participations: rounds + 1, Spacing: 1})
	for r := range uint64(rounds) {
		pay(t, l, Debit{Round: r, Units: units})
	}
	eps, _, err := Epsilon(l.Spent().Rho(), in.float("delta"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]float64{"rho_units_per_round": float64(units), "rho_units_total": float64(l.Spent()), "epsilon": eps}
}

func lawVector(_ *testing.T, in inputs) map[string]float64 {
	l := newLaw(uint64(in.float("sigma_sq")))
	root := l.root()
	return map[string]float64{
		"p0": l.p(0), "p_at_floor_sigma": l.p(root), "variance": l.variance(), "tail_beyond_3_floor_sigma": l.beyond(3 * root),
	}
}

func tauVector(_ *testing.T, in inputs) map[string]float64 {
	return map[string]float64{"tau": SumTau(int(in.float("clients")), in.float("sigma_local"))}
}

func roundedVector(t *testing.T, in inputs) map[string]float64 {
	betas := map[string]float64{"exp(-1/2)": math.Exp(-0.5), "2^-20": math.Ldexp(1, -20)}
	name, _ := in["beta"].(string)
	beta, ok := betas[strings.TrimSpace(name)]
	if !ok {
		t.Fatalf("unknown β %q", name)
	}
	return map[string]float64{"l2_bound": RoundedBound(in.float("l2_grid_units"), int(in.float("dimension")), beta)}
}
