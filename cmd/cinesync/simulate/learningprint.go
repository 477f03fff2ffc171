package simulate

import (
	"fmt"
	"io"
	"strings"

	"github.com/cinesync/cinesync/privacy"
)

// PrintTerms begins the table.
func (l *Learning) PrintTerms(w io.Writer) {
	t := l.Task
	fmt.Fprintf(w, "task %s on %s: %d devices, %d titles, %d rounds", t.Name, l.Set, len(l.Data.Split.Train.Histories), len(l.Data.Titles), t.Rounds.Count)
	if t.Rounds.Cohort > 0 {
		fmt.Fprintf(w, " of %d devices", t.Rounds.Cohort)
	}
	if t.Population.People > 0 {
		fmt.Fprintf(w, ", the noise as of %d simulated people", t.Population.People)
	}
	fmt.Fprintf(w, ", seed %d\n\n", l.Seed)
	fmt.Fprintln(w, "round  members    loss  clipped   norm   HR@10  NDCG@10  full HR       ε    MB up  MB down    wall")
}

// PrintRound is a row of it, where the round's model was judged or nothing is.
func (r *LearningRound) PrintRound(w io.Writer) {
	hr, ndcg, full := "-", "-", "-"
	if f := r.Figures; f != nil {
		hr, ndcg, full = fmt.Sprintf("%.3f", f.HR10), fmt.Sprintf("%.3f", f.NDCG10), fmt.Sprintf("%.3f", f.FullHR10)
	}
	fmt.Fprintf(w, "%5d  %7d  %6.3f  %6.0f%%  %5.3f  %6s  %7s  %7s  %6s  %7.2f  %7.2f  %5.1f s\n", r.Round, r.Members, r.Loss, 100*r.Clipped, r.Norm,
		hr, ndcg, full, shown(r.Epsilon), float64(r.Up)/1e6, float64(r.Down)/1e6, r.Wall.Seconds)
}

func shown(eps *float64) string {
	if eps == nil {
		return "-"
	}
	return privacy.Shown(*eps, 3)
}

// Print ends the table, with what to do next. command is the study's own, data what --data was.
func (s *LearningSummary) Print(w io.Writer, command, data string) {
	fmt.Fprintln(w)
	if s.Figures == nil {
		fmt.Fprintln(w, "nothing is held out (data.hold_out), and so nothing was judged")
	} else {
		row := func(name string, f *Figures) {
			fmt.Fprintf(w, "%-14s HR@10 %.3f  NDCG@10 %.3f  full %.3f/%.3f\n", name, f.HR10, f.NDCG10, f.FullHR10, f.FullNDCG10)
		}
		row("last round", s.Figures)
		row("popularity", s.Popularity)
		if s.WithoutNoise != nil {
			row("without noise", s.WithoutNoise)
		}
	}
	if a := s.Account; a == nil {
		fmt.Fprintln(w, "no noise: nothing is promised, and no devices run this")
	} else {
		fmt.Fprintf(w, "ε = %s at δ = %.3g for %s; sampling assumption: %s\n", privacy.Shown(a.Epsilon, 3), a.Delta, a.Unit, a.Sampling)
	}
	if s.Simulated > 0 {
		fmt.Fprintf(w, "SIMULATED: %d people do not exist in the data; only the noise is theirs\n", s.Simulated)
	}
	fmt.Fprintf(w, "%d rounds in %.1f s on %s, %.3g a second; a person moved %.2f MB up and %.2f MB down on average, %.2f with deltas\n", s.Rounds, s.Wall.Seconds, s.Trained,
		s.Wall.RoundsPerSecond, float64(s.Up)/1e6, float64(s.Down)/1e6, float64(s.Deltas)/1e6)
	fmt.Fprintf(w, "\nthe same as lines of JSON:   %s --json\n", command)
	if s.Account != nil && s.WithoutNoise == nil {
		fmt.Fprintf(w, "what the noise costs:        %s --without-noise\n", command)
	}
	if s.Set == MadeUp {
		fmt.Fprintf(w, "on people not made up:       %s --data DIR\n", strings.ReplaceAll(command, " --data "+MadeUp, ""))
	} else {
		fmt.Fprintf(w, "with all the task's seeds:   cinesync train --task %s --data %s\n", s.Task, data)
	}
}
