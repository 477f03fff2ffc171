package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// allScores makes one block for each way to share as many sums as a vector has lanes between rows of a and of b: with one
// sum to a lane, one vector holds the results.
func (f *form) allScores() {
	for rows := 1; rows <= 4 && rows*rows <= f.lanes; rows *= 2 {
		f.scores(rows, f.lanes/rows)
	}
}

// scores multiplies rows of a with blocks of rows of b that follow each other. Sums run along k in vectors, and a tree of
// shuffles then turns lane sums into a vector of results.
func (f *form) scores(rows, columns int) {
	f.function(fmt.Sprintf("scores%dx%d", rows, columns),
		fmt.Sprintf("is a block of %d rows of a and %d of b.", rows, columns), "func(t *byte)")
	t := f.load("t")
	var odd, even, rest reg.Register
	if f.wide() {
		odd, even, rest = f.constantMask(0xff00), f.constantMask(0xcccc), f.K()
		f.KMOVW(operand.Mem{Base: t, Disp: fieldMask}, rest)
	}
	c, b, blocks, line := f.field(t, fieldC), f.field(t, fieldB), f.field(t, fieldBlocks), f.field(t, fieldDown)
	f.Label("block")
	sums := f.vecs(rows * columns)
	f.zero(sums...)
	left := f.lines(f.field(t, fieldA), line, rows)
	right := f.lines(b, line, columns)
	count := f.field(t, fieldK)
	f.TESTQ(count, count)
	f.JZ(operand.LabelRef("rest"))
	f.Label("step")
	f.multiply(left, right, sums, rows, columns, nil)
	f.advance(left, operand.Imm(uint64(f.bytes())))
	f.advance(right, operand.Imm(uint64(f.bytes())))
	f.DECQ(count)
	f.JNZ(operand.LabelRef("step"))
	f.Label("rest")
	if f.wide() {
		f.KTESTW(rest, rest)
		f.JZ(operand.LabelRef("sum"))
		f.multiply(left, right, sums, rows, columns, rest)
		f.Label("sum")
	}
	result := f.transposeAdd(sums, odd, even)
	f.storeScores(t, c, result, rows, columns)
	skip := f.GP64()
	f.IMUL3Q(operand.Imm(uint64(columns)), line, skip)
	f.ADDQ(skip, b)
	f.ADDQ(operand.Imm(uint64(4*columns)), c)
	f.DECQ(blocks)
	f.JNZ(operand.LabelRef("block"))
	f.done()
}

func (f *form) constantMask(bits uint32) reg.Register {
	g, k := f.GP32(), f.K()
	f.MOVL(operand.U32(bits), g)
	f.KMOVW(g, k)
	return k
}

// multiply adds the products of one vector along k, or of the lanes of a mask.
func (f *form) multiply(left, right lines, sums []reg.VecVirtual, rows, columns int, mask reg.Register) {
	get := func(m operand.Mem) reg.VecVirtual {
		v := f.vec()
		if mask != nil {
			f.VMOVUPS_Z(m, mask, v)
		} else {
			f.VMOVUPS(m, v)
		}
		return v
	}
	queries := make([]reg.VecVirtual, rows)
	for r := range queries {
		queries[r] = get(left.at(r, 0))
	}
	for column := range columns {
		if rows == 1 && mask == nil {
			f.VFMADD231PS(right.at(column, 0), queries[0], sums[column])
			continue
		}
		v := get(right.at(column, 0))
		for r, q := range queries {
			f.VFMADD231PS(v, q, sums[r*columns+column])
		}
	}
}

// transposeAdd sums each vector across its lanes: lane i of the result is the sum of vector i.
func (f *form) transposeAdd(v []reg.VecVirtual, upper, pairs reg.Register) reg.VecVirtual {
	quarter := make([]reg.VecVirtual, 4)
	if !f.wide() {
		// Four vectors each give two halves with the sums of four; halves are added last.
		low, high := f.quads(v[:4], pairs), f.quads(v[4:], pairs)
		x, y := f.vec(), f.vec()
		f.VPERM2F128(operand.Imm(0x20), high, low, x)
		f.VPERM2F128(operand.Imm(0x31), high, low, y)
		f.VADDPS(y, x, x)
		return x
	}
	for q := range quarter {
		a, b := f.halves(v[q], v[4+q], upper), f.halves(v[8+q], v[12+q], upper)
		x, y := f.vec(), f.vec()
		f.VSHUFF64X2(operand.Imm(0x88), b, a, x)
		f.VSHUFF64X2(operand.Imm(0xdd), b, a, y)
		f.VADDPS(y, x, x)
		quarter[q] = x
	}
	return f.quads(quarter, pairs)
}

// halves gives a vector whose lower half is a's halves added, and whose upper half is b's.
func (f *form) halves(a, b reg.VecVirtual, upper reg.Register) reg.VecVirtual {
	x, y := f.vec(), f.vec()
	f.VBLENDMPS(b, a, upper, x)
	f.VSHUFF64X2(operand.Imm(0x4e), b, a, y)
	f.VADDPS(y, x, x)
	return x
}

// quads gives, in every 128 bits, the sums of those 128 bits of four vectors.
func (f *form) quads(v []reg.VecVirtual, pairs reg.Register) reg.VecVirtual {
	two := func(a, b reg.VecVirtual) reg.VecVirtual {
		x, y := f.vec(), f.vec()
		if f.wide() {
			f.VBLENDMPS(b, a, pairs, x)
		} else {
			f.VBLENDPS(operand.Imm(0xcc), b, a, x)
		}
		f.VSHUFPS(operand.Imm(0x4e), b, a, y)
		f.VADDPS(y, x, x)
		return x
	}
	a, b := two(v[0], v[1]), two(v[2], v[3])
	x, y := f.vec(), f.vec()
	f.VSHUFPS(operand.Imm(0x88), b, a, x)
	f.VSHUFPS(operand.Imm(0xdd), b, a, y)
	f.VADDPS(y, x, x)
	return x
}

// storeScores writes a result, or adds it, row after row.
func (f *form) storeScores(t, c reg.GPVirtual, result reg.VecVirtual, rows, columns int) {
	out := f.lines(c, f.field(t, fieldLineC), rows)
	parts := make([]reg.Register, rows)
	for r := range parts {
		parts[r] = f.part(result, r, columns)
	}
	f.CMPQ(operand.Mem{Base: t, Disp: fieldAdd}, operand.Imm(0))
	f.JEQ(operand.LabelRef("store"))
	for r, part := range parts {
		f.VADDPS(out.at(r, 0), part, part)
	}
	f.Label("store")
	for r, part := range parts {
		f.VMOVUPS(part, out.at(r, 0))
	}
}

// part is the r-th run of columns lanes.
func (f *form) part(v reg.VecVirtual, r, columns int) reg.Register {
	switch {
	case columns == f.lanes:
		return v
	case columns == 8:
		y := f.YMM()
		f.VEXTRACTF64X4(operand.Imm(uint64(r)), v, y)
		return y
	case f.wide():
		x := f.XMM()
		f.VEXTRACTF32X4(operand.Imm(uint64(r)), v, x)
		return x
	default:
		x := f.XMM()
		f.VEXTRACTF128(operand.Imm(uint64(r)), v, x)
		return x
	}
}
