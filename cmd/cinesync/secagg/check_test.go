package secagg

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

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
	got, err := Check(knownAnswers(t), func(r Result) {
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
			got, err := Check(one, func(Result) {})
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

func checkOne(t *testing.T, kind, inputs, expected, tolerance string) Result {
	t.Helper()
	got, err := Check(fmt.Appendf(nil, `{"schema":%q,"title":"t","count":1,"vectors":[{"id":"v","kind":%q,"inputs":%s,"expected":%s,"tolerance":%s,"source":"s"}]}`,
		schema, kind, inputs, expected, tolerance), func(Result) {})
	if err != nil {
		t.Fatal(err)
	}
	return got.Results[0]
}

// TestBadVectorsNameTheirField: the vector's error begins with the field's path.
func TestBadVectorsNameTheirField(t *testing.T) {
	const ring, exact, degree = `{"n": 12, "degree": 4}`, `{"isolating_cuts_at_half": {"exact": true}}`, `{"isolating_cuts_at_half": 696}`
	for _, c := range []struct{ kind, inputs, expected, tolerance, want string }{
		{"accountant", ring, degree, exact, `kind: "accountant" is not one of`},
		{"connectivity", `{"n": 12}`, degree, exact, "inputs.degree: missing"},
		{"connectivity", `{"n": 12, "degree": 3}`, degree, exact, "inputs.degree: an even number"},
		{"connectivity", `{"n": 12, "degree": 12}`, degree, exact, "inputs.degree: 12: a whole number from 2 to 10"},
		{"connectivity", `{"n": 30, "degree": 4}`, degree, exact, "inputs.n: 30: a whole number from 3 to 20"},
		{"connectivity_withheld_shares", `{"n": 16, "degree": 4}`, degree, exact, "inputs.n: 16: a whole number from 3 to 14"},
		{"connectivity", `{"n": -12, "degree": 4}`, degree, exact, "inputs.n: -12:"},
		{"connectivity", `{"n": 12.5, "degree": 4}`, degree, exact, "inputs.n: 12.5:"},
		{"connectivity", `{"n": "12", "degree": 4}`, degree, exact, "inputs.n: a number"},
		{"connectivity", `{"n": 1e999999999, "degree": 4}`, degree, exact, "inputs.n: an exponent"},
		{"connectivity", `{"n": 1` + strings.Repeat("0", 60) + `, "degree": 4}`, degree, exact, "inputs.n: a number of at most 40"},
		{"connectivity", `{"n": 12, "degree": 4, "d": 1}`, degree, exact, "inputs.d: unknown field"},
		{"connectivity", ring, `{}`, exact, "tolerance.isolating_cuts_at_half: expected has no such field"},
		{"connectivity", ring, `{"degree": 4}`, `{"degree": {"exact": true}}`, "expected.degree: kind connectivity computes"},
		{"connectivity", ring, degree, `{}`, "tolerance: empty"},
		{"connectivity", ring, degree, `{"isolating_cuts_at_half": {}}`, "tolerance.isolating_cuts_at_half: empty"},
		{"connectivity", ring, degree, `{"isolating_cuts_at_half": {"exact": false}}`, "tolerance.isolating_cuts_at_half: exact:"},
		{"connectivity", ring, degree, `{"isolating_cuts_at_half": {"near": 1}}`, `tolerance.isolating_cuts_at_half: "near"`},
		{"connectivity", ring, degree, `{"isolating_cuts_at_half": {"abs": -1}}`, "tolerance.isolating_cuts_at_half: abs:"},
		{"connectivity", ring, degree, `{"isolating_cuts_at_half": {"exact": true, "abs": 1}}`, "tolerance.isolating_cuts_at_half: exact stands"},
		{"connectivity", ring, `{"isolating_cuts_at_half": "696"}`, exact, "isolating_cuts_at_half: a number"},
		{"harary_params", `{"mode": "X", "n": 64, "gamma_basis_points": 500, "delta_basis_points": 500, "security_bits": 40, "completion_bits": 20}`, `{"degree": 1}`, `{"degree": {"exact": true}}`, `inputs.mode: "X" is not one of`},
		{"harary_params", `{"mode": "W", "n": 64, "gamma_basis_points": 10001, "delta_basis_points": 500, "security_bits": 40, "completion_bits": 20}`, `{"degree": 1}`, `{"degree": {"exact": true}}`, "inputs.gamma_basis_points: 10001"},
		{"harary_infeasible", `{"class": "SH", "n": 0, "gamma_basis_points": 1000, "delta_basis_points": 1000, "security_bits": 40, "completion_bits": 20}`, `{"feasible": 0}`, `{"feasible": {"exact": true}}`, "feasible: 0 is expected, where only true or false"},
	} {
		if got := checkOne(t, c.kind, c.inputs, c.expected, c.tolerance); got.Err == nil || !strings.HasPrefix(got.Err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %s", c.inputs, c.tolerance, got.Err, c.want)
		}
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	vectorOf := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"kind":"complete_graph","inputs":{"n":3,"gamma_basis_points":0},"expected":{"threshold":3},"tolerance":{"threshold":{"exact":true}},"source":"s"}`, id)
	}
	for text, want := range map[string]string{
		``:   "text ends",
		`[]`: "object",
		`{"schema":"cinesync-vectors/2","title":"t","count":0,"vectors":[]}`:                                                          "schema",
		`{"schema":"cinesync-vectors/1","title":"t","count":0,"vectors":[]}`:                                                          "vectors: empty",
		`{"schema":"cinesync-vectors/1","title":"t","count":0}`:                                                                       "vectors: missing",
		`{"schema":"cinesync-vectors/1","title":"t","count":1,"vectors":null}`:                                                        "vectors: a list",
		`{"schema":"cinesync-vectors/1","title":"t","count":2,"vectors":[{}]}`:                                                        "count",
		`{"schema":"cinesync-vectors/1","title":"t","count":2,"vectors":[` + vectorOf("a") + `,` + vectorOf("a") + `]}`:               "same id",
		`{"schema":"cinesync-vectors/1","title":"t","count":1,"count":1,"vectors":[{}]}`:                                              "twice",
		`{"schema":"cinesync-vectors/1","title":"` + strings.Repeat("t", maxText+1) + `","count":1,"vectors":[{}]}`:                   "title",
		`{"schema":"cinesync-vectors/1","title":"t","count":1,"vectors":[` + vectorOf("a") + `]} {}`:                                  "follows",
		`{"schema":"cinesync-vectors/1","title":"t","count":1,"vectors":[` + strings.Repeat("{},", maxVectors) + vectorOf("a") + `]}`: "at most",
	} {
		if _, err := Check([]byte(text), func(Result) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", text, err, want)
		}
	}
	if _, err := Check(make([]byte, MaxFile+1), func(Result) {}); err == nil {
		t.Error("a file beyond the limit is read")
	}
	for _, bad := range []string{`{}`, `[]`, `{"id":""}`, `{"id":"a\nb"}`, `{"id":"a","more":1}`, `{"id":"a","kind":null}`} {
		got, err := Check(fmt.Appendf(nil, `{"schema":%q,"title":"t","count":2,"vectors":[%s,%s]}`, schema, bad, vectorOf("good")), func(Result) {})
		if err != nil || got.Missed != 1 || got.Results[0].Err == nil || got.Results[1].Err != nil {
			t.Errorf("%s: %+v, %v", bad, got, err)
		}
	}
}

// TestTolerancesAreAlternatives holds bounds against the definition in floats, away from the edge.
func TestTolerancesAreAlternatives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, got := rapid.IntRange(-1000, 1000).Draw(t, "want"), rapid.IntRange(-1000, 1000).Draw(t, "got")
		abs := float64(rapid.IntRange(0, 500).Draw(t, "abs")) + 0.5
		below, above := float64(rapid.IntRange(0, 20).Draw(t, "below"))/16, float64(rapid.IntRange(0, 20).Draw(t, "above"))/16
		b, err := parseBound(json.RawMessage(fmt.Sprintf(`{"abs": %v, "rel_below": %v, "rel_above": %v}`, abs, below, above)))
		if err != nil {
			t.Fatal(err)
		}
		x, v := float64(got), float64(want)
		size := max(v, -v)
		holds := x == v || x-v <= abs && v-x <= abs || x >= v-below*size && x <= v+above*size
		if err := compare(got, json.RawMessage(fmt.Sprint(want)), b); (err == nil) != holds {
			t.Fatalf("%v against %v with %v %v %v: %v", got, want, abs, below, above, err)
		}
	})
}

// FuzzParse: no text makes the parser panic, and what is prepared names what it wants. Nothing is evaluated.
func FuzzParse(f *testing.F) {
	f.Add(knownAnswers(f)[:2000])
	f.Add([]byte(`{"schema":"cinesync-vectors/1","title":"t","count":1,"vectors":[{"id":"a","kind":"connectivity","inputs":{"n":12,"degree":4},"expected":{"isolating_cuts_at_half":1e3},"tolerance":{"isolating_cuts_at_half":{"rel":0.1}},"source":"s"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := parseFile(b)
		if err != nil {
			return
		}
		for i, v := range file.vectors {
			k, ok := kinds[v.Kind]
			if file.broken[i] != nil || !ok {
				continue
			}
			_, _ = v.bounds(k)
			in := inputs{rest: v.inputs}
			k.prepare(&in)
			_ = in.end()
		}
	})
}
