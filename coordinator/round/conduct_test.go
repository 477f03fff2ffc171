package round

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// spoil has a certificate spoil a round as soon as it may, and gives the numbers of those rounds.
func spoil(f Fault, rounds uint64) (spoilt []uint64) {
	var c Conduct
	for r := uint64(1); r <= rounds; r++ {
		if c.Left(r) == 0 {
			spoilt, c = append(spoilt, r), c.After(r, f)
		}
	}
	return spoilt
}

func TestSpoilingCostsMoreEachTime(t *testing.T) {
	for f, want := range map[Fault][]uint64{
		Absent:          {1, 3, 6, 11, 16, 21, 26}, // 1, 2, 4, 4, … rounds out
		Quarrelled:      {1, 3, 6, 11, 20, 37, 70, 135, 200},
		WrongCiphertext: {1, 6, 39, 104, 169}, // 4, 32, 64, … rounds out
	} {
		if got := spoil(f, 1000)[:len(want)]; !slices.Equal(got, want) {
			t.Errorf("%v: rounds %v are spoilt, want %v", f, got, want)
		}
	}
	if got := (Conduct{Level: 1, Last: 5, Until: 6}).After(5+forgetAfter, Quarrelled); got.Level != 1 {
		t.Errorf("%+v: one suspicion is forgotten after %d rounds", got, forgetAfter)
	}
	if got := (Conduct{Level: 255, Last: 5, Until: 6}).After(7, Quarrelled); got.Level != maxLevel || got.Until != 7+64 {
		t.Errorf("%+v from a damaged file", got)
	}
	if got := (Conduct{}).After(7, NoFault); got != (Conduct{}) {
		t.Errorf("%+v for nothing", got)
	}
}

// TestConductIsBounded: whenever and for whatever faults a certificate spoils rounds, it never sits out more than 64, for a lost
// connection alone never more than 4, and what it spoils by suspicion or proof is at most one in 64 rounds and 7 more.
func TestConductIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		faults := rapid.SampledFrom([][]Fault{{Absent}, {Quarrelled, BadBoxes, BadShares}, {WrongCiphertext}, {Absent, Quarrelled, WrongCiphertext}}).Draw(t, "faults")
		var c Conduct
		var round, spoilt uint64
		for range rapid.IntRange(1, 60).Draw(t, "times") {
			round++
			for before := c.Left(round); c.Left(round) > 0; round++ {
				if left := c.Left(round); left > before {
					t.Fatalf("%d rounds left, and then %d", before, left)
				}
			}
			round += rapid.Uint64Range(0, 200).Draw(t, "rounds in which it behaves") * uint64(rapid.IntRange(0, 1).Draw(t, "if any"))
			f := rapid.SampledFrom(faults).Draw(t, "fault")
			c = c.After(round, f)
			if f != Absent {
				spoilt++
			}
			most := uint64(64)
			if len(faults) == 1 && f == Absent {
				most = 4
			}
			if left := c.Left(round + 1); left == 0 || left > most || c.Until != round+left {
				t.Fatalf("%d rounds out after round %d for %v: %+v", left, round, f, c)
			}
		}
		if spoilt > round/forgetAfter+maxLevel+1 {
			t.Fatalf("%d of %d rounds were spoilt", spoilt, round)
		}
	})
}
