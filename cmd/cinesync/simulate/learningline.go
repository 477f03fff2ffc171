package simulate

import (
	"encoding/hex"
	"fmt"

	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/sim/learning"
)

// Figures are one model's at ten titles: among 99 uniform negatives, and in the whole catalogue less what the person watched.
type Figures struct {
	HR10       float64 `json:"hr10"`
	NDCG10     float64 `json:"ndcg10"`
	FullHR10   float64 `json:"full_hr10"`
	FullNDCG10 float64 `json:"full_ndcg10"`
}

// LearningRound is the line of a round.
type LearningRound struct {
	Kind       string   `json:"kind"`
	Round      int      `json:"round"`
	Members    int      `json:"members"`
	Loss       float64  `json:"loss"`    // of the members' last local step, from the model before the round
	Norm       float64  `json:"norm"`    // L2, of the mean update before the clip
	Clipped    float64  `json:"clipped"` // part of the updates that the clip cut
	Figures    *Figures `json:"figures"` // of the model that the round serves; null: it was not judged
	Popularity *Figures `json:"popularity"`
	Epsilon    *float64 `json:"epsilon"` // so far, of who was in as many rounds as may be; null: no noise, and no promise
	Delta      *float64 `json:"delta"`
	Up         int64    `json:"up_bytes"`         // of the mean person so far
	Down       int64    `json:"down_bytes"`       // whole model files
	Deltas     int64    `json:"down_delta_bytes"` // what is left of that where devices that were in the round before get deltas
	Trained    string   `json:"trained_by"`       // cpu, or the GPU's name
	Wall       Wall     `json:"wall"`
}

// LearningSummary is the last line.
type LearningSummary struct {
	Kind         string        `json:"kind"`
	Mode         string        `json:"mode"`
	Seed         uint64        `json:"seed"`
	Task         string        `json:"task"`
	Hash         string        `json:"task_hash"` // of the task as it was trained
	Set          string        `json:"set"`
	Family       string        `json:"family"`
	Devices      int           `json:"devices"` // who train
	Judged       int           `json:"judged"`
	Titles       int           `json:"titles"`
	Words        int           `json:"words"`
	Rounds       int           `json:"rounds"`
	Cohort       int           `json:"cohort"`           // people of a round
	Members      int           `json:"members"`          // that the noise of a round is shared by
	Simulated    int           `json:"simulated_people"` // 0: those who train
	Figures      *Figures      `json:"figures"`          // of the last round's model
	Popularity   *Figures      `json:"popularity"`
	WithoutNoise *Figures      `json:"without_noise"` // null: there is no noise, or --without-noise was not given
	Loss         float64       `json:"loss"`
	Epsilon      *float64      `json:"epsilon"`
	Delta        *float64      `json:"delta"`
	Account      *task.Account `json:"account"`
	Up           int64         `json:"up_bytes"`
	Down         int64         `json:"down_bytes"`
	Deltas       int64         `json:"down_delta_bytes"`
	Trained      string        `json:"trained_by"`
	Wall         Wall          `json:"wall"`
	lines        []*LearningRound
}

func (b *bench) summary() (*LearningSummary, error) {
	t, terms := b.Task, b.job.Terms
	hash := t.Hash()
	s := &LearningSummary{Kind: KindSummary, Mode: "learning", Seed: b.Seed, Task: t.Name, Hash: hex.EncodeToString(hash[:]), Set: b.Set, Family: t.Model.Family,
		Devices: len(b.job.People), Judged: len(b.Data.Split.Cases), Titles: len(b.Data.Titles), Words: terms.Grid.D, Rounds: t.Rounds.Count, Cohort: t.Rounds.Cohort,
		Members: terms.Members, Simulated: t.Population.People, Account: terms.Account, Trained: b.trainer()}
	if s.Cohort == 0 {
		s.Cohort = s.Devices
	}
	if a := terms.Account; a != nil {
		s.Delta = &a.Delta
	}
	var err error
	if s.Popularity, err = b.popularity(); err != nil {
		return nil, fmt.Errorf("popularity: %w", err)
	}
	return s, nil
}

// trainer is what trains.
func (b *bench) trainer() string {
	if b.lost {
		return "cpu"
	}
	return b.GPU
}

// line is what there is to say of a round, but for how its model does.
func (b *bench) line(r learning.Round) (*LearningRound, error) {
	spent, err := b.job.After(r.Number)
	if err != nil {
		return nil, fmt.Errorf("what %d rounds cost: %w", r.Number, err)
	}
	out := &LearningRound{Kind: KindRound, Round: r.Number, Members: r.Members, Loss: short(r.Loss), Norm: short(r.Norm),
		Clipped: short(float64(r.Clipped) / float64(max(1, r.Members))), Up: spent.Up, Down: spent.Down, Trained: b.trainer()}
	if a := b.job.Terms.Account; a != nil && spent.Epsilon != nil {
		eps := short(*spent.Epsilon)
		out.Epsilon, out.Delta = &eps, &a.Delta
	}
	return out, nil
}

// add puts a round's line into the summary.
func (s *LearningSummary) add(r *LearningRound) {
	s.lines = append(s.lines, r)
	s.Loss, s.Epsilon, s.Up, s.Down, s.Deltas, s.Trained = r.Loss, r.Epsilon, r.Up, r.Down, r.Deltas, r.Trained
	if r.Figures != nil {
		s.Figures = r.Figures
	}
}
