package round

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/protocol"
)

// inputFrom uploads what these devices have; the phase goes on.
func (w *world) inputFrom(list []*device) *world {
	w.t.Helper()
	for _, d := range list {
		w.ok(d.say(d.input()))
		d.upload()
	}
	return w
}

// TestEverySuiteGivesTheExactSums in every width and number of cohorts, with a member of each cohort lost after its shares, so that
// pair masks are rebuilt.
func TestEverySuiteGivesTheExactSums(t *testing.T) {
	for _, s := range []settings{
		{kex: 2}, {prg: 2}, {prg: 3}, {bits: 24}, {bits: 16}, {kex: 2, prg: 3, bits: 16, sig: 2, mode: aggregation.ModeW},
		{cohorts: 2}, {cohorts: 3, kex: 2, bits: 24}, {cohorts: 2, mode: aggregation.ModeSM, prg: 2, sig: 2}, {cohorts: 4, mode: aggregation.ModeW},
	} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			s.delta, s.n, s.d = 3000, 6*int(max(1, s.cohorts)), 1031
			w := newWorld(t, s).shareAll()
			lost := map[uint32]bool{}
			var there []*device
			for _, d := range w.devices {
				c := uint32(w.m.members[d.id].cohort.number)
				if !lost[c] {
					lost[c] = true
					continue
				}
				there = append(there, d)
			}
			w.inputFrom(there).at(30)
			w.in(Unmask)
			for _, d := range there {
				if w.m.confirms() {
					w.ok(d.say(d.confirm()))
				}
			}
			w.at(35)
			for _, d := range there {
				w.ok(d.say(d.reveal(false)))
			}
			w.at(40) // the lost are not waited for
			w.in(Settling)
			for c, part := range w.plan.Cohorts {
				if len(part.Lost) != 1 || len(part.Survivors) != 5 {
					t.Fatalf("cohort %d: %d lost, %d survivors", c, len(part.Lost), len(part.Survivors))
				}
			}
			want := w.plainSum()
			sum, err := w.settle()
			if err != nil || !slices.Equal(sum, want) {
				t.Fatalf("settle: %v", err)
			}
			w.replays()
			for _, d := range w.devices {
				if wanted := w.m.Wanted(); d.said > wanted || wanted > 3*d.said+4<<10 {
					t.Errorf("member %d said %d bytes, wanted are %d", d.index, d.said, wanted)
				}
			}
			closed := w.records()[len(w.facts)-1].(*audit.RoundClose)
			if n := len(w.plan.Cohorts); len(closed.Survivors) != n || len(closed.SumHash) != n || len(w.result.Sums) != n || int(closed.U3) != 5*n {
				t.Errorf("%d cohorts closed as %+v", n, closed)
			}
		})
	}
}

// TestCohortsAreApart: equal sizes, one session, bitmap and Survivors entry each, all sealed at once and charged once; whoever is
// too many is told; what a member is sent concerns its own cohort.
func TestCohortsAreApart(t *testing.T) {
	w := newWorld(t, settings{n: 11, cohorts: 3, delta: 3000})
	w.connectAll()
	for _, d := range w.devices {
		d.say(d.advertise())
	}
	w.in(Shares)
	ids := make([][32]byte, 0, 11)
	for _, d := range w.devices {
		ids = append(ids, d.id)
	}
	slices.SortFunc(ids, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	var in []*device
	for _, d := range w.devices {
		if slices.Index(ids, d.id) < 9 {
			in = append(in, d)
			continue
		}
		if h := take[*protocol.HangUp](d); h.Code != protocol.CodeLate || w.m.Member(d.id) {
			t.Errorf("the one too many heard %v", h)
		}
		d.disconnect()
		d.connect()
		if got := d.say(d.advertise()); got != protocol.CodeLate {
			t.Errorf("the one too many tries again: %v", got)
		}
	}
	for _, d := range in {
		w.ok(d.say(d.shares()))
	}
	w.inputFrom(in)
	w.in(Unmask)
	sids := map[[32]byte][]uint32{}
	for _, d := range in {
		s := take[*protocol.Survivors](d)
		sids[s.SID] = append(sids[s.SID], d.index)
		for i := range 9 {
			if want := w.m.roster[i].cohort.sid == s.SID; bit(s.Bitmap, i) != want {
				t.Errorf("member %d of another cohort is in the set: %v", i, !want)
			}
		}
		for _, p := range d.neighbours {
			if w.m.roster[p.Index].cohort != w.m.members[d.id].cohort {
				t.Error("neighbours in different cohorts")
			}
		}
	}
	if len(sids) != 3 {
		t.Fatalf("sessions %v", sids)
	}
	for _, members := range sids {
		if len(members) != 3 {
			t.Errorf("cohorts of %v", sids)
		}
	}
	var serials int
	for i, f := range w.facts[1:] {
		serials += len(f.Serials)
		r, ok := w.records()[i+1].(*audit.Survivors)
		if !ok || int(r.Cohort) != i || r.SID != w.m.cohorts[i].sid || r.Count != 3 || f.Reserve != (i == 0) {
			t.Errorf("entry %d: %+v, charged %v", i, r, f.Reserve)
		}
	}
	if len(w.facts) != 4 || serials != 9 {
		t.Errorf("%d entries, %d certificates used", len(w.facts), serials)
	}
	// A message for another cohort's session is stale.
	other := &protocol.Reveal{SID: w.m.cohorts[(w.m.members[in[0].id].cohort.number+1)%3].sid}
	if got := in[0].say(other); got != protocol.CodeStale {
		t.Errorf("another cohort's session: %v", got)
	}
	for _, d := range in {
		w.ok(d.say(d.reveal(true)))
	}
	want := w.plainSum()
	if sum, err := w.settle(); err != nil || !slices.Equal(sum, want) {
		t.Fatal(err)
	}
	for _, d := range in {
		end := take[*protocol.Close](d)
		c := w.m.members[d.id].cohort
		leaf := inputLeaf(d.index, w.m.Header(d.id).YHash)
		root := c.inputs.Root(3)
		if err := audit.CheckMerkle(end.InputProof, 3, int(end.InputIndex), root, leaf); err != nil {
			t.Errorf("member %d: %v", d.index, err)
		}
		at, path := InputProof(w.result.Members, d.id)
		if err := audit.CheckMerkle(path, 3, at, root, leaf); err != nil {
			t.Errorf("member %d, from what is kept: %v", d.index, err)
		}
	}
}

// TestOneThinCohortEndsTheRound, in either phase, whatever the others have; too few for two cohorts make none.
func TestOneThinCohortEndsTheRound(t *testing.T) {
	for phase, why := range map[Phase]Reason{Keys: TooFewMembers, Shares: TooFewShares, Inputs: TooFewInputs} {
		w := newWorld(t, settings{n: 16, cohorts: 2, delta: 3000, min: 6}).connectAll()
		for i, d := range w.devices {
			if phase > Keys || i < 11 {
				w.ok(d.say(d.advertise()))
			}
		}
		w.at(10)
		for _, d := range w.devices {
			if phase > Shares || phase == Shares && w.m.members[d.id].index < 8 || phase == Shares && w.m.members[d.id].cohort.number == 0 {
				w.ok(d.say(d.shares()))
			}
		}
		w.at(20)
		if phase == Inputs {
			left := 3
			for _, d := range w.devices {
				if w.m.members[d.id].cohort.number == 1 && left > 0 {
					left--
					continue
				}
				w.inputFrom([]*device{d})
			}
		}
		w.at(30)
		w.failed(why)
		if w.result.U3 != 0 {
			t.Errorf("phase %v: %+v", phase, w.result)
		}
		for _, f := range w.facts {
			if f.Reserve || f.Serials != nil {
				t.Errorf("phase %v: the round was charged", phase)
			}
		}
	}
}

// TestKEMKeysAreChecked: key agreement 2 wants both X-Wing keys, whole, sound and nobody else's; key agreement 1 wants none.
func TestKEMKeysAreChecked(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000, kex: 2}).connectAll()
	d := w.devices[0]
	w.ok(w.devices[1].say(w.devices[1].advertise()))
	others := w.devices[1].public.KEM
	half := len(others) / 2
	for name, kem := range map[string][]byte{
		"none": nil, "cut": d.public.KEM[:half], "rubbish": slices.Repeat([]byte{0xff}, len(others)), "another's": others,
		"another's mask key":    slices.Concat(others[:half], d.public.KEM[half:]),
		"another's sharing key": slices.Concat(d.public.KEM[:half], others[half:]),
		"one key twice":         slices.Concat(d.public.KEM[:half], d.public.KEM[:half]),
	} {
		m := d.advertise()
		m.Key.KEM = kem
		m.Key.Sign(d.signer(), m.OpenHash)
		if got := d.say(m); got != protocol.CodeMalformed || w.m.Member(d.id) {
			t.Errorf("%s: hung up with %v", name, got)
		}
	}
	w.ok(d.say(d.advertise()))
	old := newWorld(t, settings{n: 5, delta: 3000}).connectAll()
	m := old.devices[0].advertise()
	m.Key.KEM = d.public.KEM
	m.Key.Sign(old.devices[0].signer(), m.OpenHash)
	if got := old.devices[0].say(m); got != protocol.CodeMalformed {
		t.Errorf("X-Wing keys in key agreement 1: %v", got)
	}
}

func TestCiphertextsAreCounted(t *testing.T) {
	w := newWorld(t, settings{n: 5, delta: 3000, kex: 2}).advertiseAll()
	d := w.devices[0]
	for name, change := range map[string]func(m *protocol.Shares){
		"no ciphertexts":         func(m *protocol.Shares) { m.ShareCTs, m.MaskCTs = nil, nil },
		"one for shares too few": func(m *protocol.Shares) { m.ShareCTs = m.ShareCTs[1:] },
		"one for masks too many": func(m *protocol.Shares) { m.MaskCTs = append(m.MaskCTs, m.ShareCTs[0]) },
		"all in one list":        func(m *protocol.Shares) { m.ShareCTs = append(m.ShareCTs, m.MaskCTs...); m.MaskCTs = nil },
	} {
		for _, d := range []*device{d, w.devices[3]} {
			m := d.shares()
			change(m)
			if len(m.MaskCTs)+len(m.ShareCTs) == len(d.made)+len(d.neighbours) && len(d.made) == 0 {
				continue // nothing to move: it has the greatest index
			}
			m.Sign(d.signer())
			if got := d.say(m); got != protocol.CodeMalformed {
				t.Errorf("%s: hung up with %v", name, got)
			}
		}
	}
	old := newWorld(t, settings{n: 5, delta: 3000}).advertiseAll()
	m := old.devices[0].shares()
	m.ShareCTs = make([][protocol.CiphertextSize]byte, len(m.Sealed))
	m.Sign(old.devices[0].signer())
	if got := old.devices[0].say(m); got != protocol.CodeMalformed {
		t.Errorf("ciphertexts in key agreement 1: %v", got)
	}
}

// TestLostMembersWrongCiphertext: a ciphertext that is not the one its maker bound to its box leaves a box that does not open
// (secure aggregation 7.2, 14.1). The neighbour says so and does not mask with it, so the sum is exact, whether its maker stays or not.
func TestLostMembersWrongCiphertext(t *testing.T) {
	for _, lost := range []bool{true, false} {
		w := newWorld(t, settings{n: 8, delta: 3000, kex: 2}).advertiseAll()
		liar := w.devices[slices.IndexFunc(w.devices, func(d *device) bool { return w.m.members[d.id].index == 0 })]
		for _, d := range w.devices {
			m := d.shares()
			if d == liar { // for its first neighbour, one made with other coins
				m.MaskCTs[0] = w.otherCT(d)
				m.Sign(d.signer())
			}
			w.ok(d.say(m))
		}
		w.in(Inputs)
		for _, d := range w.devices {
			if d != liar || !lost {
				w.inputFrom([]*device{d})
			}
		}
		w.at(30)
		w.in(Unmask)
		for _, d := range w.devices {
			if w.m.members[d.id].standing == Included {
				w.ok(d.say(d.reveal(true)))
			}
		}
		w.at(40)
		sum, err := w.settle()
		if err != nil || !slices.Equal(sum, w.plainSum()) {
			t.Errorf("lost %v: settle: %v", lost, err)
		}
	}
}

// TestLiarThatBindsAWrongCiphertext seals a box that opens beside a ciphertext which does not follow from its m. What its neighbour masked
// with is known to nobody but that neighbour: where the liar is lost there is no sum, and never a wrong one. Where it stays its
// vector is what it is, as if it had uploaded rubbish, which no check of the coordinator can see (secure aggregation 1.2, 14.1).
func TestLiarThatBindsAWrongCiphertext(t *testing.T) {
	for _, lost := range []bool{true, false} {
		w := newWorld(t, settings{n: 8, delta: 3000, kex: 2}).advertiseAll()
		liar := w.devices[slices.IndexFunc(w.devices, func(d *device) bool { return w.m.members[d.id].index == 0 })]
		liar.liar = true
		for _, d := range w.devices {
			w.ok(d.say(d.shares()))
		}
		w.in(Inputs)
		for _, d := range w.devices {
			if d != liar || !lost {
				w.inputFrom([]*device{d})
			}
		}
		w.at(30)
		w.in(Unmask)
		for _, d := range w.devices {
			if d != liar || !lost {
				w.ok(d.say(d.reveal(true)))
			}
		}
		w.at(40)
		_, err := w.settle()
		if lost {
			if !errors.Is(err, ErrShares) || !errors.Is(err, aggregation.ErrCiphertext) || !strings.Contains(err.Error(), "lost member 0") {
				t.Errorf("settle: %v", err)
			}
			w.failed(BadReveals)
		} else if err != nil {
			t.Errorf("settle: %v", err)
		}
	}
}

// otherCT is a sound ciphertext for the wrong neighbour key.
func (w *world) otherCT(d *device) [protocol.CiphertextSize]byte {
	w.t.Helper()
	first := d.neighbours[0]
	peer := d.peer(first)
	peer.MaskCT = nil
	s := d.session([32]byte{1}) // other coins
	ct, err := d.secrets.MaskCT(s, d.index, peer)
	if err != nil {
		w.t.Fatal(err)
	}
	return [protocol.CiphertextSize]byte(ct)
}
