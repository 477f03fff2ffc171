package demo

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func heldReport() *Report {
	return &Report{Dir: "d", Rounds: []Round{{Round: 1, Outcome: "aborted", Reason: "too few inputs"}, {Round: 2, Outcome: "done", SumOK: true}},
		logged: 2, Audit: Audit{OK: true, Entries: 9}, Recommendations: []Recommendation{{Title: "Once (2007)"}}}
}

func TestVerdictNamesWhatDidNotHold(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Report)
		want   string
	}{
		"all held":           {func(*Report) {}, ""},
		"a sum is wrong":     {func(r *Report) { r.Rounds[1].SumOK = false }, "round 2: the aggregate is not the sum"},
		"one of two sums is": {func(r *Report) { r.Rounds, r.logged = append(r.Rounds, Round{Round: 3, Outcome: "done"}), 3 }, "round 3: the aggregate is not the sum"},
		"the log is bad":     {func(r *Report) { r.Audit.OK = false }, "the log does not verify"},
		"nothing was published": {func(r *Report) { r.Rounds = r.Rounds[:1] },
			"no round was published (round 1: too few inputs)"},
		"no round":             {func(r *Report) { r.Rounds = nil }, "no round was published (none was opened)"},
		"a round went unheard": {func(r *Report) { r.logged = 3 }, "the log holds 3 rounds and the demo heard how 2 ended"},
		"a phase lived":        {func(r *Report) { r.Missed = []string{"settle"} }, "no kill landed in phases [settle]"},
		"nothing to recommend": {func(r *Report) { r.broken = errors.New("no model") }, "no model"},
	} {
		r := heldReport()
		c.change(r)
		err := r.Verdict()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestPrintedCommandsTakeAnyFolder(t *testing.T) {
	for path, want := range map[string]string{
		"/tmp/demo-1_a.b": "/tmp/demo-1_a.b", "my demo": "'my demo'", "it's": `'it'\''s'`, "a$b": "'a$b'", "~x": "'~x'", "": "''", "é": "'é'", "a\nb": "'a\nb'"} {
		if got := quote(path); got != want {
			t.Errorf("%q is written %s, want %s", path, got, want)
		}
	}
	r := heldReport()
	r.Dir = "my demo"
	var b bytes.Buffer
	r.Print(&b)
	for _, want := range []string{"verify 'my demo'\n", "--dir 'my demo/devices/00'\n", "--dir 'my demo/coordinator' --http", "For the first device", "the log verifies (9 entries)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not print %q:\n%s", want, &b)
		}
	}
}

func TestReportOfNothingPublishedPrints(t *testing.T) {
	var b bytes.Buffer
	(&Report{Dir: "d"}).Print(&b)
	if s := b.String(); strings.Contains(s, "For the first device") || !strings.Contains(s, "THE LOG DOES NOT VERIFY") {
		t.Errorf("it prints %s", s)
	}
}
