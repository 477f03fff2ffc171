package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Sixteen registers hold twelve words of eight blocks and two of the third row; the other two of that row wait in memory. A
// column round ends with words 10 and 11 at hand, with which a round of diagonals begins, and the other way round.

func (f *form) chachaNarrow(u use) {
	dst, n, key, first := f.chachaStart()
	local := f.AllocLocal(9 * 32) // words 8 to 15, and the counters
	slot := func(word int) operand.Mem { return local.Offset(32 * (word - 8)) }
	counters, turns := slot(16), f.GP64()
	f.VMOVDQU(first, counters)
	f.repeat("blocks", n, 128, func() {
		v := f.vecs(16)
		v[10], v[11] = v[8], v[9] // take turns
		third := f.vec()
		for _, i := range []int{10, 11} {
			f.VPBROADCASTD(f.start(key, i), third)
			f.VMOVDQU(third, slot(i))
		}
		for i := range 10 {
			f.VPBROADCASTD(f.start(key, i), v[i])
		}
		f.VMOVDQU(counters, v[12])
		for _, none := range v[13:] {
			f.VPXOR(none, none, none)
		}
		f.MOVQ(operand.U32(10), turns)
		f.Label("rounds")
		f.quarters(v, lines[0:2], f.rotateNarrow)
		f.swap(v, slot, 8, 10)
		f.quarters(v, lines[2:4], f.rotateNarrow)
		f.quarters(v, lines[4:6], f.rotateNarrow)
		f.swap(v, slot, 10, 8)
		f.quarters(v, lines[6:8], f.rotateNarrow)
		f.DECQ(turns)
		f.JNZ(operand.LabelRef("rounds"))
		f.finishNarrow(v, slot, key, counters)
		f.halfBlocks(u, v[:8], dst, 0)
		rest := f.vecs(8)
		for i, r := range rest {
			f.VMOVDQU(slot(8+i), r)
		}
		f.halfBlocks(u, rest, dst, 32)
		f.ADDQ(operand.U32(512), dst)
	})
	none := f.vec()
	f.VPXOR(none, none, none)
	for i := range 9 { // no state stays on the stack
		f.VMOVDQU(none, local.Offset(32*i))
	}
	f.VZEROUPPER()
	f.RET()
}

// swap puts two words of the third row away and takes up the other two.
func (f *form) swap(v []reg.VecVirtual, slot func(int) operand.Mem, away, up int) {
	for i := range 2 {
		f.VMOVDQU(v[away+i], slot(away+i))
		f.VMOVDQU(slot(up+i), v[up+i])
	}
}

// rotateNarrow rotates by whole bytes in one instruction, by other numbers of bits in three.
func (f *form) rotateNarrow(v reg.VecVirtual, left uint64) {
	switch left {
	case 16:
		f.VPSHUFB(f.shuffle("left16", twice(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)...), v, v)
	case 8:
		f.VPSHUFB(f.shuffle("left8", twice(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14)...), v, v)
	default:
		high := f.vec()
		f.VPSLLD(operand.Imm(left), v, high)
		f.VPSRLD(operand.Imm(32-left), v, v)
		f.VPXOR(high, v, v)
	}
}

func twice(v ...int) []int { return append(v, v...) }

// finishNarrow adds the first state. Words 8 to 15 go to memory.
func (f *form) finishNarrow(v []reg.VecVirtual, slot func(int) operand.Mem, key reg.Register, counters operand.Mem) {
	word := f.vec()
	for i := range 10 {
		f.VPBROADCASTD(f.start(key, i), word)
		f.VPADDD(word, v[i], v[i])
	}
	f.VMOVDQU(v[8], slot(8))
	f.VMOVDQU(v[9], slot(9))
	for i := 10; i < 12; i++ {
		f.VPBROADCASTD(f.start(key, i), word)
		f.VPADDD(slot(i), word, word)
		f.VMOVDQU(word, slot(i))
	}
	f.VMOVDQU(counters, word)
	f.VPADDD(word, v[12], v[12])
	eight := f.vec()
	f.VPBROADCASTD(f.constant("eight", 8), eight)
	f.VPADDD(eight, word, word)
	f.VMOVDQU(word, counters)
	for i := 12; i < 16; i++ {
		f.VMOVDQU(v[i], slot(i))
	}
}

// halfBlocks turns eight vectors of eight words, so that a vector is half a block, and uses them.
func (f *form) halfBlocks(u use, v []reg.VecVirtual, dst reg.Register, half int) {
	low, high := f.vecs(4), f.vecs(4)
	f.four(v[:4], low)
	f.four(v[4:], high)
	for j := range 4 {
		one, two := f.vec(), f.vec()
		f.VPERM2I128(operand.Imm(0x20), high[j], low[j], one)
		f.VPERM2I128(operand.Imm(0x31), high[j], low[j], two)
		u.do(f, one, at(dst, 64*j+half))
		u.do(f, two, at(dst, 64*(4+j)+half))
	}
}
