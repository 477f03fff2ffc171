package train

import (
	"math"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/model/evaluate"
)

// Figures are one model's, or means over seeds: ranked against 99 uniform negatives, against as many by popularity, and against the
// whole catalogue.
type Figures struct {
	HR10          float64 `json:"hr10"`
	NDCG10        float64 `json:"ndcg10"`
	MatchedHR10   float64 `json:"matched_hr10"`
	MatchedNDCG10 float64 `json:"matched_ndcg10"`
	FullHR10      float64 `json:"full_hr10"`
	FullNDCG10    float64 `json:"full_ndcg10"`
}

// Spread is what figures do over seeds.
type Spread struct {
	HR10          evaluate.Spread `json:"hr10"`
	NDCG10        evaluate.Spread `json:"ndcg10"`
	MatchedHR10   evaluate.Spread `json:"matched_hr10"`
	MatchedNDCG10 evaluate.Spread `json:"matched_ndcg10"`
	FullHR10      evaluate.Spread `json:"full_hr10"`
	FullNDCG10    evaluate.Spread `json:"full_ndcg10"`
}

// Single is one seed's training, judged after its last round.
type Single struct {
	Seed uint64 `json:"seed"`
	Figures
	Trained *Figures `json:"trained,omitempty"` // of the same without foretold rows (model.fresh)
	Loss    float64  `json:"loss"`              // of the last round's local training
	Norm    float64  `json:"norm"`              // of its updates, before the clip
	Clipped float64  `json:"clipped"`           // part of them that the clip cut
	result  *evaluate.Result
}

// Report is a run.
type Report struct {
	Task       string `json:"task"`
	Hash       string `json:"task_hash"`
	Command    string `json:"command"`
	Set        string `json:"set"`
	Family     string `json:"family"`
	Dim        int    `json:"dim"`
	Titles     int    `json:"titles"`
	People     int    `json:"people"` // who train
	Judged     int    `json:"judged"`
	Parameters int    `json:"parameters"`
	Words      int    `json:"words"`
	Rounds     int    `json:"rounds"`
	Cohort     int    `json:"cohort"`           // people who train in a round
	Members    int    `json:"members"`          // that the noise of a round is shared by
	Simulated  int    `json:"simulated_people"` // 0: the people of the data

	Engine string   `json:"engine"`
	By     string   `json:"trained_by"` // all trainings: cpu, or the GPU's name; where that failed on the way "NAME, then cpu". Empty: a report of before there was this
	Seeds  []uint64 `json:"seeds"`

	Figures             // means over seeds
	Spread     Spread   `json:"spread"`
	Quiet      *Spread  `json:"without_noise"`     // nil: the task has none
	Trained    *Spread  `json:"trained,omitempty"` // the same without rows foretold of fresh titles; nil: none are (model.fresh)
	Popularity *Figures `json:"popularity"`        // nil, as the next two: nothing was judged
	Random     *Figures `json:"random"`            // by chance
	Start      *Figures `json:"start"`             // the model before any round and question
	Runs       []Single `json:"runs"`

	Epsilon *float64      `json:"epsilon"` // nil: no noise, and no promise
	Delta   *float64      `json:"delta"`
	Account *task.Account `json:"account"`
	// Noise is the norm of the noise in a round's mean over the clip.
	Noise float64 `json:"noise_to_update"`

	Traffic      Traffic  `json:"traffic"`
	BytesPerUser int64    `json:"bytes_per_user"`
	Loses        []string `json:"loses_to_popularity"` // protocols under which the first seed's model is not better
	Against      string   `json:"curve,omitempty"`
	Points       []Point  `json:"points,omitempty"`
	Failed       string   `json:"failed,omitempty"`   // which seed, comparison or curve is missing, and why
	Unjudged     string   `json:"unjudged,omitempty"` // why there are no figures, and what to do
}

// flat takes the figures of a result.
func flat(r *evaluate.Result) Figures {
	return Figures{HR10: r.Uniform.HR10.Mean, NDCG10: r.Uniform.NDCG10.Mean, MatchedHR10: r.Matched.HR10.Mean, MatchedNDCG10: r.Matched.NDCG10.Mean,
		FullHR10: r.Full.HR10.Mean, FullNDCG10: r.Full.NDCG10.Mean}
}

func spread(runs []Single) Spread {
	over := func(of func(Figures) float64) evaluate.Spread {
		var v []float64
		for _, r := range runs {
			v = append(v, of(r.Figures))
		}
		return evaluate.SpreadOf(v)
	}
	return Spread{HR10: over(func(f Figures) float64 { return f.HR10 }), NDCG10: over(func(f Figures) float64 { return f.NDCG10 }),
		MatchedHR10: over(func(f Figures) float64 { return f.MatchedHR10 }), MatchedNDCG10: over(func(f Figures) float64 { return f.MatchedNDCG10 }),
		FullHR10: over(func(f Figures) float64 { return f.FullHR10 }), FullNDCG10: over(func(f Figures) float64 { return f.FullNDCG10 })}
}

// untouched are the same trainings before rows of fresh titles were foretold, nil where none are.
func untouched(runs []Single) *Spread {
	var out []Single
	for _, r := range runs {
		if r.Trained == nil {
			return nil
		}
		out = append(out, Single{Figures: *r.Trained})
	}
	s := spread(out)
	return &s
}

func (s Spread) means() Figures {
	return Figures{s.HR10.Mean, s.NDCG10.Mean, s.MatchedHR10.Mean, s.MatchedNDCG10.Mean, s.FullHR10.Mean, s.FullNDCG10.Mean}
}

// noiseToClip is z·√d/members, and the rounding's own variance counted as noise.
func noiseToClip(t *task.Terms) float64 {
	each := float64(t.SigmaTotSq) + 0.25*float64(t.Members)
	r, err := t.Grid.R()
	if err != nil {
		return 0 // Terms validated the grid
	}
	return math.Sqrt(each*float64(t.Grid.D)) / (r * float64(t.Members))
}
