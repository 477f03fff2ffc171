package participant

import (
	"fmt"
	"math"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
)

// Floor is the device's own policy: the weakest round it takes part in. It is compiled in or set by the device's owner,
// never taken from an offer (secure aggregation 3.2, privacy 8.5).
type Floor struct {
	Name    string
	NMin    uint32 // smallest roster
	GammaBP uint16 // least share of hostile members a round must withstand, basis points
	DeltaBP uint16 // largest loss a round may be opened for, basis points
	Lambda  uint16 // least security bits of the graph
	ZNum    uint64 // least noise multiplier z = ZNum/ZDen of any one answer
	ZDen    uint64
	MaxC    float32 // largest clipping bound
	P       uint32  // most participations a question in a period
	B       uint32  // least spacing of participations, in rounds
	Ceiling privacy.Units
	Period  uint64 // seconds
	Modes   []aggregation.Mode
	// SeedKinds, Suites and WordBits are what a round may choose from; MaxCohorts is the most groups it may be cut into, 0 for 1.
	SeedKinds  []uint16
	Suites     Suites
	WordBits   []uint16
	MaxCohorts uint32
	Code       []string // names of local functions that are compiled in and allowed
	Purposes   []string // question ids the owner agreed to
	LoopOnly   bool     // only a coordinator on loopback and a log origin ending in /demo
}

// Suites are the tags of each kind that a policy allows (3.3).
type Suites struct{ Kex, PRG, Sig []uint16 }

// EverySuite allows all that csa1 has: each is believed to hold, the second of kex and sig against quantum computers too.
func EverySuite() Suites {
	return Suites{Kex: []uint16{1, 2}, PRG: []uint16{1, 2, 3}, Sig: []uint16{1, 2}}
}

// The seed kinds (5.6): cosignatures, beacons, or nothing but what was logged.
const (
	seedCosigned = 1
	seedBeacon   = 2
	seedPlain    = 3
)

// leastCosigned is λ with a seed of cosignatures.
const leastCosigned = 80

// seedOf is the one kind that belongs to a mode.
func seedOf(m aggregation.Mode) (kind uint16, ok bool) {
	switch m {
	case aggregation.ModeW:
		return seedCosigned, true
	case aggregation.ModeSM, aggregation.ModeSH:
		return seedPlain, true
	}
	return 0, false
}

// TrainingQuestion is the id of the question that training rounds answer.
const TrainingQuestion = "train"

// PopularityQuestion is the id of the question that counts titles before training (privacy 14).
const PopularityQuestion = "popularity"

const month = 30 * 24 * 3600

// Demo is the policy of `cinesync demo` for so many rounds: so few devices allow no real promise. It is taken only with a
// coordinator on loopback, a log origin that ends in /demo, and a folder the demo made and marked.
func Demo(rounds uint32) Floor {
	return Floor{Name: "demo", NMin: 3, GammaBP: 0, DeltaBP: 6000, Lambda: 40, ZNum: 1, ZDen: 2, MaxC: 10, P: rounds, B: 1,
		Ceiling: privacy.Units(rounds) * (2 << 40), Period: month,
		Modes: []aggregation.Mode{aggregation.ModeSH, aggregation.ModeSM, aggregation.ModeW}, SeedKinds: []uint16{seedCosigned, seedPlain},
		Suites: EverySuite(), WordBits: []uint16{32, 24, 16}, MaxCohorts: audit.MaxCohorts, Code: codeNames(),
		Purposes: purposes(), LoopOnly: true}
}

// codeNames are the local functions that are compiled in.
func codeNames() []string {
	return []string{"two-tower", "ncf", "sequential", "hybrid", "popularity"}
}

// purposes are the questions that the shipped policies agree to.
func purposes() []string { return []string{TrainingQuestion, PopularityQuestion} }

// Limits are the hard stops of the device's ledger under this policy.
func (f Floor) Limits() privacy.Limits {
	return privacy.Limits{Ceiling: f.Ceiling, Participations: f.P, Spacing: f.B}
}

// Validate refuses a policy that an owner edited into nonsense.
func (f Floor) Validate() error {
	switch {
	case f.NMin < 3:
		return fmt.Errorf("policy %q: smallest roster is %d, want at least 3", f.Name, f.NMin)
	case f.ZNum == 0 || f.ZDen == 0 || f.ZNum > math.MaxUint32 || f.ZDen > math.MaxUint32:
		return fmt.Errorf("policy %q: least noise multiplier is %d/%d, want a fraction of positive numbers below 2^32", f.Name, f.ZNum, f.ZDen)
	case !(f.MaxC > 0) || math.IsInf(float64(f.MaxC), 1):
		return fmt.Errorf("policy %q: largest clip is %v, want a positive number", f.Name, f.MaxC)
	case f.Ceiling == 0 || f.P == 0 || f.B == 0:
		return fmt.Errorf("policy %q: ceiling, participations and spacing must be positive", f.Name)
	case f.Period == 0:
		return fmt.Errorf("policy %q: a ledger period has no length", f.Name)
	case f.MaxCohorts > audit.MaxCohorts:
		return fmt.Errorf("policy %q: up to %d cohorts are allowed, want at most %d", f.Name, f.MaxCohorts, audit.MaxCohorts)
	}
	return f.validateChoices()
}

// validateChoices wants something to choose from of each kind, and nothing that does not exist.
func (f Floor) validateChoices() error {
	every := EverySuite()
	for _, c := range []struct {
		name        string
		have, known []uint16
	}{{"key agreement suites", f.Suites.Kex, every.Kex}, {"mask generators", f.Suites.PRG, every.PRG}, {"signature suites", f.Suites.Sig, every.Sig},
		{"word bits", f.WordBits, []uint16{32, 24, 16}}, {"seed kinds", f.SeedKinds, []uint16{seedCosigned, seedPlain}}} {
		if len(c.have) == 0 {
			return fmt.Errorf("policy %q: no %s are allowed, want some of %v", f.Name, c.name, c.known)
		}
		for _, v := range c.have {
			if !slices.Contains(c.known, v) {
				return fmt.Errorf("policy %q: %s include %d, want some of %v", f.Name, c.name, v, c.known)
			}
		}
	}
	for _, m := range f.Modes {
		if kind, ok := seedOf(m); !ok || !slices.Contains(f.SeedKinds, kind) {
			return fmt.Errorf("policy %q: mode %v wants seed kind %d, and %v are allowed", f.Name, m, kind, f.SeedKinds)
		}
	}
	return nil
}

func (f Floor) maxCohorts() uint32 { return max(1, f.MaxCohorts) }

func (f Floor) allowsMode(m aggregation.Mode) bool { return slices.Contains(f.Modes, m) }
