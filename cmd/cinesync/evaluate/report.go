package evaluate

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	judging "github.com/cinesync/cinesync/model/evaluate"
	"github.com/cinesync/cinesync/model/split"
)

// Figures are one model's, or means over seeds, at ten titles: against the uniform negatives, against as many by popularity,
// and in the whole catalogue less the user's training titles.
type Figures struct {
	HR10          float64 `json:"hr10"`
	NDCG10        float64 `json:"ndcg10"`
	MatchedHR10   float64 `json:"matched_hr10"`
	MatchedNDCG10 float64 `json:"matched_ndcg10"`
	FullHR10      float64 `json:"full_hr10"`
	FullNDCG10    float64 `json:"full_ndcg10"`
}

// Spreads are what the figures do over seeds.
type Spreads struct {
	HR10          judging.Spread `json:"hr10"`
	NDCG10        judging.Spread `json:"ndcg10"`
	MatchedHR10   judging.Spread `json:"matched_hr10"`
	MatchedNDCG10 judging.Spread `json:"matched_ndcg10"`
	FullHR10      judging.Spread `json:"full_hr10"`
	FullNDCG10    judging.Spread `json:"full_ndcg10"`
}

// Row is one model with everything that was measured: intervals over users, cuts, lists and segments.
type Row struct {
	Name string  `json:"name"`
	Seed *uint64 `json:"seed,omitempty"` // of a training; nil: a baseline
	Figures
	Result *judging.Result `json:"measured"`
}

// Skipped is a baseline that was not trained.
type Skipped struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Report is a run. Its figures are means over seeds of the model after its last round.
type Report struct {
	Task   string `json:"task"`
	Start  string `json:"start,omitempty"`     // of item vectors, as trained: another than the task's file says, where titles are bare numbers
	Hash   string `json:"task_hash,omitempty"` // of the task as it was fitted to the split
	Split  string `json:"split"`
	Titles int    `json:"titles"`
	Users  int    `json:"users"`  // with training titles
	Judged int    `json:"judged"` // users with a held-out title
	Plays  int    `json:"plays"`  // in training
	// Fewest and Most are how many uniform negatives a user has.
	Fewest int         `json:"negatives_fewest"`
	Most   int         `json:"negatives_most"`
	Notes  split.Notes `json:"notes"`
	Seed   uint64      `json:"seed"`
	Seeds  int         `json:"seeds"`

	Figures
	Epsilon      *float64 `json:"epsilon"` // null: without noise, nothing is promised
	Delta        *float64 `json:"delta"`
	Unit         string   `json:"unit,omitempty"` // what ε protects
	Sampling     string   `json:"sampling_assumption,omitempty"`
	Rounds       int      `json:"rounds"`
	BytesPerUser float64  `json:"bytes_per_user"`

	Spread    Spreads             `json:"spread"`
	Runs      []Row               `json:"runs"`
	Quiet     []Row               `json:"without_noise,omitempty"` // the same seeds, beside a private figure
	Baselines []Row               `json:"baselines"`
	Skipped   []Skipped           `json:"baselines_skipped,omitempty"`
	Over      *judging.Difference `json:"over_popularity"` // of the first seed, user by user
	Loses     []string            `json:"loses_to_popularity"`
}

func newReport(o Options) *Report {
	t := o.Split.Train
	r := &Report{Task: o.Task, Split: o.Kind, Titles: t.Items, Judged: len(o.Split.Cases), Plays: t.Plays(), Notes: o.Split.Notes, Seed: o.Seed, Seeds: o.Seeds, Loses: []string{}}
	if o.Fitted != nil {
		hash := o.Fitted.Hash()
		r.Start, r.Hash = o.Fitted.Model.Start, hex.EncodeToString(hash[:])
	}
	for _, h := range t.Histories {
		if len(h) > 0 {
			r.Users++
		}
	}
	for i, c := range o.Split.Cases {
		n := len(c.Negatives)
		if i == 0 {
			r.Fewest = n
		}
		r.Fewest, r.Most = min(r.Fewest, n), max(r.Most, n)
	}
	return r
}

func flat(r *judging.Result) Figures {
	return Figures{r.Uniform.HR10.Mean, r.Uniform.NDCG10.Mean, r.Matched.HR10.Mean, r.Matched.NDCG10.Mean, r.Full.HR10.Mean, r.Full.NDCG10.Mean}
}

// add takes one seed's model. Terms are those of every seed.
func (r *Report) add(seed uint64, t *Trained, result *judging.Result) {
	r.Epsilon, r.Delta, r.Unit, r.Sampling = t.Epsilon, t.Delta, t.Unit, t.Sampling
	r.Rounds, r.BytesPerUser = t.Rounds, t.BytesPerUser
	r.Runs = append(r.Runs, Row{Name: r.Task, Seed: &seed, Figures: flat(result), Result: result})
}

// addQuiet takes one seed's model without noise.
func (r *Report) addQuiet(seed uint64, _ *Trained, result *judging.Result) {
	r.Quiet = append(r.Quiet, Row{Name: r.Task + " without noise", Seed: &seed, Figures: flat(result), Result: result})
}

// rows are all models: baselines, those of the task, the same without noise.
func (r *Report) rows() []Row {
	return slices.Concat(r.Baselines, r.Runs, r.Quiet)
}

// finish takes means over seeds, and compares with popularity.
func (r *Report) finish() {
	over := func(of func(Figures) float64) judging.Spread {
		var v []float64
		for _, run := range r.Runs {
			v = append(v, of(run.Figures))
		}
		return judging.SpreadOf(v)
	}
	s := &r.Spread
	*s = Spreads{over(func(f Figures) float64 { return f.HR10 }), over(func(f Figures) float64 { return f.NDCG10 }),
		over(func(f Figures) float64 { return f.MatchedHR10 }), over(func(f Figures) float64 { return f.MatchedNDCG10 }),
		over(func(f Figures) float64 { return f.FullHR10 }), over(func(f Figures) float64 { return f.FullNDCG10 })}
	r.Figures = Figures{s.HR10.Mean, s.NDCG10.Mean, s.MatchedHR10.Mean, s.MatchedNDCG10.Mean, s.FullHR10.Mean, s.FullNDCG10.Mean}
	for _, row := range r.Baselines {
		if row.Name != popularity {
			continue
		}
		d := r.Runs[0].Result.Over(row.Result)
		r.Over, r.Loses = &d, r.losses(row.Figures)
	}
}

// losses names the protocols where the mean over seeds is no better than popularity.
func (r *Report) losses(theirs Figures) []string {
	out := []string{}
	for _, p := range []struct {
		name   string
		ours   [2]float64
		theirs [2]float64
	}{
		{"uniform negatives", [2]float64{r.HR10, r.NDCG10}, [2]float64{theirs.HR10, theirs.NDCG10}},
		{"negatives by popularity", [2]float64{r.MatchedHR10, r.MatchedNDCG10}, [2]float64{theirs.MatchedHR10, theirs.MatchedNDCG10}},
		{"full ranking", [2]float64{r.FullHR10, r.FullNDCG10}, [2]float64{theirs.FullHR10, theirs.FullNDCG10}},
	} {
		if p.ours[0] <= p.theirs[0] || p.ours[1] <= p.theirs[1] {
			out = append(out, p.name)
		}
	}
	return out
}

// errAlone is why a report is not written.
var errAlone = errors.New("figures against uniform negatives are not printed alone: they flatter whatever knows popularity; measure negatives by popularity and full ranking too")

// Check says whether a report may be written: every model has all three protocols over the same users, popularity stands
// beside, and beside a private figure its terms and the same training without noise.
func (r *Report) Check() error {
	beside := false
	for _, row := range r.rows() {
		m := row.Result
		if m == nil || m.Uniform.Users == 0 || m.Matched.Users != m.Uniform.Users || m.Full.Users != m.Uniform.Users {
			return fmt.Errorf("report of %s: %w", row.Name, errAlone)
		}
		beside = beside || row.Name == popularity
	}
	if len(r.Runs) == 0 || !beside {
		return errors.New("report: no model, or no popularity beside it")
	}
	if r.Epsilon != nil && (len(r.Quiet) != len(r.Runs) || r.Delta == nil || r.Unit == "" || r.Sampling == "") {
		return errors.New("report: a private figure without its δ, its unit, what it takes of sampling, or the same training without noise beside it")
	}
	return nil
}

// WriteJSON writes one object, or nothing where Check refuses.
func (r *Report) WriteJSON(w io.Writer) error {
	if err := r.Check(); err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
