package evaluate

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	judging "github.com/cinesync/cinesync/model/evaluate"
)

// Print writes the report as tables, or nothing where Check refuses.
func (r *Report) Print(w io.Writer) error {
	if err := r.Check(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n%d titles, %d users with %d training plays; %d users judged, each on one title that training never saw\n", r.Split, r.Titles, r.Users, r.Plays, r.Judged)
	if r.Hash != "" {
		fmt.Fprintf(w, "task %s as fitted to the split: item vectors start %s, hash %s\n", r.Task, r.Start, r.Hash)
	}
	for _, line := range r.Notes.Lines() {
		fmt.Fprintf(w, "note: %s\n", line)
	}
	fmt.Fprintf(w, "\nHR@10 / NDCG@10\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\t%s uniform\tas many by popularity\twhole catalogue\tcoverage\tdiversity\tnovelty\tpopularity bias\n", r.negatives())
	for _, row := range r.rows() {
		line(t, row.title(), row.Figures, row.Result.Lists)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	r.means(w)
	r.terms(w)
	if err := r.segments(w); err != nil {
		return err
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "baseline %s was left out: %s\n", s.Name, s.Why)
	}
	for _, warning := range r.Warnings() {
		fmt.Fprintf(w, "\n*** %s ***\n", warning)
	}
	return nil
}

func (r *Report) negatives() string {
	if r.Fewest == r.Most {
		return fmt.Sprint(r.Most)
	}
	return fmt.Sprintf("%d to %d", r.Fewest, r.Most)
}

// title is the row's name, with the seed of a training.
func (r Row) title() string {
	if r.Seed == nil {
		return r.Name
	}
	return fmt.Sprintf("%s, seed %d", r.Name, *r.Seed)
}

func line(w io.Writer, name string, f Figures, l judging.Lists) {
	fmt.Fprintf(w, "%s\t%.3f / %.3f\t%.3f / %.3f\t%.3f / %.3f\t%.3f\t%.3f\t%.2f bits\t%+.2f\n", name, f.HR10, f.NDCG10, f.MatchedHR10, f.MatchedNDCG10, f.FullHR10, f.FullNDCG10,
		l.Coverage, l.Diversity, l.Novelty, l.PopularityBias)
}

// means prints the intervals over users of the first seed, and over seeds where there are several.
func (r *Report) means(w io.Writer) {
	m := r.Runs[0].Result
	fmt.Fprintf(w, "\n95 %% over users, seed %d: HR@10 uniform %s, by popularity %s, whole %s\n", *r.Runs[0].Seed, interval(m.Uniform.HR10), interval(m.Matched.HR10), interval(m.Full.HR10))
	if len(r.Runs) > 1 {
		fmt.Fprintf(w, "mean of %d seeds: HR@10 %s, NDCG@10 %s; by popularity %s, %s; whole %s, %s\n", len(r.Runs), spread(r.Spread.HR10), spread(r.Spread.NDCG10),
			spread(r.Spread.MatchedHR10), spread(r.Spread.MatchedNDCG10), spread(r.Spread.FullHR10), spread(r.Spread.FullNDCG10))
	}
	if r.Over != nil {
		fmt.Fprintf(w, "over popularity, user by user: NDCG@10 %s uniform, %s by popularity, %s whole\n", interval(r.Over.Uniform), interval(r.Over.Matched), interval(r.Over.Full))
	}
}

func interval(e judging.Estimate) string {
	return fmt.Sprintf("%.3f (%.3f to %.3f)", e.Mean, e.Low, e.High)
}

func spread(s judging.Spread) string { return fmt.Sprintf("%.3f ± %.3f", s.Mean, s.SD) }

// terms says what the model cost.
func (r *Report) terms(w io.Writer) {
	fmt.Fprintf(w, "%d rounds, %.0f bytes a user in all, ", r.Rounds, r.BytesPerUser)
	if r.Epsilon == nil || r.Delta == nil {
		fmt.Fprintln(w, "no noise: nothing is promised about privacy")
		return
	}
	fmt.Fprintf(w, "ε = %.4g at δ = %.2g for %s; sampling: %s\n", *r.Epsilon, *r.Delta, r.Unit, r.Sampling)
}

// segments prints the first seed's.
func (r *Report) segments(w io.Writer) error {
	fmt.Fprintf(w, "\nHR@10 of seed %d by segment\n", *r.Runs[0].Seed)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tusers\tuniform\tby popularity\twhole catalogue")
	for _, s := range r.Runs[0].Result.Segments {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", title(s), s.Full.Users, interval(s.Uniform.HR10), interval(s.Matched.HR10), interval(s.Full.HR10))
	}
	return t.Flush()
}

func title(s judging.Segment) string {
	if s.By == "history" {
		return "history of " + s.Name
	}
	return "held out: " + s.Name
}

// Warnings are what nobody should overlook, one a line.
func (r *Report) Warnings() []string {
	var out []string
	if len(r.Loses) > 0 {
		out = append(out, fmt.Sprintf("THE MODEL LOSES TO POPULARITY under %s: it is worth less than knowing what everybody watches", strings.Join(r.Loses, ", ")))
	}
	for _, row := range r.Runs {
		if n := row.Result.NotNumbers; n > 0 {
			out = append(out, fmt.Sprintf("SCORES THAT ARE NOT NUMBERS for %d of %d users with seed %d: each counts against the model", n, r.Judged, *row.Seed))
		}
	}
	return out
}
