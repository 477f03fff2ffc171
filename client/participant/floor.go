package participant

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/privacy"
)

// Floor is the device's own policy: the weakest round it takes part in. It is compiled in or set by the device's owner,
// never taken from an offer (design: secure aggregation 3.2, privacy 8.5).
type Floor struct {
	Name     string
	NMin     uint32 // smallest roster
	GammaBP  uint16 // least share of hostile members a round must withstand, basis points
	DeltaBP  uint16 // largest loss a round may be opened for, basis points
	Lambda   uint16 // least security bits of the graph
	ZNum     uint64 // least noise multiplier z = ZNum/ZDen of any one answer
	ZDen     uint64
	MaxC     float32 // largest clipping bound
	P        uint32  // most participations a question in a period
	B        uint32  // least spacing of participations, in rounds
	Ceiling  privacy.Units
	Period   uint64 // seconds
	Modes    []aggregation.Mode
	Code     []string // names of local functions that are compiled in and allowed
	Purposes []string // question ids the owner agreed to
	LoopOnly bool     // only a coordinator on loopback and a log origin ending in /demo
}

// TrainingQuestion is the id of the question that training rounds answer.
const TrainingQuestion = "train"

const month = 30 * 24 * 3600

// Balanced is the shipped policy. It asks for a witnessed round (mode W), so a coordinator that cannot show a witness is
// refused.
func Balanced() Floor {
	return Floor{Name: "balanced", NMin: 64, GammaBP: 500, DeltaBP: 3000, Lambda: 80, ZNum: 2, ZDen: 1, MaxC: 10, P: 30, B: 1,
		Ceiling: 1 << 40, Period: month, Modes: []aggregation.Mode{aggregation.ModeW}, Code: codeNames(), Purposes: []string{TrainingQuestion}}
}

// Demo is the policy of `cinesync demo` for so many rounds: so few devices allow no real promise. It is taken only with a
// coordinator on loopback, a log origin that ends in /demo, and a folder the demo made and marked.
func Demo(rounds uint32) Floor {
	return Floor{Name: "demo", NMin: 3, GammaBP: 0, DeltaBP: 6000, Lambda: 40, ZNum: 1, ZDen: 2, MaxC: 10, P: rounds, B: 1,
		Ceiling: privacy.Units(rounds) * (2 << 40), Period: month,
		Modes: []aggregation.Mode{aggregation.ModeSH, aggregation.ModeSM, aggregation.ModeW}, Code: codeNames(),
		Purposes: []string{TrainingQuestion}, LoopOnly: true}
}

func codeNames() []string { return []string{"two-tower", "ncf"} }

// Limits are the hard stops of the device's ledger under this policy.
func (f Floor) Limits() privacy.Limits {
	return privacy.Limits{Ceiling: f.Ceiling, Participations: f.P, Spacing: f.B}
}

// Validate refuses a policy that an owner edited into nonsense.
func (f Floor) Validate() error {
	switch {
	case f.NMin < 3:
		return fmt.Errorf("policy %q: smallest roster is %d, want at least 3", f.Name, f.NMin)
	case f.ZNum == 0 || f.ZDen == 0:
		return fmt.Errorf("policy %q: least noise multiplier is %d/%d, want a positive fraction", f.Name, f.ZNum, f.ZDen)
	case !(f.MaxC > 0):
		return fmt.Errorf("policy %q: largest clip is %v, want a positive number", f.Name, f.MaxC)
	case f.Ceiling == 0 || f.P == 0 || f.B == 0:
		return fmt.Errorf("policy %q: ceiling, participations and spacing must be positive", f.Name)
	}
	return nil
}

// noisy reports whether σ_tot ≥ z·C_int, exactly: σ_tot²·ZDen² ≥ ZNum²·C_int².
func (f Floor) noisy(cInt uint32, sigmaTotSq uint64) bool {
	lh, ll := bits.Mul64(sigmaTotSq, f.ZDen*f.ZDen)
	rh, rl := bits.Mul64(uint64(cInt)*uint64(cInt), f.ZNum*f.ZNum)
	return lh > rh || lh == rh && ll >= rl
}

func (f Floor) allowsMode(m aggregation.Mode) bool { return slices.Contains(f.Modes, m) }
