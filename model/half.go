package model

import (
	"fmt"
	"math"
)

// A half is a number of IEEE 754-2008's binary16: 1 bit of sign, 5 of exponent, 10 of fraction. Models travel and are stored in
// halves; all computing is in float32, in which every half is exact.

// halfOverflow is the bits of 65520, the least float32 that is nearer to infinity than to the largest half, 65504; a tie goes to the even
// side, which is infinity.
const halfOverflow = 0x477ff000

// toHalf rounds to the nearest half, ties to the even one. It fails on what has none: NaN, infinity, 65520 and more.
func toHalf(f float32) (h uint16, ok bool) {
	b := math.Float32bits(f)
	sign, b := uint16(b>>16)&0x8000, b&0x7fffffff
	switch {
	case b >= halfOverflow:
		return 0, false
	case b < 113<<23: // below 2^-14 halves are multiples of 2^-24, as floats from ½ to 1 are: the addition rounds
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5)), true
	}
	b -= 112 << 23 // from bias 127 to bias 15
	return sign | uint16((b+0xfff+b>>13&1)>>13), true
}

// fromHalf gives a half's exact value; ok is false for NaN and infinity.
func fromHalf(h uint16) (f float32, ok bool) {
	sign, exponent, fraction := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0x1f:
		return 0, false
	case 0: // zero and the multiples of 2^-24 below 2^-14
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)/(1<<24))), true
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13), true
}

// InHalves gives the model whose parameters are these rounded to halves, and whose file stores them so. A parameter of 65520 or more in
// size has no half: the error names its tensor.
func (s *Snapshot) InHalves() (*Snapshot, error) {
	out := &Snapshot{Layout: s.Layout, Params: make([]float32, len(s.Params)), Half: true}
	for i, v := range s.Params {
		h, ok := toHalf(v)
		if !ok {
			return nil, fmt.Errorf("store the model in halves: parameter %v of tensor %q is over 65504, the largest: lower the rates, or store float32", v, s.Layout.tensorAt(i))
		}
		out.Params[i], _ = fromHalf(h)
	}
	return out, nil
}

// tensorAt names the tensor of a coordinate.
func (l Layout) tensorAt(i int) string {
	for _, t := range l.Tensors {
		if i < t.Size() {
			return t.Name
		}
		i -= t.Size()
	}
	return ""
}
