package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// form is one width of vectors, and the file being built for it.
type form struct {
	*build.Context
	lanes  int // float32 values in a vector
	name   string
	suffix string
}

// wide tells whether masks, 32 registers and scaling by a power of two are at hand.
func (f *form) wide() bool { return f.lanes == 16 }

// bytes is the size of a vector.
func (f *form) bytes() int { return 4 * f.lanes }

// vec is a fresh vector register.
func (f *form) vec() reg.VecVirtual {
	if f.wide() {
		return f.ZMM()
	}
	return f.YMM()
}

func (f *form) vecs(n int) []reg.VecVirtual {
	out := make([]reg.VecVirtual, n)
	for i := range out {
		out[i] = f.vec()
	}
	return out
}

// zero clears vectors.
func (f *form) zero(vs ...reg.VecVirtual) {
	for _, v := range vs {
		f.VXORPS(v, v, v)
	}
}

// broadcast gives a vector that holds a parameter in every lane.
func (f *form) broadcast(param string) reg.VecVirtual {
	p, err := f.Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	v := f.vec()
	f.VBROADCASTSS(p.Addr, v)
	return v
}

// load gives a parameter in a general register.
func (f *form) load(param string) reg.GPVirtual {
	return f.Load(f.Param(param), f.GP64()).(reg.GPVirtual)
}

// loop counts a fresh offset from 0 up to end, a multiple of step, in bytes; it may run zero times.
func (f *form) loop(label string, end reg.Register, step int, body func(at reg.Register)) {
	at := f.GP64()
	f.XORQ(at, at)
	f.loopFrom(label, at, end, step, func() { body(at) })
}

// loopFrom is loop from where at stands. It ends with at == end, or beyond it by less than step with the rest undone,
// when end was lowered by step−1 before.
func (f *form) loopFrom(label string, at, end reg.Register, step int, body func()) {
	f.JMP(operand.LabelRef(label + "Test"))
	f.Label(label)
	body()
	f.ADDQ(operand.U32(step), at)
	f.Label(label + "Test")
	f.CMPQ(at, end)
	f.JLT(operand.LabelRef(label))
}

// at is the memory that lies disp bytes behind base + offset.
func at(base, offset reg.Register, disp int) operand.Mem {
	return operand.Mem{Base: base, Index: offset, Scale: 1, Disp: disp}
}

// across folds a vector into its lowest lane with an operation on two.
func (f *form) across(v reg.VecVirtual, fold func(ops ...operand.Op)) reg.VecVirtual {
	y := f.YMM()
	if f.wide() {
		f.VEXTRACTF64X4(operand.Imm(1), v, y)
		fold(v.AsY(), y, y)
	} else {
		y = v
	}
	x, other := f.XMM(), f.XMM()
	f.VEXTRACTF128(operand.Imm(1), y.AsY(), x)
	fold(y.AsX(), x, x)
	f.VPERMILPS(operand.Imm(0x4e), x, other)
	fold(other, x, x)
	f.VPERMILPS(operand.Imm(0xb1), x, other)
	fold(other, x, x)
	return x
}

// done ends a function.
func (f *form) done() {
	f.VZEROUPPER()
	f.RET()
}
