package accounts

import (
	"errors"

	"github.com/cinesync/cinesync/privacy/accountant"
	"github.com/cinesync/cinesync/privacy/empirical"
)

func pldEpsilon(in inputs) func() answer {
	p := accountant.PLD{Noise: in.Number("noise_multiplier"), Rate: in.Number("sampling_rate"), Steps: steps(in, "steps"), Discretisation: in.Number("discretisation")}
	delta := in.Number("delta")
	in.Text("neighbouring", []string{"add_or_remove_one"})
	return func() answer {
		f, err := p.Epsilon(delta)
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"epsilon": f.Epsilon}, Note: f.String()}
	}
}

func smallestNoise(in inputs) func() answer {
	eps, delta, q, n, sensitivity := in.Number("epsilon"), in.Number("delta"), in.Number("sampling_rate"), steps(in, "queries"), in.Number("l2_sensitivity")
	return func() answer {
		z, f, err := accountant.SmallestNoise(eps, delta, q, n)
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"sigma": z * sensitivity}, Note: f.String()}
	}
}

func analyticSigma(in inputs) func() answer {
	eps, delta, sensitivity := in.Number("epsilon"), in.Number("delta"), in.Number("l2_sensitivity")
	return func() answer {
		sigma, f, err := accountant.GaussianSigma(eps, delta, sensitivity)
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"sigma": sigma}, Note: f.String()}
	}
}

func composition(in inputs) func() answer {
	eps, delta, count, total := in.Number("epsilon"), in.Number("delta"), steps(in, "count"), in.Number("total_delta")
	return func() answer {
		f, err := accountant.Compose(eps, delta, count, total)
		if errors.Is(err, accountant.ErrNone) {
			return answer{Values: values{"total_epsilon": nil}}
		}
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"total_epsilon": f.Epsilon}, Note: f.String()}
	}
}

func clipNoise(in inputs) func() answer {
	z, sigma := in.Number("noise_multiplier"), in.Number("sigma_b")
	in.Whole("clients", 1, 1<<53) // that σ_b was made for
	return func() answer {
		got, err := accountant.ClipNoise(z, sigma)
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"z_delta": got}}
	}
}

func matrixCoefs(in inputs) func() answer {
	which, n := in.Text("which", []string{"strategy", "noising"}), steps(in, "n")
	return func() answer {
		coefs, err := accountant.StrategyCoefs(n)
		if which == "noising" {
			coefs, err = accountant.NoisingCoefs(n)
		}
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"coefs": coefs}}
	}
}

// oneRunAudit takes as many canaries as a second or two are enough for.
func oneRunAudit(in inputs) func() answer {
	m, r, v := in.Whole("canaries", 1, 1<<17), steps(in, "guesses"), steps(in, "correct")
	delta, significance := in.Number("delta"), in.Number("significance")
	return func() answer {
		low, err := empirical.EpsilonLower(m, r, v, delta, significance)
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"epsilon_lower_bound": low}}
	}
}
