package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of kernel.tile; every field has eight bytes.
const (
	fieldC = 8 * iota
	fieldA
	fieldB
	fieldLineC
	fieldDown
	fieldAlong
	fieldLineB
	fieldK
	fieldBlocks
	fieldAdd
	fieldMask
)

// field gives a fresh register with a field of the tile.
func (f *form) field(t reg.Register, offset int) reg.GPVirtual {
	v := f.GP64()
	f.MOVQ(operand.Mem{Base: t, Disp: offset}, v)
	return v
}

// tileRows is the highest tile of a width in vectors: as many accumulators as registers hold, beside the row of b and a
// factor.
func (f *form) tileRows(width int) int {
	switch {
	case f.wide():
		return 10
	case width == 2:
		return 6
	default:
		return 8
	}
}

func (f *form) tiles() {
	for width := 1; width <= 2; width++ {
		for rows := 1; rows <= f.tileRows(width); rows++ {
			f.tile(rows, width)
		}
	}
}

// lines addresses rows of a matrix that lie stride bytes apart: a base for every four rows.
type lines struct {
	bases           []reg.GPVirtual
	stride, stride3 reg.GPVirtual
}

func (f *form) lines(start, stride reg.GPVirtual, rows int) lines {
	l := lines{bases: []reg.GPVirtual{f.GP64()}, stride: stride}
	f.MOVQ(start, l.bases[0])
	if rows > 3 {
		l.stride3 = f.GP64()
		f.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, l.stride3)
	}
	for row := 4; row < rows; row += 4 {
		next := f.GP64()
		f.LEAQ(operand.Mem{Base: l.bases[len(l.bases)-1], Index: stride, Scale: 4}, next)
		l.bases = append(l.bases, next)
	}
	return l
}

// at is the place disp bytes into a row.
func (l lines) at(row, disp int) operand.Mem {
	m := operand.Mem{Base: l.bases[row/4], Disp: disp}
	switch row % 4 {
	case 1, 2:
		m.Index, m.Scale = l.stride, uint8(row%4)
	case 3:
		m.Index, m.Scale = l.stride3, 1
	}
	return m
}

// advance moves all rows.
func (f *form) advance(l lines, by operand.Op) {
	for _, base := range l.bases {
		f.ADDQ(by, base)
	}
}

// tile keeps rows × width vectors of c in registers while it walks along k: each step reads a row of b once and adds it to
// each row with a factor out of a. Blocks of rows follow each other downwards.
func (f *form) tile(rows, width int) {
	f.function(fmt.Sprintf("tile%dx%d", rows, width),
		fmt.Sprintf("is a tile of %d rows and %d vectors.", rows, width), "func(t *byte)")
	t := f.load("t")
	var mask reg.Register
	if f.wide() {
		k := f.K()
		f.KMOVW(operand.Mem{Base: t, Disp: fieldMask}, k)
		mask = k
	}
	c, a, blocks := f.field(t, fieldC), f.field(t, fieldA), f.field(t, fieldBlocks)
	f.Label("block")
	sums := f.vecs(rows * width)
	f.zero(sums...)
	down := f.field(t, fieldDown)
	factors := f.lines(a, down, rows)
	b, lineB, along, left := f.field(t, fieldB), f.field(t, fieldLineB), f.field(t, fieldAlong), f.field(t, fieldK)
	f.Label("step")
	row := f.vecs(width)
	for w, v := range row {
		m := operand.Mem{Base: b, Disp: w * f.bytes()}
		if mask != nil && w == width-1 {
			f.VMOVUPS_Z(m, mask, v)
		} else {
			f.VMOVUPS(m, v)
		}
	}
	for r := range rows {
		factor := f.vec()
		f.VBROADCASTSS(factors.at(r, 0), factor)
		for w, v := range row {
			f.VFMADD231PS(v, factor, sums[r*width+w])
		}
	}
	f.ADDQ(lineB, b)
	f.advance(factors, along)
	f.DECQ(left)
	f.JNZ(operand.LabelRef("step"))
	f.storeTile(t, c, sums, rows, width, mask)
	// The next block of rows.
	skip := f.GP64()
	f.IMUL3Q(operand.Imm(uint64(rows)), f.field(t, fieldLineC), skip)
	f.ADDQ(skip, c)
	f.IMUL3Q(operand.Imm(uint64(rows)), down, skip)
	f.ADDQ(skip, a)
	f.DECQ(blocks)
	f.JNZ(operand.LabelRef("block"))
	f.done()
}

// storeTile writes the sums to c, or adds them to it. The last vector of a row is masked where masks are.
func (f *form) storeTile(t, c reg.GPVirtual, sums []reg.VecVirtual, rows, width int, mask reg.Register) {
	out := f.lines(c, f.field(t, fieldLineC), rows)
	f.CMPQ(operand.Mem{Base: t, Disp: fieldAdd}, operand.Imm(0))
	f.JEQ(operand.LabelRef("store"))
	for i, sum := range sums {
		m := out.at(i/width, i%width*f.bytes())
		if mask != nil && i%width == width-1 {
			f.VADDPS(m, sum, mask, sum)
		} else {
			f.VADDPS(m, sum, sum)
		}
	}
	f.Label("store")
	for i, sum := range sums {
		m := out.at(i/width, i%width*f.bytes())
		if mask != nil && i%width == width-1 {
			f.VMOVUPS(sum, mask, m)
		} else {
			f.VMOVUPS(sum, m)
		}
	}
}
