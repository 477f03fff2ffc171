package aggregation

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// redraws is how often a rounding that exceeds the bound is drawn again before the vector is truncated towards zero.
const redraws = 8

// Quantise rounds s·clipped at random to integers: up with the chance of the fraction, so that the mean is unbiased, and
// never beyond ±XMax. The squares of what it returns sum to at most CInt², checked in integers. A rounding that exceeds it is
// drawn again at most 8 times, then truncated; if that exceeds it too the answer is ErrQuantise. The promise does not rest
// on the quality of coins. NaN and Inf are refused.
func (g Grid) Quantise(clipped []float32, coins io.Reader) ([]int32, error) {
	if len(clipped) != g.D {
		return nil, fmt.Errorf("quantise: update has %d words, want %d", len(clipped), g.D)
	}
	x := make([]int32, g.D)
	read := func(block []float32, from int) error { copy(block, clipped[from:]); return nil }
	write := func(block []int32, from int) error { copy(x[from:], block); return nil }
	if err := g.QuantiseStream(read, write, coins); err != nil {
		clear(x)
		return nil, err
	}
	return x, nil
}

// quantiseWords is the block of QuantiseStream.
const quantiseWords = 8 << 10

// QuantiseStream is Quantise for a vector that is not in memory: read fills a block from an index on, write takes the
// integers of it. Every pass goes through the vector in order, and a pass that exceeded the bound is followed by another from
// index 0 on; what the last one wrote is the result. The same coins give the same integers as Quantise. On an error what was
// written must not be used.
func (g Grid) QuantiseStream(read func(block []float32, from int) error, write func(block []int32, from int) error, coins io.Reader) error {
	q, err := newQuantiser(g, read, write, coins)
	if err != nil {
		return fmt.Errorf("quantise: %w", err)
	}
	defer q.zero()
	for try := range 1 + redraws + 1 {
		within, err := q.pass(try == 1+redraws)
		if err != nil {
			return fmt.Errorf("quantise: %w", err)
		}
		if within {
			return nil
		}
	}
	return fmt.Errorf("quantise: %w", ErrQuantise)
}

// quantiser is one vector on its way; the buffers hold a block of the update.
type quantiser struct {
	g     Grid
	s     float64
	read  func([]float32, int) error
	write func([]int32, int) error
	coins io.Reader
	in    []float32
	out   []int32
	buf   [16 << 10]byte // of coins
}

func newQuantiser(g Grid, read func([]float32, int) error, write func([]int32, int) error, coins io.Reader) (*quantiser, error) {
	r, err := g.R()
	if err != nil {
		return nil, err
	}
	return &quantiser{g: g, s: r / float64(g.C), read: read, write: write, coins: coins,
		in: make([]float32, min(g.D, quantiseWords)), out: make([]int32, min(g.D, quantiseWords))}, nil
}

func (q *quantiser) zero() {
	clear(q.in)
	clear(q.out)
	clear(q.buf[:])
}

// pass writes one rounding, or the truncation, and reports whether Σx² ≤ CInt². Here are integers alone: floats end in rounded.
func (q *quantiser) pass(truncate bool) (within bool, err error) {
	left, within := uint64(q.g.CInt)*uint64(q.g.CInt), true
	for from := 0; from < q.g.D; from += len(q.out) {
		out := q.out[:min(len(q.out), q.g.D-from)]
		if err := q.rounded(out, from, truncate); err != nil {
			return false, err
		}
		if left, within = spend(left, out, within); !within && !truncate {
			return false, nil // the rest of this rounding is of no use
		}
		if err := q.write(out, from); err != nil {
			return false, fmt.Errorf("write integers: %w", err)
		}
	}
	return within, nil
}

// rounded reads a block of the update and fills out with its rounding, or its truncation.
func (q *quantiser) rounded(out []int32, from int, truncate bool) error {
	in := q.in[:len(out)]
	if err := q.read(in, from); err != nil {
		return fmt.Errorf("read update: %w", err)
	}
	reach, err := q.reach(in, from)
	if err != nil {
		return err
	}
	if truncate {
		q.truncate(out, in)
		return nil
	}
	return q.round(out, in, reach)
}

// reach is the greatest magnitude of a scaled block. It refuses NaN and infinities, whose bits are above those of every number.
func (q *quantiser) reach(block []float32, from int) (float64, error) {
	var most uint32
	for _, v := range block {
		most = max(most, magnitude(v))
	}
	if most < magnitude(float32(math.Inf(1))) {
		return q.s * float64(math.Float32frombits(most)), nil
	}
	for i, v := range block {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return 0, fmt.Errorf("word %d of the update is %v; refuse the update", from+i, v)
		}
	}
	panic("aggregation: a word that is no number, and every word is one")
}

// magnitude is |v| as bits, in the order of the numbers.
func magnitude(v float32) uint32 { return math.Float32bits(v) &^ (1 << 31) }

// spend takes the squares of a block off what is left of CInt², exactly.
func spend(left uint64, block []int32, within bool) (uint64, bool) {
	for _, v := range block {
		rest, under := bits.Sub64(left, uint64(int64(v)*int64(v)), 0)
		if under != 0 {
			return 0, false
		}
		left = rest
	}
	return left, within
}

func (q *quantiser) truncate(out []int32, in []float32) {
	for i, v := range in {
		out[i] = int32(q.g.clamp(math.Trunc(q.s * float64(v))))
	}
}

func (g Grid) clamp(v float64) float64 {
	m := float64(g.XMax)
	return min(max(v, -m), m)
}

// round draws one rounding of a block: 53 bits of coins a word.
func (q *quantiser) round(out []int32, in []float32, reach float64) error {
	for len(out) > 0 {
		m := min(len(out), len(q.buf)/8)
		coins := q.buf[:8*m]
		if _, err := io.ReadFull(q.coins, coins); err != nil {
			return fmt.Errorf("read coins: %w", err)
		}
		if reach < 1<<62 {
			q.roundWithin(out[:m], in[:m], coins)
		} else {
			q.roundAny(out[:m], in[:m], coins)
		}
		out, in = out[m:], in[m:]
	}
	return nil
}

// roundWithin rounds what fits 64 bits once it is scaled, as all clipped updates do. Coins decide by arithmetic here: a branch
// on one is predicted wrongly half the time, which cost more than the rest.
func (q *quantiser) roundWithin(out []int32, in []float32, coins []byte) {
	s, limit := q.s, int64(q.g.XMax)
	for i, x := range in {
		v := float64(s * float64(x)) // rounded here on every machine: not fused with what follows
		floor := math.Floor(v)
		n := int64(floor)
		if coin(coins, i) < v-floor {
			n++
		}
		out[i] = int32(min(max(n, -limit), limit))
	}
}

// roundAny rounds words of any size to the same bits as roundWithin where both can.
func (q *quantiser) roundAny(out []int32, in []float32, coins []byte) {
	for i, x := range in {
		v := float64(q.s * float64(x))
		floor := math.Floor(v)
		if coin(coins, i) < v-floor {
			floor++
		}
		out[i] = int32(q.g.clamp(floor))
	}
}

// coin is the i-th of some coins, uniform in [0, 1).
func coin(coins []byte, i int) float64 {
	return float64(int64(binary.LittleEndian.Uint64(coins[8*i:])>>11)) * 0x1p-53
}
