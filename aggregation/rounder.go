package aggregation

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/internal/lanes"
)

// rounder rounds blocks on a grid.
type rounder struct {
	g     Grid
	unit  float32 // s·2^16
	limit int32   // the lesser of x_max and lanes.Most
	coins [lanes.CoinBytes * roundWords]byte
}

// roundWords are rounded at a time: with their coins they stay in the first-level cache.
const roundWords = 2 << 10

func newRounder(g Grid) (*rounder, error) {
	s, err := g.scale()
	if err != nil {
		return nil, err
	}
	return &rounder{g: g, unit: s * (1 << lanes.CoinBits), limit: int32(min(g.XMax, lanes.Most))}, nil
}

func (r *rounder) zero() { clear(r.coins[:]) }

// whole is CInt².
func (r *rounder) whole() uint64 { return uint64(r.g.CInt) * uint64(r.g.CInt) }

// rounded fills out with the rounding of the words from an index on; without coins, with their truncation. It refuses NaN and
// infinities, and tells whether no word of out is beyond lanes.Most.
func (r *rounder) rounded(out []int32, in []float32, from int, coins cipher.Stream) (small bool, err error) {
	small = true
	for at := 0; at < len(in); at += roundWords {
		to := min(len(in), at+roundWords)
		x, y, drawn := in[at:to], out[at:to], r.coins[:lanes.CoinBytes*(to-at)]
		if coins == nil {
			towardsZero(drawn, x)
		} else {
			clear(drawn)
			coins.XORKeyStream(drawn, drawn)
		}
		most := lanes.Round(y, x, drawn, r.unit, r.limit)
		if most > lanes.Magnitude(math.MaxFloat32) {
			return false, noNumber(x, from+at)
		}
		if uint32(r.limit) < r.g.XMax && math.Float32frombits(most)*r.unit > lanes.Most<<lanes.CoinBits {
			r.roundWide(y, x, drawn)
			small = false
		}
	}
	return small, nil
}

// towardsZero makes the coins that truncate: a positive word goes down, a negative one up.
func towardsZero(coins []byte, x []float32) {
	for i, v := range x {
		coin := uint16(0)
		if v < 0 {
			coin = math.MaxUint16
		}
		binary.LittleEndian.PutUint16(coins[lanes.CoinBytes*i:], coin)
	}
}

// roundWide is lanes.Round for words of any size, with the same bits where both can.
func (r *rounder) roundWide(out []int32, in []float32, coins []byte) {
	limit := float64(r.g.XMax) * (1 << lanes.CoinBits)
	for i, x := range in {
		p := max(min(float64(x*r.unit), limit), -limit)
		coin := int64(binary.LittleEndian.Uint16(coins[lanes.CoinBytes*i:]))
		out[i] = int32((int64(math.RoundToEven(p)) + coin) >> lanes.CoinBits)
	}
}

// noNumber says which word is none.
func noNumber(x []float32, from int) error {
	for i, v := range x {
		if lanes.Magnitude(v) > lanes.Magnitude(math.MaxFloat32) {
			return fmt.Errorf("word %d of the update is %v; refuse the update", from+i, v)
		}
	}
	panic("aggregation: a word that is no number, and every word is one")
}
