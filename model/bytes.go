package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Integers of headers are big-endian, strings and lists stand behind a u32 count, nothing is optional; only tensors are
// little-endian, because every machine we run on reads them as they lie.

var errShort = errors.New("truncated")

func appendString(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

func appendFloat(dst []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(dst, math.Float32bits(f))
}

// appendFloats appends raw little-endian float32.
func appendFloats(dst []byte, v []float32) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, 4*len(v))...)
	for i, x := range v {
		binary.LittleEndian.PutUint32(dst[at+4*i:], math.Float32bits(x))
	}
	return dst
}

// cursor reads a byte string from its front. After the first fault every read gives zero, and err tells it.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) take(n int, what string) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || len(c.b) < n {
		c.err = fmt.Errorf("%s: %w: %d bytes wanted, %d left", what, errShort, n, len(c.b))
		return nil
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) u16(what string) uint16 {
	if b := c.take(2, what); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32(what string) uint32 {
	if b := c.take(4, what); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) float(what string) float32 { return math.Float32frombits(c.u32(what)) }

func (c *cursor) text(limit int, what string) string {
	n := c.u32(what)
	if c.err == nil && int64(n) > int64(limit) {
		c.err = fmt.Errorf("%s: %d bytes, want at most %d", what, n, limit)
	}
	return string(c.take(int(n), what))
}

// count reads a list's length; each element needs at least least bytes, so a length that cannot be true takes no memory.
func (c *cursor) count(limit, least int, what string) int {
	n := int64(c.u32(what))
	switch {
	case c.err != nil:
		return 0
	case n > int64(limit):
		c.err = fmt.Errorf("%s: %d of them, want at most %d", what, n, limit)
		return 0
	case n*int64(least) > int64(len(c.b)):
		c.err = fmt.Errorf("%s: %w: %d announced, %d bytes left", what, errShort, n, len(c.b))
		return 0
	}
	return int(n)
}

// floats reads n raw little-endian float32 and refuses NaN and infinity.
func (c *cursor) floats(n int, what string) []float32 {
	if n < 0 || n > MaxParams {
		c.err = errors.Join(c.err, fmt.Errorf("%s: %d values, want at most %d", what, n, MaxParams))
		return nil
	}
	b := c.take(4*n, what)
	if c.err != nil {
		return nil
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	if i := finite(v); i >= 0 {
		c.err = fmt.Errorf("%s: value %d is %v; only finite numbers are allowed", what, i, v[i])
		return nil
	}
	return v
}

// appendHalves appends little-endian halves.
func appendHalves(dst []byte, v []float32) []byte {
	for i, x := range v {
		h, ok := toHalf(x)
		if back, _ := fromHalf(h); !ok || math.Float32bits(back) != math.Float32bits(x) {
			panic(fmt.Sprintf("model: encode snapshot: parameter %d is %v, which is not a half", i, x))
		}
		dst = binary.LittleEndian.AppendUint16(dst, h)
	}
	return dst
}

// halves reads n little-endian halves and refuses NaN and infinity.
func (c *cursor) halves(n int, what string) []float32 {
	if n < 0 || n > MaxParams {
		c.err = errors.Join(c.err, fmt.Errorf("%s: %d values, want at most %d", what, n, MaxParams))
		return nil
	}
	b := c.take(2*n, what)
	if c.err != nil {
		return nil
	}
	v := make([]float32, n)
	for i := range v {
		f, ok := fromHalf(binary.LittleEndian.Uint16(b[2*i:]))
		if !ok {
			c.err = fmt.Errorf("%s: value %d is NaN or infinity; only finite numbers are allowed", what, i)
			return nil
		}
		v[i] = f
	}
	return v
}

// end wants nothing to be left.
func (c *cursor) end(what string) error {
	if c.err == nil && len(c.b) != 0 {
		c.err = fmt.Errorf("%s: %d bytes follow its end", what, len(c.b))
	}
	return c.err
}
