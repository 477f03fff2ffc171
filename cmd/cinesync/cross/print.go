package cross

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/cinesync/cinesync/privacy"
)

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "%d films and %d series in one model; %d people train, %d others are judged; seed %d\n", r.Size.Films, r.Size.Series, r.Size.People, r.Judged, r.Seed)
	fmt.Fprintf(w, "%s\n%s\n\n", r.World, r.Unit)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "series ranked by\tHR@10\tNDCG@10\tε\tδ")
	for _, row := range r.Rows {
		eps, delta := "none", ""
		if row.Account != nil {
			eps, delta = privacy.Shown(row.Account.Epsilon, 3), fmt.Sprint(row.Account.Delta)
		}
		fmt.Fprintf(t, "%s\t%.3f±%.3f\t%.3f±%.3f\t%s\t%s\n", row.Name, row.HR10.Mean, row.HR10.Half, row.NDCG10.Mean, row.NDCG10.Half, eps, delta)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if row.Account != nil {
			fmt.Fprintf(w, "\n%s: for %s; sampling assumption: %s", row.Name, row.Account.Unit, row.Account.Sampling)
			if row.Simulated > 0 {
				fmt.Fprint(w, "\nSIMULATED: so many people do not exist here; only the noise is theirs")
			}
		}
	}
	fmt.Fprintln(w)
	return nil
}
