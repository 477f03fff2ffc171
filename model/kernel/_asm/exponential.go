package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The constants are those of exponential_portable.go, which says where they come from.
const (
	lowest = iota
	highest
	log2e
	ln2Upper
	ln2Lower
	p0
	p1
	p2
	p3
	p4
	one
	bias // 127 as a whole number
	constantCount
)

func constantValue(i int) operand.Constant {
	if i == bias {
		return operand.U32(127)
	}
	return operand.F32([...]float32{-104, 89, math.Log2E, 0.693145751953125, 1.428606765330187e-06,
		0.5, 0.16666577756404877, 0.041666556149721146, 0.008363173343241215, 0.0013926175888627768, 1}[i])
}

func (f *form) exponentials() {
	table := f.StaticGlobal("exponential" + f.suffix)
	f.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range constantCount {
		for lane := range f.lanes {
			f.AddDatum(i*f.bytes()+lane*4, constantValue(i))
		}
	}

	f.function("expSum", "replaces x by exp(x − top) and returns the sum.", "func(x *float32, size int, top float32) float32")
	c, x := f.constants(table), f.load("x")
	top, sum := f.broadcast("top"), f.vec()
	f.zero(sum)
	f.loop("vector", f.load("size"), f.bytes(), func(i reg.Register) {
		v := f.vec()
		f.VMOVUPS(at(x, i, 0), v)
		f.VSUBPS(top, v, v)
		e := f.exponential(c, v)
		f.VMOVUPS(e, at(x, i, 0))
		f.VADDPS(e, sum, sum)
	})
	f.result(f.across(sum, func(ops ...operand.Op) { f.VADDPS(ops...) }))
}

// constants gives each constant as an operand: in a register where there are 32, in memory where there are 16.
func (f *form) constants(table operand.Mem) []operand.Op {
	out := make([]operand.Op, constantCount)
	for i := range out {
		m := table.Offset(i * f.bytes())
		if f.wide() || i == lowest || i == highest {
			v := f.vec()
			f.VMOVUPS(m, v)
			out[i] = v
		} else {
			out[i] = m
		}
	}
	return out
}

// exponential is exp(x), and overwrites x.
func (f *form) exponential(c []operand.Op, x reg.VecVirtual) reg.VecVirtual {
	f.VMAXPS(x, c[lowest], x) // the second of two when one is NaN
	f.VMINPS(x, c[highest], x)
	n, square, p := f.vec(), f.vec(), f.vec()
	f.VMULPS(c[log2e], x, n)
	if f.wide() {
		f.VRNDSCALEPS(operand.Imm(8), n, n)
	} else {
		f.VROUNDPS(operand.Imm(8), n, n)
	}
	f.VFNMADD231PS(c[ln2Upper], n, x)
	f.VFNMADD231PS(c[ln2Lower], n, x)
	f.VMULPS(x, x, square)
	f.VMOVUPS(c[p4], p)
	for _, k := range []int{p3, p2, p1, p0} {
		f.VFMADD213PS(c[k], x, p)
	}
	f.VFMADD213PS(x, square, p)
	f.VADDPS(c[one], p, p)
	if f.wide() {
		f.VSCALEFPS(n, p, p)
		return p
	}
	// Twice, by half the power, so that the result is rounded once where it leaves the normal range.
	f.VCVTPS2DQ(n, n)
	f.VPSRAD(operand.Imm(1), n, square)
	f.VPSUBD(square, n, n)
	for _, half := range []reg.VecVirtual{square, n} {
		f.VPADDD(c[bias], half, half)
		f.VPSLLD(operand.Imm(23), half, half)
		f.VMULPS(half, p, p)
	}
	return p
}
