package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// chacha makes ChaCha20 under a zero nonce, RFC 8439 section 2.3: as many blocks side by side as a vector has words, vector i
// holding word i of each. n is in words, a multiple of 256.
func (f *form) chacha() {
	for _, u := range uses {
		dst := map[bool]string{true: "dst *byte", false: "dst *uint32"}[u.name == "Write"]
		f.function("chacha"+u.name, sprintf(u.doc, "keystream")+": n words, a multiple of 256, from block counter on.",
			"func("+dst+", n int, key *byte, counter uint32)")
		if f.wide() {
			f.chachaWide(u)
		} else {
			f.chachaNarrow(u)
		}
	}
}

// lines are the words of the quarter rounds of a double round: columns, then diagonals.
var lines = [8][4]int{{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15}, {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14}}

var steps = [4]struct {
	add, to, mix int
	left         uint64
}{{1, 0, 3, 16}, {3, 2, 1, 12}, {1, 0, 3, 8}, {3, 2, 1, 7}}

// quarters takes several lines through a quarter round, step by step together.
func (f *form) quarters(v []reg.VecVirtual, together [][4]int, rotate func(v reg.VecVirtual, left uint64)) {
	for _, s := range steps {
		for _, line := range together {
			f.VPADDD(v[line[s.add]], v[line[s.to]], v[line[s.to]])
		}
		for _, line := range together {
			f.xor(v[line[s.to]], v[line[s.mix]], v[line[s.mix]])
		}
		for _, line := range together {
			rotate(v[line[s.mix]], s.left)
		}
	}
}

var expandThirtyTwo = [4]uint32{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}

// chachaStart gives the pointers, and the counters of the blocks side by side.
func (f *form) chachaStart() (dst, n, key reg.GPVirtual, counters reg.VecVirtual) {
	dst, n, key, counters = f.load("dst"), f.load("n"), f.load("key"), f.vec()
	counter, first := f.Load(f.Param("counter"), f.GP32()), f.vec()
	f.VMOVD(counter, first.AsX())
	f.VPBROADCASTD(first.AsX(), first)
	f.get(f.constant("indices", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), counters)
	f.VPADDD(first, counters, counters)
	return dst, n, key, counters
}

// start is where word i of the first state lies, for the words that all blocks share.
func (f *form) start(key reg.Register, i int) operand.Mem {
	if i < 4 {
		return f.constant("expand32", expandThirtyTwo[:]...).Offset(4 * i)
	}
	return at(key, 4*(i-4))
}

func (f *form) chachaWide(u use) {
	dst, n, key, counters := f.chachaStart()
	step := f.vec()
	f.VPBROADCASTD(f.constant("sixteen", 16), step)
	f.repeat("blocks", n, 256, func() {
		v, turns := f.vecs(16), f.GP64()
		for i := range 12 {
			f.VPBROADCASTD(f.start(key, i), v[i])
		}
		f.VMOVDQA32(counters, v[12])
		for _, none := range v[13:] {
			f.VPXORD(none, none, none)
		}
		f.MOVQ(operand.U32(10), turns)
		f.Label("rounds")
		rotate := func(v reg.VecVirtual, left uint64) { f.VPROLD(operand.Imm(left), v, v) }
		f.quarters(v, lines[:4], rotate)
		f.quarters(v, lines[4:], rotate)
		f.DECQ(turns)
		f.JNZ(operand.LabelRef("rounds"))
		for i := range 12 {
			f.VPADDD_BCST(f.start(key, i), v[i], v[i])
		}
		f.VPADDD(counters, v[12], v[12])
		f.VPADDD(step, counters, counters)
		f.turnWide(v)
		for i, block := range v {
			u.do(f, block, at(dst, 64*i))
		}
		f.ADDQ(operand.U32(1024), dst)
	})
	f.VZEROUPPER()
	f.RET()
}

// four turns the words of four vectors in each lane: to[j] has word j of each lane of all four.
func (f *form) four(v, to []reg.VecVirtual) {
	low, high := f.vec(), f.vec()
	f.VPUNPCKLDQ(v[1], v[0], low)
	f.VPUNPCKHDQ(v[1], v[0], high)
	low2, high2 := f.vec(), f.vec()
	f.VPUNPCKLDQ(v[3], v[2], low2)
	f.VPUNPCKHDQ(v[3], v[2], high2)
	f.VPUNPCKLQDQ(low2, low, to[0])
	f.VPUNPCKHQDQ(low2, low, to[1])
	f.VPUNPCKLQDQ(high2, high, to[2])
	f.VPUNPCKHQDQ(high2, high, to[3])
}

// turnWide turns 16 vectors of 16 words, so that a vector is a block.
func (f *form) turnWide(v []reg.VecVirtual) {
	q := make([][]reg.VecVirtual, 4)
	for g := range q {
		q[g] = f.vecs(4)
		f.four(v[4*g:4*g+4], q[g])
	}
	for j := range 4 {
		low, low2, high, high2 := f.vec(), f.vec(), f.vec(), f.vec()
		f.VSHUFI32X4(operand.Imm(0x44), q[1][j], q[0][j], low)
		f.VSHUFI32X4(operand.Imm(0x44), q[3][j], q[2][j], low2)
		f.VSHUFI32X4(operand.Imm(0xee), q[1][j], q[0][j], high)
		f.VSHUFI32X4(operand.Imm(0xee), q[3][j], q[2][j], high2)
		f.VSHUFI32X4(operand.Imm(0x88), low2, low, v[j])
		f.VSHUFI32X4(operand.Imm(0xdd), low2, low, v[4+j])
		f.VSHUFI32X4(operand.Imm(0x88), high2, high, v[8+j])
		f.VSHUFI32X4(operand.Imm(0xdd), high2, high, v[12+j])
	}
}
