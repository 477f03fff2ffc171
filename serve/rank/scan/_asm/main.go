// Command asm writes the assembly of package scan: the same loops in 256 and in 512 bits. `make asm` runs it.
package main

//go:generate go run . -out ../scan_amd64.s -stubs ../scan_amd64.go -pkg scan
//go:generate go run ./stamp

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	panel = 64  // titles that lie together, number by number
	block = 256 // titles between two rows of scores
)

// unordered is the predicate "not less than" of a compare, which holds for what is no number.
const unordered = 21

func main() {
	ConstraintExpr("amd64")
	for _, f := range []form{{"AVX2", 8, YMM, []tile{{1, 8}, {2, 4}, {4, 2}, {6, 2}}}, {"AVX512", 16, ZMM, []tile{{1, 4}, {2, 4}, {4, 4}, {8, 2}, {12, 2}}}} {
		for _, t := range f.tiles {
			f.scan(t)
		}
		f.above()
	}
	Generate()
}

// form is a width of vectors: how many float32 one holds, a new register for it, and the tiles that its registers have room for.
type form struct {
	name  string
	width int
	new   func() reg.VecVirtual
	tiles []tile
}

// tile is the sums that are under way at once: queries times vectors of titles.
type tile struct{ queries, vectors int }

// scan adds bias and products for every title of some panels, writes the scores, and a bit where a score is not below the least.
func (f form) scan(t tile) {
	name := fmt.Sprintf("scan%d%s", t.queries, f.name)
	TEXT(name, NOSPLIT, "func(hits *uint64, scores, panels, biases, queries, least *float32, dim, panelCount int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is a tile of %d queries and %d titles.", name, t.queries, t.vectors*f.width))
	hits, scores := Load(Param("hits"), GP64()), Load(Param("scores"), GP64())
	panels, biases := Load(Param("panels"), GP64()), Load(Param("biases"), GP64())
	queries, least := Load(Param("queries"), GP64()), Load(Param("least"), GP64())
	dim, left := Load(Param("dim"), GP64()), Load(Param("panelCount"), GP64())
	Label("panel")
	at := GP64()
	for part := 0; part < panel; part += t.vectors * f.width {
		sums := f.sums(t, biases, part)
		query, k := GP64(), GP64()
		MOVQ(queries, query)
		MOVQ(dim, k)
		MOVQ(panels, at)
		label := fmt.Sprintf("part%d", part)
		Label(label)
		f.step(t, sums, Mem{Base: at, Disp: 4 * part}, query)
		ADDQ(U32(4*panel), at)
		ADDQ(U32(4*t.queries), query)
		DECQ(k)
		JNZ(LabelRef(label))
		for q := range sums {
			for v, sum := range sums[q] {
				title := part + v*f.width
				VMOVUPS(sum, Mem{Base: scores, Disp: 4 * (q*block + title)})
				f.compare(sum, Mem{Base: least, Disp: 4 * q}, Mem{Base: hits, Disp: (q*block + title) / 8})
			}
		}
	}
	MOVQ(at, panels) // the last part ended where the next panel begins
	ADDQ(U32(4*panel), biases)
	ADDQ(U32(4*panel), scores)
	ADDQ(U32(panel/8), hits)
	DECQ(left)
	JNZ(LabelRef("panel"))
	VZEROUPPER()
	RET()
}

// sums starts every sum of a tile at its title's bias.
func (f form) sums(t tile, biases reg.Register, part int) [][]reg.VecVirtual {
	out := make([][]reg.VecVirtual, t.queries)
	for q := range out {
		out[q] = make([]reg.VecVirtual, t.vectors)
		for v := range out[q] {
			out[q][v] = f.new()
			VMOVUPS(Mem{Base: biases, Disp: 4 * (part + v*f.width)}, out[q][v])
		}
	}
	return out
}

// step adds one product to every sum of a tile.
func (f form) step(t tile, sums [][]reg.VecVirtual, titles Mem, query reg.Register) {
	factor := func(q int) reg.VecVirtual {
		x := f.new()
		VBROADCASTSS(Mem{Base: query, Disp: 4 * q}, x)
		return x
	}
	if t.queries == 1 {
		x := factor(0)
		for v := range t.vectors {
			VFMADD231PS(titles.Offset(4*v*f.width), x, sums[0][v])
		}
		return
	}
	numbers := make([]reg.VecVirtual, t.vectors)
	for v := range numbers {
		numbers[v] = f.new()
		VMOVUPS(titles.Offset(4*v*f.width), numbers[v])
	}
	for q := range t.queries {
		x := factor(q)
		for v := range numbers {
			VFMADD231PS(numbers[v], x, sums[q][v])
		}
	}
}

// compare writes a bit a lane: set where the score is not below the least.
func (f form) compare(score reg.VecVirtual, least, bits Mem) {
	if f.width == 16 {
		k := K()
		VCMPPS_BCST(Imm(unordered), least, score, k)
		KMOVW(k, bits)
		return
	}
	x, r := f.new(), GP32()
	VBROADCASTSS(least, x)
	VCMPPS(Imm(unordered), x, score, x)
	VMOVMSKPS(x, r)
	MOVB(r.As8(), bits)
}

// above compares scores that are there already, and tells whether all of them are finite: x−x is 0 then.
func (f form) above() {
	name := "above" + f.name
	TEXT(name, NOSPLIT, "func(hits *uint64, scores *float32, least *float32, words int) uint32")
	Pragma("noescape")
	Doc(name + " marks what is not below the least, and returns 0 if all scores are finite.")
	hits, scores := Load(Param("hits"), GP64()), Load(Param("scores"), GP64())
	least, words := Load(Param("least"), GP64()), Load(Param("words"), GP64())
	endless, result := f.new(), GP32()
	VXORPS(endless.AsX(), endless.AsX(), endless.AsX())
	Label("word")
	for at := 0; at < panel; at += f.width {
		v, rest := f.new(), f.new()
		VMOVUPS(Mem{Base: scores, Disp: 4 * at}, v)
		f.compare(v, Mem{Base: least}, Mem{Base: hits, Disp: at / 8})
		VSUBPS(v, v, rest)
		f.or(rest, endless)
	}
	ADDQ(U32(4*panel), scores)
	ADDQ(U32(panel/8), hits)
	DECQ(words)
	JNZ(LabelRef("word"))
	if f.width == 16 {
		k := K()
		VPTESTMD(endless, endless, k)
		KMOVW(k, result)
	} else {
		XORL(result, result)
		VPTEST(endless, endless)
		SETNE(result.As8())
	}
	Store(result, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func (f form) or(x, into reg.VecVirtual) {
	if f.width == 16 {
		VPORD(x, into, into)
		return
	}
	VORPS(x, into, into)
}
