package vectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/cinesync/cinesync/internal/strictjson"
)

// bound is the tolerance of one field: x passes against v if it is equal (exact), or |x − v| ≤ abs, or |x − v| ≤ rel·|v|, or
// v(1 − below) ≤ x ≤ v(1 + above). The parts that are there are alternatives.
type bound struct {
	exact                 bool
	abs, rel, below, over *big.Rat
}

func parseBound(b json.RawMessage) (bound, error) {
	var out bound
	n := 0
	err := strictjson.Object(b, func(name string, value json.RawMessage) error {
		n++
		if name == "exact" {
			if string(value) != "true" {
				return errors.New("exact: only true has a meaning")
			}
			out.exact = true
			return nil
		}
		part, ok := map[string]**big.Rat{"abs": &out.abs, "rel": &out.rel, "rel_below": &out.below, "rel_above": &out.over}[name]
		if !ok {
			return fmt.Errorf("%q is no tolerance: want exact, abs, rel, rel_below or rel_above", name)
		}
		r, err := number(value)
		if err == nil && r.Sign() < 0 {
			err = errors.New("a tolerance is not negative")
		}
		*part = r
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return out, err
	case n == 0:
		return out, errors.New("empty: want exact, abs, rel, rel_below or rel_above")
	case out.exact && n > 1:
		return out, errors.New("exact stands beside another tolerance")
	}
	return out, nil
}

// holds compares got with want.
func (b bound) holds(got, want *big.Rat) bool {
	if got.Cmp(want) == 0 {
		return true
	}
	diff := new(big.Rat).Sub(got, want)
	far := new(big.Rat).Abs(diff)
	size := new(big.Rat).Abs(want)
	within := func(by *big.Rat) bool { return by != nil && far.Cmp(new(big.Rat).Mul(by, size)) <= 0 }
	switch {
	case b.abs != nil && far.Cmp(b.abs) <= 0, within(b.rel):
		return true
	case b.below == nil && b.over == nil:
		return false
	case diff.Sign() < 0:
		return within(b.below)
	default:
		return within(b.over)
	}
}
