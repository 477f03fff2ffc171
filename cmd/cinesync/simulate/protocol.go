package simulate

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/sim"
)

// Protocol is a study of rounds with the real machines.
type Protocol struct {
	Devices, Rounds, Words int
	Seed                   uint64
	Mode                   aggregation.Mode
	Suite                  aggregation.Suite
	Sig                    uint16
	Drop                   Drop
	Restart                float64 // part of the devices that are stopped and started again in a round, spread over the steps
	Crash                  []string
	Network                Network
	Policy                 string // of the devices: participant.Shipped, Demo, or empty for the first of the two that takes such rounds
	Memory                 int64  // bytes that the study may need by its estimate; 0: no limit
	// Accumulators sum up and take masks off; nil: the CPU's. Their bits are the same.
	Accumulators func(aggregation.Shape) aggregation.Accumulator
	// Round is told of each round as it ends; an error ends the study. Progress hears of phases, of Rounds·Phases in all. Both may be nil.
	Round    func(*ProtocolRound) error
	Progress func(what string, done, all int)
}

// Demo is the policy of devices that take rounds which protect nobody: fewer than 64 devices, other modes, a short memory of noise.
const Demo = "demo"

// Network is what happens to messages: chances in percent, and what is added to the longest delay.
type Network struct {
	Cut, Duplicate, Reorder int
	Slow                    time.Duration
}

// Limits of a study.
const (
	MaxProtocolRounds = 10_000
	MaxWords          = 1 << 22
	maxRestart        = 1
)

// Terms are what a study's rounds are, beside what was asked for.
type Terms struct {
	Policy    string  `json:"policy"`
	Mode      string  `json:"secagg"`
	Minimum   int     `json:"minimum"` // fewest members whose vectors are summed
	Tolerated float64 `json:"tolerated_loss"`
	Neighbour int     `json:"neighbours"`
	Threshold int     `json:"threshold"`
	Noise     float64 `json:"noise_multiplier"`
	Memory    int64   `json:"memory_estimate_bytes"`
	variance  uint64
	deltaBP   int
}

// Terms checks the study and fixes what it does not say, before memory is taken.
func (p *Protocol) Terms() (*Terms, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	lost := total(p.Drop.counts(p.Devices))
	t := &Terms{Policy: p.Policy, Mode: p.Mode.String(), deltaBP: tolerated(lost, p.Devices)}
	t.Tolerated = float64(t.deltaBP) / 10_000
	if err := p.policy(t); err != nil {
		return nil, err
	}
	t.Minimum = max(t.Minimum, aggregation.MinSurvivors(p.Devices, t.deltaBP))
	degree, err := aggregation.FindDegree(aggregation.GraphParams{N: p.Devices, GammaBP: 500, DeltaBP: t.deltaBP, Lambda: lambda(p.Mode), Eta: 20, Mode: p.Mode})
	if err != nil {
		return nil, fmt.Errorf("%d devices of which %d vanish have no graph in mode %s: %w; take more --devices, a smaller --drop, or --secagg W", p.Devices, lost, t.Mode, err)
	}
	t.Neighbour, t.Threshold = degree.K, degree.T
	t.Memory = memory(p.Devices, p.Words, degree.K)
	if p.Memory > 0 && t.Memory > p.Memory {
		return nil, fmt.Errorf("--devices %d with --words %d need about %.1f GB, and --memory allows %.1f: take fewer, or allow more", p.Devices, p.Words,
			float64(t.Memory)/1e9, float64(p.Memory)/1e9)
	}
	return t, nil
}

func (p *Protocol) check() error {
	switch {
	case p.Devices < aggregation.MinDevices || p.Devices > protocol.MaxRoster:
		return fmt.Errorf("--devices is %d: want %d to %d, the largest roster of a round", p.Devices, aggregation.MinDevices, protocol.MaxRoster)
	case p.Rounds < 1 || p.Rounds > MaxProtocolRounds:
		return fmt.Errorf("--rounds is %d: want 1 to %d", p.Rounds, MaxProtocolRounds)
	case p.Words < 1 || p.Words > MaxWords:
		return fmt.Errorf("--words is %d: want 1 to %d", p.Words, MaxWords)
	case !(p.Restart >= 0 && p.Restart <= maxRestart):
		return fmt.Errorf("--restart is %v: want a part of the devices, 0 to %d", p.Restart, maxRestart)
	case p.Network.Slow < 0 || p.Network.Slow > time.Minute:
		return fmt.Errorf("--network slow=%v: want 0s to 1m", p.Network.Slow)
	}
	for _, chance := range []struct {
		name string
		v    int
	}{{"cut", p.Network.Cut}, {"duplicate", p.Network.Duplicate}, {"reorder", p.Network.Reorder}} {
		if chance.v < 0 || chance.v > 50 {
			return fmt.Errorf("--network %s=%d: want a chance of 0 to 50 percent", chance.name, chance.v)
		}
	}
	return nil
}

// least is the smallest roster of the shipped policy.
func least() int { return int(participant.Balanced().NMin) }

// policy is the shipped one where it takes such rounds, with noise that its budget bears for all of them; else that of the demo.
func (p *Protocol) policy(t *Terms) error {
	shipped := participant.Balanced()
	lost := total(p.Drop.counts(p.Devices))
	why := ""
	switch {
	case p.Mode != aggregation.ModeW:
		why = "it takes --secagg W alone"
	case p.Devices-lost < least():
		why = fmt.Sprintf("it wants sums of %d devices, and %d of %d are left", least(), p.Devices-lost, p.Devices)
	case t.deltaBP > int(shipped.DeltaBP):
		why = fmt.Sprintf("it bears a loss of %d in 10000 at most, and this study has to bear %d", shipped.DeltaBP, t.deltaBP)
	case p.Rounds > int(shipped.P):
		why = fmt.Sprintf("it takes part in %d rounds, and --rounds is %d", shipped.P, p.Rounds)
	}
	switch {
	case p.Policy == shipped.Name && why != "":
		return fmt.Errorf("--policy is %s: %s; --policy %s takes anything", p.Policy, why, Demo)
	case p.Policy != "" && p.Policy != shipped.Name && p.Policy != Demo:
		return fmt.Errorf("--policy is %q: want %s or %s", p.Policy, shipped.Name, Demo)
	}
	if most := participant.Demo(1).DeltaBP; t.deltaBP > int(most) {
		return fmt.Errorf("--drop loses %d of %d devices: rounds bear a loss of %d in 10000 at most, and want a margin of %d; drop fewer", lost, p.Devices, most, margin)
	}
	if p.Policy == Demo || why != "" {
		t.Policy, t.Minimum, t.Noise = Demo, aggregation.MinDevices, 0.5
		return nil
	}
	t.Policy, t.Minimum = shipped.Name, least()
	t.variance = uint64(max(4, p.Rounds)) // all rounds together cost ρ = 1/2, half of the policy's budget
	t.Noise = short(math.Sqrt(float64(t.variance)))
	return nil
}

// margin of a loss, basis points.
const margin = 500

// tolerated is the loss that rounds are opened for, in basis points: a twentieth more than vanishes, and a tenth at least.
func tolerated(lost, devices int) int {
	const usual = 1000
	return max(usual, (lost*10_000+devices-1)/devices+margin)
}

func lambda(m aggregation.Mode) int {
	if m == aggregation.ModeW {
		return 80
	}
	return 40
}

// memory estimates a study's: what a device, one neighbour of its and one word of its vector take, as measured.
func memory(devices, words, neighbours int) int64 {
	const device, neighbour, word = 150_000, 4_500, 28
	return int64(devices) * (device + int64(neighbours)*neighbour + int64(words)*word)
}

// Run simulates the rounds.
func (p *Protocol) Run(ctx context.Context) (*ProtocolSummary, error) {
	t, err := p.Terms()
	if err != nil {
		return nil, err
	}
	s := p.summary(t)
	time := startClock()
	cfg := sim.Config{Seed: p.Seed, Devices: p.Devices, Min: t.Minimum, DeltaBP: t.deltaBP, Rounds: p.Rounds, D: p.Words, Mode: p.Mode, Suite: p.Suite, Sig: p.Sig,
		Shipped: t.Policy != Demo, Variance: t.variance, Lose: p.Drop.counts(p.Devices), Restart: spread(p.Restart, p.Devices), Crash: p.Crash,
		Cut: p.Network.Cut, Duplicate: p.Network.Duplicate, Reorder: p.Network.Reorder, Slow: p.Network.Slow, Accumulators: p.Accumulators}
	told := -1
	cfg.Progress = func(m sim.Moment) error {
		if at := (m.Round-1)*Phases + int(m.Phase); p.Progress != nil && m.Phase < round.Done && at != told {
			told = at
			p.Progress(fmt.Sprintf("round %d of %d: %s", m.Round, p.Rounds, m.Phase), at, p.Rounds*Phases)
		}
		return ctx.Err()
	}
	cfg.Ended = func(r sim.RoundOutcome) error {
		line, err := p.line(len(s.lines)+1, r)
		if err != nil {
			return err
		}
		line.Wall.Seconds = time.lap()
		s.add(line)
		if p.Round == nil {
			return nil
		}
		return p.Round(line)
	}
	if _, err := sim.Run(cfg); err != nil {
		return nil, err
	}
	s.Wall = time.total(p.Rounds)
	return s, nil
}

// Phases of a round that progress counts.
const Phases = int(round.Done)
