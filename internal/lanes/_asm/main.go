// Command asm writes the assembly of package lanes: the same loops in 256 and in 512 bits. `make asm` runs it.
package main

//go:generate go run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg lanes
//go:generate go run ./stamp

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// group is how many values a turn of every loop takes; lengths are multiples of it.
const group = 16

func main() {
	ConstraintExpr("amd64")
	for _, f := range []form{{"AVX2", 8, YMM}, {"AVX512", 16, ZMM}} {
		f.addSquares()
		f.scale()
		f.round()
		f.squares()
		f.add()
	}
	Generate()
}

// form is a width of vectors: how many 32-bit values one holds, and a new register for it.
type form struct {
	name  string
	width int
	new   func() reg.VecVirtual
}

// loop repeats body for groups of values, n of them in all. at is the index of a value: bytes are at·4.
func loop(name string, n reg.Register, body func(at reg.Register)) {
	at := GP64()
	XORQ(at, at)
	Label(name)
	body(at)
	ADDQ(Imm(group), at)
	CMPQ(at, n)
	JLT(LabelRef(name))
}

// value is where value at + plus lies, of so many bytes.
func value(base, at reg.Register, plus, size int) Mem {
	return Mem{Base: base, Index: at, Scale: uint8(size), Disp: plus * size}
}

func (f form) parts(do func(from int)) {
	for from := 0; from < group; from += f.width {
		do(from)
	}
}

// addSquares has one float64 accumulator a lane.
func (f form) addSquares() {
	TEXT("addSquares"+f.name, NOSPLIT, "func(l *[16]float64, x *float32, n int)")
	Pragma("noescape")
	Doc("addSquares" + f.name + " adds squares to their lanes.")
	l, x, n := Load(Param("l"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	half := f.width / 2 // float64 a vector
	sums := make([]reg.VecVirtual, group/half)
	for i := range sums {
		sums[i] = f.new()
		VMOVUPD(Mem{Base: l, Disp: 8 * half * i}, sums[i])
	}
	loop("squares", n, func(at reg.Register) {
		for i := range sums {
			wide := f.new()
			VCVTPS2PD(value(x, at, i*half, 4), wide)
			VFMADD231PD(wide, wide, sums[i])
		}
	})
	for i := range sums {
		VMOVUPD(sums[i], Mem{Base: l, Disp: 8 * half * i})
	}
	f.end()
}

func (f form) scale() {
	TEXT("scale"+f.name, NOSPLIT, "func(x *float32, n int, by float32)")
	Pragma("noescape")
	Doc("scale" + f.name + " multiplies in place.")
	x, n, by := Load(Param("x"), GP64()), Load(Param("n"), GP64()), f.everywhere("by")
	loop("scale", n, func(at reg.Register) {
		f.parts(func(from int) {
			v := f.new()
			VMULPS(value(x, at, from, 4), by, v)
			VMOVUPS(v, value(x, at, from, 4))
		})
	})
	f.end()
}

// round is p = x·unit, cut; (nearest integer + coin) >> 16; and the greatest |x| as bits.
func (f form) round() {
	TEXT("round"+f.name, NOSPLIT, "func(out *int32, x *float32, coins *byte, n int, unit, limit float32) uint32")
	Pragma("noescape")
	Doc("round" + f.name + " rounds with coins, and returns the greatest magnitude.")
	out, x, coins, n := Load(Param("out"), GP64()), Load(Param("x"), GP64()), Load(Param("coins"), GP64()), Load(Param("n"), GP64())
	unit, high := f.everywhere("unit"), f.everywhere("limit")
	low, number, most := f.new(), f.new(), f.new()
	f.xor(most, most)
	f.ones(number)
	VPSRLD(Imm(1), number, number) // all bits but the sign
	f.negate(high, number, low)
	loop("round", n, func(at reg.Register) {
		f.parts(func(from int) {
			v, size, p, coin := f.new(), f.new(), f.new(), f.new()
			VMOVUPS(value(x, at, from, 4), v)
			f.and(number, v, size)
			VPMAXUD(size, most, most)
			VMULPS(v, unit, p)
			VMINPS(high, p, p)
			VMAXPS(low, p, p)
			VCVTPS2DQ(p, p)
			VPMOVZXWD(value(coins, at, from, 2), coin)
			VPADDD(coin, p, p)
			VPSRAD(Imm(16), p, p)
			f.store(p, value(out, at, from, 4))
		})
	})
	r := f.fold(most, func(a, b reg.Register) { VPMAXUD(a, b, b) })
	for _, order := range []uint64{0x4e, 0xb1} { // halves, then neighbours
		s := XMM()
		VPSHUFD(Imm(order), r, s)
		VPMAXUD(s, r, r)
	}
	result := GP32()
	VMOVD(r, result)
	Store(result, ReturnIndex(0))
	f.end()
}

// squares are products of 32 bits by 32 in 64: of the even words, and of the odd ones.
func (f form) squares() {
	TEXT("squares"+f.name, NOSPLIT, "func(x *int32, n int) uint64")
	Pragma("noescape")
	Doc("squares" + f.name + " adds up squares, modulo 2^64.")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	even, odd := f.new(), f.new()
	f.xor(even, even)
	f.xor(odd, odd)
	loop("sum", n, func(at reg.Register) {
		f.parts(func(from int) {
			v, w := f.new(), f.new()
			f.load(value(x, at, from, 4), v)
			VPSRLQ(Imm(32), v, w)
			VPMULDQ(v, v, v)
			VPMULDQ(w, w, w)
			VPADDQ(v, even, even)
			VPADDQ(w, odd, odd)
		})
	})
	VPADDQ(odd, even, even)
	r, s := f.fold(even, func(a, b reg.Register) { VPADDQ(a, b, b) }), XMM()
	VPSHUFD(Imm(0x4e), r, s)
	VPADDQ(s, r, r)
	result := GP64()
	VMOVQ(r, result)
	Store(result, ReturnIndex(0))
	f.end()
}

func (f form) add() {
	TEXT("add"+f.name, NOSPLIT, "func(dst, x *int32, n int)")
	Pragma("noescape")
	Doc("add" + f.name + " adds words.")
	dst, x, n := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	loop("add", n, func(at reg.Register) {
		f.parts(func(from int) {
			v := f.new()
			f.load(value(x, at, from, 4), v)
			VPADDD(value(dst, at, from, 4), v, v)
			f.store(v, value(dst, at, from, 4))
		})
	})
	f.end()
}

// everywhere is a parameter in all places of a vector.
func (f form) everywhere(param string) reg.VecVirtual {
	at, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	v := f.new()
	VBROADCASTSS(at.Addr, v)
	return v
}

func (f form) wide() bool { return f.width == 16 }

func (f form) ones(v reg.VecVirtual) {
	if f.wide() {
		VPTERNLOGD(Imm(0xff), v, v, v)
		return
	}
	VPCMPEQD(v, v, v)
}

// negate turns the sign of from, where number is all bits but the sign.
func (f form) negate(from, number, to reg.VecVirtual) {
	f.ones(to)
	f.xor(number, to)
	f.xor(from, to)
}

func (f form) xor(a, b reg.VecVirtual) {
	if f.wide() {
		VPXORD(a, b, b)
		return
	}
	VPXOR(a, b, b)
}

func (f form) and(a, b, to reg.VecVirtual) {
	if f.wide() {
		VPANDD(a, b, to)
		return
	}
	VPAND(a, b, to)
}

func (f form) load(from Mem, to reg.VecVirtual) {
	if f.wide() {
		VMOVDQU32(from, to)
		return
	}
	VMOVDQU(from, to)
}

func (f form) store(from reg.VecVirtual, to Mem) {
	if f.wide() {
		VMOVDQU32(from, to)
		return
	}
	VMOVDQU(from, to)
}

// fold folds a vector to its lowest 128 bits.
func (f form) fold(v reg.VecVirtual, into func(a, b reg.Register)) reg.Register {
	y := v.AsY()
	if f.wide() {
		upper := YMM()
		VEXTRACTI64X4(Imm(1), v, upper)
		into(upper, y)
	}
	upper := XMM()
	VEXTRACTI128(Imm(1), y, upper)
	into(upper, y.(reg.Vec).AsX())
	return y.(reg.Vec).AsX()
}

func (f form) end() {
	VZEROUPPER()
	RET()
}
