package accountant

import (
	"math"

	"github.com/cinesync/cinesync/privacy"
)

// Sum is a sum of whole numbers to which each of its members adds noise of its own.
type Sum struct {
	Members   int     // that are honest and present
	Dimension int     // coordinates
	Local     float64 // σ_loc of one member, grid units
	L2, L1    float64 // most that one member can change, grid units; L1 ≤ L2·min(√d, L2) for whole numbers
}

// RoundedSum is the sum of vectors of norm clip, grid units, rounded at random and kept to the norm that rounding exceeds with
// probability beta, with σ_tot = z·clip (design: privacy 7.4).
func RoundedSum(members, dimension int, clip, z, beta float64) (Sum, error) {
	if err := first(whole("clients", members, 1, maxMembers), whole("dimension", dimension, 1, maxDimension), within("l2_clip_grid_units", clip, 1, math.MaxUint32), checkNoise(z)); err != nil {
		return Sum{}, err
	}
	if !(beta > 0 && beta < 1) {
		return Sum{}, InputError{"rounding_beta", beta, "a number above 0 and below 1"}
	}
	l2 := privacy.RoundedBound(clip, dimension, beta)
	return Sum{Members: members, Dimension: dimension, Local: z * clip / math.Sqrt(float64(members)),
		L2: l2, L1: l2 * min(math.Sqrt(float64(dimension)), l2)}, nil
}

const (
	maxMembers   = 1 << 24
	maxDimension = 1 << 40
)

func (s Sum) check() error {
	return first(whole("clients", s.Members, 1, maxMembers), whole("dimension", s.Dimension, 1, maxDimension),
		within("sigma_local", s.Local, 0.1, MaxNoise), within("l2", s.L2, 0, 1e18), within("l1", s.L1, 0, 1e36))
}

// DiscreteGaussians is the curve of one round in which members add discrete Gaussians, whose sum is not quite one (Kairouz, Liu,
// Steinke, arXiv 2102.06387, proposition 14; design: privacy 7.4).
func DiscreteGaussians(s Sum) (Curve, error) {
	if err := s.check(); err != nil {
		return Curve{}, err
	}
	d, tau := float64(s.Dimension), privacy.SumTau(s.Members, s.Local)
	sigma := s.Local * math.Sqrt(float64(s.Members))
	ratio := s.L2 / sigma
	return Curve{"RDP of a sum of discrete Gaussians, arXiv 2102.06387", func(alpha float64) float64 {
		return min(alpha/2*ratio*ratio+tau*d,
			alpha/2*(ratio*ratio+2*s.L1*tau/sigma+tau*tau*d),
			alpha/2*(ratio+math.Sqrt(d)*tau)*(ratio+math.Sqrt(d)*tau))
	}}, nil
}

// Skellams is the curve of one round in which members add differences of Poissons of variance σ_loc² (Agarwal, Kairouz, Liu,
// arXiv 2110.04995; design: privacy 7.5). The bound is proved for whole orders; divergence grows with the order, so
// others take the next whole one.
func Skellams(s Sum) (Curve, error) {
	if err := s.check(); err != nil {
		return Curve{}, err
	}
	mu := s.Local * s.Local * float64(s.Members)
	return Curve{"RDP of a sum of Skellams, arXiv 2110.04995", func(alpha float64) float64 {
		alpha = math.Ceil(alpha)
		square := s.L2 * s.L2
		return alpha*square/(2*mu) + min(((2*alpha-1)*square+6*s.L1)/(4*mu*mu), 3*s.L1/(2*mu))
	}}, nil
}
