package secagg

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/cmd/internal/vectors"
)

// schema is the file format.
const schema = "cinesync-vectors/1"

const known = "../../../aggregation/testdata/graph_parameters.json"

func knownAnswers(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(known)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKnownAnswersHold is the gate: every vector, every field.
func TestKnownAnswersHold(t *testing.T) {
	got, err := vectors.Check(knownAnswers(t), Kinds, func(r vectors.Result) {
		if r.Err != nil {
			t.Errorf("%s: %v", r.ID, r.Err)
		}
	})
	if err != nil || got.Missed != 0 || len(got.Results) != 219 {
		t.Fatalf("%d results, %d missed, %v", len(got.Results), got.Missed, err)
	}
}

// TestEveryChangedAnswerIsMissed raises one checked field of one vector of the file at a time.
func TestEveryChangedAnswerIsMissed(t *testing.T) {
	var f map[string]any
	if err := json.Unmarshal(knownAnswers(t), &f); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, v := range f["vectors"].([]any) {
		v := v.(map[string]any)
		for field := range v["tolerance"].(map[string]any) {
			if name := fmt.Sprint(v["kind"], " ", field); seen[name] {
				continue // one of each is enough; a vector takes up to a second
			} else {
				seen[name] = true
			}
			old := v["expected"].(map[string]any)[field]
			if b, ok := old.(bool); ok {
				v["expected"].(map[string]any)[field] = !b
			} else {
				v["expected"].(map[string]any)[field] = old.(float64) + 1
			}
			one, _ := json.Marshal(map[string]any{"schema": schema, "title": "t", "count": 1, "vectors": []any{v}})
			got, err := vectors.Check(one, Kinds, func(vectors.Result) {})
			if err != nil || got.Missed != 1 || !strings.Contains(fmt.Sprint(got.Results[0].Err), field) {
				t.Errorf("vector %d, %s: missed %d, %v, %v", i, field, got.Missed, got.Results, err)
			}
			v["expected"].(map[string]any)[field] = old
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d kinds of field were changed: %v", len(seen), seen)
	}
}

func TestNoAnswerIsNull(t *testing.T) {
	infeasible := `{"mode": "SM", "n": 100, "gamma_basis_points": 5000, "delta_basis_points": 3000, "security_bits": 40, "completion_bits": 20}`
	for expected, holds := range map[string]bool{`null`: true, `10`: false} {
		got := checkOne(t, "harary_params", infeasible, `{"degree": `+expected+`}`, `{"degree": {"exact": true}}`)
		if (got.Err == nil) != holds {
			t.Errorf("degree %s: %v", expected, got.Err)
		}
	}
	if got := checkOne(t, "complete_graph", `{"n": 10, "gamma_basis_points": 500}`, `{"threshold": null}`, `{"threshold": {"exact": true}}`); got.Err == nil {
		t.Error("an answer passes for none")
	}
}

func checkOne(t *testing.T, kind, inputs, expected, tolerance string) vectors.Result {
	t.Helper()
	got, err := vectors.Check(fmt.Appendf(nil, `{"schema":%q,"title":"t","count":1,"vectors":[{"id":"v","kind":%q,"inputs":%s,"expected":%s,"tolerance":%s,"source":"s"}]}`,
		schema, kind, inputs, expected, tolerance), Kinds, func(vectors.Result) {})
	if err != nil {
		t.Fatal(err)
	}
	return got.Results[0]
}

// TestBadVectorsNameTheirField: the vector's error begins with the field's path.
func TestBadVectorsNameTheirField(t *testing.T) {
	const ring, exact, degree = `{"n": 12, "degree": 4}`, `{"isolating_cuts_at_half": {"exact": true}}`, `{"isolating_cuts_at_half": 696}`
	for _, c := range []struct{ kind, inputs, expected, tolerance, want string }{
		{"connectivity", `{"n": 12}`, degree, exact, "inputs.degree: missing"},
		{"connectivity", `{"n": 12, "degree": 3}`, degree, exact, "inputs.degree: an even number"},
		{"connectivity", `{"n": 12, "degree": 12}`, degree, exact, "inputs.degree: 12: a whole number from 2 to 10"},
		{"connectivity", `{"n": 30, "degree": 4}`, degree, exact, "inputs.n: 30: a whole number from 3 to 20"},
		{"connectivity_withheld_shares", `{"n": 16, "degree": 4}`, degree, exact, "inputs.n: 16: a whole number from 3 to 14"},
		{"harary_params", `{"mode": "X", "n": 64, "gamma_basis_points": 500, "delta_basis_points": 500, "security_bits": 40, "completion_bits": 20}`, `{"degree": 1}`, `{"degree": {"exact": true}}`, `inputs.mode: "X" is not one of`},
		{"harary_params", `{"mode": "W", "n": 64, "gamma_basis_points": 10001, "delta_basis_points": 500, "security_bits": 40, "completion_bits": 20}`, `{"degree": 1}`, `{"degree": {"exact": true}}`, "inputs.gamma_basis_points: 10001"},
		{"harary_infeasible", `{"class": "SH", "n": 0, "gamma_basis_points": 1000, "delta_basis_points": 1000, "security_bits": 40, "completion_bits": 20}`, `{"feasible": 0}`, `{"feasible": {"exact": true}}`, "feasible: 0 is expected, where only true or false"},
	} {
		if got := checkOne(t, c.kind, c.inputs, c.expected, c.tolerance); got.Err == nil || !strings.HasPrefix(got.Err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %s", c.inputs, c.tolerance, got.Err, c.want)
		}
	}
}

// FuzzInputs: no inputs make a kind panic before it is evaluated.
func FuzzInputs(f *testing.F) {
	for kind := range Kinds {
		f.Add(kind, []byte(`{"mode":"W","n":12,"degree":4,"gamma_basis_points":500,"delta_basis_points":1000,"security_bits":80,"completion_bits":20}`))
	}
	f.Fuzz(func(t *testing.T, kind string, object []byte) {
		k, known := Kinds[kind]
		in, err := vectors.NewInputs(object)
		if !known || err != nil {
			return
		}
		k.Prepare(in)
		_ = in.End()
	})
}
