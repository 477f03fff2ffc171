package oracle

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/privacy/accountant"
)

// setting is what both sides are asked, as the reference reads it.
type setting struct {
	By          string    `json:"by"`
	Z           float64   `json:"z,omitempty"`
	Q           float64   `json:"q,omitempty"`
	Steps       int       `json:"steps,omitempty"`
	Epsilon     float64   `json:"epsilon,omitempty"`
	Delta       float64   `json:"delta"`
	Orders      []float64 `json:"orders,omitempty"`
	Order       float64   `json:"order,omitempty"`
	theirs      reply     // what the reference said; not asked
	Rho         float64   `json:"rho,omitempty"`
	Width       float64   `json:"width,omitempty"`
	Count       int       `json:"count,omitempty"`
	Total       float64   `json:"total,omitempty"`
	Square      int       `json:"square,omitempty"`
	Beyond      int       `json:"beyond"`
	Sigma       float64   `json:"sigma,omitempty"`
	Sensitivity int       `json:"sensitivity,omitempty"`
}

// family is one way to count, how many random settings of it are compared, and how far ours may lie from the reference's: between
// (1−below) and (1+above) of it, or within abs.
type family struct {
	name              string
	count             int
	below, above, abs float64
	draw              func(r draws) setting
	ours              func(s setting) (float64, error)
}

// draws are a seed's random numbers.
type draws struct{ *rand.Rand }

// spread draws evenly in the logarithm.
func (r draws) spread(low, high float64) float64 {
	return low * math.Exp(r.Float64()*math.Log(high/low))
}

func (r draws) steps(most float64) int { return int(r.spread(1, most)) }

const (
	thousandth = 1e-3
	tiny       = 1e-9 // below which a figure is 0 to both
)

// families are 500 settings. At fractional orders the reference prints bounds, and leaves out orders at which its series does not
// converge; there ours is held against a quadrature beside it, at the order that the reference chose, and may not pass the bound.
var families = []family{
	{"RDP, Gaussian", 50, thousandth, thousandth, tiny, rdpSetting(false, "default"), rdpEpsilon},
	{"RDP, subsampled, whole orders", 80, thousandth, thousandth, tiny, rdpSetting(true, "integers 2..128 and 256"), rdpEpsilon},
	{"RDP, subsampled, default orders (bound)", 50, thousandth, thousandth, tiny, boundSetting, rdpBound},
	{"RDP, subsampled, one fractional order", 30, thousandth, thousandth, 0, fractionalSetting, fractional},
	{"zCDP", 40, thousandth, thousandth, tiny, zcdpSetting, func(s setting) (float64, error) {
		eps, _, err := privacy.Epsilon(s.Rho, s.Delta)
		return eps, err
	}},
	{"Gaussian, exact ε", 50, thousandth, thousandth, tiny, gaussianSetting, func(s setting) (float64, error) {
		return privacy.GaussianEpsilon(1/(2*s.Z*s.Z), s.Delta)
	}},
	{"Gaussian, least σ", 30, thousandth, thousandth, 0, sigmaSetting, func(s setting) (float64, error) {
		sigma, _, err := accountant.GaussianSigma(s.Epsilon, s.Delta, 1)
		return sigma, err
	}},
	{"tree", 40, thousandth, thousandth, tiny, treeSetting, tree},
	{"optimal composition", 15, thousandth, thousandth, tiny, compositionSetting, composition},
	{"optimal composition, small δ", 15, tiny, tiny, tiny, smallCompositionSetting, composition},
	{"discrete Gaussian, tail", 30, thousandth, thousandth, 0, tailSetting, tail},
	{"discrete Gaussian, ε", 10, thousandth, thousandth, tiny, discreteSetting, discrete},
	{"PLD, subsampled", 50, 0.0005, 0.01, 0.001, pldSetting, pld},
	{"least subsampled noise", 10, 0.002, 0.002, 0, noiseSetting, noise},
}

func rdpSetting(sampled bool, orders string) func(r draws) setting {
	grid, err := accountant.Orders(orders)
	if err != nil {
		panic(err)
	}
	return func(r draws) setting {
		s := setting{By: "rdp", Z: r.spread(0.5, 30), Q: 1, Steps: r.steps(20_000), Delta: r.spread(1e-10, 1e-3), Orders: grid}
		if sampled {
			s.Q = r.spread(1e-4, 0.5)
		}
		return s
	}
}

func rdpEpsilon(s setting) (float64, error) {
	c, err := accountant.Subsampled(s.Z, s.Q)
	if err != nil {
		return 0, err
	}
	if c, err = c.Times(s.Steps); err != nil {
		return 0, err
	}
	f, err := c.Epsilon(s.Delta, s.Orders)
	return f.Epsilon, err
}

func boundSetting(r draws) setting {
	s := rdpSetting(true, "default")(r)
	s.By = "rdp_bound"
	return s
}

// rdpBound is our ε at the order that the reference chose. Over the whole grid ours is at most that, and at most what it printed.
func rdpBound(s setting) (float64, error) {
	best, err := rdpEpsilon(s)
	if err != nil {
		return 0, err
	}
	s.Orders = []float64{s.theirs.Order}
	at, err := rdpEpsilon(s)
	if err == nil && (best > at || best > s.theirs.Bound*(1+thousandth)+tiny) {
		err = fmt.Errorf("over the grid ours is %v, at one of its orders %v, the reference prints %v", best, at, s.theirs.Bound)
	}
	return at, err
}

func fractionalSetting(r draws) setting {
	return setting{By: "fractional", Z: r.spread(0.5, 10), Q: r.spread(1e-4, 0.5), Order: 1 + r.spread(0.05, 20)}
}

func fractional(s setting) (float64, error) {
	c, err := accountant.Subsampled(s.Z, s.Q)
	if err != nil {
		return 0, err
	}
	return c.At(s.Order)
}

func zcdpSetting(r draws) setting {
	return setting{By: "zcdp", Rho: r.spread(1e-4, 30), Delta: r.spread(1e-10, 1e-3)}
}

func gaussianSetting(r draws) setting {
	return setting{By: "gaussian", Z: r.spread(0.1, 50), Delta: r.spread(1e-10, 1e-2)}
}

func sigmaSetting(r draws) setting {
	return setting{By: "sigma", Epsilon: r.spread(0.02, 20), Delta: r.spread(1e-10, 1e-2)}
}

func treeSetting(r draws) setting {
	grid, err := accountant.Orders("opacus")
	if err != nil {
		panic(err)
	}
	return setting{By: "tree", Z: r.spread(0.5, 30), Steps: r.steps(100_000), Delta: r.spread(1e-10, 1e-3), Orders: grid}
}

func tree(s setting) (float64, error) {
	c, err := accountant.Tree(s.Z, s.Steps)
	if err != nil {
		return 0, err
	}
	f, err := c.Epsilon(s.Delta, s.Orders)
	return f.Epsilon, err
}

func compositionSetting(r draws) setting {
	s := setting{By: "composition", Epsilon: r.spread(0.01, 2), Count: 1 + r.IntN(100), Total: r.spread(1e-6, 0.1)}
	if r.IntN(2) == 0 {
		s.Delta = s.Total / float64(s.Count) * 2 * r.Float64() // so that some have no answer
	}
	return s
}

// smallCompositionSetting draws what lies below the rounding of 1, where the reference's floats see nothing: it is held against the
// theorem in numbers of 400 digits.
func smallCompositionSetting(r draws) setting {
	s := setting{By: "composition_exact", Epsilon: r.spread(0.01, 20), Count: 1 + r.IntN(1000)}
	if r.IntN(4) > 0 {
		s.Total = r.spread(1e-300, 1e-6)
	}
	if r.IntN(3) == 0 {
		s.Delta = s.Total / float64(s.Count) * 1.2 * r.Float64()
	}
	return s
}

func composition(s setting) (float64, error) {
	f, err := accountant.Compose(s.Epsilon, s.Delta, s.Count, s.Total)
	return f.Epsilon, err
}

func tailSetting(r draws) setting {
	square := int(r.spread(1, 1e6))
	return setting{By: "tail", Square: square, Beyond: int(6 * r.Float64() * math.Sqrt(float64(square)))}
}

func tail(s setting) (float64, error) {
	l, err := accountant.DiscreteGaussian(s.Square)
	return l.Beyond(s.Beyond), err
}

func discreteSetting(r draws) setting {
	return setting{By: "discrete", Square: int(r.spread(64, 10_000)), Sensitivity: 1 + r.IntN(8), Steps: r.steps(50), Delta: r.spread(1e-7, 1e-3)}
}

// discrete is the exact ε, on a grid as wide as theirs; what distributed sums are counted by must lie above it.
func discrete(s setting) (float64, error) {
	exact, err := accountant.DiscretePLD{SigmaSq: s.Square, Shift: s.Sensitivity, Steps: s.Steps, Discretisation: 1e-3}.Epsilon(s.Delta)
	if err != nil {
		return 0, err
	}
	c, err := accountant.DiscreteGaussians(accountant.Sum{Members: 1, Dimension: 1, Local: math.Sqrt(float64(s.Square)), L2: float64(s.Sensitivity), L1: float64(s.Sensitivity)})
	if err != nil {
		return 0, err
	}
	if c, err = c.Times(s.Steps); err != nil {
		return 0, err
	}
	f, err := c.LeastEpsilon(s.Delta)
	if err == nil && f.Epsilon < exact.Epsilon {
		err = fmt.Errorf("the bound of distributed sums is %v, the exact ε %v", f.Epsilon, exact.Epsilon)
	}
	return exact.Epsilon, err
}

func pldSetting(r draws) setting {
	for {
		s := setting{By: "pld", Z: r.spread(0.6, 10), Q: r.spread(1e-3, 1), Steps: r.steps(5000), Delta: r.spread(1e-7, 1e-3), Width: accountant.DefaultDiscretisation}
		if r.IntN(5) == 0 {
			s.Q = 1
		}
		if math.Sqrt(float64(s.Steps))*s.Q/s.Z < 3 {
			return s
		}
	}
}

func pld(s setting) (float64, error) {
	f, err := accountant.PLD{Noise: s.Z, Rate: s.Q, Steps: s.Steps, Discretisation: s.Width}.Epsilon(s.Delta)
	return f.Epsilon, err
}

func noiseSetting(r draws) setting {
	return setting{By: "noise", Epsilon: r.spread(0.5, 4), Delta: r.spread(1e-7, 1e-4), Q: r.spread(0.01, 0.5), Steps: 1 + r.IntN(4)}
}

func noise(s setting) (float64, error) {
	z, _, err := accountant.SmallestNoise(s.Epsilon, s.Delta, s.Q, s.Steps)
	return z, err
}

// String leaves the grid out.
func (s setting) String() string {
	s.Orders = nil
	type bare setting
	return fmt.Sprintf("%+v", bare(s))
}
