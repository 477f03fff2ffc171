package accounts

import (
	"math"

	"github.com/cinesync/cinesync/privacy/accountant"
)

// many runs a curve n times.
func many(c accountant.Curve, err error, n int) (accountant.Curve, error) {
	if err != nil {
		return c, err
	}
	return c.Times(n)
}

// epsilon converts n runs of a curve, or passes on why there is none.
func epsilon(c accountant.Curve, err error, n int, delta float64, grid []float64) (accountant.Figure, error) {
	if c, err = many(c, err, n); err != nil {
		return accountant.Figure{}, err
	}
	return c.Epsilon(delta, grid)
}

// figure is the answer of an accountant that chose an order.
func figure(f accountant.Figure, err error) answer {
	if err != nil {
		return refused(err)
	}
	return answer{Values: values{"epsilon": f.Epsilon, "optimal_order": f.Order}, Note: f.String()}
}

func rdpEpsilon(in inputs) func() answer {
	z, q, n, delta, grid := in.Number("noise_multiplier"), in.Number("sampling_rate"), steps(in, "steps"), in.Number("delta"), orders(in)
	return func() answer {
		if len(grid) > 1000 && q != 1 {
			return refused(accountant.InputError{Field: "orders", Value: len(grid), Want: "a grid of at most 1000 where members are sampled"})
		}
		c, err := accountant.Subsampled(z, q)
		return figure(epsilon(c, err, n, delta, grid))
	}
}

func rdpCurve(in inputs) func() answer {
	z, q, n, order := in.Number("noise_multiplier"), in.Number("sampling_rate"), steps(in, "steps"), in.Number("order")
	return func() answer {
		c, err := accountant.Subsampled(z, q)
		if c, err = many(c, err, n); err != nil {
			return refused(err)
		}
		r, err := c.At(order)
		if err != nil {
			return refused(err)
		}
		return answer{Values: values{"rdp": r}}
	}
}

func gaussianEpsilon(in inputs) func() answer {
	z, n, delta, grid := in.Number("noise_multiplier"), steps(in, "steps"), in.Number("delta"), orders(in)
	return func() answer {
		c, err := accountant.Gaussian(z)
		return figure(epsilon(c, err, n, delta, grid))
	}
}

func treeEpsilon(in inputs) func() answer {
	z, n, delta, grid := in.Number("noise_multiplier"), steps(in, "steps"), in.Number("delta"), orders(in)
	return func() answer {
		c, err := accountant.Tree(z, n)
		a := figure(epsilon(c, err, 1, delta, grid))
		if a.Err == nil {
			a.Values["tree_depth"] = accountant.TreeDepth(n)
		}
		return a
	}
}

func distributedNoise(in inputs) func() answer {
	members, dimension, clip, z := steps(in, "clients"), steps(in, "dimension"), in.Number("l2_clip_grid_units"), in.Number("noise_multiplier")
	beta, rounds, delta, grid := beta(in, "rounding_beta"), steps(in, "rounds"), in.Number("delta"), orders(in)
	return func() answer {
		sum, err := accountant.RoundedSum(members, dimension, clip, z, beta)
		if err != nil {
			return refused(err)
		}
		out := values{"l2_after_rounding": sum.L2, "sigma_local": sum.Local, "sigma_total": sum.Local * math.Sqrt(float64(members))}
		for field, curve := range map[string]func() (accountant.Curve, error){
			"epsilon_skellam":             func() (accountant.Curve, error) { return accountant.Skellams(sum) },
			"epsilon_discrete_gaussian":   func() (accountant.Curve, error) { return accountant.DiscreteGaussians(sum) },
			"epsilon_continuous_gaussian": func() (accountant.Curve, error) { return accountant.Gaussian(z) },
		} {
			c, err := curve()
			f, err := epsilon(c, err, rounds, delta, grid)
			if err != nil {
				return refused(err)
			}
			out[field] = f.Epsilon
		}
		return answer{Values: out}
	}
}
