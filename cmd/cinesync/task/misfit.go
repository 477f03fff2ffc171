package task

import (
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
)

// misfit names the field of a grid that does not carry a round, as its owner wrote it, and what to write instead. Integers that the task left
// out are told by what they come to.
func (t *Task) misfit(out *Terms, err error) error {
	g, n := out.Grid, min(out.Members, maxRoster)
	round := fmt.Sprintf("a round of %d members and %d words", n, g.D)
	if aggregation.CheckWord(n, g.XMax, out.SigmaTotSq, g.WordBits) == nil {
		if t.Grid.CInt == 0 {
			return bad("grid", "does not carry %s: %v", round, err)
		}
		return bad("grid.c_int", "is %d, which is too coarse for %s: %v; 0 stands for one that fits", t.Grid.CInt, round, err)
	}
	most := aggregation.MostWord(n, out.SigmaTotSq, g.WordBits)
	switch {
	case g.WordBits == 32:
		return bad("grid.c_int", "is %s: words of 32 bits carry at most %d for %s: lower the members, the noise or c_int", t.wroteCInt(g), most, round)
	case most == 0:
		return bad("grid.word_bits", "is %d: the noise alone, 6σ with σ² = %d, is more than such words carry: %s", g.WordBits, out.SigmaTotSq, wider(out, n))
	case t.Grid.XMax > 0:
		return bad("grid.x_max", "is %d: words of %d bits carry at most %d for %s: lower it to %d or less%s, or %s", t.Grid.XMax, g.WordBits, most, round, most, cut(g, most), wider(out, n))
	}
	return bad("grid.c_int", "is %s, and grid.x_max is left out, so one coordinate may be as much: words of %d bits carry at most %d for %s: write grid.x_max = %d or less%s, or %s",
		t.wroteCInt(g), g.WordBits, most, round, most, cut(g, most), wider(out, n))
}

// wroteCInt is c_int as it was written, and what 0 comes to.
func (t *Task) wroteCInt(g aggregation.Grid) string {
	if t.Grid.CInt > 0 {
		return fmt.Sprint(t.Grid.CInt)
	}
	return fmt.Sprintf("0, which comes to %d", g.CInt)
}

// cut says where coordinates would be cut, in parts of the clip.
func cut(g aggregation.Grid, xMax uint32) string {
	return fmt.Sprintf(" (it cuts coordinates at 1/%d of the clip)", (g.CInt+xMax-1)/xMax)
}

// wider is the advice to take larger words.
func wider(out *Terms, n int) string {
	bits, xMax := aggregation.LeastWords(out.Grid.WordBits+8, out.Grid.D, n, out.Grid.CInt, out.SigmaTotSq)
	if bits == 32 {
		return "write grid.word_bits = 32 and leave grid.x_max out"
	}
	return fmt.Sprintf("write grid.word_bits = %d and grid.x_max = %d", bits, xMax)
}
