package round

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// answerAll has everyone answer without its own b, so that every secret comes from shares; the first lie from liars are wrong.
func (w *world) answerAll(liars int, lie func(d *device, m *protocol.Reveal)) *world {
	w.t.Helper()
	for i, d := range w.devices {
		if p := w.m.members[d.id]; p == nil || p.standing != Included {
			continue
		}
		m := d.reveal(false)
		if i < liars {
			lie(d, m)
			m.Sign(protocol.Signer{Ed: d.key})
		}
		w.ok(d.say(m))
	}
	w.in(Settling)
	return w
}

var lies = map[string]func(d *device, m *protocol.Reveal){
	"random shares": func(d *device, m *protocol.Reveal) {
		for i := range m.SelfShares {
			m.SelfShares[i].Share = [32]byte{byte(d.index + 1), byte(i), 5}
		}
	},
	"zeros": func(_ *device, m *protocol.Reveal) {
		for i := range m.SelfShares {
			m.SelfShares[i].Share = [32]byte{}
		}
	},
	"no scalars": func(_ *device, m *protocol.Reveal) {
		for i := range m.SelfShares {
			m.SelfShares[i].Share[31] |= 0xf0
		}
	},
	"shares of m": func(d *device, m *protocol.Reveal) {
		for i := range m.SelfShares {
			m.SelfShares[i].Share = [32]byte(d.m[i])
		}
	},
	"others' shares": func(_ *device, m *protocol.Reveal) {
		first := m.SelfShares[0].Share
		for i := range m.SelfShares[1:] {
			m.SelfShares[i].Share = m.SelfShares[i+1].Share
		}
		m.SelfShares[len(m.SelfShares)-1].Share = first
	},
}

// TestSettleStepsAroundLiars: with 24 members and t = 13 each secret has 23 shares, or 22 of an honest member's among liars;
// up to five wrong ones are corrected whoever sends them. With more than n−t the rest cannot be enough.
func TestSettleStepsAroundLiars(t *testing.T) {
	for name, lie := range lies {
		w := newWorld(t, settings{n: 24, delta: 1000}).inputAll()
		w.answerAll(5, lie)
		want := w.plainSum()
		sum, err := w.settle()
		if err != nil || !slices.Equal(sum, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, lie := range lies {
		w := newWorld(t, settings{n: 24, delta: 1000}).inputAll()
		w.answerAll(12, lie)
		if _, err := w.settle(); !errors.Is(err, ErrShares) {
			t.Errorf("%s by half of the members: %v", name, err)
		}
		w.failed(BadReveals)
	}
}

// TestSettleStepsAroundLiarsForLostMembers: the same for the mask keys of the lost.
func TestSettleStepsAroundLiarsForLostMembers(t *testing.T) {
	w := newWorld(t, settings{n: 24, delta: 1500}).shareAll()
	for _, d := range w.devices[:21] {
		w.ok(d.say(d.input()))
		d.upload()
	}
	w.at(30)
	w.in(Unmask)
	w.answerAll(3, func(d *device, m *protocol.Reveal) {
		for i := range m.PairShares {
			m.PairShares[i].Share = [32]byte{byte(d.index + 1), byte(i)}
		}
	})
	if len(w.plan.Cohorts[0].Lost) != 3 || len(w.plan.Cohorts[0].Survivors) != 21 {
		t.Fatalf("%d lost, %d survivors", len(w.plan.Cohorts[0].Lost), len(w.plan.Cohorts[0].Survivors))
	}
	want := w.plainSum()
	if sum, err := w.settle(); err != nil || !slices.Equal(sum, want) {
		t.Fatal(err)
	}
}

// TestRebuildSearchesBeyondCorrection: three of four shares are needed and one of four is wrong, wherever it stands.
func TestRebuildSearchesBeyondCorrection(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000})
	s := w.devices[0].secrets
	xs := []uint32{2, 3, 5, 9}
	for at := range xs {
		_, b, err := s.Split(3, xs, w.devices[0].random)
		if err != nil {
			t.Fatal(err)
		}
		b[at][0] ^= 1
		got, err := rebuild(3, xs, b, func(v [32]byte) bool { return v == s.B() })
		if err != nil || got != s.B() {
			t.Errorf("share %d wrong: %v", at, err)
		}
		if _, err := rebuild(3, xs[:3], b[:3], func(v [32]byte) bool { return v == s.B() }); (err == nil) != (at == 3) {
			t.Errorf("share %d wrong, three answers: %v", at, err)
		}
	}
	tries := 0
	_, b, err := s.Split(3, xs, w.devices[0].random)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rebuild(3, xs, b, func([32]byte) bool { tries++; return false }); !errors.Is(err, ErrShares) || tries > maxTries+2 {
		t.Errorf("%d tries, %v", tries, err)
	}
	if _, err := rebuild(5, xs, b, nil); !errors.Is(err, ErrShares) {
		t.Errorf("too few: %v", err)
	}
}

// TestRebuildCorrectsWhatNoSearchFinds looks for five liars among 23 so spread that no subset that is tried leaves them all
// out, and rebuilds all the same.
func TestRebuildCorrectsWhatNoSearchFinds(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000})
	d := w.devices[0]
	xs := make([]uint32, 23)
	for i := range xs {
		xs[i] = uint32(i + 1)
	}
	m, lies, err := d.secrets.Split(13, xs, d.random)
	if err != nil {
		t.Fatal(err)
	}
	fits := func(v [32]byte) bool {
		return aggregation.CheckM(aggregation.KexX25519, v, w.m.OpenHash(), d.public.SPK, nil)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	hard := 0
	for range 40 {
		shares := slices.Clone(m)
		for _, at := range rng.Perm(23)[:5] {
			shares[at] = lies[at]
		}
		if _, found := search(13, xs, shares, fits); !found {
			hard++
		}
		if got, err := rebuild(13, xs, shares, fits); err != nil || !fits(got) {
			t.Fatal(err)
		}
	}
	if hard == 0 {
		t.Error("the search alone always finds the secret: nothing was shown")
	}
}

// brokenAccumulator fails at one of its steps.
type brokenAccumulator struct {
	aggregation.Accumulator
	vectors, masks error
}

func (b brokenAccumulator) AddVector([]byte) error            { return b.vectors }
func (b brokenAccumulator) AddMasks([]aggregation.Term) error { return b.masks }

func TestSettleReportsABrokenAccumulator(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).revealAll()
	broken := errors.New("device lost")
	for _, acc := range []brokenAccumulator{{vectors: broken}, {masks: broken}} {
		f := NewFold(w.plan.Suite.Shape(w.plan.D), acc)
		err := f.Complete(w.plan.Cohorts[0].Survivors, w.read)
		if err == nil {
			_, err = Settle(w.plan, 0, f)
		}
		if !errors.Is(err, broken) || errors.Is(err, ErrVector) || errors.Is(err, ErrShares) {
			t.Errorf("%v", err)
		}
	}
}

// keeper is an accumulator that keeps the list it was given, and what stood in it then.
type keeper struct {
	aggregation.Accumulator
	fails      error
	list, then []aggregation.Term
}

func (k *keeper) AddMasks(terms []aggregation.Term) error {
	k.list, k.then = terms, slices.Clone(terms)
	return errors.Join(k.fails, k.Accumulator.AddMasks(terms))
}

// TestSettleForgetsKeys: the keys that took the masks off are zero when Settle returns, with a sum or without, and lay in no other
// list: a longer one that was begun anew would have room to spare.
func TestSettleForgetsKeys(t *testing.T) {
	for name, fails := range map[string]error{"sum": nil, "no sum": errors.New("device lost")} {
		w := newWorld(t, settings{n: 5, delta: 3000}).revealAll()
		shape := w.plan.Suite.Shape(w.plan.D)
		k := &keeper{Accumulator: aggregation.NewAccumulator(shape), fails: fails}
		f := NewFold(shape, k)
		if err := f.Complete(w.plan.Cohorts[0].Survivors, w.read); err != nil {
			t.Fatal(err)
		}
		if _, err := Settle(w.plan, 0, f); !errors.Is(err, fails) {
			t.Fatalf("%s: %v", name, err)
		}
		if len(k.then) == 0 || len(k.then) != w.plan.Cohorts[0].masks() || cap(k.list) != len(k.list) {
			t.Errorf("%s: %d terms in room for %d, the plan has %d", name, len(k.then), cap(k.list), w.plan.Cohorts[0].masks())
		}
		for i, term := range k.then {
			if term.Key == [32]byte{} || k.list[i] != (aggregation.Term{}) {
				t.Errorf("%s: the key of mask %d was zero, or still stands there", name, i)
			}
		}
	}
}

// TestMaskTermsOfAPlanThatFails: what was listed before a secret could not be rebuilt is the caller's to clear, in the list's one place.
func TestMaskTermsOfAPlanThatFails(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).revealAll()
	part := w.plan.Cohorts[0]
	part.Survivors = slices.Clone(part.Survivors)
	last := &part.Survivors[len(part.Survivors)-1]
	last.Own, last.Shares, last.Xs = nil, nil, nil
	terms, err := w.plan.maskTerms(&part)
	if !errors.Is(err, ErrShares) || len(terms) == 0 || cap(terms) != part.masks() {
		t.Errorf("%d terms in room for %d, want %d: %v", len(terms), cap(terms), part.masks(), err)
	}
}

// TestQuarrel is rule 10.2: no two members that disagree about their masks are both summed. With 10 members k is 9: one
// complaint is believed, two drop the one who complains; with 17 members, k = 16, it is two and three.
func TestQuarrel(t *testing.T) {
	spoil := func(w *world, from *device, m *protocol.Shares, victims ...int) {
		for _, v := range victims {
			for i, p := range from.neighbours {
				if p.Index == w.m.members[w.devices[v].id].index {
					m.Sealed[i][3] ^= 1
				}
			}
		}
		m.Sign(protocol.Signer{Ed: from.key})
	}
	for name, c := range map[string]struct {
		spoilers map[int][]int // device: whose boxes it spoils
		dropped  map[int]Reason
		n        int // members, 10 if not given
	}{
		"two spoil for one of 17":      {map[int][]int{3: {7}, 4: {7}}, map[int]Reason{3: BadCiphertext, 4: BadCiphertext}, 17},
		"three spoil for one of 17":    {map[int][]int{3: {7}, 4: {7}, 9: {7}}, map[int]Reason{7: Complains}, 17},
		"nobody":                       {nil, nil, 0},
		"one box":                      {map[int][]int{0: {5}}, map[int]Reason{0: BadCiphertext}, 0},
		"one box, the other way round": {map[int][]int{9: {2}}, map[int]Reason{9: BadCiphertext}, 0},
		"each other's":                 {map[int][]int{0: {5}, 5: {0}}, map[int]Reason{}, 0},
		"one spoils for three":         {map[int][]int{4: {1, 2, 3}}, map[int]Reason{4: BadCiphertext}, 0},
		"two spoil for one":            {map[int][]int{3: {7}, 4: {7}}, map[int]Reason{7: Complains}, 0},
	} {
		if c.n == 0 {
			c.n = 10
		}
		w := newWorld(t, settings{n: c.n, delta: 3000}).advertiseAll()
		for i, d := range w.devices {
			m := d.shares()
			spoil(w, d, m, c.spoilers[i]...)
			w.ok(d.say(m))
		}
		for _, d := range w.devices {
			w.ok(d.say(d.input()))
			d.upload()
		}
		w.in(Unmask)
		w.nobodyQuarrels(name)
		for i, d := range w.devices {
			p := w.m.members[d.id]
			if name == "each other's" {
				continue // either may go; exactly one does
			}
			if want := c.dropped[i]; p.reason != want || (p.standing == Dropped) != (want != NoReason) {
				t.Errorf("%s: device %d is %v for %q, want %q", name, i, p.standing, p.reason, want)
			}
		}
		if name == "each other's" && w.m.cohorts[0].u3 != 9 {
			t.Errorf("%s: %d are summed", name, w.m.cohorts[0].u3)
		}
		w.answerAll(0, nil)
		want := w.plainSum()
		if sum, err := w.settle(); err != nil || !slices.Equal(sum, want) {
			t.Errorf("%s: %v", name, err)
		}
		w.replays()
	}
}

func (w *world) nobodyQuarrels(name string) {
	w.t.Helper()
	for _, p := range w.m.roster {
		for at, i := range p.neighbours {
			if q := w.m.roster[i]; p.inU3() && q.inU3() && !bit(p.input.MaskedWith, at) {
				w.t.Errorf("%s: %d and %d are summed, and %d did not mask with the other", name, p.index, q.index, p.index)
			}
		}
	}
}

// TestIsolatedMembersDrop: on a ring a member whose neighbours are lost goes too (fewer than t of them in U3), and so on
// until nobody is left to drop.
func TestIsolatedMembersDrop(t *testing.T) {
	w := newWorld(t, settings{n: 64, delta: 1000}).shareAll()
	for _, d := range w.devices {
		w.m.members[d.id].standing = Sent
	}
	lonely := w.m.roster[0]
	for _, i := range lonely.neighbours[w.m.degree.T-1:] { // leaves t−1
		w.m.roster[i].standing = Dropped
	}
	next := w.m.roster[lonely.neighbours[0]] // has t neighbours, lonely among them
	spare := -w.m.degree.T
	for _, i := range next.neighbours {
		if w.m.roster[i].standing == Sent {
			spare++
		}
	}
	for _, i := range next.neighbours {
		if q := w.m.roster[i]; q != lonely && q.standing == Sent && spare > 0 {
			q.standing = Dropped
			spare--
		}
	}
	w.m.dropIsolated()
	for _, p := range []*member{lonely, next} {
		if p.standing != Dropped || p.reason != FewNeighbours {
			t.Errorf("member %d is %v for %q", p.index, p.standing, p.reason)
		}
	}
}

// TestStuckRoundAbortsBeforeItAsks: enough vectors for a sum, but one lost member's neighbours are gone too, so that its
// masks can never be taken off. Nobody is asked to reveal a thing.
func TestStuckRoundAbortsBeforeItAsks(t *testing.T) {
	const n = 128
	w := newWorld(t, settings{n: n, delta: 3000}).shareAll()
	if w.m.degree.K == n-1 {
		t.Fatal("the graph is complete")
	}
	lonely := w.m.members[w.devices[0].id]
	gone := map[[32]byte]bool{lonely.id: true}
	for _, i := range lonely.neighbours[:len(lonely.neighbours)-w.m.degree.T+1] { // leaves t−1 neighbours
		gone[w.m.roster[i].id] = true
	}
	if len(gone) > n*3/10 {
		t.Fatalf("%d of %d must be lost: more than the round bears", len(gone), n)
	}
	for _, d := range w.devices {
		if !gone[d.id] {
			w.ok(d.say(d.input()))
			d.upload()
		}
	}
	w.at(30)
	w.failed(TooFewInputs)
	if !strings.Contains(w.result.Detail, "lost member") || len(w.facts) != 2 {
		t.Errorf("%d entries, %q", len(w.facts), w.result.Detail)
	}
	w.replays()
}

// TestPlanDoesNotPrint: it holds shares and devices' own b.
func TestPlanDoesNotPrint(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000}).revealAll()
	own := *w.plan.Cohorts[0].Survivors[0].Own
	var text strings.Builder
	for _, verb := range "vsxXqd" {
		for _, flag := range []string{"", "+", "#"} {
			fmt.Fprintf(&text, "%"+flag+string(verb)+"\n", w.plan)
		}
	}
	b, err := json.Marshal(struct{ Plan *Plan }{w.plan})
	if err != nil {
		t.Fatal(err)
	}
	text.Write(b)
	for _, h := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&text, nil)} {
		slog.New(h).Info("work", "plan", w.plan)
	}
	for _, form := range []string{fmt.Sprintf("%x", own[:4]), fmt.Sprintf("%X", own[:4]), strings.Trim(fmt.Sprint(own[:4]), "[]"),
		strings.ReplaceAll(strings.Trim(fmt.Sprint(own[:4]), "[]"), " ", ",")} {
		if strings.Contains(text.String(), form) {
			t.Errorf("the plan prints an own b as %s", form)
		}
	}
	if !strings.Contains(text.String(), "[settle plan]") {
		t.Error("the plan prints nothing")
	}
}
