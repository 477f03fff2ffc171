package accounts

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/privacy/accountant"
)

// betas are the chances that a rounded vector is drawn again, by their names in files.
var betas = map[string]float64{"exp(-1/2)": math.Exp(-0.5), "2^-20": math.Ldexp(1, -20)}

func beta(in inputs, name string) float64 {
	return betas[in.Text(name, slices.Sorted(maps.Keys(betas)))]
}

// within refuses numbers that the functions of package privacy take on trust.
func within(in inputs, name string, low, high float64) float64 {
	v := in.Number(name)
	if !(v >= low && v <= high) {
		in.Wrong(name, fmt.Errorf("%v: a number from %v to %v is wanted", v, low, high))
	}
	return v
}

func law(in inputs) func() answer {
	square := steps(in, "sigma_sq")
	return func() answer {
		l, err := accountant.DiscreteGaussian(square)
		if err != nil {
			return refused(err)
		}
		root := int(math.Sqrt(float64(square)))
		return answer{Values: values{"p0": l.P(0), "p_at_floor_sigma": l.P(root), "variance": l.Variance(), "tail_beyond_3_floor_sigma": l.Beyond(3 * root)}}
	}
}

func sumTau(in inputs) func() answer {
	members, sigma := in.Whole("clients", 1, 1<<24), within(in, "sigma_local", 0.01, 1e9)
	return func() answer { return answer{Values: values{"tau": privacy.SumTau(members, sigma)}} }
}

func roundedBound(in inputs) func() answer {
	c, d, beta := within(in, "l2_grid_units", 0, 1e18), in.Whole("dimension", 1, 1<<40), beta(in, "beta")
	return func() answer { return answer{Values: values{"l2_bound": privacy.RoundedBound(c, d, beta)}} }
}

func zcdpEpsilon(in inputs) func() answer {
	rho, delta := within(in, "rho", 0, 1e6), in.Number("delta")
	return func() answer {
		eps, order, err := privacy.Epsilon(rho, delta)
		if err != nil {
			return refused(err)
		}
		exact, err := privacy.GaussianEpsilon(rho, delta)
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"epsilon": eps, "epsilon_loose": privacy.EpsilonLoose(rho, delta), "epsilon_gaussian_exact": exact},
			Note: fmt.Sprintf("zCDP, arXiv 2004.00010; order %.6g", order)}
	}
}

func ledger(in inputs) func() answer {
	c, square := in.Whole("c_int", 1, math.MaxUint32), in.Whole("sigma_total_sq", 1, math.MaxInt64)
	n, delta := in.Whole("participations", 1, math.MaxUint32), in.Number("delta")
	return func() answer {
		units, err := privacy.Charge(uint32(c), uint64(square))
		if err != nil {
			return refused(err)
		}
		if uint64(units) > math.MaxInt64/uint64(n) {
			return refused(accountant.InputError{Field: "participations", Value: n, Want: "so few that the units fit 63 bits"})
		}
		total := units * privacy.Units(n)
		eps, _, err := privacy.Epsilon(total.Rho(), delta)
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"rho_units_per_round": int(units), "rho_units_total": int(total), "epsilon": eps}}
	}
}

func calibration(in inputs) func() answer {
	const whole = 10_000 // basis points
	n, gamma, loss := in.Whole("roster_size", 1, 1<<24), in.Whole("gamma_basis_points", 0, whole), in.Whole("delta_basis_points", 0, whole)
	square := in.Whole("sigma_total_sq", 1, math.MaxInt64)
	return func() answer {
		if err := privacy.CheckNoise(n, gamma, loss, uint64(square)); err != nil {
			return refused(err)
		}
		h := privacy.HonestFloor(n, gamma, loss)
		return answer{Values: values{"min_survivors": n - n*loss/whole, "max_corrupt": n * gamma / whole, "h_min": h,
			"sigma_local_sq": int(privacy.LocalVariance(uint64(square), h))}}
	}
}
