package simulate

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/sim"
)

// Delta is the δ at which ε is told in mode protocol.
const Delta = participant.ShownDelta

// ProtocolRound is the line of a round.
type ProtocolRound struct {
	Kind     string         `json:"kind"`
	Round    int            `json:"round"`
	Outcome  string         `json:"outcome"`          // done or failed
	Reason   string         `json:"reason,omitempty"` // why it was given up
	SumExact *bool          `json:"sum_exact"`        // less the noise, against the plain sum of those included; null where there is none
	Members  int            `json:"members"`          // on the roster
	Shared   int            `json:"shared"`           // of them, that finished sharing
	Included int            `json:"included"`         // in the sum
	Lost     map[string]int `json:"lost"`             // devices that vanished, by step
	Restarts int            `json:"restarts"`
	Crashes  int            `json:"crashes"`
	Dropped  map[string]int `json:"dropped"`  // members left out, by the reason in the log
	Refusals map[string]int `json:"refusals"` // of devices, by reason
	Phases   PhaseTimes     `json:"simulated_seconds"`
	Up       Bytes          `json:"up_bytes"`
	Down     Bytes          `json:"down_bytes"`
	Masks    Masks          `json:"masks"`
	Epsilon  float64        `json:"epsilon"` // so far, of the device that has spent most
	Delta    float64        `json:"delta"`
	Wall     Wall           `json:"wall"`
}

// PhaseTimes are simulated seconds.
type PhaseTimes struct {
	Keys   float64 `json:"keys"` // with recruiting
	Shares float64 `json:"shares"`
	Inputs float64 `json:"inputs"`
	Unmask float64 `json:"unmask"`
	Settle float64 `json:"settle"`
	Total  float64 `json:"total"`
}

// Bytes are one device's in a round, as frames.
type Bytes struct {
	Mean int64 `json:"mean"`
	Most int64 `json:"most"`
}

// Moved are one device's in all rounds, as frames.
type Moved struct {
	Mean int64 `json:"mean"`            // of the mean device, all rounds added up
	Most int64 `json:"most_in_a_round"` // of one device in one round
}

// Masks are how many vectors of mask the coordinator makes.
type Masks struct {
	Self int `json:"self"`
	Pair int `json:"pair"`
}

// ProtocolSummary is the last line.
type ProtocolSummary struct {
	Kind    string  `json:"kind"`
	Mode    string  `json:"mode"`
	Seed    uint64  `json:"seed"`
	Devices int     `json:"devices"`
	Words   int     `json:"words"`
	Terms           // the same for every round
	Rounds  int     `json:"rounds"`
	Done    int     `json:"done"`
	Failed  int     `json:"failed"`
	Exact   int     `json:"exact_sums"`
	Seconds float64 `json:"simulated_seconds"` // of all rounds
	Up      Moved   `json:"up_bytes"`
	Down    Moved   `json:"down_bytes"`
	Masks   Masks   `json:"masks"`
	Epsilon float64 `json:"epsilon"`
	Delta   float64 `json:"delta"`
	Wall    Wall    `json:"wall"`
	lines   []*ProtocolRound
}

func (p *Protocol) summary(t *Terms) *ProtocolSummary {
	return &ProtocolSummary{Kind: KindSummary, Mode: "protocol", Seed: p.Seed, Devices: p.Devices, Words: p.Words, Terms: *t, Delta: Delta}
}

// line is what there is to say of a round.
func (p *Protocol) line(number int, r sim.RoundOutcome) (*ProtocolRound, error) {
	f := r.Figures
	out := &ProtocolRound{Kind: KindRound, Round: number, Outcome: "failed", Members: r.U1, Shared: r.U2, Included: r.U3, Lost: map[string]int{},
		Restarts: f.Restarts, Crashes: f.Crashes, Dropped: map[string]int{}, Refusals: map[string]int{}, Phases: phaseTimes(f.Phases),
		Up: perDevice(f.Up, p.Devices), Down: perDevice(f.Down, p.Devices), Masks: Masks{f.SelfMasks, f.PairMasks}, Delta: Delta}
	if r.Done {
		out.Outcome, out.SumExact = "done", &r.SumOK
	} else {
		out.Reason = r.Reason
	}
	for s, n := range f.Lost {
		out.Lost[string(s)] = n
	}
	for _, d := range f.Drops {
		out.Dropped[round.Reason(d.Reason).String()] = int(d.Count)
	}
	for _, why := range r.Refusals {
		out.Refusals[reason(why)]++
	}
	if f.Spent > 0 {
		eps, _, err := privacy.Epsilon(f.Spent.Rho(), Delta)
		if err != nil {
			return nil, fmt.Errorf("round %d: %w", number, err)
		}
		out.Epsilon = short(eps)
	}
	return out, nil
}

// reason is a refusal's name without its details: "refused (F10 budget): …".
func reason(why string) string {
	if name, rest, ok := strings.Cut(strings.TrimPrefix(why, "refused ("), "): "); ok && rest != "" && name != why {
		return name
	}
	return "sits out"
}

func perDevice(t sim.Traffic, devices int) Bytes {
	return Bytes{Mean: int64(math.Round(float64(t.Total) / float64(devices))), Most: t.Most}
}

func phaseTimes(t [5]time.Duration) (p PhaseTimes) {
	all := time.Duration(0)
	for i, at := range []*float64{&p.Keys, &p.Shares, &p.Inputs, &p.Unmask, &p.Settle} {
		*at = t[i].Seconds()
		all += t[i]
	}
	p.Total = all.Seconds()
	return p
}

// add counts a round in.
func (s *ProtocolSummary) add(r *ProtocolRound) {
	s.lines = append(s.lines, r)
	s.Rounds++
	if r.Outcome == "done" {
		s.Done++
	} else {
		s.Failed++
	}
	if r.SumExact != nil && *r.SumExact {
		s.Exact++
	}
	s.Seconds = rounded(s.Seconds + r.Phases.Total)
	s.Up, s.Down = s.Up.plus(r.Up), s.Down.plus(r.Down)
	s.Masks = Masks{s.Masks.Self + r.Masks.Self, s.Masks.Pair + r.Masks.Pair}
	s.Epsilon = r.Epsilon
}

func (m Moved) plus(b Bytes) Moved { return Moved{m.Mean + b.Mean, max(m.Most, b.Most)} }
