package aggregation

import (
	"errors"
	"fmt"

	"github.com/cloudflare/circl/group"
)

// Correct rebuilds a secret although some shares are wrong: with n shares and threshold t up to ⌊(n−t)/2⌋ of them may be
// anything. Shares of one secret are a Reed–Solomon code word, decoded after Gao (2003). With more wrong shares the result is
// an error or a wrong secret, so that the caller checks it with CheckB or CheckM as always. It costs ten to fifty times what
// Recover does.
func Correct(t int, xs []uint32, shares []Share) ([32]byte, error) {
	values, err := parseShares(t, xs, shares)
	if err != nil {
		return [32]byte{}, err
	}
	points := make(poly, len(xs))
	for i, x := range xs {
		points[i] = newScalar(uint64(x))
	}
	// Some multiple v·f of the wanted polynomial f agrees with v times the interpolation of all shares at every point, where
	// v vanishes at the wrong ones. The extended Euclidean algorithm on the two finds it, stopped half way.
	r0, r1 := interpolate(points, values)
	v0, v1 := poly{}, poly{newScalar(1)}
	for 2*r1.degree() >= len(xs)+t {
		var q poly
		q, r0 = r0.divide(r1)
		r0, r1 = r1, r0
		v0, v1 = v1, v0.minusProduct(q, v1)
	}
	if len(v1) == 0 || v1[0].IsZero() {
		return [32]byte{}, errors.New("correct shares: too many of them are wrong")
	}
	if len(r1) == 0 {
		return [32]byte{}, nil
	}
	secret := newScalar(0).Inv(v1[0])
	return [32]byte(scalarBytes(secret.Mul(secret, r1[0]))), nil
}

func parseShares(t int, xs []uint32, shares []Share) ([]group.Scalar, error) {
	switch {
	case len(xs) != len(shares):
		return nil, fmt.Errorf("rebuild secret: %d x coordinates for %d shares", len(xs), len(shares))
	case t < 1 || len(shares) < t:
		return nil, fmt.Errorf("rebuild secret: %d shares, threshold %d", len(shares), t)
	}
	if err := distinct(xs); err != nil {
		return nil, fmt.Errorf("rebuild secret: %w", err)
	}
	values := make([]group.Scalar, len(shares))
	for i, s := range shares {
		v, err := parseScalar(s)
		if err != nil {
			return nil, fmt.Errorf("rebuild secret: share of x = %d: %w", xs[i], err)
		}
		values[i] = v
	}
	return values, nil
}

// poly is a polynomial over the scalars, lowest coefficient first, without zeros at the top.
type poly []group.Scalar

func newScalar(v uint64) group.Scalar { return group.Ristretto255.NewScalar().SetUint64(v) }

func (p poly) degree() int { return len(p) - 1 }

func (p poly) trim() poly {
	for len(p) > 0 && p[len(p)-1].IsZero() {
		p = p[:len(p)-1]
	}
	return p
}

// interpolate gives the polynomial that vanishes at every point, and the one that goes through all values.
func interpolate(points poly, values []group.Scalar) (zero, through poly) {
	n, tmp := len(points), newScalar(0)
	zero = poly{newScalar(1)}
	for _, x := range points { // zero·(X − x)
		zero = append(zero, zero[len(zero)-1].Copy())
		for i := len(zero) - 2; i >= 0; i-- {
			zero[i].Neg(tmp.Mul(zero[i], x))
			if i > 0 {
				zero[i].Add(zero[i], zero[i-1])
			}
		}
	}
	weights := make([]group.Scalar, n)
	for i, xi := range points {
		weights[i] = newScalar(1)
		for j, xj := range points {
			if i != j {
				weights[i].Mul(weights[i], tmp.Sub(xi, xj))
			}
		}
	}
	invertAll(weights)
	through = make(poly, n)
	for i := range through {
		through[i] = newScalar(0)
	}
	for i, x := range points {
		w, c := weights[i].Mul(weights[i], values[i]), newScalar(0)
		for k := n - 1; k >= 0; k-- { // zero/(X − x) by Horner's rule
			c.Mul(c, x)
			c.Add(c, zero[k+1])
			through[k].Add(through[k], tmp.Mul(c, w))
		}
	}
	return zero, through.trim()
}

// divide gives p / by, by not zero, and the remainder in p's own place.
func (p poly) divide(by poly) (quotient, rest poly) {
	top, tmp := newScalar(0).Inv(by[len(by)-1]), newScalar(0)
	quotient = make(poly, max(0, len(p)-len(by)+1))
	for at := len(quotient) - 1; at >= 0; at-- {
		q := newScalar(0).Mul(p[at+len(by)-1], top)
		for i, c := range by {
			p[at+i].Sub(p[at+i], tmp.Mul(q, c))
		}
		quotient[at] = q
	}
	return quotient, p.trim()
}

// minusProduct gives p − a·b.
func (p poly) minusProduct(a, b poly) poly {
	out, tmp := make(poly, max(len(p), len(a)+len(b))), newScalar(0)
	for i := range out {
		out[i] = newScalar(0)
		if i < len(p) {
			out[i].Set(p[i])
		}
	}
	for i, x := range a {
		for j, y := range b {
			out[i+j].Sub(out[i+j], tmp.Mul(x, y))
		}
	}
	return out.trim()
}
