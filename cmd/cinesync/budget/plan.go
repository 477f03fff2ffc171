package budget

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/privacy"
)

// Plan is what a round must carry so that all of them together stay within the ε that was wanted.
type Plan struct {
	Population     int     `json:"population"`
	Cohort         int     `json:"cohort"`
	Rounds         int     `json:"rounds"`
	Participations int     `json:"participations"` // the hard stop of each device, P
	Dim            int     `json:"dim"`
	Clip           float32 `json:"clip"`
	GammaBP        int     `json:"gamma_bp"`
	LossBP         int     `json:"loss_bp"`

	Delta       float64 `json:"delta"`
	Wanted      float64 `json:"epsilon_wanted"`
	Epsilon     float64 `json:"epsilon"` // of Participations rounds, by the ledger's integers
	Order       float64 `json:"order"`   // at which the conversion gave it
	Formula     string  `json:"formula"`
	Unit        string  `json:"unit"`
	Towards     string  `json:"towards"`
	Rho         float64 `json:"rho"`
	RhoUnits    uint64  `json:"rho_units_per_round"`
	Ceiling     uint64  `json:"ceiling_units"` // of the period: Participations charges
	Amplified   bool    `json:"amplified_by_sampling"`
	HonestFloor int     `json:"h_min"`
	Noise       float64 `json:"noise_multiplier"` // z = σ_tot/C_int

	Chosen     Encoding   `json:"chosen"`
	Encodings  []Encoding `json:"encodings"` // of each word size, whether it fits or not
	Accuracy   *Curve     `json:"accuracy"`  // nil: nothing like it was measured, as Unmeasured says
	Unmeasured string     `json:"accuracy_unmeasured,omitempty"`
	Policies   []Verdict  `json:"policies"`
}

// Plan finds the least noise that keeps one device within ε over its rounds, the grid for it, and the smallest words that carry both.
func (w Want) Plan() (Plan, error) {
	if err := w.check(); err != nil {
		return Plan{}, err
	}
	w = w.filled()
	rho, err := privacy.LargestRho(w.Epsilon, w.Delta)
	if err != nil {
		return Plan{}, bad("epsilon", "is %v: %v", w.Epsilon, err)
	}
	all, err := privacy.ToUnits(rho)
	if err != nil {
		return Plan{}, bad("epsilon", "is %v: %v", w.Epsilon, err)
	}
	each := all / privacy.Units(w.Participations)
	h := privacy.HonestFloor(w.Cohort, w.GammaBP, w.LossBP)
	if h < 1 {
		return Plan{}, bad("cohort", "is %d: with γ = %d and losses of %d basis points none need be honest and present; lower the rates or raise the cohort",
			w.Cohort, w.GammaBP, w.LossBP)
	}
	p := Plan{Population: w.Population, Cohort: w.Cohort, Rounds: w.Rounds, Participations: w.Participations, Dim: w.Dim, Clip: w.Clip, GammaBP: w.GammaBP,
		LossBP: w.LossBP, Delta: w.Delta, Wanted: w.Epsilon, HonestFloor: h, Formula: "zCDP, converted by Canonne, Kamath, Steinke (arXiv 2004.00010)",
		Unit:    "one device, its whole history, all its rounds of the period",
		Towards: fmt.Sprintf("a coordinator that controls at most %s %% of each roster and no quorum of the log's witnesses", percent(w.GammaBP))}
	for _, bits := range []int{16, 24, 32} {
		p.Encodings = append(p.Encodings, w.encode(bits, each, h))
	}
	if !p.choose() {
		return Plan{}, bad("cohort", "is %d: no word size carries this round: %s; ask for a larger cohort, more ε, fewer rounds or a smaller model",
			w.Cohort, p.Encodings[2].Why)
	}
	if err := p.account(); err != nil {
		return p, err
	}
	return p, p.expect()
}

func percent(bp int) string { return fmt.Sprintf("%g", float64(bp)/100) }

// choose takes the smallest words that carry the round: those that do keep the noise within a ninth of the widest words'.
func (p *Plan) choose() bool {
	for _, e := range p.Encodings {
		if e.Fits {
			p.Chosen = e
			return true
		}
	}
	return false
}

// account reads the price of the chosen encoding from the ledger's own arithmetic.
func (p *Plan) account() error {
	units, err := privacy.Charge(p.Chosen.CInt, p.Chosen.SigmaTotSq)
	if err != nil {
		return fmt.Errorf("charge of a round: %w", err)
	}
	p.RhoUnits, p.Ceiling = uint64(units), uint64(units)*uint64(p.Participations)
	p.Rho, p.Noise = privacy.Units(p.Ceiling).Rho(), p.Chosen.SigmaTot/float64(p.Chosen.CInt)
	if p.Epsilon, p.Order, err = privacy.Epsilon(p.Rho, p.Delta); err != nil {
		return err
	}
	if p.Epsilon > p.Wanted*(1+1e-12) || math.IsNaN(p.Epsilon) {
		return fmt.Errorf("plan: ε = %v came out above the %v that was wanted", p.Epsilon, p.Wanted) // a bug, and not to be printed as a plan
	}
	p.Policies = p.verdicts()
	return nil
}
