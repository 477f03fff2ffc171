package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// form is one width of vectors, and the file being built for it.
type form struct {
	*build.Context
	*data
	bits int
}

// wide tells whether masks, 32 registers and rotations are at hand.
func (f *form) wide() bool { return f.bits == 512 }

// bytes is the size of a vector.
func (f *form) bytes() int { return f.bits / 8 }

// suffix ends the names of a form's functions.
func (f *form) suffix() string { return map[bool]string{false: "256", true: "512"}[f.wide()] }

func (f *form) function(name, doc, signature string) {
	function(f.Context, name+f.suffix(), doc, signature)
}

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

// load gives a parameter in a general register.
func (f *form) load(param string) reg.GPVirtual {
	return f.Load(f.Param(param), f.GP64()).(reg.GPVirtual)
}

// repeat runs body while at least step are left of a count, which it lowers, and leaves the rest in it.
func (f *form) repeat(label string, left reg.Register, step int, body func()) {
	f.CMPQ(left, operand.U32(step))
	f.JLT(operand.LabelRef(label + "Done"))
	f.Label(label)
	body()
	f.SUBQ(operand.U32(step), left)
	f.CMPQ(left, operand.U32(step))
	f.JGE(operand.LabelRef(label))
	f.Label(label + "Done")
}

// at is the memory that lies disp bytes behind base.
func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

// get and put move whole vectors from and to any address.
func (f *form) get(from operand.Op, to reg.VecVirtual) {
	if f.wide() {
		f.VMOVDQU32(from, to)
		return
	}
	f.VMOVDQU(from, to)
}

func (f *form) put(v reg.VecVirtual, to operand.Op) {
	if f.wide() {
		f.VMOVDQU32(v, to)
		return
	}
	f.VMOVDQU(v, to)
}

func (f *form) xor(a, b, to reg.Register) {
	if f.wide() {
		f.VPXORD(a, b, to)
		return
	}
	f.VPXOR(a, b, to)
}

// everyLane gives 16 bytes of memory in every 128-bit lane.
func (f *form) everyLane(from operand.Op, to reg.VecVirtual) {
	if f.wide() {
		f.VBROADCASTI32X4(from, to)
		return
	}
	f.VBROADCASTI128(from, to)
}

// use is what becomes of a vector of 32-bit words that was made: added to memory, taken off it, or written there.
type use struct {
	name, doc string
	do        func(f *form, v reg.VecVirtual, to operand.Mem)
}

var uses = []use{
	{"Add", "adds %s to dst", (*form).add},
	{"Sub", "takes %s off dst", (*form).sub},
	{"Write", "writes %s to dst", func(f *form, v reg.VecVirtual, to operand.Mem) { f.put(v, to) }},
}

func (f *form) add(v reg.VecVirtual, to operand.Mem) {
	f.VPADDD(to, v, v)
	f.put(v, to)
}

func (f *form) sub(v reg.VecVirtual, to operand.Mem) {
	d := f.vec()
	f.get(to, d)
	f.VPSUBD(v, d, d)
	f.put(d, to)
}

// data are constants beside the code, made where they are first asked for.
type data struct {
	c    *build.Context
	made map[string]operand.Mem
}

func newData(c *build.Context) *data { return &data{c, map[string]operand.Mem{}} }

// constant is a vector of 32-bit words in read-only memory.
func (d *data) constant(name string, words ...uint32) operand.Mem {
	if m, ok := d.made[name]; ok {
		return m
	}
	m := d.c.StaticGlobal(name)
	d.c.DataAttributes(attr.RODATA | attr.NOPTR)
	for i, w := range words {
		d.c.AddDatum(4*i, operand.U32(w))
	}
	d.made[name] = m
	return m
}

// shuffle is a constant for VPSHUFB: which byte goes where, a negative one being zero.
func (d *data) shuffle(name string, from ...int) operand.Mem {
	words := make([]uint32, len(from)/4)
	for i, b := range from {
		words[i/4] |= uint32(byte(b)) << (8 * (i % 4))
	}
	return d.constant(name, words...)
}
