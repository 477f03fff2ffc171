package aggregation

import (
	"fmt"
	"iter"
)

// RingBounds are what the threshold of a mode follows from at one even degree K (secure aggregation 5.2): at most Corrupt of
// a device's K neighbours are corrupt, a(k), and at least Surviving of them survive, s(k), each with the chance that λ or η
// allows; Connected is the outcome of the connectivity test.
type RingBounds struct {
	K, Corrupt, Surviving int
	Connected             bool
}

// Rings goes through the even degrees that a cohort's ring can have, in order, exactly, whatever the size of the roster. It is for
// those who tabulate or check the arithmetic; a round takes FindDegree.
func Rings(p GraphParams) (iter.Seq[RingBounds], error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	return func(yield func(RingBounds) bool) {
		for w := newWalk(p); w.k+2 < p.cohort()-1; {
			w.step()
			w.step()
			if !yield(RingBounds{K: w.k, Corrupt: int(w.corrupt.x), Surviving: w.surviving(), Connected: w.connected()}) {
				return
			}
		}
	}, nil
}

// LeastRing is the least even degree with its least threshold, and the bounds at it, also for rosters so small that a round
// takes the complete graph. It fails where no ring fits.
func LeastRing(p GraphParams) (Degree, RingBounds, error) {
	if err := p.validate(); err != nil {
		return Degree{}, RingBounds{}, err
	}
	for w := newWalk(p); w.k+2 < p.cohort()-1; {
		w.step()
		w.step()
		if t, ok := w.threshold(); ok {
			return Degree{K: w.k, T: t}, RingBounds{K: w.k, Corrupt: int(w.corrupt.x), Surviving: w.surviving(), Connected: w.connected()}, nil
		}
	}
	return Degree{}, RingBounds{}, fmt.Errorf("find ring: no degree below %d fits in mode %v with γ = %d, δ = %d basis points, λ = %d, η = %d",
		p.cohort()-1, p.Mode, p.GammaBP, p.DeltaBP, p.Lambda, p.Eta)
}
