package round

import (
	"encoding/binary"
	"testing"

	"github.com/cinesync/cinesync/protocol"
)

// feud has member 0 of n spoil each round in which it meets as many of those after it as are named, by quarrels with all of these, or
// with none named each round that it is in, by one with somebody else each time. Other members do nothing. It gives how many rounds each takes part in, and which were spoilt. The lots come from a seed, as they come from
// signatures elsewhere.
func feud(n, victims, corrupt int, accuses bool, seed uint32, rounds uint64) (took []int, spoilt []uint64) {
	held, took := make([]Conduct, n), make([]int, n)
	for r := uint64(1); r <= rounds; r++ {
		var in []int
		for i := range n {
			if held[i].Left(r) == 0 {
				in = append(in, i)
				took[i]++
			}
		}
		if len(in) < 2 || in[0] != 0 || len(in) <= victims || in[victims] != victims {
			continue // it or one of those sits out
		}
		first, last := 1, victims
		if victims == 0 {
			first = 1 + int(r)%(len(in)-1)
			last = first
		}
		m := &Machine{corrupt: corrupt}
		c := &cohort{}
		for at := range in {
			p := &member{index: uint32(at), key: protocol.KeyBundle{}, receipt: &protocol.Receipt{}, input: &protocol.Input{}}
			for other := range in {
				if other != at {
					p.neighbours = append(p.neighbours, other)
				}
			}
			m.roster, c.members = append(m.roster, p), append(c.members, p)
		}
		for v := first; v <= last; v++ {
			accuser, accused := 0, v
			if !accuses {
				accuser, accused = v, 0
			}
			m.roster[accuser].input.Failed = append(m.roster[accuser].input.Failed, uint32(accused))
		}
		m.blameQuarrels(c)
		m.entries.final = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, seed), r)
		for _, p := range m.culprits() {
			held[in[p.Index]] = p.Weigh(held[in[p.Index]], r)
		}
		spoilt = append(spoilt, r)
	}
	return took, spoilt
}

// TestFeuds: of 2,000 rounds a liar spoils few, and fewer later on, with whomever it quarrels, and by whichever lie. Who quarrels with
// several harms only itself. With a single one nothing tells the two apart: they miss as many rounds as each other, as the lot will
// have it, and nobody else misses any.
func TestFeuds(t *testing.T) {
	const rounds, seeds = 2000, 16
	for _, c := range []struct {
		n, victims, corrupt int
		least, most         int // percent of the rounds that each of those that it quarrels with takes part in
		spoilt              int // rounds at most, on average
	}{
		{60, 7, 3, 100, 100, 40},
		{60, 2, 3, 100, 100, 40},
		{17, 2, 1, 100, 100, 40},
		{60, 1, 3, 35, 65, 90},
		{5, 1, 1, 35, 65, 90},
		{60, 0, 3, 98, 100, 90},
		{5, 0, 1, 90, 100, 90},
	} {
		among := c.victims
		if among == 0 {
			among = c.n - 1
		}
		for _, accuses := range []bool{true, false} {
			var own, least, total, late int
			least = rounds
			mean := 0
			for seed := range uint32(seeds) {
				took, spoilt := feud(c.n, c.victims, c.corrupt, accuses, seed, rounds)
				own += took[0]
				for i, times := range took[1:] {
					if i < among {
						least, mean = min(least, times), mean+times
					} else if times != rounds {
						t.Errorf("%+v: member %d, who quarrels with nobody, took part in %d rounds", c, 1+i, times)
					}
				}
				total += len(spoilt)
				for _, r := range spoilt {
					if r > rounds/2 {
						late++
					}
				}
			}
			percent := 100 * mean / (rounds * seeds * among)
			t.Logf("%d members, quarrels with %d, accuses %v: of %d rounds the liar took part in %d, those in %d (the worst of all in %d), and %d were spoilt, %d in the second half",
				c.n, c.victims, accuses, rounds, own/seeds, mean/(seeds*among), least, total/seeds, late/seeds)
			if percent < c.least || percent > c.most || total > c.spoilt*seeds || 2*late >= total {
				t.Errorf("%+v, accuses %v: took part in %d %%, %d rounds spoilt, %d of them late", c, accuses, percent, total/seeds, late/seeds)
			}
		}
	}
}
