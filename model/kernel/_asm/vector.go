package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors makes the operations on whole vectors: size is in bytes, and a multiple of a vector's. What is left over is the
// caller's.
func (f *form) vectors() {
	f.dot()
	f.sumSquares()

	f.function("axpy", "adds a times x to y.", "func(a float32, x, y *float32, size int)")
	a, x, y := f.broadcast("a"), f.load("x"), f.load("y")
	f.loop("vector", f.load("size"), f.bytes(), func(i reg.Register) {
		v := f.vec()
		f.VMOVUPS(at(y, i, 0), v)
		f.VFMADD231PS(at(x, i, 0), a, v)
		f.VMOVUPS(v, at(y, i, 0))
	})
	f.done()

	f.function("scale", "multiplies x by a.", "func(a float32, x *float32, size int)")
	a, x = f.broadcast("a"), f.load("x")
	f.loop("vector", f.load("size"), f.bytes(), func(i reg.Register) {
		v := f.vec()
		f.VMULPS(at(x, i, 0), a, v)
		f.VMOVUPS(v, at(x, i, 0))
	})
	f.done()

	f.reluBackward()
	f.greatest()
}

// dot sums in four vectors while four are left, so that additions need not wait for each other.
func (f *form) dot() {
	f.function("dot", "is the product of x and y.", "func(x, y *float32, size int) float32")
	x, y, size := f.load("x"), f.load("y"), f.load("size")
	sums := f.vecs(4)
	f.zero(sums...)
	i, most := f.GP64(), f.GP64()
	f.XORQ(i, i)
	f.LEAQ(operand.Mem{Base: size, Disp: -3 * f.bytes()}, most)
	step := func(n int) func() {
		return func() {
			for s := range n {
				v := f.vec()
				f.VMOVUPS(at(x, i, s*f.bytes()), v)
				f.VFMADD231PS(at(y, i, s*f.bytes()), v, sums[s])
			}
		}
	}
	f.loopFrom("four", i, most, 4*f.bytes(), step(4))
	f.loopFrom("one", i, size, f.bytes(), step(1))
	f.VADDPS(sums[1], sums[0], sums[0])
	f.VADDPS(sums[3], sums[2], sums[2])
	f.VADDPS(sums[2], sums[0], sums[0])
	f.result(f.across(sums[0], func(ops ...operand.Op) { f.VADDPS(ops...) }))
}

// result returns the lowest lane.
func (f *form) result(v reg.VecVirtual) {
	f.Store(v.AsX(), f.ReturnIndex(0))
	f.done()
}

// sumSquares widens to float64 before it squares; two vectors a step, which size is a multiple of.
func (f *form) sumSquares() {
	f.function("sumSquares", "is the sum of the squares of x, in float64.", "func(x *float32, size int) float64")
	x := f.load("x")
	sums := f.vecs(4)
	f.zero(sums...)
	f.loop("vectors", f.load("size"), 2*f.bytes(), func(i reg.Register) {
		for s, sum := range sums {
			v := f.vec()
			f.VCVTPS2PD(at(x, i, s*f.bytes()/2), v)
			f.VFMADD231PD(v, v, sum)
		}
	})
	f.VADDPD(sums[1], sums[0], sums[0])
	f.VADDPD(sums[3], sums[2], sums[2])
	f.VADDPD(sums[2], sums[0], sums[0])
	y := f.YMM()
	if f.wide() {
		f.VEXTRACTF64X4(operand.Imm(1), sums[0], y)
		f.VADDPD(sums[0].AsY(), y, y)
	} else {
		y = sums[0]
	}
	v, other := f.XMM(), f.XMM()
	f.VEXTRACTF128(operand.Imm(1), y.AsY(), v)
	f.VADDPD(y.AsX(), v, v)
	f.VPERMILPD(operand.Imm(1), v, other)
	f.VADDPD(other, v, v)
	f.result(v)
}

func (f *form) reluBackward() {
	const aboveZeroOrNaN = 0x16 // NLE_UQ
	f.function("reluBackward", "clears grad where out is not above 0.", "func(grad, out *float32, size int)")
	grad, out := f.load("grad"), f.load("out")
	none := f.vec()
	f.zero(none)
	f.loop("vector", f.load("size"), f.bytes(), func(i reg.Register) {
		v := f.vec()
		if f.wide() {
			k, o := f.K(), f.vec()
			f.VMOVUPS(at(out, i, 0), o)
			f.VCMPPS(operand.Imm(aboveZeroOrNaN), none, o, k)
			f.VMOVUPS_Z(at(grad, i, 0), k, v)
		} else {
			o := f.vec()
			f.VMOVUPS(at(out, i, 0), o)
			f.VCMPPS(operand.Imm(aboveZeroOrNaN), none, o, v)
			f.VANDPS(at(grad, i, 0), v, v)
		}
		f.VMOVUPS(v, at(grad, i, 0))
	})
	f.done()
}

// greatest lets a NaN go or stay, by its place: the exponentials that follow carry it.
func (f *form) greatest() {
	f.function("greatest", "is the largest value of x and least.", "func(x *float32, size int, least float32) float32")
	x, size := f.load("x"), f.load("size")
	tops := f.vecs(4)
	for _, top := range tops {
		p, err := f.Param("least").Resolve()
		if err != nil {
			panic(err)
		}
		f.VBROADCASTSS(p.Addr, top)
	}
	i, most := f.GP64(), f.GP64()
	f.XORQ(i, i)
	f.LEAQ(operand.Mem{Base: size, Disp: -3 * f.bytes()}, most)
	step := func(n int) func() {
		return func() {
			for s := range n {
				f.VMAXPS(at(x, i, s*f.bytes()), tops[s], tops[s])
			}
		}
	}
	f.loopFrom("four", i, most, 4*f.bytes(), step(4))
	f.loopFrom("one", i, size, f.bytes(), step(1))
	f.VMAXPS(tops[1], tops[0], tops[0])
	f.VMAXPS(tops[3], tops[2], tops[2])
	f.VMAXPS(tops[2], tops[0], tops[0])
	f.result(f.across(tops[0], func(ops ...operand.Op) { f.VMAXPS(ops...) }))
}
