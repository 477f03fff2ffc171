package demo

import "fmt"

// Report is the one JSON object that --json prints.
type Report struct {
	Dir             string           `json:"dir"`
	Task            string           `json:"task"`
	Devices         int              `json:"devices"`
	Parameters      int              `json:"parameters"`
	Rounds          []Round          `json:"rounds"`
	Metrics         Metrics          `json:"metrics"`
	Epsilon         float64          `json:"epsilon"`
	Delta           float64          `json:"delta"`
	Claim           string           `json:"claim"` // what epsilon and delta are of, and against whom
	Promise         string           `json:"promise"`
	Audit           Audit            `json:"audit"`
	Recommendations []Recommendation `json:"recommendations"`
	Crashes         []Crash          `json:"crashes,omitempty"`
	Seconds         float64          `json:"seconds"`
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

// Verdict is an error if anything the demo promises did not hold.
func (r *Report) Verdict() error {
	done := 0
	for _, v := range r.Rounds {
		if v.Outcome != "done" {
			continue
		}
		done++
		if !v.SumOK {
			return fmt.Errorf("round %d: the aggregate is not the sum of the included devices' vectors; keep %s and report this", v.Round, r.Dir)
		}
	}
	if done == 0 {
		return fmt.Errorf("no round was published; look into %s", r.Dir)
	}
	if !r.Audit.OK {
		return fmt.Errorf("the log does not verify: run `cinesync-audit verify %s`", r.Dir)
	}
	return nil
}
