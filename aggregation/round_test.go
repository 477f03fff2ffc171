package aggregation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation/ring"
)

// TestUnmaskOfMaskIsTheSumForEveryDropoutSet goes through every set of survivors of small complete graphs: from the threshold
// on the sum is exact, below it no secret can be rebuilt.
func TestUnmaskOfMaskIsTheSumForEveryDropoutSet(t *testing.T) {
	for n := MinDevices; n <= 7; n++ {
		degree, err := FindDegree(GraphParams{N: n, GammaBP: 500, Lambda: 40, Eta: 20, Mode: ModeSH})
		if err != nil {
			t.Fatal(err)
		}
		f := newFederation(t, n, degree.K, degree.T, 33, nil)
		for set := range 1 << n {
			survivors := map[int]bool{}
			for i := range n {
				if set>>i&1 == 1 {
					survivors[i] = true
				}
			}
			sum, err := f.unmask(survivors, true)
			switch bearable := len(survivors) >= degree.T || len(survivors) == 0; {
			case bearable && err != nil:
				t.Fatalf("n = %d, survivors %b: %v", n, set, err)
			case !bearable && err == nil:
				t.Fatalf("n = %d, survivors %b: unmasked by %d, threshold %d", n, set, len(survivors), degree.T)
			case bearable && !slices.Equal(sum, f.plain(survivors)):
				t.Fatalf("n = %d, survivors %b: the sum differs", n, set)
			}
		}
	}
}

// TestUnmaskOfMaskIsTheSumForSampledDropouts takes larger rosters, the ring among them, with losses both before the shares
// and after the masks, and rebuilds every b from shares too.
func TestUnmaskOfMaskIsTheSumForSampledDropouts(t *testing.T) {
	for _, n := range []int{24, 70} {
		degree, err := FindDegree(GraphParams{N: n, GammaBP: 500, DeltaBP: 1000, Lambda: 40, Eta: 20, Mode: ModeW})
		if err != nil {
			t.Fatal(err)
		}
		if ring := degree.K != n-1; ring != (n >= completeBelow) {
			t.Fatalf("n = %d: degree %d", n, degree.K)
		}
		rng := rand.New(rand.NewPCG(uint64(n), 7))
		early := map[int]bool{rng.IntN(n): true, rng.IntN(n): true}
		f := newFederation(t, n, degree.K, degree.T, 17, early)
		exact := 0
		for try := range 12 {
			survivors := map[int]bool{}
			for i := range n {
				survivors[i] = !early[i]
			}
			for range try {
				survivors[rng.IntN(n)] = false
			}
			sum, err := f.unmask(survivors, false)
			if bearable := f.bearable(survivors); bearable != (err == nil) {
				t.Fatalf("n = %d, try %d: bearable %v, got %v", n, try, bearable, err)
			}
			if err == nil && !slices.Equal(sum, f.plain(survivors)) {
				t.Fatalf("n = %d, try %d: the sum differs", n, try)
			}
			if err == nil {
				exact++
			}
		}
		if exact < 6 {
			t.Fatalf("n = %d: only %d of the dropout sets could be borne", n, exact)
		}
	}
}

// bearable counts, for every secret that is needed, the survivors that hold a share of it.
func (f *federation) bearable(survivors map[int]bool) bool {
	for i := range f.n {
		if f.y[i] == nil {
			continue
		}
		if answers := len(f.partners(i, survivors)); answers < f.t && (survivors[i] || answers > 0) {
			return false
		}
	}
	return true
}

// TestOneMissingMaskLeavesNoise: whatever single mask is left out, what comes out has nothing to do with the sum.
func TestOneMissingMaskLeavesNoise(t *testing.T) {
	f := newFederation(t, 5, 4, 3, 64, nil)
	survivors := map[int]bool{0: true, 1: true, 2: true}
	sum, err := f.unmask(survivors, true)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		left := slices.Clone(sum)
		expandAndAdd(ring.Best(), plain, left, 0, []Term{SelfMask(f.in(), f.secrets[i].b)})
		equal := 0
		for j, v := range f.plain(survivors) {
			if left[j] == v {
				equal++
			}
		}
		if equal > 1 {
			t.Errorf("with the self mask of %d still on, %d of %d words are the sum's", i, equal, len(sum))
		}
	}
}

// TestMasksOfManySessionsAreDistinct: fresh secrets and the session id in every key, so that no keystream comes twice
// (the attack of arXiv 2410.09676).
func TestMasksOfManySessionsAreDistinct(t *testing.T) {
	const members = 3
	seen := map[[32]byte]string{}
	shared := newSecrets(t, "one device that wrongly keeps its secrets")
	for round := range 100 {
		open := id(fmt.Sprint("open", round))
		seed := GraphSeed(open, id("roster"))
		sid := SessionID(open, id("roster"), seed, 0)
		note := func(key [32]byte, what string) {
			if old, twice := seen[key]; twice {
				t.Fatalf("round %d: the key of %s was that of %s", round, what, old)
			}
			seen[key] = fmt.Sprintf("%s in round %d", what, round)
		}
		group := []*Secrets{shared}
		for i := 1; i < members; i++ {
			group = append(group, newSecrets(t, fmt.Sprint("member", round, i)))
		}
		for i, s := range group {
			note(SelfMask(within(open, sid), s.b).Key, fmt.Sprint("self mask ", i))
			for j := range i {
				peer, err := group[j].Public(open, KexX25519)
				if err != nil {
					t.Fatal(err)
				}
				key, err := pairTerm(within(open, sid), s.m, uint32(i), PeerKey{Index: uint32(j), SPK: peer.SPK})
				if err != nil {
					t.Fatal(err)
				}
				note(key, fmt.Sprint("pair mask ", i, j))
			}
		}
	}
}

// TestMaskedVectorLooksUniform counts the bits of a masked zero vector. The bound is six standard deviations; the secrets are
// fixed, so that the test always says the same.
func TestMaskedVectorLooksUniform(t *testing.T) {
	f := newFederation(t, 3, 2, 3, 1, nil)
	y := make([]uint32, 4096)
	if err := f.secrets[0].Mask(y, within(f.open, f.sid), 0, []PeerKey{{Index: 1, SPK: f.public[1].SPK}, {Index: 2, SPK: f.public[2].SPK}}); err != nil {
		t.Fatal(err)
	}
	for bit := range 32 {
		ones := 0
		for _, w := range y {
			ones += int(w >> bit & 1)
		}
		if off := ones - len(y)/2; off < -6*32 || off > 6*32 {
			t.Errorf("bit %d: %d ones in %d words", bit, ones, len(y))
		}
	}
}

// TestDevicesWithDifferentModelsDoNotCancel: the session id covers the model, so that a coordinator that hands out two models
// gets noise (arXiv 2111.07380).
func TestDevicesWithDifferentModelsDoNotCancel(t *testing.T) {
	f := newFederation(t, 3, 2, 3, 16, nil)
	other := SessionID(id("open of another model"), id("roster"), GraphSeed(f.open, id("roster")), 0)
	f.y[2] = slices.Clone(f.x[2])
	if err := f.secrets[2].Mask(f.y[2], within(f.open, other), 2, f.partners(2, map[int]bool{0: true, 1: true})); err != nil {
		t.Fatal(err)
	}
	all := map[int]bool{0: true, 1: true, 2: true}
	sum, err := f.unmask(all, true)
	if err != nil {
		t.Fatal(err)
	}
	if want := f.plain(all); slices.Equal(sum, want) || sum[0] == want[0] && sum[1] == want[1] {
		t.Fatal("masks of two models cancelled")
	}
}
