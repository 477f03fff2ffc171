package lanes

import (
	"encoding/binary"
	"math"
)

// Width is the number of lanes that squares are added in: coordinate i of a vector belongs to lane i mod Width.
const Width = 16

// Lanes are sums of squares, one a lane.
type Lanes [Width]float64

// Total adds the lanes in a fixed order: halves upon halves.
func (l *Lanes) Total() float64 {
	t := *l
	for w := Width / 2; w > 0; w /= 2 {
		for i := range t[:w] {
			t[i] += t[i+w]
		}
	}
	return t[0]
}

// AddSquares adds the squares of x, whose first value belongs to lane from mod Width, each to its lane and in order. A float64 holds
// the square of a float32 exactly, so it is one rounding a value, fused or not.
func AddSquares(l *Lanes, x []float32, from int) {
	if off := from % Width; off != 0 {
		head := min(len(x), Width-off)
		for i, v := range x[:head] {
			l[off+i] += float64(v) * float64(v)
		}
		x = x[head:]
	}
	whole := len(x) &^ (Width - 1)
	if whole > 0 {
		best.addSquares(l, x[:whole])
	}
	for i, v := range x[whole:] {
		l[i] += float64(v) * float64(v)
	}
}

func addSquaresGo(l *Lanes, x []float32) {
	for ; len(x) >= Width; x = x[Width:] {
		for i, v := range (*[Width]float32)(x) {
			l[i] += float64(v) * float64(v)
		}
	}
}

// Scale multiplies x in place, each product rounded to the nearest float32.
func Scale(x []float32, by float32) {
	whole := len(x) &^ (Width - 1)
	if whole > 0 {
		best.scale(x[:whole], by)
	}
	scaleGo(x[whole:], by)
}

func scaleGo(x []float32, by float32) {
	for i, v := range x {
		x[i] = v * by
	}
}

const (
	// CoinBits is how many random bits round one value; CoinBytes are their bytes.
	CoinBits, CoinBytes = 16, 2
	// Most is the greatest magnitude that Round gives: with its coin it fits 32 bits.
	Most = 1<<15 - 1
)

// Round rounds x·s at random to integers. With p = x·unit as a float32, cut to ±limit·2^16, the result is ⌊(V + coin)/2^16⌋, where V is
// the integer nearest to p (ties to even) and the coin two bytes of coins, the least significant first: up with the chance of the fraction.
// unit is s·2^16, limit from 1 to Most. out has as many words as x, coins 2 bytes for each. It returns the greatest magnitude in
// x, as bits, which sort as numbers do; above those of the greatest float32 one of x is no number, and out is of no use.
func Round(out []int32, x []float32, coins []byte, unit float32, limit int32) (most uint32) {
	whole := len(x) &^ (Width - 1)
	out, coins = out[:len(x)], coins[:CoinBytes*len(x)] // assembly does not look
	if whole > 0 {
		most = best.round(out[:whole], x[:whole], coins[:CoinBytes*whole], unit, float32(limit)*(1<<CoinBits))
	}
	return max(most, roundGo(out[whole:], x[whole:], coins[CoinBytes*whole:], unit, float32(limit)*(1<<CoinBits)))
}

func roundGo(out []int32, x []float32, coins []byte, unit, limit float32) (most uint32) {
	for i, v := range x {
		most = max(most, Magnitude(v))
		p := v * unit
		if p > limit {
			p = limit
		} else if p < -limit {
			p = -limit
		}
		coin := int32(binary.LittleEndian.Uint16(coins[CoinBytes*i:]))
		out[i] = (nearest(p) + coin) >> CoinBits
	}
	return most
}

// nearest is the integer nearest to p, of at most 31 bits, ties to even. Added to 1.5·2^52 it is what the lowest bits of the sum hold.
func nearest(p float32) int32 { return int32(math.Float64bits(float64(p) + 0x1.8p52)) }

// Magnitude is |v| as bits, in the order of the numbers; infinities and NaN are above every number.
func Magnitude(v float32) uint32 { return math.Float32bits(v) &^ (1 << 31) }
