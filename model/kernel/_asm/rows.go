package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rows makes the operations on all rows of a matrix, a stripe of one vector's width at a time: what belongs to the stripe
// stays in a register. stride is the distance of rows and size the width of all stripes, in bytes.
func (f *form) rows() {
	f.function("addBias", "adds bias to each of m rows of c.", "func(c, bias *float32, m, stride, size int)")
	f.stripes(func(c, bias, at, row reg.Register) func() {
		v, sum := f.vec(), f.vec()
		f.VMOVUPS(operand.Mem{Base: bias, Index: at, Scale: 1}, v)
		return func() {
			f.VADDPS(operand.Mem{Base: row}, v, sum)
			f.VMOVUPS(sum, operand.Mem{Base: row})
		}
	}, nil)

	f.function("biasRelu", "adds bias to each of m rows of c and cuts what is negative.", "func(c, bias *float32, m, stride, size int)")
	f.stripes(func(c, bias, at, row reg.Register) func() {
		v, sum, none := f.vec(), f.vec(), f.vec()
		f.zero(none)
		f.VMOVUPS(operand.Mem{Base: bias, Index: at, Scale: 1}, v)
		return func() {
			f.VADDPS(operand.Mem{Base: row}, v, sum)
			f.VMAXPS(sum, none, sum) // the second of two when one is NaN
			f.VMOVUPS(sum, operand.Mem{Base: row})
		}
	}, nil)

	var sum reg.VecVirtual
	f.function("sumRows", "adds m rows of c to bias.", "func(c, bias *float32, m, stride, size int)")
	f.stripes(func(c, bias, at, row reg.Register) func() {
		sum = f.vec()
		f.VMOVUPS(operand.Mem{Base: bias, Index: at, Scale: 1}, sum)
		return func() { f.VADDPS(operand.Mem{Base: row}, sum, sum) }
	}, func(bias, at reg.Register) { f.VMOVUPS(sum, operand.Mem{Base: bias, Index: at, Scale: 1}) })
}

// stripes walks down every stripe. open prepares one and returns what a row needs; shut ends it.
func (f *form) stripes(open func(c, bias, at, row reg.Register) func(), shut func(bias, at reg.Register)) {
	c, bias, m, stride, size := f.load("c"), f.load("bias"), f.load("m"), f.load("stride"), f.load("size")
	f.loop("stripe", size, f.bytes(), func(at reg.Register) {
		row, left := f.GP64(), f.GP64()
		f.LEAQ(operand.Mem{Base: c, Index: at, Scale: 1}, row)
		f.MOVQ(m, left)
		step := open(c, bias, at, row)
		f.Label("row")
		step()
		f.ADDQ(stride, row)
		f.DECQ(left)
		f.JNZ(operand.LabelRef("row"))
		if shut != nil {
			shut(bias, at)
		}
	})
	f.done()
}
