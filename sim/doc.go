// Package sim runs whole rounds of the real machines, one event after another, from one seed.
//
// Owns: simulated time, a simulated network that cuts and delays, crashes of coordinator and devices, the oracle.
// Promises: the same seed gives the same trace; every device contributes a single 1 at its own place (or what an experiment
// gives it), and every sum, less the noise that the seed gives, holds exactly the included devices' contributions; what no
// message and no log entry may ever say is checked as it happens.
// Never: asks a machine for less noise than it accepts (a Study takes noise off behind it), sleeps, opens a file outside tests.
// Start here: Run, or Observe for an experiment. Failures print the seed; scripts are in testdata.
//
// What counts as failure: a sum that differs, a member counted twice or without a charge, both kinds of share given for one
// member, a second roster or set of survivors, a vector receipted after the seal or receipted and left out without a rule,
// other bytes under the same name, noise drawn twice, a replay that decides differently, a round that does not end. What
// does not: an aborted round with its reason. Sources of nondeterminism: none; map iteration never decides an
// order, and devices that work ahead beside each other (ahead.go) do what they would do one after another.
package sim

import (
	"fmt"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/protocol"
)

// Config is one simulated federation.
type Config struct {
	Seed    uint64
	Devices int
	Min     int
	DeltaBP int
	Rounds  int
	D       int // length of the vectors
	// Mode is SH if not said. Suite names key exchange, mask generator and word bits, Sig the signatures; zeros are 1, 1, 32, 1.
	Mode  aggregation.Mode
	Suite aggregation.Suite
	Sig   uint16
	// Cohorts cuts the roster into as many groups, each with its own sum; Min holds for each.
	Cohorts int
	// ClipBit gives the rounds a clip bit. The clip cuts nobody. Min must be 6 or more: fewer cannot hide a bit.
	ClipBit bool
	// Shipped gives the devices the policy that they are shipped with, balanced, and rounds its noise.
	Shipped bool
	// Unsigned is the chance in percent that witnesses do not sign a roster (mode W).
	Unsigned int
	// Lose is how many devices vanish for the rest of a round at each step.
	Lose map[Step]int
	// Crash lists phases at whose start the coordinator is killed and replayed, once each and round.
	Crash []string
	// Restart is how many devices are stopped and started again at each step.
	Restart map[Step]int
	// Chances in percent for every message: that its delivery breaks its connection instead, that it arrives twice, that it
	// comes late at the coordinator and others overtake it.
	Cut, Duplicate, Reorder int
	// Liars is how many devices lie, the first ones; Lie is the chance in percent that a message of theirs is a lie, one of
	// Lies; none named means any.
	Liars, Lie int
	Lies       []Lie
	// Victims is how many devices, those after the first, a liar picks out where its lie is about some of the others; 1 if not said.
	Victims int
	// Slow is added to the longest time that a message takes, 50 ms.
	Slow time.Duration
	// Variance is σ² of a sum's noise over C_int²; 0: 1/4, or what the shipped policy asks for at least. With Shipped it is 4 or more.
	Variance uint64
	// Accumulators makes what sums up a cohort and takes its masks off, for a backend; nil: the CPU's. All give the same bits.
	Accumulators func(aggregation.Shape) aggregation.Accumulator
	// Progress hears of everything that happens, and Ended of every round once it is over; an error of theirs ends the run. Both may be nil.
	Progress func(Moment) error
	Ended    func(RoundOutcome) error
}

// Step is a point in a device's round.
type Step string

// The steps at which devices can be lost or restarted: before they send the message named.
const (
	AtShares Step = "shares"
	AtInput  Step = "input"
	AtChunk  Step = "chunk"
	AtReveal Step = "reveal"
)

// Outcome is what a run gave.
type Outcome struct {
	Trace  []string // one fact a line, with its simulated time
	Rounds []RoundOutcome
}

// RoundOutcome is one round's end.
type RoundOutcome struct {
	Done       bool
	Reason     string
	U1, U2, U3 int
	SumOK      bool
	Refusals   []string
	Culprits   []Blame
	Members    []int // numbers of the devices on the roster
	Figures    Figures
}

// Blame is a device that is held to have spoilt a round, and how many rounds it sits out for that.
type Blame struct {
	Device int
	Fault  round.Fault
	Out    uint64
}

// limit bounds a run: events handled, and simulated time.
const (
	maxEvents    = 2_000_000
	eventsDevice = 200 // a device and round, in large federations
	maxTime      = 24 * time.Hour
)

// events is the most that a run may handle: far more than any that ends.
func (cfg Config) events() int { return max(maxEvents, eventsDevice*cfg.Devices*cfg.Rounds) }

// usual fills in what is not said.
func (cfg Config) usual() Config {
	if cfg.Rounds == 0 {
		cfg.Rounds = 1
	}
	if cfg.D == 0 {
		cfg.D = 64
	}
	if cfg.Mode == 0 {
		cfg.Mode = aggregation.ModeSH
	}
	if cfg.Suite == (aggregation.Suite{}) {
		cfg.Suite = aggregation.Suite{Kex: aggregation.KexX25519, PRG: aggregation.PRGAES128, WordBits: 32}
	}
	if cfg.Sig == 0 {
		cfg.Sig = protocol.SigEd25519
	}
	cfg.Cohorts = max(1, cfg.Cohorts)
	return cfg
}

// Run simulates the rounds and checks them. An error is a broken promise, and names the seed.
func Run(cfg Config) (*Outcome, error) {
	w, err := newWorld(cfg)
	if err != nil {
		return nil, fmt.Errorf("seed=%d: %w", cfg.Seed, err)
	}
	out, err := w.run()
	if err != nil {
		return out, fmt.Errorf("seed=%d: %w", cfg.Seed, err)
	}
	return out, nil
}
