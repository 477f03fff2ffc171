package budget

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/cmd/cinesync/secagg"
	"github.com/cinesync/cinesync/privacy"
)

// Encoding is how one word size carries the round.
type Encoding struct {
	WordBits   int     `json:"word_bits"`
	Fits       bool    `json:"fits"`
	Why        string  `json:"why,omitempty"` // it does not
	CInt       uint32  `json:"c_int,omitempty"`
	XMax       uint32  `json:"x_max,omitempty"`
	SigmaTotSq uint64  `json:"sigma_tot_sq,omitempty"`
	SigmaTot   float64 `json:"sigma_tot,omitempty"`
	SigmaLocSq uint64  `json:"sigma_loc_sq,omitempty"`
	SigmaLoc   float64 `json:"sigma_loc,omitempty"` // each device's share
	// Ratio is the norm of the noise in the mean update over the clip, when as many are lost as may be; RatioNoLoss when nobody is. The
	// rounding's own variance counts as noise.
	Ratio       float64 `json:"noise_to_update,omitempty"`
	RatioNoLoss float64 `json:"noise_to_update_without_loss,omitempty"`
	// Surplus is the standard deviation of the noise in the sum over the least that the promise needs, nobody lost.
	Surplus float64 `json:"surplus_noise,omitempty"`
	Up      int64   `json:"up_bytes_per_round,omitempty"`
	Down    int64   `json:"down_bytes_per_round,omitempty"` // beside the model file
}

// encode finds the grid of one word size: as fine as 8√d, or as the words allow.
func (w Want) encode(bits int, each privacy.Units, h int) Encoding {
	e := Encoding{WordBits: bits}
	if err := w.findGrid(&e, each, h); err != nil {
		e.Why = err.Error()
		return e
	}
	e.Fits = true
	return e
}

func (w Want) findGrid(e *Encoding, each privacy.Units, h int) error {
	z, err := multiplier(each)
	if err != nil {
		return err
	}
	// σ_loc ≥ 4 wants σ_tot ≥ 4√h, and so a grid fine enough for it.
	least := math.Ceil(4 * math.Sqrt(float64(h)) / z)
	if least > math.MaxInt32 {
		return fmt.Errorf("words of %d bits carry no grid as fine as C_int = %.0f", e.WordBits, least)
	}
	grid, _, err := aggregation.FitWords(uint16(e.WordBits), w.Clip, w.Dim, w.Cohort, z, uint32(least))
	if err != nil {
		return err
	}
	if err := w.fill(e, grid, each, h); err != nil {
		return err
	}
	return w.traffic(e)
}

// multiplier is z of a round that costs so many units: ρ = 1/(2z²).
func multiplier(each privacy.Units) (float64, error) {
	if each == 0 {
		return 0, fmt.Errorf("the budget leaves nothing for a single round")
	}
	return math.Sqrt(1 / (2 * each.Rho())), nil
}

// fill sets the noise of a grid, and holds both against the checks that devices and coordinator make.
func (w Want) fill(e *Encoding, grid aggregation.Grid, each privacy.Units, h int) error {
	sigmaSq, err := privacy.LeastNoise(grid.CInt, each)
	if err != nil {
		return err
	}
	if err := grid.Validate(w.Cohort, sigmaSq); err != nil {
		return err
	}
	if err := privacy.CheckNoise(w.Cohort, w.GammaBP, w.LossBP, sigmaSq); err != nil {
		return err
	}
	r, err := grid.R()
	if err != nil {
		return err
	}
	local := privacy.LocalVariance(sigmaSq, h)
	e.CInt, e.XMax, e.SigmaTotSq, e.SigmaLocSq = grid.CInt, grid.XMax, sigmaSq, local
	e.SigmaTot, e.SigmaLoc = math.Sqrt(float64(sigmaSq)), math.Sqrt(float64(local))
	norm := math.Sqrt((float64(local) + 0.25) * float64(w.Dim)) // of one device's noise and rounding
	survivors := float64(w.Cohort - w.Cohort*w.LossBP/wholeBP)
	e.Ratio, e.RatioNoLoss = norm/(r*math.Sqrt(survivors)), norm/(r*math.Sqrt(float64(w.Cohort)))
	e.Surplus = math.Sqrt(float64(local) * float64(w.Cohort) / float64(sigmaSq))
	return nil
}

// traffic is what a device sends and receives in a round of mode W.
func (w Want) traffic(e *Encoding) error {
	plan, err := secagg.Shape{Devices: w.Cohort, GammaBP: w.GammaBP, DeltaBP: w.LossBP, DropBP: w.LossBP, Lambda: 80, Eta: 20, Mode: aggregation.ModeW, Dim: w.Dim,
		WordBits: e.WordBits, PRG: aggregation.PRGAES128, Cohorts: 1, LogSize: 1 << 20, Witnesses: 3}.Plan(secagg.Rate{OneCore: 1, AllCores: 1})
	if err != nil {
		return fmt.Errorf("a round of mode W: %w", err)
	}
	e.Up, e.Down = plan.Up, plan.Down
	return nil
}
