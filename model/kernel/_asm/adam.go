package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// adam reads the seven fields of kernel.AdamStep, four bytes each in the order of their declaration.
func (f *form) adam() {
	f.function("adam", "moves row against grad and keeps both moments.", "func(step *byte, row, m, v, grad *float32, size int)")
	step := f.load("step")
	field := func(i int) reg.VecVirtual {
		r := f.vec()
		f.VBROADCASTSS(operand.Mem{Base: step, Disp: 4 * i}, r)
		return r
	}
	keep1, take1, keep2, take2 := field(0), field(1), field(2), field(3)
	rate, correct, epsilon := field(4), field(5), field(6)
	row, first, second, grad := f.load("row"), f.load("m"), f.load("v"), f.load("grad")
	f.loop("vector", f.load("size"), f.bytes(), func(i reg.Register) {
		g, m, v, r := f.vec(), f.vec(), f.vec(), f.vec()
		f.VMOVUPS(at(grad, i, 0), g)
		f.VMULPS(at(first, i, 0), keep1, m)
		f.VFMADD231PS(g, take1, m)
		f.VMOVUPS(m, at(first, i, 0))
		f.VMULPS(g, g, g)
		f.VMULPS(at(second, i, 0), keep2, v)
		f.VFMADD231PS(g, take2, v)
		f.VMOVUPS(v, at(second, i, 0))
		f.VMULPS(correct, v, v)
		f.VSQRTPS(v, v)
		f.VADDPS(epsilon, v, v)
		f.VMULPS(rate, m, m)
		f.VDIVPS(v, m, m)
		f.VMOVUPS(at(row, i, 0), r)
		f.VSUBPS(m, r, r)
		f.VMOVUPS(r, at(row, i, 0))
	})
	f.done()
}
