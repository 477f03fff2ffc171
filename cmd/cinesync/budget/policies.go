package budget

import (
	"fmt"
	"math/bits"

	"github.com/cinesync/cinesync/client/participant"
)

// Verdict says whether devices under a named policy take part in the planned rounds.
type Verdict struct {
	Policy string `json:"policy"`
	Takes  bool   `json:"takes"`
	Why    string `json:"why,omitempty"` // the first term that it refuses
	// Spacing is the least spacing_rounds that the task must have for it, which the plan says nothing of.
	Spacing uint32 `json:"spacing_rounds"`
}

func (p *Plan) verdicts() []Verdict {
	var out []Verdict
	for _, f := range participant.Policies() {
		v := Verdict{Policy: f.Name, Why: p.below(f), Spacing: f.B}
		v.Takes = v.Why == ""
		out = append(out, v)
	}
	return out
}

// below names the first term of the plan that is weaker than a policy.
func (p *Plan) below(f participant.Floor) string {
	high, low := bits.Mul64(p.Chosen.SigmaTotSq, f.ZDen*f.ZDen)
	wantHigh, wantLow := bits.Mul64(uint64(p.Chosen.CInt)*uint64(p.Chosen.CInt), f.ZNum*f.ZNum)
	switch {
	case p.Cohort < int(f.NMin):
		return fmt.Sprintf("a roster of %d, at least %d are wanted", p.Cohort, f.NMin)
	case p.GammaBP < int(f.GammaBP):
		return fmt.Sprintf("γ = %s %%, at least %s %% is wanted", percent(p.GammaBP), percent(int(f.GammaBP)))
	case p.LossBP > int(f.DeltaBP):
		return fmt.Sprintf("losses of %s %%, at most %s %% are allowed", percent(p.LossBP), percent(int(f.DeltaBP)))
	case high < wantHigh || high == wantHigh && low < wantLow:
		return fmt.Sprintf("z = %.3g, at least %d/%d is wanted", p.Noise, f.ZNum, f.ZDen)
	case p.Clip > f.MaxC:
		return fmt.Sprintf("a clip of %v, at most %v is allowed", p.Clip, f.MaxC)
	case p.Participations > int(f.P):
		return fmt.Sprintf("%d participations of one device, at most %d are allowed in a period", p.Participations, f.P)
	case p.Population/p.Cohort < min(int(f.B), p.Rounds): // a device answers in one round of b, so b rosters have nobody in common
		return fmt.Sprintf("its devices rest %d rounds after each, and %d devices are too few for %d rosters of %d without one of them twice",
			f.B-1, p.Population, min(int(f.B), p.Rounds), p.Cohort)
	case p.Ceiling > uint64(f.Ceiling):
		return fmt.Sprintf("ρ = %.3g over the period, at most %.3g is allowed", p.Rho, f.Ceiling.Rho())
	}
	return ""
}
