package privacy

import (
	"encoding/binary"
	"io"
	"math"
	"testing"
)

// law is the discrete Gaussian of parameter σ², summed term by term: what the sampler is compared with.
type law struct {
	sigmaSq float64
	reach   int64 // beyond it all mass together is below 10^−30
	total   float64
}

func newLaw(sigmaSq uint64) law {
	l := law{sigmaSq: float64(sigmaSq), reach: int64(12*math.Sqrt(float64(sigmaSq))) + 12}
	for x := l.reach; x > 0; x-- { // small terms first
		l.total += 2 * l.weight(x)
	}
	l.total++
	return l
}

func (l law) weight(x int64) float64 { return math.Exp(-float64(x) * float64(x) / (2 * l.sigmaSq)) }
func (l law) p(x int64) float64      { return l.weight(x) / l.total }
func (l law) root() int64            { return int64(math.Sqrt(l.sigmaSq)) }

func (l law) variance() float64 {
	var sum float64
	for x := l.reach; x > 0; x-- {
		sum += 2 * float64(x) * float64(x) * l.weight(x)
	}
	return sum / l.total
}

// beyond returns P(|X| > x).
func (l law) beyond(x int64) float64 {
	var sum float64
	for y := l.reach; y > x; y-- {
		sum += 2 * l.weight(y)
	}
	return sum / l.total
}

// bins cuts the integers into ranges of roughly equal probability, each worth at least ten of n samples. A value x belongs
// to the first bin whose end is at least x; the last bin has no end.
func (l law) bins(n, most int) (ends []int64, mass []float64) {
	least := max(1/float64(most), 10/float64(n))
	var sum, used float64
	for x := -l.reach; x <= l.reach; x++ {
		sum += l.p(x)
		if sum >= least && 1-used-sum >= least {
			ends, mass = append(ends, x), append(mass, sum)
			used, sum = used+sum, 0
		}
	}
	return append(ends, math.MaxInt64), append(mass, 1-used)
}

// seeded returns the keystream of a key made from a number, so that every run of a test draws the same.
func seeded(seed uint64) io.Reader {
	var key [32]byte
	copy(key[:], "cinesync privacy tests")
	binary.BigEndian.PutUint64(key[24:], seed)
	return NewStream(key)
}

// chiSquare returns Pearson's statistic.
func chiSquare(counts []int, mass []float64) float64 {
	n := 0
	for _, c := range counts {
		n += c
	}
	var sum float64
	for i, c := range counts {
		want := mass[i] * float64(n)
		sum += (float64(c) - want) * (float64(c) - want) / want
	}
	return sum
}

// chiLimit returns a value that χ² of so many degrees of freedom exceeds with probability below 10^−6 (Laurent, Massart
// 2000, lemma 1: df + 2√(df·x) + 2x with x = ln 10^6).
func chiLimit(degrees int) float64 {
	x := math.Log(1e6)
	return float64(degrees) + 2*math.Sqrt(float64(degrees)*x) + 2*x
}

func checkFit(t *testing.T, what string, counts []int, mass []float64) {
	t.Helper()
	degrees := len(mass) - 1
	stat := chiSquare(counts, mass)
	if stat > chiLimit(degrees) {
		t.Errorf("%s: χ² = %.1f on %d degrees of freedom, at most %.1f expected", what, stat, degrees, chiLimit(degrees))
	}
	t.Logf("%s: χ² = %.1f on %d degrees of freedom", what, stat, degrees)
}
