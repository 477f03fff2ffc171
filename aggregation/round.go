package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"math/bits"

	"github.com/cinesync/cinesync/internal/lanes"
)

// redraws is how often a rounding that exceeds the bound is drawn again before the vector is truncated towards zero.
const redraws = 8

// Quantise rounds s·clipped at random to integers: up with the chance of the fraction, in steps of 2^−16, and never beyond ±XMax. The
// squares of what it returns sum to at most CInt², checked in integers. A rounding that exceeds it is drawn again at most 8 times, then
// truncated; if that exceeds it too the answer is ErrQuantise. NaN and Inf are refused.
//
// The mean of word i over coins differs from s·clipped[i] by at most 2^−17 and 2^−24 of itself, but for what XMax cuts. The promise does
// not rest on the quality of coins. Each rounding takes 16 bytes of them, as the key of AES-128 in counter mode from zero;
// word i is rounded with bytes 2i and 2i+1 of that stream (privacy 3.4).
func (g Grid) Quantise(clipped []float32, coins io.Reader) ([]int32, error) {
	x := make([]int32, g.D)
	read := func(block []float32, from int) error { copy(block, clipped[from:]); return nil }
	write := func(block []int32, from int) error { copy(x[from:], block); return nil }
	if len(clipped) != g.D {
		return nil, fmt.Errorf("quantise: update has %d words, want %d", len(clipped), g.D)
	}
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
	q, err := newQuantiser(g, read, write)
	if err != nil {
		return fmt.Errorf("quantise: %w", err)
	}
	defer q.zero()
	if err := q.quantise(keyed{coins}); err != nil {
		return fmt.Errorf("quantise: %w", err)
	}
	return nil
}

// A draw is the coins of one rounding, as a stream from their beginning.
type draw interface {
	stream() cipher.Stream
}

// draws gives one draw after another.
type draws interface {
	next() (draw, error)
}

// keyed takes a key for each rounding off a source.
type keyed struct{ source io.Reader }

func (k keyed) next() (draw, error) {
	var key [aes.BlockSize]byte
	defer clear(key[:])
	if _, err := io.ReadFull(k.source, key[:]); err != nil {
		return nil, fmt.Errorf("read coins: %w", err)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("aggregation: key the coins: " + err.Error()) // only for a wrong key size
	}
	return cipherDraw{block}, nil
}

// cipherDraw is the keystream of a cipher in counter mode, from counter 0.
type cipherDraw struct{ block cipher.Block }

func (d cipherDraw) stream() cipher.Stream {
	var start [aes.BlockSize]byte
	return cipher.NewCTR(d.block, start[:])
}

// quantiser is one vector on its way; the buffers hold a block of the update.
type quantiser struct {
	*rounder
	read  func([]float32, int) error
	write func([]int32, int) error
	in    []float32
	out   []int32
}

func newQuantiser(g Grid, read func([]float32, int) error, write func([]int32, int) error) (*quantiser, error) {
	r, err := newRounder(g)
	if err != nil {
		return nil, err
	}
	return &quantiser{rounder: r, read: read, write: write, in: make([]float32, min(g.D, quantiseWords)), out: make([]int32, min(g.D, quantiseWords))}, nil
}

func (q *quantiser) zero() {
	clear(q.in)
	clear(q.out)
	q.rounder.zero()
}

// quantise makes roundings until one is within the bound.
func (q *quantiser) quantise(coins draws) error {
	for range 1 + redraws {
		drawn, err := coins.next()
		if err != nil {
			return err
		}
		if within, err := q.pass(drawn.stream()); err != nil || within {
			return err
		}
	}
	if within, err := q.pass(nil); err != nil || within {
		return err
	}
	return ErrQuantise
}

// pass writes one rounding, or without coins the truncation, and reports whether Σx² ≤ CInt². Here are integers alone: floats end in rounded.
func (q *quantiser) pass(coins cipher.Stream) (within bool, err error) {
	left := q.whole()
	for from := 0; from < q.g.D; from += len(q.out) {
		out := q.out[:min(len(q.out), q.g.D-from)]
		small, err := q.readRounded(out, from, coins)
		if err != nil {
			return false, err
		}
		if left, within = spend(left, out, small); !within {
			return false, nil // the rest of this rounding is of no use
		}
		if err := q.write(out, from); err != nil {
			return false, fmt.Errorf("write integers: %w", err)
		}
	}
	return true, nil
}

// readRounded reads a block of the update and fills out with its rounding.
func (q *quantiser) readRounded(out []int32, from int, coins cipher.Stream) (small bool, err error) {
	in := q.in[:len(out)]
	if err := q.read(in, from); err != nil {
		return false, fmt.Errorf("read update: %w", err)
	}
	return q.rounded(out, in, from, coins)
}

// spend takes the squares of a block off what is left of CInt², exactly. Those of words up to lanes.Most are added up many at once.
func spend(left uint64, block []int32, small bool) (uint64, bool) {
	if small {
		rest, under := bits.Sub64(left, lanes.SquaresOf(block), 0)
		return rest, under == 0
	}
	for _, v := range block {
		rest, under := bits.Sub64(left, uint64(int64(v)*int64(v)), 0)
		if under != 0 {
			return 0, false
		}
		left = rest
	}
	return left, true
}
