package aggregation

import (
	"fmt"
	"math/big"
)

// Mode says what the coordinator is assumed to do (secure aggregation 5.3).
type Mode uint16

// The modes. Zero is none of them.
const (
	ModeW  Mode = 1 // witnessed: holds against dropouts that the coordinator chooses
	ModeSM Mode = 2 // semi-malicious: assumes an honest graph and dropouts that do not depend on it
	ModeSH Mode = 3 // semi-honest: the coordinator follows the protocol
)

// String names the mode as the design does.
func (m Mode) String() string {
	switch m {
	case ModeW:
		return "W"
	case ModeSM:
		return "SM"
	case ModeSH:
		return "SH"
	}
	return fmt.Sprintf("mode(%d)", uint16(m))
}

// GraphParams are what degree and threshold follow from: N devices on the roster, at most GammaBP/10000 of them corrupt, at
// most DeltaBP/10000 lost between roster and survivors, security 2^−Lambda, completion 1 − 2^−Eta. Cohorts cuts the roster
// into as many rings; 0 is 1.
type GraphParams struct {
	N, GammaBP, DeltaBP, Lambda, Eta int
	Mode                             Mode
	Cohorts                          int
}

// Degree is how many neighbours a device has and how many shares rebuild a secret. K one below the size of a cohort is the
// complete graph, where each device also counts its own share.
type Degree struct{ K, T int }

const (
	// MaxDevices bounds a roster here; what a session accepts is for its caller.
	MaxDevices = 1 << 17
	// MinDevices is the least roster: a sum of two tells each the other's vector.
	MinDevices = 3
	// completeBelow is the roster below which every device is everyone's neighbour.
	completeBelow = 64
	basisPoints   = 10000
	maxBits       = 256
)

// MinSurvivors is ⌈(1−δ)n⌉, the fewest survivors that a round may go on with.
func MinSurvivors(n, deltaBP int) int { return n - n*deltaBP/basisPoints }

// FindDegree finds the least even degree that satisfies the mode, with its least threshold, in exact arithmetic (secure
// aggregation 5.2, 5.3). Below 64 devices in a cohort, and where no degree fits, it is the complete graph (5.5). It
// refuses rates for which no parameters can hold. A device's neighbours are a random sample of the whole roster whatever the
// cohorts, so that the bounds are those of N (14.2).
func FindDegree(p GraphParams) (Degree, error) {
	if err := p.validate(); err != nil {
		return Degree{}, err
	}
	if p.cohort() >= completeBelow {
		if d, ok := leastRing(p); ok {
			return d, nil
		}
	}
	return completeGraph(p)
}

// CheckDegree is what a device does with the (k, t) of a roster record: it verifies that they satisfy the mode. They need not
// be the least. The complete graph is safe at any size, so that it is accepted without proof that no smaller degree fits.
func CheckDegree(p GraphParams, d Degree) error {
	if err := p.validate(); err != nil {
		return err
	}
	n := p.cohort()
	if d.K == n-1 {
		want, err := completeGraph(p)
		if err == nil && d.T != want.T {
			err = fmt.Errorf("check degree: threshold %d in a complete graph of %d, want %d", d.T, n, want.T)
		}
		return err
	}
	if n < completeBelow {
		return fmt.Errorf("check degree: degree %d with %d devices: below %d devices the graph must be complete", d.K, n, completeBelow)
	}
	if d.K < 2 || d.K >= n-1 || d.K%2 != 0 {
		return fmt.Errorf("check degree: degree %d is not an even number from 2 to %d", d.K, n-2)
	}
	w := newWalk(p)
	for w.k < d.K {
		w.step()
	}
	least, ok := w.threshold()
	if !ok {
		return fmt.Errorf("check degree: no threshold is safe at degree %d in mode %v with n = %d, γ = %d, δ = %d basis points, λ = %d",
			d.K, p.Mode, p.N, p.GammaBP, p.DeltaBP, p.Lambda)
	}
	if d.T < least || d.T > w.surviving() {
		return fmt.Errorf("check degree: threshold %d at degree %d, want %d to %d", d.T, d.K, least, w.surviving())
	}
	return nil
}

func (p GraphParams) validate() error {
	switch {
	case p.N < MinDevices || p.N > MaxDevices:
		return fmt.Errorf("check graph: %d devices, want %d to %d", p.N, MinDevices, MaxDevices)
	case p.Cohorts < 0:
		return fmt.Errorf("check graph: %d cohorts, want 1 to %d", p.Cohorts, MaxCohorts)
	case p.Lambda < 1 || p.Lambda > maxBits || p.Eta < 1 || p.Eta > maxBits:
		return fmt.Errorf("check graph: λ = %d, η = %d, want 1 to %d bits", p.Lambda, p.Eta, maxBits)
	}
	if _, err := cohortSize(p.N, p.cohorts()); err != nil {
		return fmt.Errorf("check graph: %w", err)
	}
	return p.feasible()
}

func (p GraphParams) cohorts() int { return max(1, p.Cohorts) }

// cohort is how many devices one ring has.
func (p GraphParams) cohort() int { return p.N / p.cohorts() }

// feasible refuses rates at which no degree can hold.
func (p GraphParams) feasible() error {
	if p.GammaBP < 0 || p.GammaBP > basisPoints || p.DeltaBP < 0 || p.DeltaBP >= basisPoints {
		return fmt.Errorf("check graph: γ = %d, δ = %d basis points, want γ from 0 to 10000 and δ from 0 to 9999", p.GammaBP, p.DeltaBP)
	}
	switch p.Mode {
	case ModeW:
	case ModeSM:
		if p.GammaBP+2*p.DeltaBP > 9000 {
			return fmt.Errorf("check graph: γ + 2δ is %d basis points, above 9000: mode SM has no answer", p.GammaBP+2*p.DeltaBP)
		}
	case ModeSH:
		if p.GammaBP+p.DeltaBP > 9000 {
			return fmt.Errorf("check graph: γ + δ is %d basis points, above 9000: mode SH has no answer", p.GammaBP+p.DeltaBP)
		}
	default:
		return fmt.Errorf("check graph: mode %d is unknown", p.Mode)
	}
	return nil
}

func (p GraphParams) corrupt() int { return p.N * p.GammaBP / basisPoints }

func (p GraphParams) lost() int { return p.N * p.DeltaBP / basisPoints }

// CohortCorrupt bounds the corrupt members of every cohort: ⌊γn⌋ for the whole roster; else the least x that no cohort's
// count exceeds, its members being drawn at random, but with chance 2^−(λ+1) for all of them together (secure aggregation
// 14.2). It refuses what FindDegree refuses before it
// searches.
func CohortCorrupt(p GraphParams) (int, error) {
	if err := p.validate(); err != nil {
		return 0, err
	}
	return p.cohortCorrupt(), nil
}

func (p GraphParams) cohortCorrupt() int {
	if p.cohorts() == 1 {
		return p.corrupt()
	}
	t := newTailOver(p.N, p.corrupt(), uint(p.Lambda+1), uint64(p.cohorts()))
	var all, word big.Int
	all.SetUint64(1)
	for k := range p.cohort() {
		all.Mul(&all, word.SetUint64(uint64(p.N-k)))
		all.Quo(&all, word.SetUint64(uint64(k+1)))
		t.step(&all)
	}
	return int(t.x)
}

// completeGraph has t = ⌊(n+A)/2⌋ + 1 with n the devices of a cohort and A = max(1, the most that are corrupt among them): no
// two sets of t share-holders can answer differently without an honest device among both. From 64 devices on it must also
// survive the losses that δ allows.
func completeGraph(p GraphParams) (Degree, error) {
	n, corrupt := p.cohort(), p.cohortCorrupt()
	t := (n+max(1, corrupt))/2 + 1
	if t > n {
		return Degree{}, fmt.Errorf("check graph: %d of %d devices corrupt leave no threshold; lower γ", corrupt, n)
	}
	if q := MinSurvivors(n, p.DeltaBP); n >= completeBelow && t > q {
		return Degree{}, fmt.Errorf("check graph: n = %d, γ = %d, δ = %d basis points: a threshold of %d needs more than the %d survivors; lower γ or δ",
			n, p.GammaBP, p.DeltaBP, t, q)
	}
	return Degree{K: n - 1, T: t}, nil
}

// leastRing tries the even degrees below n−1 in order. Neither bound is monotone in k, so that a search by halves would be
// wrong; a step is cheap instead.
func leastRing(p GraphParams) (Degree, bool) {
	for w := newWalk(p); w.k+2 < p.cohort()-1; {
		w.step()
		w.step()
		if t, ok := w.threshold(); ok {
			return Degree{K: w.k, T: t}, true
		}
	}
	return Degree{}, false
}

// walk holds everything about degree k that the modes ask for, exactly.
type walk struct {
	p       GraphParams
	k       int
	all     big.Int // C(n, k)
	cut     big.Int // C(A+D, k)
	corrupt *tail   // of the corrupt among a device's neighbours
	lost    *tail   // of the lost among them: P[Hyp(n, Q, k) < x] = P[Hyp(n, D, k) > k−x]
	word    big.Int
}

func newWalk(p GraphParams) *walk {
	w := &walk{p: p, corrupt: newTail(p.N, p.corrupt(), uint(p.Lambda+1)), lost: newTail(p.N, p.lost(), uint(p.Eta))}
	w.all.SetUint64(1)
	w.cut.SetUint64(1)
	return w
}

// step goes from k to k+1.
func (w *walk) step() {
	w.grow(&w.all, w.p.N)
	w.grow(&w.cut, w.p.corrupt()+w.p.lost())
	w.corrupt.step(&w.all)
	w.lost.step(&w.all)
	w.k++
}

// grow takes C(n, k) to C(n, k+1).
func (w *walk) grow(c *big.Int, n int) {
	c.Mul(c, w.word.SetUint64(uint64(max(0, n-w.k))))
	c.Quo(c, w.word.SetUint64(uint64(w.k+1)))
}

// surviving is s(k).
func (w *walk) surviving() int { return w.k - int(w.lost.x) }

// threshold is the least threshold of the mode at degree k, and whether k satisfies the mode with it.
func (w *walk) threshold() (int, bool) {
	t, a := 0, int(w.corrupt.x)
	switch w.p.Mode {
	case ModeW:
		t = w.k/2 + a + 1
	case ModeSM:
		t = (a+w.k)/2 + 1
	case ModeSH:
		t = max(a+1, 2)
	}
	return t, t <= w.surviving() && (w.p.Mode == ModeW || w.connected())
}

// connected reports n(n−k−1)/2 · C(B, k)/C(n, k) < 2^−(λ+1), B = A + D: the honest survivors' part of the graph falls apart
// with less than that chance. C(B, k) is 0 for k > B.
func (w *walk) connected() bool {
	var left big.Int
	left.Mul(&w.cut, w.word.SetUint64(uint64(w.p.N)*uint64(w.p.N-w.k-1)))
	left.Lsh(&left, uint(w.p.Lambda))
	return left.Cmp(&w.all) < 0
}
