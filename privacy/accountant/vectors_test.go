package accountant

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"
)

// elsewhere are the kinds of the file whose functions are in package privacy and its other rooms.
var elsewhere = map[string]bool{
	"zcdp_epsilon": true, "noise_calibration": true, "ledger": true, "discrete_gaussian_sum_tau": true, "rounded_l2_bound": true,
	"one_run_audit": true,
}

type inputs map[string]any

func (in inputs) float(name string) float64 { return in[name].(float64) }
func (in inputs) int(name string) int       { return int(in[name].(float64)) }

type vector struct {
	ID, Kind  string
	Inputs    inputs
	Expected  map[string]any
	Tolerance map[string]struct {
		Abs, Rel float64
		Below    float64 `json:"rel_below"`
		Above    float64 `json:"rel_above"`
	}
}

// answers maps kinds to what our code says, by field. NaN stands for "there is none".
var answers = map[string]func(t *testing.T, in inputs) map[string]float64{
	"rdp_epsilon": func(t *testing.T, in inputs) map[string]float64 {
		c := steps(t, in.int("steps"))(Subsampled(in.float("noise_multiplier"), in.float("sampling_rate")))
		f := epsilon(t, c, in)
		return map[string]float64{"epsilon": f.Epsilon, "optimal_order": f.Order}
	},
	"rdp_curve": func(t *testing.T, in inputs) map[string]float64 {
		r, err := steps(t, in.int("steps"))(Subsampled(in.float("noise_multiplier"), in.float("sampling_rate"))).At(in.float("order"))
		check(t, err)
		return map[string]float64{"rdp": r}
	},
	"rdp_gaussian_sigma": func(t *testing.T, in inputs) map[string]float64 {
		return map[string]float64{"epsilon": epsilon(t, steps(t, in.int("steps"))(Gaussian(in.float("noise_multiplier"))), in).Epsilon}
	},
	"distributed_noise_epsilon": distributed,
	"tree_epsilon": func(t *testing.T, in inputs) map[string]float64 {
		c, err := Tree(in.float("noise_multiplier"), in.int("steps"))
		check(t, err)
		return map[string]float64{"epsilon": epsilon(t, c, in).Epsilon}
	},
	"adaptive_clip_noise": func(t *testing.T, in inputs) map[string]float64 {
		z, err := ClipNoise(in.float("noise_multiplier"), in.float("sigma_b"))
		check(t, err)
		return map[string]float64{"z_delta": z}
	},
	"pld_epsilon": func(t *testing.T, in inputs) map[string]float64 {
		f, err := PLD{in.float("noise_multiplier"), in.float("sampling_rate"), in.int("steps"), in.float("discretisation")}.Epsilon(in.float("delta"))
		check(t, err)
		return map[string]float64{"epsilon": f.Epsilon}
	},
	"smallest_subsampled_noise": func(t *testing.T, in inputs) map[string]float64 {
		z, _, err := SmallestNoise(in.float("epsilon"), in.float("delta"), in.float("sampling_rate"), in.int("queries"))
		check(t, err)
		return map[string]float64{"sigma": z * in.float("l2_sensitivity")}
	},
	"analytic_gaussian_sigma": func(t *testing.T, in inputs) map[string]float64 {
		sigma, _, err := GaussianSigma(in.float("epsilon"), in.float("delta"), in.float("l2_sensitivity"))
		check(t, err)
		return map[string]float64{"sigma": sigma}
	},
	"advanced_composition": func(t *testing.T, in inputs) map[string]float64 {
		f, err := Compose(in.float("epsilon"), in.float("delta"), in.int("count"), in.float("total_delta"))
		if errors.Is(err, ErrNone) {
			return map[string]float64{"total_epsilon": math.NaN()}
		}
		check(t, err)
		return map[string]float64{"total_epsilon": f.Epsilon}
	},
	"discrete_gaussian_law": func(t *testing.T, in inputs) map[string]float64 {
		l, err := DiscreteGaussian(in.int("sigma_sq"))
		check(t, err)
		root := int(math.Sqrt(in.float("sigma_sq")))
		return map[string]float64{"p0": l.P(0), "p_at_floor_sigma": l.P(root), "variance": l.Variance(), "tail_beyond_3_floor_sigma": l.Beyond(3 * root)}
	},
}

func distributed(t *testing.T, in inputs) map[string]float64 {
	s, err := RoundedSum(in.int("clients"), in.int("dimension"), in.float("l2_clip_grid_units"), in.float("noise_multiplier"), math.Exp(-0.5))
	check(t, err)
	rounds := steps(t, in.int("rounds"))
	return map[string]float64{
		"epsilon_skellam": epsilon(t, rounds(Skellams(s)), in).Epsilon, "epsilon_discrete_gaussian": epsilon(t, rounds(DiscreteGaussians(s)), in).Epsilon,
		"epsilon_continuous_gaussian": epsilon(t, rounds(Gaussian(in.float("noise_multiplier"))), in).Epsilon,
		"l2_after_rounding":           s.L2, "sigma_local": s.Local,
	}
}

func steps(t *testing.T, n int) func(Curve, error) Curve {
	return func(c Curve, err error) Curve {
		check(t, err)
		c, err = c.Times(n)
		check(t, err)
		return c
	}
}

func epsilon(t *testing.T, c Curve, in inputs) Figure {
	t.Helper()
	orders, err := Orders(in["orders"].(string))
	check(t, err)
	f, err := c.Epsilon(in.float("delta"), orders)
	check(t, err)
	return f
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestVectors(t *testing.T) {
	b, err := os.ReadFile("../testdata/accountant.json")
	check(t, err)
	var file struct {
		Count   int
		Vectors []vector
	}
	check(t, json.Unmarshal(b, &file))
	if len(file.Vectors) != file.Count || file.Count == 0 {
		t.Fatalf("%d of %d vectors", len(file.Vectors), file.Count)
	}
	held := 0
	for _, v := range file.Vectors {
		answer, ours := answers[v.Kind]
		switch {
		case ours == elsewhere[v.Kind] && v.Kind != "matrix_factorisation_coefs":
			t.Errorf("%s: kind %q is not in exactly one list", v.ID, v.Kind)
		case ours:
			held++
			t.Run(v.ID, func(t *testing.T) { v.hold(t, answer(t, v.Inputs)) })
		case v.Kind == "matrix_factorisation_coefs":
			held++
			t.Run(v.ID, func(t *testing.T) { holdCoefs(t, v) })
		}
	}
	if held != 59 {
		t.Errorf("%d vectors were held", held)
	}
}

func (v vector) hold(t *testing.T, got map[string]float64) {
	for field, w := range v.Tolerance {
		x, ok := got[field]
		want, number := v.Expected[field].(float64)
		switch {
		case !ok:
			t.Errorf("%s: not computed", field)
		case !number && math.IsNaN(x):
		case !number || !(math.Abs(x-want) <= w.Abs || math.Abs(x-want) <= w.Rel*math.Abs(want) ||
			want*(1-w.Below) <= x && x <= want*(1+w.Above) && w.Below+w.Above > 0):
			t.Errorf("%s: got %.12g, want %v within %+v", field, x, v.Expected[field], w)
		}
	}
	if order, ok := v.Expected["optimal_order"]; ok && math.Abs(got["optimal_order"]-order.(float64)) > 1e-9 {
		t.Errorf("order %v, want %v", got["optimal_order"], order)
	}
}

func holdCoefs(t *testing.T, v vector) {
	coefs := map[any]func(int) ([]float64, error){"strategy": StrategyCoefs, "noising": NoisingCoefs}[v.Inputs["which"]]
	got, err := coefs(v.Inputs.int("n"))
	check(t, err)
	want := v.Expected["coefs"].([]any)
	if len(got) != len(want) {
		t.Fatalf("%d coefficients, want %d", len(got), len(want))
	}
	for i := range got {
		if math.Abs(got[i]-want[i].(float64)) > v.Tolerance["coefs"].Abs {
			t.Errorf("coefficient %d is %v, want %v", i, got[i], want[i])
		}
	}
}
