package vectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// double is a kind for tests: of a whole number its double, in every shape that an answer can have.
var double = map[string]Kind{"complete_graph": {[]string{"threshold", "half", "list", "even", "no"}, func(in *Inputs) func() Answer {
	n := in.Whole("n", 0, 10)
	_ = in.Number("gamma_basis_points")
	if in.Has("word") {
		in.Text("word", []string{"a", "b"})
	}
	return func() Answer {
		if n == 10 {
			return Answer{Err: errors.New("inputs.n is 10: want less")}
		}
		return Answer{Values: map[string]any{"threshold": n, "half": float64(n) / 2, "list": []float64{1, float64(n)}, "even": n%2 == 0, "no": nil}, Note: "doubled"}
	}
}}}

func checkOne(t *testing.T, kind, inputs, expected, tolerance string) Result {
	t.Helper()
	got, err := Check(fmt.Appendf(nil, `{"schema":%q,"title":"t","count":1,"vectors":[{"id":"v","kind":%q,"inputs":%s,"expected":%s,"tolerance":%s,"source":"s"}]}`,
		schema, kind, inputs, expected, tolerance), double, func(Result) {})
	if err != nil {
		t.Fatal(err)
	}
	return got.Results[0]
}

// TestAnswersOfEveryShape holds one right and one wrong value of each.
func TestAnswersOfEveryShape(t *testing.T) {
	for field, c := range map[string]struct{ right, wrong []string }{
		"threshold": {[]string{"3", "3.0", "0.3e1"}, []string{"4", "null", `"3"`, "true", "[3]"}},
		"half":      {[]string{"1.5", "15e-1"}, []string{"1.6", "null", `"1.5"`, "[1.5]"}},
		"list":      {[]string{"[1,3]"}, []string{"[1]", "[1,3,3]", "[1,4]", "1", "[1,null]", `{"0":1}`, "null"}},
		"even":      {[]string{"false"}, []string{"true", "0", "null"}},
		"no":        {[]string{"null"}, []string{"0", "false", "[]"}},
	} {
		for i, expected := range append(c.right, c.wrong...) {
			got := checkOne(t, "complete_graph", `{"n": 3, "gamma_basis_points": 0}`, fmt.Sprintf(`{%q: %s}`, field, expected), fmt.Sprintf(`{%q: {"abs": 0.01}}`, field))
			if holds := i < len(c.right); (got.Err == nil) != holds || got.Err != nil && !strings.HasPrefix(got.Err.Error(), field+": ") {
				t.Errorf("%s against %s: %v", field, expected, got.Err)
			}
		}
	}
	for _, bad := range []any{math.NaN(), math.Inf(1), "text"} {
		if compare(bad, json.RawMessage("1"), bound{abs: nil}) == nil {
			t.Errorf("%v holds", bad)
		}
	}
}

// TestBadVectorsNameTheirField: the vector's error begins with the field's path.
func TestBadVectorsNameTheirField(t *testing.T) {
	const fine, three, exact = `{"n": 3, "gamma_basis_points": 0}`, `{"threshold": 3}`, `{"threshold": {"exact": true}}`
	for _, c := range []struct{ kind, inputs, expected, tolerance, want string }{
		{"accountant", fine, three, exact, `kind: "accountant" is not one of`},
		{"complete_graph", `{"n": 3}`, three, exact, "inputs.gamma_basis_points: missing"},
		{"complete_graph", `{"n": -3, "gamma_basis_points": 0}`, three, exact, "inputs.n: -3:"},
		{"complete_graph", `{"n": 10, "gamma_basis_points": 0}`, three, exact, "inputs.n is 10:"},
		{"complete_graph", `{"n": 3.5, "gamma_basis_points": 0}`, three, exact, "inputs.n: 3.5:"},
		{"complete_graph", `{"n": "3", "gamma_basis_points": 0}`, three, exact, "inputs.n: a number"},
		{"complete_graph", `{"n": 3, "gamma_basis_points": [0]}`, three, exact, "inputs.gamma_basis_points: a number"},
		{"complete_graph", `{"n": 3, "gamma_basis_points": 1e999999999}`, three, exact, "inputs.gamma_basis_points: an exponent"},
		{"complete_graph", `{"n": 1` + strings.Repeat("0", 60) + `, "gamma_basis_points": 0}`, three, exact, "inputs.n: a number of at most 40"},
		{"complete_graph", `{"n": 3, "gamma_basis_points": 0, "word": "c"}`, three, exact, `inputs.word: "c" is not one of`},
		{"complete_graph", `{"n": 3, "gamma_basis_points": 0, "word": 1}`, three, exact, "inputs.word: a text"},
		{"complete_graph", `{"n": 3, "gamma_basis_points": 0, "d": 1}`, three, exact, "inputs.d: unknown field"},
		{"complete_graph", fine, `{}`, exact, "tolerance.threshold: expected has no such field"},
		{"complete_graph", fine, `{"degree": 4}`, `{"degree": {"exact": true}}`, "expected.degree: kind complete_graph computes"},
		{"complete_graph", fine, three, `{}`, "tolerance: empty"},
		{"complete_graph", fine, three, `{"threshold": {}}`, "tolerance.threshold: empty"},
		{"complete_graph", fine, three, `{"threshold": {"exact": false}}`, "tolerance.threshold: exact:"},
		{"complete_graph", fine, three, `{"threshold": {"near": 1}}`, `tolerance.threshold: "near"`},
		{"complete_graph", fine, three, `{"threshold": {"abs": -1}}`, "tolerance.threshold: abs:"},
		{"complete_graph", fine, three, `{"threshold": {"exact": true, "abs": 1}}`, "tolerance.threshold: exact stands"},
		{"complete_graph", fine, `{"threshold": "3"}`, exact, "threshold: a number"},
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
		if _, err := Check([]byte(text), double, func(Result) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", text, err, want)
		}
	}
	if _, err := Check(make([]byte, MaxFile+1), double, func(Result) {}); err == nil {
		t.Error("a file beyond the limit is read")
	}
	for _, bad := range []string{`{}`, `[]`, `{"id":""}`, `{"id":"a\nb"}`, `{"id":"a","more":1}`, `{"id":"a","kind":null}`} {
		got, err := Check(fmt.Appendf(nil, `{"schema":%q,"title":"t","count":2,"vectors":[%s,%s]}`, schema, bad, vectorOf("good")), double, func(Result) {})
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

// FuzzCheck: no text makes the reader panic, and a vector without an error was held in at least one field.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"schema":"cinesync-vectors/1","title":"t","count":1,"vectors":[{"id":"a","kind":"complete_graph","inputs":{"n":3,"gamma_basis_points":1e3},"expected":{"list":[1,3]},"tolerance":{"list":{"rel":0.1}},"source":"s"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		done, err := Check(b, double, func(Result) {})
		if err != nil {
			return
		}
		for _, r := range done.Results {
			if r.Err == nil && r.Fields == 0 {
				t.Errorf("%s holds without a field", r.ID)
			}
		}
	})
}
