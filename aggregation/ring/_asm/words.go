package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// words makes the additions of words from memory, of 32, 24 and 16 bits: n words, a multiple of 16. No byte is read behind
// the last word's.
func (f *form) words() {
	for _, u := range uses[:2] {
		f.fold(u, "32", "words of 32 bits", func() func(src reg.Register, word int) reg.VecVirtual {
			return func(src reg.Register, word int) reg.VecVirtual {
				v := f.vec()
				f.get(at(src, 4*word), v)
				return v
			}
		})
		f.fold(u, "24", "words of three bytes", f.spread24)
		f.fold(u, "16", "words of two bytes", func() func(src reg.Register, word int) reg.VecVirtual {
			return func(src reg.Register, word int) reg.VecVirtual {
				v := f.vec()
				f.VPMOVZXWD(at(src, 2*word), v)
				return v
			}
		})
	}
}

// fold makes one function. ready loads constants and gives what reads a vector of words.
func (f *form) fold(u use, bits, doc string, ready func() func(src reg.Register, word int) reg.VecVirtual) {
	width := map[string]int{"32": 4, "24": 3, "16": 2}[bits]
	f.function("fold"+bits+u.name, sprintf(u.doc, doc)+": n words, a multiple of 16.", "func(dst *uint32, src *byte, n int)")
	dst, src, n := f.load("dst"), f.load("src"), f.load("n")
	read := ready()
	step := func(words int) func() {
		return func() {
			for w := 0; w < words; w += f.bytes() / 4 {
				u.do(f, read(src, w), at(dst, 4*w))
			}
			f.ADDQ(operand.U32(4*words), dst)
			f.ADDQ(operand.U32(width*words), src)
		}
	}
	f.repeat("many", n, 64, step(64))
	f.repeat("few", n, 16, step(16))
	f.VZEROUPPER()
	f.RET()
}

// spread24 gives each word of three bytes four: 12 bytes go to a lane, then each byte to its place.
func (f *form) spread24() func(src reg.Register, word int) reg.VecVirtual {
	if !f.wide() {
		return f.spread24Narrow()
	}
	order, lanes, k, mask := f.vec(), f.vec(), f.K(), f.GP32()
	f.VBROADCASTI32X4(f.shuffle("threeToFour", 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1), order)
	f.VMOVDQU32(f.constant("twelveALane", 0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8, 0, 9, 10, 11, 0), lanes)
	f.MOVL(operand.U32(1<<12-1), mask)
	f.KMOVW(mask, k)
	return func(src reg.Register, word int) reg.VecVirtual {
		v := f.vec()
		f.VMOVDQU32_Z(at(src, 3*word), k, v) // 48 bytes; what is masked off is not read
		f.VPERMD(v, lanes, v)
		f.VPSHUFB(order, v, v)
		return v
	}
}

// spread24Narrow reads 24 bytes as two overlapping runs of 16.
func (f *form) spread24Narrow() func(src reg.Register, word int) reg.VecVirtual {
	order := f.vec()
	f.VMOVDQU(f.shuffle("threeToFourTwice", 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1,
		4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1), order)
	return func(src reg.Register, word int) reg.VecVirtual {
		v := f.vec()
		f.VMOVDQU(at(src, 3*word), v.AsX())
		f.VINSERTI128(operand.Imm(1), at(src, 3*word+8), v, v)
		f.VPSHUFB(order, v, v)
		return v
	}
}
