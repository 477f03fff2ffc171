package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func sprintf(format string, a ...any) string { return fmt.Sprintf(format, a...) }

// flight is how many vectors of blocks go through the rounds together, so that none waits for itself.
const flight = 8

// aes makes AES-CTR under a zero IV: n words, a multiple of 16, from a block of the counter on. Keys are 11 or 15 blocks,
// of which rounds is the index of the last.
func (f *form) aes() {
	for _, u := range uses {
		dst := map[bool]string{true: "dst *byte", false: "dst *uint32"}[u.name == "Write"]
		f.function("aes"+u.name, sprintf(u.doc, "keystream")+": n words, a multiple of 16, from block counter on.",
			"func("+dst+", n int, keys *byte, rounds int, counter uint64)")
		c := f.newCounter()
		many := flight * f.bytes() / 4
		f.repeat("many", c.n, many, func() { c.blocks(u, "many", flight) })
		f.repeat("few", c.n, 16, func() { c.blocks(u, "few", 64/f.bytes()) })
		f.VZEROUPPER()
		f.RET()
	}
}

// counter is the state of one function: counters are 64-bit words, both halves of a block alike, of which the shuffle makes a
// zero half and a big-endian one.
type counter struct {
	*form
	dst, n, keys, last reg.GPVirtual
	at, step, order    reg.VecVirtual
}

func (f *form) newCounter() *counter {
	c := &counter{form: f, dst: f.load("dst"), n: f.load("n"), keys: f.load("keys"), last: f.load("rounds"), at: f.vec(), step: f.vec(), order: f.vec()}
	c.everyLane(f.shuffle("bigEndian", -1, -1, -1, -1, -1, -1, -1, -1, 15, 14, 13, 12, 11, 10, 9, 8), c.order)
	first := f.vec()
	f.VMOVQ(f.load("counter"), first.AsX())
	f.VPBROADCASTQ(first.AsX(), first)
	f.get(f.constant("blocks", 0, 0, 0, 0, 1, 0, 1, 0, 2, 0, 2, 0, 3, 0, 3, 0), c.at)
	f.VPADDQ(first, c.at, c.at)
	each := uint32(f.bytes() / 16)
	c.everyLane(f.constant(sprintf("step%d", each), each, 0, each, 0), c.step)
	f.SHLQ(operand.Imm(4), c.last) // as bytes
	return c
}

// blocks takes some vectors of blocks through all rounds.
func (c *counter) blocks(u use, label string, vectors int) {
	states, key := c.vecs(vectors), c.vec()
	c.everyLane(at(c.keys, 0), key)
	for _, s := range states {
		c.VPSHUFB(c.order, c.at, s)
		c.VPADDQ(c.step, c.at, c.at)
		c.xor(key, s, s)
	}
	rounds := func(from, to int) {
		for r := from; r < to; r++ {
			c.everyLane(at(c.keys, 16*r), key)
			for _, s := range states {
				c.VAESENC(key, s, s)
			}
		}
	}
	rounds(1, 10)
	c.CMPQ(c.last, operand.U32(10*16))
	c.JEQ(operand.LabelRef(label + "Last"))
	rounds(10, 14)
	c.Label(label + "Last")
	c.everyLane(operand.Mem{Base: c.keys, Index: c.last, Scale: 1}, key)
	for i, s := range states {
		c.VAESENCLAST(key, s, s)
		u.do(c.form, s, at(c.dst, i*c.bytes()))
	}
	c.ADDQ(operand.U32(vectors*c.bytes()), c.dst)
}

// schedules makes the key schedules of AES, FIPS 197 section 5.2, and tells whether there are instructions for vectors of blocks.
func schedules(c *build.Context) {
	function(c, "expand128", "writes the 11 round keys of a key of 16 bytes.", "func(keys, key *byte)")
	keys, key := c.Load(c.Param("keys"), c.GP64()), c.Load(c.Param("key"), c.GP64())
	k := c.XMM()
	c.VMOVDQU(at(key, 0), k)
	c.VMOVDQU(k, at(keys, 0))
	for i, constant := range []uint64{1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36} {
		nextKey(c, k, k, constant, 0xff)
		c.VMOVDQU(k, at(keys, 16*(i+1)))
	}
	c.RET()

	function(c, "expand256", "writes the 15 round keys of a key of 32 bytes.", "func(keys, key *byte)")
	keys, key = c.Load(c.Param("keys"), c.GP64()), c.Load(c.Param("key"), c.GP64())
	even, odd := c.XMM(), c.XMM()
	c.VMOVDQU(at(key, 0), even)
	c.VMOVDQU(at(key, 16), odd)
	c.VMOVDQU(even, at(keys, 0))
	c.VMOVDQU(odd, at(keys, 16))
	for i := range 7 {
		nextKey(c, even, odd, 1<<i, 0xff)
		c.VMOVDQU(even, at(keys, 32*(i+1)))
		if i < 6 {
			nextKey(c, odd, even, 0, 0xaa)
			c.VMOVDQU(odd, at(keys, 32*(i+1)+16))
		}
	}
	c.RET()

	function(c, "vectorAES", "reports VAES: bit 9 of ECX in leaf 7.", "func() bool")
	c.MOVL(operand.U32(7), reg.EAX)
	c.XORL(reg.ECX, reg.ECX)
	c.CPUID()
	c.SHRL(operand.Imm(9), reg.ECX)
	c.ANDL(operand.Imm(1), reg.ECX)
	c.Store(reg.CL, c.ReturnIndex(0))
	c.RET()
}

// nextKey makes a round key of the one before it of the same kind, and of the last.
func nextKey(c *build.Context, k, last reg.VecVirtual, constant uint64, order uint64) {
	word, shifted := c.XMM(), c.XMM()
	c.VAESKEYGENASSIST(operand.Imm(constant), last, word)
	c.VPSHUFD(operand.Imm(order), word, word)
	c.VPSLLDQ(operand.Imm(4), k, shifted)
	for range 2 {
		c.VPXOR(shifted, k, k)
		c.VPSLLDQ(operand.Imm(4), shifted, shifted)
	}
	c.VPXOR(shifted, k, k)
	c.VPXOR(word, k, k)
}
