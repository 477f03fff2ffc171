package aggregation

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/cloudflare/circl/group"
)

// Share is one device's part of a secret scalar: the value of the sharing polynomial at the holder's x. It does not print.
type Share [32]byte

// Split shares m and b, each by a fresh polynomial of degree t−1: any t of the shares rebuild the secret, fewer say nothing
// (Shamir 1979). xs are the holders' x coordinates (Ring.ShareX), distinct and not zero; m[i] and b[i] belong to xs[i].
// In the complete graph t counts the device's own share, so that t may be one more than the holders.
func (s *Secrets) Split(t int, xs []uint32, random io.Reader) (m, b []Share, err error) {
	if err := s.live(); err != nil {
		return nil, nil, fmt.Errorf("share secrets: %w", err)
	}
	if t < 1 || t > len(xs)+1 {
		return nil, nil, fmt.Errorf("share secrets: threshold %d with %d holders, want 1 to %d", t, len(xs), len(xs)+1)
	}
	if err := distinct(xs); err != nil {
		return nil, nil, fmt.Errorf("share secrets: %w", err)
	}
	if m, err = splitOne(s.m, t, xs, random); err != nil {
		return nil, nil, fmt.Errorf("share m: %w", err)
	}
	if b, err = splitOne(s.b, t, xs, random); err != nil {
		return nil, nil, fmt.Errorf("share b: %w", err)
	}
	return m, b, nil
}

func splitOne(secret [32]byte, t int, xs []uint32, random io.Reader) ([]Share, error) {
	poly := make([]group.Scalar, t)
	defer wipe(poly)
	var err error
	if poly[0], err = parseScalar(secret); err != nil {
		return nil, err
	}
	for i := 1; i < t; i++ {
		if poly[i], err = randomScalar(random); err != nil {
			return nil, err
		}
	}
	out := make([]Share, len(xs))
	x, v := group.Ristretto255.NewScalar(), group.Ristretto255.NewScalar()
	for i := range xs {
		x.SetUint64(uint64(xs[i]))
		v.SetUint64(0)
		for j := t - 1; j >= 0; j-- {
			v.Mul(v, x)
			v.Add(v, poly[j])
		}
		copy(out[i][:], scalarBytes(v))
	}
	v.SetUint64(0)
	return out, nil
}

func wipe(poly []group.Scalar) {
	for _, c := range poly {
		if c != nil {
			c.SetUint64(0)
		}
	}
}

var (
	errZeroX      = errors.New("x coordinate 0, which would be the secret itself")
	errDuplicateX = errors.New("an x coordinate appears twice")
)

func distinct(xs []uint32) error {
	seen := make(map[uint32]struct{}, len(xs))
	for _, x := range xs {
		if x == 0 {
			return errZeroX
		}
		if _, twice := seen[x]; twice {
			return fmt.Errorf("%w: %d", errDuplicateX, x)
		}
		seen[x] = struct{}{}
	}
	return nil
}

// CheckShare refuses a share that no honest device can have made: one that is not a canonical scalar.
func CheckShare(s Share) error {
	_, err := parseScalar(s)
	return err
}

// Recover rebuilds a secret from at least t shares, shares[i] held by the device with x coordinate xs[i]. All shares given
// count: one wrong share among them spoils the result, and none is silently left out. The shares themselves cannot show that
// one is wrong; the caller checks the secret with CheckB or CheckM and tries others.
func Recover(t int, xs []uint32, shares []Share) ([32]byte, error) {
	values, err := parseShares(t, xs, shares)
	if err != nil {
		return [32]byte{}, err
	}
	secret := group.Ristretto255.NewScalar()
	for i, w := range lagrangeAtZero(xs) {
		secret.Add(secret, w.Mul(w, values[i]))
	}
	return [32]byte(scalarBytes(secret)), nil
}

// lagrangeAtZero gives w_i = Π_{j≠i} x_j / (x_j − x_i), as P / (x_i · Π_{j≠i} (x_j − x_i)) with P = Π x_j. Differences are
// small integers: as many as fit 64 bits are multiplied before the field is entered. One inversion serves all.
func lagrangeAtZero(xs []uint32) []group.Scalar {
	dens := make([]group.Scalar, len(xs))
	product := newProduct()
	for _, x := range xs {
		product.times(uint64(x))
	}
	p := product.scalar()
	for i, xi := range xs {
		d, negative := newProduct(), false
		d.times(uint64(xi))
		for j, xj := range xs {
			switch {
			case i == j:
			case xj > xi:
				d.times(uint64(xj - xi))
			default:
				d.times(uint64(xi - xj))
				negative = !negative
			}
		}
		dens[i] = d.scalar()
		if negative {
			dens[i].Neg(dens[i])
		}
	}
	invertAll(dens)
	for _, w := range dens {
		w.Mul(w, p)
	}
	return dens
}

// product multiplies small integers into a scalar, a machine word at a time.
type product struct {
	acc, word group.Scalar
	small     uint64
}

func newProduct() *product {
	one := group.Ristretto255.NewScalar().SetUint64(1)
	return &product{acc: one, word: group.Ristretto255.NewScalar(), small: 1}
}

func (p *product) times(v uint64) {
	hi, lo := bits.Mul64(p.small, v)
	if hi == 0 {
		p.small = lo
		return
	}
	p.acc.Mul(p.acc, p.word.SetUint64(p.small))
	p.small = v
}

func (p *product) scalar() group.Scalar { return p.acc.Mul(p.acc, p.word.SetUint64(p.small)) }

// invertAll inverts every scalar in place with one field inversion (Montgomery's trick). None may be zero.
func invertAll(v []group.Scalar) {
	g := group.Ristretto255
	prefix := make([]group.Scalar, len(v))
	acc := g.NewScalar().SetUint64(1)
	for i := range v {
		prefix[i] = acc.Copy()
		acc.Mul(acc, v[i])
	}
	acc.Inv(acc)
	for i := len(v) - 1; i >= 0; i-- {
		inv := g.NewScalar().Mul(acc, prefix[i])
		acc.Mul(acc, v[i])
		v[i].Set(inv)
	}
}
