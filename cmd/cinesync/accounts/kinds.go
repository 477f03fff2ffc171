package accounts

import (
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/cmd/internal/vectors"
	"github.com/cinesync/cinesync/privacy/accountant"
)

type (
	inputs = *vectors.Inputs
	answer = vectors.Answer
	values = map[string]any
)

// Kinds are those of accountant.json.
var Kinds = map[string]vectors.Kind{
	"rdp_epsilon":               {Fields: []string{"epsilon", "optimal_order"}, Prepare: rdpEpsilon},
	"rdp_curve":                 {Fields: []string{"rdp"}, Prepare: rdpCurve},
	"rdp_gaussian_sigma":        {Fields: []string{"epsilon", "optimal_order"}, Prepare: gaussianEpsilon},
	"tree_epsilon":              {Fields: []string{"epsilon", "tree_depth"}, Prepare: treeEpsilon},
	"distributed_noise_epsilon": {Fields: []string{"epsilon_skellam", "epsilon_discrete_gaussian", "epsilon_continuous_gaussian", "l2_after_rounding", "sigma_total", "sigma_local"}, Prepare: distributedNoise},
	"pld_epsilon":               {Fields: []string{"epsilon"}, Prepare: pldEpsilon},
	"smallest_subsampled_noise": {Fields: []string{"sigma"}, Prepare: smallestNoise},
	"analytic_gaussian_sigma":   {Fields: []string{"sigma"}, Prepare: analyticSigma},
	"advanced_composition":      {Fields: []string{"total_epsilon"}, Prepare: composition},
	"adaptive_clip_noise":       {Fields: []string{"z_delta"}, Prepare: clipNoise},

	"matrix_factorisation_coefs": {Fields: []string{"coefs"}, Prepare: matrixCoefs},
	"discrete_gaussian_law":      {Fields: []string{"p0", "p_at_floor_sigma", "variance", "tail_beyond_3_floor_sigma"}, Prepare: law},
	"discrete_gaussian_sum_tau":  {Fields: []string{"tau"}, Prepare: sumTau},
	"rounded_l2_bound":           {Fields: []string{"l2_bound"}, Prepare: roundedBound},
	"zcdp_epsilon":               {Fields: []string{"epsilon", "epsilon_loose", "epsilon_gaussian_exact"}, Prepare: zcdpEpsilon},
	"ledger":                     {Fields: []string{"rho_units_per_round", "rho_units_total", "epsilon"}, Prepare: ledger},
	"noise_calibration":          {Fields: []string{"min_survivors", "max_corrupt", "h_min", "sigma_local_sq"}, Prepare: calibration},
	"one_run_audit":              {Fields: []string{"epsilon_lower_bound"}, Prepare: oneRunAudit},
}

// refused says why there is no answer; an input is named by its path in the file.
func refused(err error) answer {
	var wrong accountant.InputError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("inputs.%w", err)
	}
	return answer{Err: err}
}

// steps takes a number of runs. What it may be at most is the accountants' to say.
func steps(in inputs, name string) int { return in.Whole(name, 0, 1<<53) }

func orders(in inputs) []float64 {
	grid, err := accountant.Orders(in.Text("orders", accountant.OrderNames))
	if err != nil {
		return nil // the word was wrong, and is noted
	}
	return grid
}
