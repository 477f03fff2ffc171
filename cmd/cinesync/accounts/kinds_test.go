package accounts

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/internal/vectors"
)

func knownAnswers(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../../../privacy/testdata/accountant.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKnownAnswersHold: every vector, every kind.
func TestKnownAnswersHold(t *testing.T) {
	seen := map[string]bool{}
	got, err := vectors.Check(knownAnswers(t), Kinds, func(r vectors.Result) {
		seen[r.Kind] = true
		if r.Err != nil {
			t.Errorf("%s: %v", r.ID, r.Err)
		}
	})
	if err != nil || got.Missed != 0 || len(got.Results) != 83 || len(seen) != len(Kinds) {
		t.Fatalf("%d results of %d kinds, %d missed, %v", len(got.Results), len(seen), got.Missed, err)
	}
}

// TestEveryChangedAnswerIsMissed raises one checked field of each kind by a tenth.
func TestEveryChangedAnswerIsMissed(t *testing.T) {
	var f map[string]any
	if err := json.Unmarshal(knownAnswers(t), &f); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range f["vectors"].([]any) {
		v := v.(map[string]any)
		expected := v["expected"].(map[string]any)
		for field := range v["tolerance"].(map[string]any) {
			name := fmt.Sprint(v["kind"], " ", field)
			if seen[name] {
				continue
			}
			seen[name] = true
			old := expected[field]
			switch x := old.(type) {
			case float64:
				expected[field] = x*1.1 + 0.1
			case []any:
				expected[field] = append([]any{2}, x[1:]...)
			}
			one, err := json.Marshal(map[string]any{"schema": "cinesync-vectors/1", "title": "t", "count": 1, "vectors": []any{v}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := vectors.Check(one, Kinds, func(vectors.Result) {})
			if err != nil || got.Missed != 1 || !strings.HasPrefix(fmt.Sprint(got.Results[0].Err), field) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			expected[field] = old
		}
	}
	if len(seen) != 32 {
		t.Errorf("%d fields were changed: %v", len(seen), seen)
	}
}

// TestBadInputsNameTheirField: what an accountant refuses is told by its path in the file.
func TestBadInputsNameTheirField(t *testing.T) {
	for _, c := range []struct{ kind, inputs, want string }{
		{"rdp_epsilon", `{"noise_multiplier": 0, "sampling_rate": 1, "steps": 1, "delta": 1e-5, "orders": "default"}`, "inputs.noise_multiplier is 0: want"},
		{"rdp_epsilon", `{"noise_multiplier": 1, "sampling_rate": 1.5, "steps": 1, "delta": 1e-5, "orders": "default"}`, "inputs.sampling_rate is 1.5: want"},
		{"rdp_epsilon", `{"noise_multiplier": 1, "sampling_rate": 1, "steps": 0, "delta": 1e-5, "orders": "default"}`, "inputs.steps is 0: want"},
		{"rdp_epsilon", `{"noise_multiplier": 1, "sampling_rate": 1, "steps": 1e15, "delta": 1e-5, "orders": "default"}`, "inputs.steps is 1000000000000000: want"},
		{"rdp_epsilon", `{"noise_multiplier": 1, "sampling_rate": 1, "steps": 1, "delta": 1, "orders": "default"}`, "inputs.delta is 1: want"},
		{"rdp_epsilon", `{"noise_multiplier": 1, "sampling_rate": 1, "steps": 1, "delta": 0.1, "orders": "all"}`, `inputs.orders: "all" is not one of`},
		{"rdp_epsilon", `{"noise_multiplier": 1, "sampling_rate": 0.5, "steps": 1, "delta": 0.1, "orders": "0.001 steps over (1,100)"}`, "inputs.orders is 98999: want"},
		{"rdp_epsilon", `{"noise_multiplier": NaN, "sampling_rate": 1, "steps": 1, "delta": 0.1, "orders": "default"}`, "inputs: "},
		{"rdp_curve", `{"noise_multiplier": 1, "sampling_rate": 0.5, "steps": 1, "order": 1}`, "inputs.order is 1: want"},
		{"pld_epsilon", `{"noise_multiplier": 1, "sampling_rate": 0.5, "steps": 1e9, "delta": 1e-5, "neighbouring": "add_or_remove_one", "discretisation": 1e-4}`, "inputs.discretisation is 0.0001: want"},
		{"pld_epsilon", `{"noise_multiplier": 1e-3, "sampling_rate": 0.5, "steps": 1, "delta": 1e-5, "neighbouring": "add_or_remove_one", "discretisation": 1e-4}`, "inputs.discretisation is 0.0001: want"},
		{"pld_epsilon", `{"noise_multiplier": 1, "sampling_rate": 0.5, "steps": 1, "delta": 1e-5, "neighbouring": "replace_one", "discretisation": 1e-4}`, "inputs.neighbouring:"},
		{"discrete_gaussian_sum_tau", `{"clients": 1e9, "sigma_local": 1}`, "inputs.clients: 1e9:"},
		{"discrete_gaussian_sum_tau", `{"clients": 10, "sigma_local": 0}`, "inputs.sigma_local: 0:"},
		{"zcdp_epsilon", `{"rho": -1, "delta": 0.1}`, "inputs.rho: -1:"},
		{"zcdp_epsilon", `{"rho": 1, "delta": 2}`, "compute ε: δ = 2"},
		{"ledger", `{"c_int": 4294967295, "sigma_total_sq": 18446744073709551616, "participations": 1, "delta": 0.1}`, "inputs.sigma_total_sq:"},
		{"ledger", `{"c_int": 1000, "sigma_total_sq": 1, "participations": 4294967295, "delta": 0.1}`, "inputs.participations is 4294967295: want"},
		{"noise_calibration", `{"roster_size": 64, "gamma_basis_points": 9000, "delta_basis_points": 9000, "sigma_total_sq": 65536}`, "check noise:"},
		{"matrix_factorisation_coefs", `{"which": "both", "n": 5}`, "inputs.which:"},
		{"matrix_factorisation_coefs", `{"which": "noising", "n": 1e9}`, "inputs.n is 1000000000: want"},
		{"distributed_noise_epsilon", `{"clients": 10, "dimension": 10, "l2_clip_grid_units": 10, "noise_multiplier": 1, "rounding_beta": "1/2", "rounds": 1, "delta": 0.1, "orders": "default"}`, "inputs.rounding_beta:"},
		{"one_run_audit", `{"canaries": 10, "guesses": 11, "correct": 1, "delta": 0, "significance": 0.05}`, ""},
		{"one_run_audit", `{"canaries": 1048576, "guesses": 11, "correct": 1, "delta": 0, "significance": 0.05}`, "inputs.canaries"},
		{"adaptive_clip_noise", `{"noise_multiplier": 10, "clients": 10, "sigma_b": 5}`, "inputs.sigma_b is 5: want"},
		{"advanced_composition", `{"epsilon": 1, "delta": 0, "count": 1e7, "total_delta": 0}`, "inputs.count is 10000000: want"},
		{"smallest_subsampled_noise", `{"epsilon": 1, "delta": 1e-5, "sampling_rate": 0, "queries": 1, "l2_sensitivity": 1}`, "inputs.sampling_rate is 0: want"},
		{"smallest_noise", `{}`, `kind: "smallest_noise" is not one of`},
	} {
		field := "x"
		if k, ok := Kinds[c.kind]; ok {
			field = k.Fields[0]
		}
		text := fmt.Sprintf(`{"schema":"cinesync-vectors/1","title":"t","count":1,"vectors":[{"id":"v","kind":%q,"inputs":%s,"expected":{%q:1},"tolerance":{%q:{"abs":1}},"source":"s"}]}`, c.kind, c.inputs, field, field)
		got, err := vectors.Check([]byte(text), Kinds, func(vectors.Result) {})
		if strings.Contains(c.inputs, "NaN") { // is no JSON, so the file is none
			if err == nil {
				t.Error("NaN is read")
			}
			continue
		}
		if err != nil || got.Results[0].Err == nil || !strings.HasPrefix(got.Results[0].Err.Error(), c.want) {
			t.Errorf("%s %s: %+v, %v, want %s", c.kind, c.inputs, got, err, c.want)
		}
	}
}

// oddGrid once put the end of a window beyond what an int holds, and panicked: a rate so low that one neighbour's losses are one point.
const oddGrid = `{"noise_multiplier":0.039414576726014026,"sampling_rate":0.0012956871693336272,"steps":8,"delta":1.1947004290932723e-11,"discretisation":0.0016063492430052695,"neighbouring":"add_or_remove_one"}`

// TestOddGrids: parameters at the edges of what is allowed have an answer, or an error that names their field.
func TestOddGrids(t *testing.T) {
	for _, c := range []struct{ object, want string }{
		{oddGrid, ""},
		{`{"noise_multiplier":0.04,"sampling_rate":1e-18,"steps":8,"delta":1e-11,"discretisation":1e-3,"neighbouring":"add_or_remove_one"}`, "inputs.discretisation"},
		{`{"noise_multiplier":1e9,"sampling_rate":1e-12,"steps":1000000000,"delta":1e-18,"discretisation":1,"neighbouring":"add_or_remove_one"}`, ""},
		{`{"noise_multiplier":1,"sampling_rate":1e-9,"steps":1000000000,"delta":1e-18,"discretisation":1e-5,"neighbouring":"add_or_remove_one"}`, ""},
		{`{"noise_multiplier":0.04,"sampling_rate":0.999999,"steps":1000000000,"delta":0.5,"discretisation":1,"neighbouring":"add_or_remove_one"}`, "inputs.discretisation"},
	} {
		in, err := vectors.NewInputs([]byte(c.object))
		if err != nil {
			t.Fatal(err)
		}
		got := Kinds["pld_epsilon"].Prepare(in)()
		if text := fmt.Sprint(got.Err); in.End() != nil || c.want == "" && got.Err != nil || c.want != "" && !strings.HasPrefix(text, c.want) {
			t.Errorf("%s: %+v, want %q", c.object, got, c.want)
		}
	}
}

// FuzzInputs: no inputs make a kind panic before it is evaluated; those that compute in closed form, and grids, are evaluated too.
func FuzzInputs(f *testing.F) {
	var file struct {
		Vectors []struct {
			Kind   string
			Inputs json.RawMessage
		}
	}
	if err := json.Unmarshal(knownAnswers(f), &file); err != nil {
		f.Fatal(err)
	}
	for _, v := range file.Vectors {
		f.Add(v.Kind, []byte(v.Inputs))
	}
	f.Add("pld_epsilon", []byte(oddGrid))
	quick := map[string]bool{"pld_epsilon": true, "advanced_composition": true, "discrete_gaussian_law": true, "matrix_factorisation_coefs": true,
		"rdp_gaussian_sigma": true, "tree_epsilon": true, "analytic_gaussian_sigma": true, "adaptive_clip_noise": true,
		"rounded_l2_bound": true, "zcdp_epsilon": true, "ledger": true, "noise_calibration": true}
	f.Fuzz(func(t *testing.T, kind string, object []byte) {
		k, known := Kinds[kind]
		in, err := vectors.NewInputs(object)
		if !known || err != nil {
			return
		}
		evaluate := k.Prepare(in)
		if in.End() == nil && quick[kind] {
			if got := evaluate(); (got.Err == nil) == (got.Values == nil) {
				t.Errorf("%s %s: %+v", kind, object, got)
			}
		}
	})
}
