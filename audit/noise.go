package audit

import (
	"fmt"
	"math/big"
	"math/bits"
)

// maxRoster keeps products with the size of a roster inside 64 bits.
const maxRoster = 1 << 24

// charge is what a round costs: its vector, and its clip bit where it has one, each rounded up (design: privacy 8.1, 10.3).
func (a *auditor) charge(o *RoundOpen) (uint64, error) {
	units, err := a.rules.Charge(o.CInt, o.SigmaTotSq)
	if err != nil || o.SigmaBitSq == 0 {
		return units, err
	}
	bit, err := a.rules.Charge(o.BitSize(), o.SigmaBitSq)
	if err != nil {
		return 0, fmt.Errorf("the clip bit: %w", err)
	}
	return addCapped(units, bit), nil
}

// charges is A2.
func (a *auditor) charges(v *verdict) {
	v.saw("%d rounds", len(a.story.rounds))
	for _, t := range a.story.rounds {
		o := t.open
		switch want, err := a.charge(o); {
		case err != nil:
			v.fault("round %d: %v", o.Round, err)
		case o.RhoUnits != want:
			v.fault("round %d: rho_units is %d, C_int = %d at σ_tot² = %d costs %d", o.Round, o.RhoUnits, o.CInt, o.SigmaTotSq, want)
		case t.closed != nil && t.closed.RhoUnits != want:
			v.fault("round %d: its RoundClose says %d units, it costs %d", o.Round, t.closed.RhoUnits, want)
		}
	}
}

// limits is A3: the table of privacy 4.2, for the logged roster, or each cohort of it. A round without one has masked nothing.
func (a *auditor) limits(v *verdict) {
	rosters := 0
	for _, t := range a.story.rounds {
		if t.roster == nil {
			continue
		}
		rosters++
		if err := a.checkLimits(t); err != nil {
			v.fault("round %d: %v", t.open.Round, err)
		}
	}
	v.saw("%d rosters", rosters)
}

func (a *auditor) checkLimits(t *session) error {
	o, n := t.open, t.block()
	if t.roster.N > maxRoster {
		return fmt.Errorf("%d members, want at most %d", t.roster.N, maxRoster)
	}
	if o.WordBits != 16 && o.WordBits != 24 && o.WordBits != 32 {
		return fmt.Errorf("words of %d bits, want 16, 24 or 32", o.WordBits)
	}
	rooms := uint64(64) // C_int ≥ 8√d, so that rounding does not eat the norm
	if o.WordBits < 32 {
		rooms = 1
	}
	if uint64(o.CInt)*uint64(o.CInt) < rooms*uint64(o.D) {
		return fmt.Errorf("the bound C_int = %d is too small for %d words", o.CInt, o.D)
	}
	if o.XMax < 1 || o.XMax > o.CInt || o.WordBits == 32 && o.XMax != o.CInt {
		return fmt.Errorf("x_max = %d does not fit C_int = %d at %d bits", o.XMax, o.CInt, o.WordBits)
	}
	if reach := uint64(n)*uint64(o.XMax) + 6*ceilSqrt(o.SigmaTotSq); reach >= 1<<(o.WordBits-1) {
		return fmt.Errorf("the sum of %d members may reach %d, which wraps words of %d bits", n, reach, o.WordBits)
	}
	if reach := uint64(n)*uint64(o.BitSize()) + 6*ceilSqrt(o.SigmaBitSq); o.SigmaBitSq > 0 && reach >= 1<<(o.WordBits-1) {
		return fmt.Errorf("the sum of %d clip bits may reach %d, which wraps words of %d bits", n, reach, o.WordBits)
	}
	for _, sigmaSq := range []uint64{o.SigmaTotSq, o.SigmaBitSq} {
		h, local := a.localNoise(t, sigmaSq)
		if h >= 1 && sigmaSq > 0 && (local < 1<<4 || local > 1<<28) {
			return fmt.Errorf("each device adds σ_loc² = ⌈%d/%d⌉ = %d, want 4 ≤ σ_loc ≤ 2^14", sigmaSq, h, local)
		}
	}
	return nil
}

func ceilSqrt(v uint64) uint64 {
	r := new(big.Int).SetUint64(v)
	root := r.Sqrt(r).Uint64()
	if root*root < v {
		root++
	}
	return root
}

// localNoise is h_min of a cohort and σ_loc² = ⌈σ²/h_min⌉ (privacy 6.1); a floor below 1 has no noise to speak of.
func (a *auditor) localNoise(t *session, sigmaSq uint64) (h int, local uint64) {
	h = a.rules.HonestFloor(t.graph())
	if h < 1 {
		return h, 0
	}
	local = sigmaSq / uint64(h)
	if sigmaSq%uint64(h) != 0 {
		local++
	}
	return h, local
}

// cohorts is A4. With more cohorts than one, each is a crowd of its own and has to be large enough by itself.
func (a *auditor) cohorts(v *verdict) {
	var least, most uint32
	for _, t := range a.story.rounds {
		if t.roster == nil {
			continue
		}
		n := t.block()
		if t.roster.N%max(1, t.open.Cohorts) != 0 {
			v.fault("round %d: a roster of %d does not fall into %d equal cohorts", t.open.Round, t.roster.N, t.open.Cohorts)
		}
		if n < t.open.NMin {
			v.fault("round %d: a roster of %d, n_min is %d", t.open.Round, n, t.open.NMin)
		}
		lost := uint64(n) * uint64(t.open.DeltaBP) / 10000
		want := max(uint64(t.open.NMin), uint64(n)-min(lost, uint64(n)))
		for _, c := range t.cohortsInOrder() {
			count := t.survivors[c].record.Count
			if uint64(count) < want || count > n {
				v.fault("round %d: %d of %d survived, want %d to %d", t.open.Round, count, n, want, n)
			}
			if least == 0 || count < least {
				least = count
			}
			most = max(most, count)
		}
	}
	v.saw("sums of %d to %d devices", least, most)
}

// honestNoise is A5.
func (a *auditor) honestNoise(v *verdict) {
	rosters := 0
	for _, t := range a.story.rounds {
		if t.roster == nil {
			continue
		}
		rosters++
		o := t.open
		h, local := a.localNoise(t, o.SigmaTotSq)
		high, made := bits.Mul64(uint64(max(h, 0)), local)
		switch {
		case h < 1:
			v.fault("round %d: of %d members none need be honest at γ = %d and δ = %d basis points", o.Round, t.block(), o.GammaBP, o.DeltaBP)
		case high > 0 || made < o.SigmaTotSq:
			v.fault("round %d: %d honest members add %d each, not σ_tot² = %d", o.Round, h, local, o.SigmaTotSq)
		case t.closed != nil && t.closed.HonestNoise != made:
			v.fault("round %d: its RoundClose says honest noise %d, it is %d·%d = %d", o.Round, t.closed.HonestNoise, h, local, made)
		}
	}
	v.saw("%d rosters", rosters)
}

// graphs is C2. Most rounds have the same graph; each is computed once.
func (a *auditor) graphs(v *verdict) {
	known := map[Graph]error{}
	rosters := 0
	for _, t := range a.story.rounds {
		if t.roster == nil {
			continue
		}
		rosters++
		g := t.graph()
		err, ok := known[g]
		if !ok {
			err = a.rules.CheckDegree(g)
			known[g] = err
		}
		if err != nil {
			v.fault("round %d: %v", t.open.Round, err)
		}
	}
	v.saw("%d rosters", rosters)
}

func addCapped(a, b uint64) uint64 {
	if sum, carry := bits.Add64(a, b, 0); carry == 0 {
		return sum
	}
	return ^uint64(0)
}
