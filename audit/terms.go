package audit

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// models is A8.
func (a *auditor) models(v *verdict) {
	v.saw("%d rounds", len(a.story.rounds))
	known := map[[32]byte]bool{}
	for i, t := range a.story.rounds {
		o := t.open
		if i == 0 {
			known[o.ModelIn] = true // the log begins with this model
		}
		if !known[o.ModelIn] {
			v.fault("round %d starts from model %x, which no earlier round made", o.Round, o.ModelIn[:8])
		}
		if !t.released {
			v.fault("round %d runs local function %x, which no CodeRelease before it names", o.Round, o.CodeHash[:8])
		}
		if t.closed != nil {
			known[t.closed.ModelOut] = true
		}
	}
}

// terms is A10.
func (a *auditor) terms(v *verdict) {
	v.saw("%d rounds", len(a.story.rounds))
	if n := len(a.accounts.remarks); n > 0 {
		v.saw("%d rounds; %s", len(a.story.rounds), strings.Join(a.accounts.remarks[:min(n, 3)], "; "))
	}
	for _, r := range a.story.policies {
		if p := r.Record.(*PolicyChange); p.PeriodSeconds < MinPeriodSeconds {
			v.fault("the PolicyChange in entry %d has ledger periods of %d seconds, want at least %d (30 days)", r.Index, p.PeriodSeconds, MinPeriodSeconds)
		}
	}
	for _, t := range a.story.rounds {
		for _, err := range []error{checkTags(t.open), checkPolicy(t.open, t.policy), checkQuestion(t.open, t.question)} {
			if err != nil {
				v.fault("round %d: %v", t.open.Round, err)
			}
		}
		if t.closed != nil && t.closed.C != t.open.C {
			v.fault("round %d was opened with clip %v and closed with %v", t.open.Round, math.Float32frombits(t.open.C), math.Float32frombits(t.closed.C))
		}
	}
}

// checkTags refuses suites that csa1 does not have, a seed that is not the mode's (secure aggregation 5.6) and more cohorts than a
// RoundClose can name.
func checkTags(o *RoundOpen) error {
	for _, tag := range []struct {
		name       string
		have, most uint16
	}{{"key agreement", o.Kex, 2}, {"mask generator", o.PRG, 3}, {"signature", o.Sig, 2}, {"mode", o.Mode, 3}, {"seed kind", o.SeedKind, 3}} {
		if tag.have < 1 || tag.have > tag.most {
			return fmt.Errorf("%s %d is not one of csa1", tag.name, tag.have)
		}
	}
	switch {
	case o.SeedKind == seedBeacon:
		return errors.New("seed kind 2, a beacon, which this version of csa1 reserves and nobody can check")
	case (o.Mode == modeWitnessed) != (o.SeedKind == seedCosigned):
		return fmt.Errorf("seed kind %d does not belong to mode %d", o.SeedKind, o.Mode)
	case o.Mode == modeWitnessed && o.Lambda < leastWitnessedLambda:
		return fmt.Errorf("λ = %d with a cosigned seed, which can be drawn again: want at least %d", o.Lambda, leastWitnessedLambda)
	case o.Mode == modeWitnessed && o.WitnessPolicy == [32]byte{}:
		return errors.New("mode W without a witness policy")
	case o.Cohorts < 1 || o.Cohorts > MaxCohorts:
		return fmt.Errorf("%d cohorts, want 1 to %d", o.Cohorts, MaxCohorts)
	}
	return nil
}

const (
	modeWitnessed        = 1
	seedCosigned         = 1
	seedBeacon           = 2
	leastWitnessedLambda = 80 // secure aggregation 5.6
)

// checkPolicy holds a round against the PolicyChange in force; the ceiling is A6's business.
func checkPolicy(o *RoundOpen, p *PolicyChange) error {
	switch {
	case p == nil:
		return fmt.Errorf("no PolicyChange comes before it")
	case o.NMin < p.NMin:
		return fmt.Errorf("n_min is %d, the policy's is %d", o.NMin, p.NMin)
	case o.GammaBP < p.GammaBP || o.DeltaBP > p.DeltaBP:
		return fmt.Errorf("γ = %d and δ = %d basis points, the policy wants γ of at least %d and δ of at most %d", o.GammaBP, o.DeltaBP, p.GammaBP, p.DeltaBP)
	case o.P > p.P || o.B < p.B:
		return fmt.Errorf("limits P = %d and b = %d, the policy wants at most %d and at least %d", o.P, o.B, p.P, p.B)
	}
	return nil
}

// checkQuestion holds a round against the question it names: stricter is fine (secure aggregation 8.4).
func checkQuestion(o *RoundOpen, q *Question) error {
	if q == nil {
		return fmt.Errorf("its question is not in the log before it")
	}
	clip, most := math.Float32frombits(o.C), math.Float32frombits(q.C)
	switch {
	case o.D != q.D || o.LayoutHash != q.LayoutHash || o.CodeHash != q.CodeHash:
		return fmt.Errorf("length, layout or local function are not those of question %q", q.ID)
	case q.Kind != AsksSum && q.Kind != AsksSumBit:
		return fmt.Errorf("question %q asks for an answer of kind %d, want 1 or 2", q.ID, q.Kind)
	case o.SigmaBitSq != 0 && q.Kind != AsksSumBit:
		return fmt.Errorf("a clip bit, which question %q does not ask for", q.ID)
	case !(clip > 0) || !(clip <= most) || o.CInt > q.CInt:
		return fmt.Errorf("clip %v (C_int %d), question %q allows %v (%d)", clip, o.CInt, q.ID, most, q.CInt)
	case o.SigmaTotSq < q.SigmaTotSq:
		return fmt.Errorf("σ_tot² = %d, question %q wants at least %d", o.SigmaTotSq, q.ID, q.SigmaTotSq)
	case o.NMin < q.NMin || o.P > q.P || o.B < q.B:
		return fmt.Errorf("n_min %d, P %d, b %d are weaker than %d, %d, %d of question %q", o.NMin, o.P, o.B, q.NMin, q.P, q.B, q.ID)
	case o.OpenedAt >= q.Expiry:
		return fmt.Errorf("opened at %d, question %q expired at %d", o.OpenedAt, q.ID, q.Expiry)
	}
	return nil
}
