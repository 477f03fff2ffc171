package train

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/privacy"
)

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "task %s (%s…), %s engine, trained by %s: %s, d = %d, %d parameters\n", r.Task, r.Hash[:16], r.Engine, r.By, r.Family, r.Dim, r.Parameters)
	fmt.Fprintf(w, "%s: %d titles, %d people train, %d are judged by a title that training never saw\n", r.Set, r.Titles, r.People, r.Judged)
	fmt.Fprintf(w, "%d rounds of %d people%s; seeds %s; the last round is judged\n\n", r.Rounds, r.Cohort, r.population(), list(r.Seeds))
	if r.Judged == 0 {
		fmt.Fprintln(w, r.Unjudged)
	} else if err := r.table(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s\n", r.Privacy())
	t := r.Traffic
	fmt.Fprintf(w, "bytes of one person: %d in all, %.3g rounds of %d up and %d down\n", t.Total, t.Participations, t.Up, t.Down)
	if r.Failed != "" {
		fmt.Fprintf(w, "\n%s\n", r.Failed)
	}
	if len(r.Loses) > 0 {
		fmt.Fprintf(w, "\nit loses to popularity under %s\n", strings.Join(r.Loses, " and "))
	}
	return nil
}

func (r *Report) population() string {
	if r.Simulated == 0 {
		return ""
	}
	return fmt.Sprintf(", the noise that of %d members among %d simulated people", r.Members, r.Simulated)
}

func list(seeds []uint64) string {
	var out []string
	for _, s := range seeds {
		out = append(out, fmt.Sprint(s))
	}
	return strings.Join(out, ", ")
}

// table sets the figures beside the no-noise run and popularity.
func (r *Report) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tHR@10\tNDCG@10\tmatched HR\tNDCG\tfull HR\tNDCG\t")
	row := func(name string, s Spread) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, cell(s.HR10), cell(s.NDCG10), cell(s.MatchedHR10), cell(s.MatchedNDCG10), cell(s.FullHR10), cell(s.FullNDCG10))
	}
	row(r.Task, r.Spread)
	if r.Trained != nil {
		row("fresh rows as trained", *r.Trained)
	}
	if r.Quiet != nil {
		row("without noise", *r.Quiet)
	}
	for _, f := range []struct {
		name string
		f    *Figures
	}{{"popularity", r.Popularity}, {"start", r.Start}, {"random", r.Random}} {
		fmt.Fprintf(t, "%s\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t\n", f.name, f.f.HR10, f.f.NDCG10, f.f.MatchedHR10, f.f.MatchedNDCG10, f.f.FullHR10, f.f.FullNDCG10)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.Seeds) > 1 {
		fmt.Fprintln(w, "± is the standard deviation over seeds")
	}
	return r.points(w)
}

func cell(s evaluate.Spread) string {
	if len(s.Values) < 2 {
		return fmt.Sprintf("%.3f", s.Mean)
	}
	return fmt.Sprintf("%.3f±%.3f", s.Mean, s.SD)
}

func (r *Report) points(w io.Writer) error {
	if len(r.Points) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "rounds\tε\t"+conditionalHead(r.Account)+"z\tbytes\tHR@10\tNDCG@10\tfull HR\tNDCG\t")
	for _, p := range r.Points {
		eps := "-"
		if p.Epsilon != nil {
			eps = privacy.Shown(*p.Epsilon, 3)
		}
		if p.Conditional != nil {
			eps += "\t" + privacy.Shown(p.Conditional.Epsilon, 3)
		} else if conditionalHead(r.Account) != "" {
			eps += "\t-"
		}
		s := p.Spread
		fmt.Fprintf(t, "%d\t%s\t%.3g\t%d\t%s\t%s\t%s\t%s\t\n", p.Rounds, eps, p.Multiplier, p.Bytes, cell(s.HR10), cell(s.NDCG10), cell(s.FullHR10), cell(s.FullNDCG10))
	}
	return t.Flush()
}

// conditionalHead heads the column of figures that hold on the condition below, where the task has any.
func conditionalHead(a *task.Account) string {
	if a == nil || a.Conditional == nil {
		return ""
	}
	return "CONDITIONAL ε\t"
}

// Privacy says what is promised, in one or two lines.
func (r *Report) Privacy() string {
	a := r.Account
	if a == nil {
		return "no noise: nothing is promised, and no devices run this"
	}
	s := fmt.Sprintf("ε = %s at δ = %.3g for %s; sampling assumption: %s\n(z = %.4g in each of at most %d rounds; %s)", privacy.Shown(a.Epsilon, 3), a.Delta,
		a.Unit, a.Sampling, a.Multiplier, a.Participations, a.Formula)
	if c := a.Conditional; c != nil {
		s += fmt.Sprintf("\nCONDITIONAL: ε = %s, %s", privacy.Shown(c.Epsilon, 3), c.Condition)
	}
	if r.Simulated > 0 {
		s += "\nSIMULATED: so many people do not exist in the data; only the noise is theirs"
	}
	return s
}
