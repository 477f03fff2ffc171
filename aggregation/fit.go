package aggregation

import (
	"fmt"
	"math"
)

// What a grid must keep of an update so that packed words are worth it, both measured (decision 37).
const (
	// peaks is by how much one coordinate may stand below C_int: x_max ≥ C_int/peaks. Updates of the recency tower have their peaks at C/8
	// in the median; cut at C/10 they train as well as whole, cut at C/17 they lose half a point of HR@10, at C/50 six points.
	peaks = 10
	// kept is the least R/C_int of a grid that is chosen: noise weighs a ninth more there than on the finest.
	kept = 0.9
	// finest is the C_int/√d above which a finer grid buys nothing.
	finest = 8
)

// wordSizes are those of packed words and the full ones, least first.
var wordSizes = [...]uint16{16, 24, 32}

// MostWord is the greatest x_max that words of so many bits carry: n·x_max + 6⌈σ_tot⌉ below 2^(w−1). It is 0 where the noise alone is too much.
func MostWord(n int, sigmaTotSq uint64, wordBits uint16) uint32 {
	room := uint64(1)<<(wordBits-1) - 1
	noise := 6 * ceilSqrt(sigmaTotSq)
	if n < 1 || noise >= room {
		return 0
	}
	return uint32((room - noise) / uint64(n))
}

// LeastWords chooses the words of a round whose grid and noise are fixed: the smallest of at least so many bits that carry n members' integers
// with room for peaks of a tenth of CInt or more, and the x_max that then has room, CInt at most. 32 bits are the last resort, and may not
// carry them either: Grid.Validate says.
func LeastWords(least uint16, d, n int, cInt uint32, sigmaTotSq uint64) (wordBits uint16, xMax uint32) {
	for _, bits := range wordSizes[:2] {
		most := min(cInt, MostWord(n, sigmaTotSq, bits))
		if bits >= least && uint64(cInt)*uint64(cInt) >= uint64(d) && uint64(most)*peaks >= uint64(cInt) {
			return bits, most
		}
	}
	return 32, cInt
}

// FitGrid chooses grid and words for d words of n members each clipped to c, under noise of z = σ_tot/C_int, 0 for none: the smallest words that
// carry a grid no coarser than least, with room for peaks and R at least nine tenths of C_int (1.2√d for large d). Within them the grid is as fine as that allows, up to 8√d. The variance is
// z²·C_int², rounded up to above it.
func FitGrid(c float32, d, n int, z float64, least uint32) (g Grid, sigmaTotSq uint64, err error) {
	for _, bits := range wordSizes {
		if g, sigmaTotSq, err = FitWords(bits, c, d, n, z, least); err == nil {
			return g, sigmaTotSq, nil
		}
	}
	return Grid{}, 0, err
}

// FitWords is FitGrid for words of one size.
func FitWords(bits uint16, c float32, d, n int, z float64, least uint32) (g Grid, sigmaTotSq uint64, err error) {
	if d < 1 || d > MaxWords || n < 1 || n > MaxDevices || !(z >= 0 && z <= 1e6) {
		return Grid{}, 0, fmt.Errorf("fit grid: %d words, %d members, noise %v: want 1 to %d, 1 to %d, 0 to a million", d, n, z, MaxWords, MaxDevices)
	}
	need, share := max(coarsest(float64(d)), float64(least)), float64(peaks)
	fine := max(math.Ceil(finest*math.Sqrt(float64(d))), need)
	if bits == 32 {
		need, share = fine, 1
	}
	// n·C_int/share + 6⌈z·C_int⌉ + 6 below 2^(w−1): one more for x_max rounded up to its share, one for the variance.
	most := math.Floor((float64(uint64(1)<<(bits-1)) - 13 - float64(n)) / (float64(n)/share + 6*z))
	if need > most || need > math.MaxInt32 {
		return Grid{}, 0, fmt.Errorf("fit grid: words of %d bits carry C_int up to %.0f for %d members and z = %.3g, and %.0f is needed for %d words", bits, max(most, 0), n, z, need, d)
	}
	g = Grid{C: c, CInt: uint32(min(fine, most)), D: d, WordBits: bits}
	if z > 0 {
		sigmaTotSq = uint64(z*float64(g.CInt)*z*float64(g.CInt)) + 1
	}
	g.XMax = g.CInt
	if bits < 32 {
		g.XMax = min(g.CInt, MostWord(n, sigmaTotSq, bits))
	}
	if err := g.Validate(n, sigmaTotSq); err != nil {
		return Grid{}, 0, fmt.Errorf("fit grid: %w", err)
	}
	return g, sigmaTotSq, nil
}

// coarsest is the least C_int whose R is kept of it: C_int²·(1 − kept²) − a·C_int − d/4 − a√d/2 ≥ 0, a = √(40 ln 2).
func coarsest(d float64) float64 {
	a, q := math.Sqrt(40*math.Ln2), 1-kept*kept
	return math.Ceil((a + math.Sqrt(a*a+q*(d+2*a*math.Sqrt(d)))) / (2 * q))
}
