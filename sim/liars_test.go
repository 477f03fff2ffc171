package sim

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

var table = flag.Bool("table", false, "print a line per attack by devices")

// byDevices are attacks by members on a coordinator that follows the rules.
var byDevices = []struct {
	id, what, rule string
	lies           []Lie
}{
	{"B01", "wrong keys", "certificate and signature at the door; low order refused", []Lie{"a signature under the keys that fails", "a key of low order",
		"a sharing key that it does not hold", "a commitment to nothing", "keys for another round"}},
	{"B02", "garbage for shares", "a box that does not open names its sender (10.2)", []Lie{"one box is spoiled", "all boxes are spoiled", "boxes for the wrong ones",
		"a box is missing", "a box too many", "good boxes for fewer than t, then silence", "bad boxes for its victims"}},
	{"B03", "two inputs, false headers, false complaints", "one message each (9.1); complaints are bounded (10.2)", []Lie{"two headers", "masked with nobody",
		"complaints about others", aboutVictims, "another vector than announced", "a length of its own"}},
	{"B04", "another vector than announced", "hashes in the signed header", []Lie{"a changed byte of the vector", "a piece out of place", "a piece of no vector at all"}},
	{"B05", "garbage at the reveal", "what is rebuilt is checked against signed keys (10.4)", []Lie{"a share of nothing", "a share that is no scalar", "one member's share twice",
		"one member's share for another", "both kinds of share for one", "all shares of nothing", "its own b is another's", "a reveal with a broken signature"}},
	{"B06", "silence in every phase", "deadlines (4.2)", []Lie{"silence about its keys", "silence about its shares", "silence about its vector", "silence amid its vector",
		"silence at the reveal"}},
	{"B07", "flooding", "one message each; what is not due is dropped", []Lie{"everything many times", "many messages out of place"}},
	{"B08", "bad X-Wing keys and ciphertexts", "checked at the door; a box that does not open names its sender", []Lie{"X-Wing keys that are none", "no X-Wing keys",
		"one ciphertext is spoiled", "a ciphertext is missing", "a mask's ciphertext is too many", "a wrong ciphertext in its box, then silence"}},
}

// costly lies may cost a whole round: who seals good shares for some neighbours, but for fewer than t, leaves masks on their vectors
// that nobody could take off; and who binds a wrong ciphertext into its box, masks that nobody knows. Whoever did it sits out.
var costly = []Lie{"boxes for the wrong ones", "good boxes for fewer than t, then silence", "a wrong ciphertext in its box, then silence"}

// TestHostileDevices: one member that tells one lie for a whole round costs nobody but at most itself its place: the others'
// sum comes out, exact. Two liars among eight may cost the round, never its truth.
func TestHostileDevices(t *testing.T) {
	for _, a := range byDevices {
		run, ok := 0, true
		for _, lie := range a.lies {
			for liars := 1; liars <= 2; liars++ {
				run++
				ok = t.Run(fmt.Sprintf("%s/%s/%d", a.id, lie, liars), func(t *testing.T) {
					for seed := range uint64(1) {
						out, err := Run(Config{Seed: seed, Devices: 8, Min: 3, DeltaBP: 3000, D: 16, Suite: suiteOf(a.id), Liars: liars, Lie: 100, Lies: []Lie{lie}})
						if err != nil {
							t.Fatalf("seed %d: %v\n%s", seed, err, strings.Join(out.Trace, "\n"))
						}
						if r := out.Rounds[0]; liars == 1 && !slices.Contains(costly, lie) && (!r.Done || r.U3 < 7) || r.Done && !r.SumOK {
							t.Errorf("seed %d: %+v\n%s", seed, r, strings.Join(out.Trace, "\n"))
						}
					}
				}) && ok
			}
		}
		if *table {
			fmt.Printf("%s  %-48s  %-56s  %3d  %s\n", a.id, a.what, a.rule, run, map[bool]string{true: "ok", false: "FAILED"}[ok])
		}
	}
}

// suiteOf is that of a row: X-Wing where it is about X-Wing.
func suiteOf(id string) aggregation.Suite {
	if id == "B08" {
		return aggregation.Suite{Kex: aggregation.KexXWing, PRG: aggregation.PRGAES128, WordBits: 32}
	}
	return aggregation.Suite{}
}

func TestEveryLieIsTold(t *testing.T) {
	told := map[Lie]bool{}
	for _, a := range byDevices {
		for _, l := range a.lies {
			if told[l] = true; lies[l] == nil {
				t.Errorf("%q is no lie", l)
			}
		}
	}
	for _, l := range everyLie() {
		if !told[l] {
			t.Errorf("%q is in no row", l)
		}
	}
	if !slices.IsSorted(everyLie()) {
		t.Error("the order of lies is not fixed")
	}
}
