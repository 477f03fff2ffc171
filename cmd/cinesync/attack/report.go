package attack

import (
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/privacy/empirical"
	"github.com/cinesync/cinesync/sim/canary"
)

// Report is what an audit found. Its JSON is what --json prints.
type Report struct {
	Seed     uint64       `json:"seed"`
	Machine  string       `json:"machine"`
	Data     string       `json:"data,omitempty"` // name of the data set, where people are not invented
	Day      string       `json:"day"`
	Delta    float64      `json:"delta"`
	Level    float64      `json:"confidence"`
	Unit     string       `json:"unit"`
	Towards  string       `json:"towards"`
	Canaries []*CanaryRun `json:"canaries"`
	People   []*PeopleRun `json:"membership"`
}

// Unit and towards are the words of a claim (privacy specification, section 11).
const (
	unit    = "one device over all rounds of the run; neighbour: the same device taking part with the zero vector"
	towards = "a coordinator that controls at most 5 % of each roster and no quorum of the log's witnesses; without amplification"
)

// CanaryRun is one simulated federation of canaries.
type CanaryRun struct {
	Noise    string    `json:"noise"` // of the devices: whole, a tenth, none
	Canaries int       `json:"canaries"`
	In       int       `json:"in"`
	Rounds   int       `json:"rounds"`
	D        int       `json:"d"`
	Z        float64   `json:"z"`
	Rho      float64   `json:"rho"`
	Claimed  float64   `json:"epsilon_claimed"`
	Estimate float64   `json:"epsilon_estimate"`
	Caught   bool      `json:"claim_refuted"`
	Attack   Inference `json:"attack"`
}

// PeopleRun is one training of the model, on some of the people.
type PeopleRun struct {
	Noise      string    `json:"noise"`
	People     int       `json:"people"`
	Rounds     int       `json:"rounds"`
	Claimed    float64   `json:"epsilon_claimed"`
	HitRate    float64   `json:"hit_rate_10"`
	Popularity float64   `json:"popularity_hit_rate_10"` // of a list that is the same for everybody
	Loss       Inference `json:"by_loss"`
	Update     Inference `json:"by_update"`
}

// Caught says that an attack refutes the claim.
func (r *PeopleRun) Caught() bool { return max(r.Loss.Lower, r.Update.Lower) > r.Claimed }

// Inference is how well one attack tells who was in.
type Inference struct {
	Members int     `json:"members"`
	Others  int     `json:"others"`
	Lower   float64 `json:"epsilon_lower_bound"`
	Guesses int     `json:"guesses"`
	Correct int     `json:"correct"`
	AUC     float64 `json:"auc"`
	AUCLow  float64 `json:"auc_low"`
	AUCHigh float64 `json:"auc_high"`
	AtOne   Found   `json:"at_1_percent"`
	AtTenth Found   `json:"at_01_percent"`
	curve   []empirical.Point
}

// Found is the share of members found at a share of false alarms, with its limits at the report's confidence.
type Found struct {
	Hits  int     `json:"hits"`
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Wrong int     `json:"false_alarms"`
}

func inference(m empirical.Membership, b empirical.Bound) (Inference, error) {
	out := Inference{Members: m.Members, Others: m.Others, Lower: b.Epsilon, Guesses: b.Guesses, Correct: b.Correct,
		AUC: m.AUC, AUCLow: m.Low, AUCHigh: m.High, curve: m.Curve()}
	for _, f := range []struct {
		at float64
		to *Found
	}{{0.01, &out.AtOne}, {0.001, &out.AtTenth}} {
		rate, wrong, err := m.At(f.at, canary.Significance)
		if err != nil {
			return out, err
		}
		*f.to = Found{rate.Hits, rate.Share(), rate.Low, rate.High, wrong}
	}
	return out, nil
}

// Verdict is an error where a claim does not stand, or where the audit could not have seen that (privacy specification, 13.5).
func (r *Report) Verdict() error {
	var problems []error
	for _, c := range r.Canaries {
		problems = append(problems, c.problem())
	}
	for _, p := range r.People {
		if p.Noise == whole && p.Caught() {
			problems = append(problems, fmt.Errorf("membership inference proves ε of %.3f, and %.3f is claimed", max(p.Loss.Lower, p.Update.Lower), p.Claimed))
		}
	}
	return errors.Join(problems...)
}

// problem says what a run did not show that it must.
func (c *CanaryRun) problem() error {
	switch {
	case c.Noise == whole && c.Caught:
		return fmt.Errorf("with the noise as accounted ε is at least %.3f (95 %% confidence), and %.3f is claimed: do not publish it; run again with another --seed, then look at clip, sampler and charge",
			c.Attack.Lower, c.Claimed)
	case c.Noise == none && !c.seen():
		return fmt.Errorf("without any noise the attack proves ε of %.3f alone, and it has to pass %.3f: it is blind, and its other figures say nothing; ask for more than %d --canaries",
			c.Attack.Lower, max(c.Claimed, LeastBound), c.Canaries)
	case c.Noise == tenth && !c.seen():
		return fmt.Errorf("with a tenth of the noise the attack proves ε of %.3f alone, and it has to pass the %.3f claimed: such a fault would not be found; ask for more than %d --canaries",
			c.Attack.Lower, c.Claimed, c.Canaries)
	}
	return nil
}

// seen says that the attack found the noise missing that was taken off.
func (c *CanaryRun) seen() bool { return c.Caught && (c.Noise != none || c.Attack.Lower > LeastBound) }
