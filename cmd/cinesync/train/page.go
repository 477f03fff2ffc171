package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"

	_ "embed"

	"github.com/cinesync/cinesync/privacy"
)

//go:embed page.md.tmpl
var pageTemplate string

// maxReport is the largest report that the page reads.
const maxReport = 16 << 20

// goal is what a built-in task must reach, and what it would be fine to reach, on uniform negatives (design: accuracy 7).
type goal struct{ task, What, Must, Stretch string }

// goals are the rows of the page in order.
func goals() []goal {
	return []goal{
		{"ml-1m-100", "ML-1M, no noise, at most 100 rounds and 1.1 MB of a user", ".77/.54", ""},
		{"ml-1m", "ML-1M, no noise", ".79/.565", ".805/.585"},
		{"ml-100k", "ML-100K, no noise", ".72/.44", ".75/.47"},
		{"ml-1m-eps8", "ML-1M, 6,040 users, ε 8", ".67/.43", ".70/.45"},
		{"ml-1m-eps2", "ML-1M, 6,040 users, ε 2", ".62/.385", ".65/.41"},
		{"sim-100k-eps2", "100,000 simulated, ε 2", ".745/.51", ".77/.54"},
		{"sim-1m-eps1", "1,000,000 simulated, ε 1", ".775/.54", ".79/.56"},
		{"order-free", "order-free head", ".70/.42", ".72/.44"},
		{"ncf", "NCF family, no noise", ".70/.42", ".73/.45"},
		{"ml-100k-eps8", "ML-100K, 943 users, ε 8", "", ""},
	}
}

// row is a report on the page.
type row struct {
	goal
	*Report
	Picture string
}

// Page writes docs/accuracy.md from the JSON reports in a folder, NAME.json with its picture NAME.svg beside where there is one. pictures is where
// the page finds them.
func Page(reports fs.FS, pictures string) ([]byte, error) {
	var rows []row
	var absent []string
	for _, g := range goals() {
		r, err := readReport(reports, g.task+".json")
		switch {
		case errors.Is(err, fs.ErrNotExist):
			absent = append(absent, g.task)
			continue
		case err != nil:
			return nil, fmt.Errorf("read report %s: %w", g.task, err)
		}
		one := row{goal: g, Report: r}
		if _, err := fs.Stat(reports, g.task+".svg"); err == nil {
			one.Picture = path.Join(pictures, g.task+".svg")
		}
		rows = append(rows, one)
	}
	if len(rows) == 0 {
		return nil, errors.New("there is no report: run `make accuracy` first")
	}
	t, err := template.New("page").Funcs(template.FuncMap{"cell": cell, "pair": pair, "eps": epsilonCell, "join": strings.Join, "seeds": list,
		"privacy": func(r row) string { return strings.ReplaceAll(r.Privacy(), "\n", " ") }, "mb": func(n int64) string { return fmt.Sprintf("%.2f", float64(n)/1e6) }}).Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, struct {
		Rows   []row
		Absent []string
	}{rows, absent}); err != nil {
		return nil, fmt.Errorf("write page: %w", err)
	}
	return b.Bytes(), nil
}

// readReport refuses what is no report of that task's last round.
func readReport(reports fs.FS, name string) (*Report, error) {
	info, err := fs.Stat(reports, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxReport {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read", name, info.Size(), maxReport)
	}
	b, err := fs.ReadFile(reports, name)
	if err != nil {
		return nil, err
	}
	var r Report
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, err
	}
	if want := strings.TrimSuffix(name, ".json"); r.Task != want {
		return nil, fmt.Errorf("it is of task %q, and the name says %q", r.Task, want)
	}
	if r.Judged == 0 || len(r.Runs) == 0 || r.Popularity == nil || (r.Account != nil) != (r.Quiet != nil) {
		return nil, errors.New("it does not stand beside popularity and the run without noise: nothing is printed alone")
	}
	if r.Failed != "" {
		return nil, fmt.Errorf("it is not whole: %s", r.Failed)
	}
	return &r, nil
}

func pair(hr, ndcg float64) string {
	return strings.ReplaceAll(fmt.Sprintf("%.3f/%.3f", hr, ndcg), "0.", ".")
}

func epsilonCell(r row) string {
	if r.Account == nil {
		return "none"
	}
	s := fmt.Sprintf("%s at %.0e", privacy.Shown(r.Account.Epsilon, 3), r.Account.Delta)
	if r.Account.Conditional != nil {
		s += fmt.Sprintf(" (conditional: %s)", privacy.Shown(r.Account.Conditional.Epsilon, 3))
	}
	return s
}
