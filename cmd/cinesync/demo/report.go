package demo

import (
	"context"
	"fmt"
	"os"

	"github.com/cinesync/cinesync/cmd/internal/auditing"
)

// Report is the one JSON object that --json prints.
type Report struct {
	Dir             string           `json:"dir"`
	Task            string           `json:"task"`
	Devices         int              `json:"devices"`
	Parameters      int              `json:"parameters"`
	Rounds          []Round          `json:"rounds"`
	Metrics         Metrics          `json:"metrics"`
	Epsilon         float64          `json:"epsilon"`        // over all rounds
	Dearest         float64          `json:"epsilon_period"` // of the ledger period that costs most
	Delta           float64          `json:"delta"`
	Claim           auditing.Claim   `json:"claim"` // what epsilon and delta are of, and against whom
	Promise         string           `json:"promise"`
	Audit           Audit            `json:"audit"`
	Recommendations []Recommendation `json:"recommendations"`
	Crashes         []Crash          `json:"crashes,omitempty"`
	Missed          []string         `json:"phases_not_killed,omitempty"` // with --crash: where no kill landed
	Seconds         float64          `json:"seconds"`
	logged          int              // rounds in the log: those that were heard of, if all went well
	broken          error            // what could not be measured or recommended
}

// Round is one round as the demo, which owns both sides, saw it.
type Round struct {
	Round     uint64         `json:"round"`
	Outcome   string         `json:"outcome"`
	Reason    string         `json:"reason,omitempty"`
	Roster    int            `json:"roster"`
	Included  int            `json:"included"`   // whose vectors are in the sum
	Dropped   int            `json:"dropped"`    // who was on the roster and did not stay to the end
	DroppedIn map[string]int `json:"dropped_in"` // by the phase that missed their message; those missed in unmask are in the sum
	Phases    map[string]int `json:"phases_ms"`
	BytesUp   int64          `json:"bytes_up_per_device"`
	BytesDown int64          `json:"bytes_down_per_device"`
	SumOK     bool           `json:"sum_ok"`
	HR10      float64        `json:"hr10"`
	Clip      float64        `json:"clip"`
}

// Metrics are of the last published model, on each device's newest title, which training never saw: ranked against 99
// titles the device has not watched.
type Metrics struct {
	HR10           float64 `json:"hr10"`
	NDCG10         float64 `json:"ndcg10"`
	PopularityHR10 float64 `json:"popularity_hr10"`
	StartHR10      float64 `json:"start_hr10"`    // before any round: content alone
	NoNoiseHR10    float64 `json:"no_noise_hr10"` // the same training without noise and losses: what privacy costs here
}

// Audit is what the auditor says of the log.
type Audit struct {
	OK      bool `json:"ok"`
	Entries int  `json:"entries"`
}

// Recommendation is one title for the first device.
type Recommendation struct {
	ID    string  `json:"id"`
	Title string  `json:"title"`
	Score float32 `json:"score"`
}

// Crash is one kill -9 of the coordinator, and what became of the round.
type Crash struct {
	Round   uint64 `json:"round"`
	Phase   string `json:"phase"`
	Outcome string `json:"outcome"` // resumed or aborted
	Reason  string `json:"reason,omitempty"`
}

// promise stands beside the demo's epsilon, always.
const promise = "so few devices allow no real promise: the demo's noise protects nobody, it shows the machinery; no real device accepts this policy"

// report measures and audits once more and asks the first device for titles.
func (s *show) report(ctx context.Context) (*Report, error) {
	r := &Report{Dir: s.folder.dir, Task: s.o.Task, Devices: len(s.devices), Parameters: s.judge.parameters, Rounds: append([]Round{}, s.rounds...),
		Promise: promise, Recommendations: []Recommendation{},
		Metrics: Metrics{HR10: round4(s.judge.hr10), NDCG10: round4(s.judge.ndcg10), PopularityHR10: round4(s.judge.popularity), StartHR10: round4(s.judge.start)}}
	if s.kills != nil {
		r.Crashes, r.Missed = s.kills.crashes, s.kills.missed()
	}
	plain, err := s.withoutPrivacy(ctx)
	s.screen.done()
	if err != nil {
		return nil, err
	}
	r.Metrics.NoNoiseHR10 = round4(plain.HR10.Mean)
	verdict := verify(os.DirFS(s.folder.dir))
	r.Audit = Audit{OK: verdict.OK, Entries: verdict.Entries}
	r.Epsilon, r.Dearest, r.Delta = verdict.TotalEpsilon, verdict.Epsilon, verdict.Delta
	r.Claim = auditing.ClaimOf(verdict)
	r.logged, r.broken = verdict.Rounds, s.unmeasured
	if s.last != ([32]byte{}) && r.broken == nil {
		r.broken = s.recommend(ctx, r)
	}
	return r, ctx.Err()
}

// recommend asks the first device, which computes on its own history and its own copy of the model.
func (s *show) recommend(ctx context.Context, r *Report) error {
	list, err := s.devices[0].Client.Recommend(ctx, 10, "")
	if err != nil {
		return fmt.Errorf("recommend on the first device: %w", err)
	}
	names := map[string]string{}
	for _, t := range s.world.titles {
		names[t.ID] = fmt.Sprintf("%s (%d)", t.Title, t.Year)
	}
	for _, v := range list {
		r.Recommendations = append(r.Recommendations, Recommendation{ID: v.ID, Title: names[v.ID], Score: v.Score})
	}
	return nil
}

// Verdict is an error if anything the demo promises did not hold.
func (r *Report) Verdict() error {
	done, why := 0, "none was opened"
	for _, v := range r.Rounds {
		if v.Outcome != "done" {
			why = fmt.Sprintf("round %d: %s", v.Round, v.Reason)
			continue
		}
		done++
		if !v.SumOK {
			return fmt.Errorf("round %d: the aggregate is not the sum of the included devices' vectors; keep %s and report this", v.Round, r.Dir)
		}
	}
	switch {
	case !r.Audit.OK:
		return fmt.Errorf("the log does not verify: run `cinesync-audit verify %s`", quote(r.Dir))
	case done == 0:
		return fmt.Errorf("no round was published (%s); look into %s", why, r.Dir)
	case r.logged != len(r.Rounds):
		return fmt.Errorf("the log holds %d rounds and the demo heard how %d ended, so the other sums are unchecked (a coordinator can be killed just then): run it again", r.logged, len(r.Rounds))
	case len(r.Missed) > 0:
		return fmt.Errorf("no kill landed in phases %v: run more --rounds", r.Missed)
	}
	return r.broken
}
