package round

import (
	"errors"
	"maps"
	"slices"
	"testing"
)

// play is a round in which some members do not do as they should, by their numbers.
type play struct {
	n, delta int
	kex      uint16
	spoils   map[int][]int // seals boxes that do not open for these
	accuses  map[int][]int // says that their boxes do not open
	rubbish  []int         // shares something else than its secrets
	wrong    []int         // binds a wrong X-Wing ciphertext into its first box
	// Who falls silent: before its shares, its vector, its answer. Restart brings the coordinator back after a crash before the last.
	noShares, noInput, noReveal []int
	restart                     bool
}

func (p play) run(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, settings{n: p.n, delta: uint16(p.delta), kex: p.kex}).advertiseAll()
	byIndex := make([]*device, p.n) // numbers are places on the roster, so that the first has somebody to make a ciphertext for
	for _, d := range w.devices {
		byIndex[w.m.members[d.id].index] = d
	}
	for i, d := range byIndex {
		d.spoil, d.rubbish, d.liar = map[[32]byte]bool{}, slices.Contains(p.rubbish, i), slices.Contains(p.wrong, i)
		for _, v := range p.spoils[i] {
			d.spoil[byIndex[v].id] = true
		}
		if !slices.Contains(p.noShares, i) {
			w.ok(d.say(d.shares()))
		}
	}
	w.at(20)
	for i, d := range byIndex {
		if w.m.Phase() == Inputs && w.m.roster[i].inU2 && !slices.Contains(p.noInput, i) {
			m := d.input()
			for _, v := range p.accuses[i] {
				at := place(w.m.roster[i], uint32(v))
				m.MaskedWith[at/8] &^= 1 << (at % 8)
				d.present[at] = false
				m.Failed = append(m.Failed, uint32(v))
			}
			m.Sign(d.signer())
			w.ok(d.say(m))
			d.upload()
		}
	}
	w.at(30)
	if p.restart {
		w.step(Event{Kind: Restarted})
		for _, d := range byIndex {
			d.connect()
		}
	}
	for i, d := range byIndex {
		if w.m.Phase() == Unmask && w.m.roster[i].standing == Included && !slices.Contains(p.noReveal, i) {
			w.ok(d.say(d.reveal(true)))
		}
	}
	w.at(40)
	if w.m.Phase() == Settling {
		w.settle() // or not
	}
	return w
}

// TestWhoIsToBlame: with n members, of whom δ may be lost, and one that may lie. In complete graphs t is 3 of 4, 4 of 5 and 5 of 8.
func TestWhoIsToBlame(t *testing.T) {
	type faults = map[uint32]Fault
	for name, c := range map[string]struct {
		play
		why  Reason // NoReason: the round is done
		want faults
		lots [][2]uint32 // of each, one is spared
	}{
		"nobody": {play{n: 8, delta: 3000}, NoReason, nil, nil},
		"good boxes for fewer than t, then silence": {play{n: 8, delta: 3000, spoils: map[int][]int{2: {1, 3, 4}}, noInput: []int{2}},
			TooFewInputs, faults{2: BadBoxes}, nil},
		"good boxes for fewer than t, and a vector": {play{n: 8, delta: 3000, spoils: map[int][]int{2: {1, 3, 4}}}, TooFewInputs, faults{2: BadBoxes}, nil},
		"good boxes for t":                          {play{n: 8, delta: 3000, spoils: map[int][]int{2: {1, 3}}, noInput: []int{2}}, NoReason, nil, nil},
		"one bad box among five, then silence":      {play{n: 5, delta: 3000, spoils: map[int][]int{2: {1}}, noInput: []int{2}}, TooFewInputs, faults{2: BadBoxes}, nil},
		"one bad box among five, and a vector":      {play{n: 5, delta: 3000, spoils: map[int][]int{2: {1}}}, TooFewInputs, nil, [][2]uint32{{1, 2}}},
		"a false complaint among five":              {play{n: 5, delta: 3000, accuses: map[int][]int{1: {2}}}, TooFewInputs, nil, [][2]uint32{{1, 2}}},
		"each complains of the other":               {play{n: 5, delta: 3000, accuses: map[int][]int{1: {2}, 2: {1}}}, TooFewInputs, nil, [][2]uint32{{1, 2}}},
		"a false complaint among eight":             {play{n: 8, delta: 3000, accuses: map[int][]int{1: {2}}}, NoReason, nil, nil},
		"two false complaints, and one about a member that is lost": {play{n: 8, delta: 3000, accuses: map[int][]int{1: {2}, 3: {4}, 5: {7}}, noInput: []int{7}}, TooFewInputs,
			nil, [][2]uint32{{1, 2}, {3, 4}}},
		"complaints about as many as are heard":   {play{n: 17, delta: 600, accuses: map[int][]int{1: {2, 5}}}, TooFewInputs, faults{1: Quarrelled}, nil},
		"bad boxes for two, of whom more may lie": {play{n: 40, delta: 0, spoils: map[int][]int{1: {2, 5}}}, TooFewInputs, faults{1: Quarrelled}, nil},
		"two complain of the same two":            {play{n: 40, delta: 0, accuses: map[int][]int{1: {2, 5}, 3: {2, 5}}}, TooFewInputs, faults{1: Quarrelled, 2: Quarrelled, 3: Quarrelled, 5: Quarrelled}, nil},
		"one in two quarrels, and one quarrel":    {play{n: 40, delta: 0, accuses: map[int][]int{1: {2, 5}, 7: {8}}}, TooFewInputs, faults{1: Quarrelled}, [][2]uint32{{7, 8}}},
		"a chain of quarrels":                     {play{n: 40, delta: 0, accuses: map[int][]int{1: {2, 5, 6}, 7: {6, 8}}}, TooFewInputs, faults{1: Quarrelled, 7: Quarrelled}, nil},
		"two spoil for the same three, who must not pay": {play{n: 8, delta: 3000, spoils: map[int][]int{0: {5, 6, 7}, 1: {5, 6, 7}}, noInput: []int{0, 1}}, TooFewInputs,
			faults{0: BadBoxes, 1: BadBoxes}, nil},
		"complaints about all, and two losses": {play{n: 8, delta: 3000, accuses: map[int][]int{1: {0, 2, 3, 4}}, noInput: []int{6, 7}}, TooFewInputs,
			faults{1: Quarrelled}, nil},
		"a wrong ciphertext, then silence":    {play{n: 8, delta: 3000, kex: 2, wrong: []int{0}, noInput: []int{0}}, BadReveals, faults{0: WrongCiphertext}, nil},
		"shares of nothing, no vector":        {play{n: 8, delta: 3000, rubbish: []int{3}, noInput: []int{3}}, BadReveals, faults{3: BadShares}, nil},
		"shares of nothing, no answer":        {play{n: 8, delta: 3000, rubbish: []int{3}, noReveal: []int{3}}, BadReveals, faults{3: BadShares}, nil},
		"one silent where one more is needed": {play{n: 5, delta: 3000, noInput: []int{0}, noReveal: []int{1}}, TooFewReveals, faults{1: Absent}, nil},
		"the same after a crash":              {play{n: 5, delta: 3000, noInput: []int{0}, noReveal: []int{1}, restart: true}, TooFewReveals, nil, nil},
		"more silent than may lie":            {play{n: 8, delta: 3000, noInput: []int{0, 1}, noReveal: []int{2, 3}}, TooFewReveals, nil, nil},
		"one loss where none is borne":        {play{n: 5, delta: 0, noShares: []int{4}}, TooFewShares, faults{4: Absent}, nil},
		"one vector where all are needed":     {play{n: 5, delta: 0, noInput: []int{4}}, TooFewInputs, faults{4: Absent}, nil},
		"two losses where none is borne":      {play{n: 5, delta: 0, noShares: []int{3, 4}}, TooFewShares, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.run(t)
			if w.result == nil || w.result.Reason != c.why {
				t.Fatalf("result %+v, want reason %v", w.result, c.why)
			}
			got, spared := faults{}, map[uint32]bool{}
			for _, p := range w.result.Culprits {
				got[p.Index] = p.Fault
				if p.Spared {
					spared[p.Index] = true
				}
				if q := w.m.roster[p.Index]; q.id != p.ID || q.key.Cert.Serial != p.Serial || p.Fault.Certain() != (p.Fault == WrongCiphertext) {
					t.Errorf("%+v is not member %d", p, p.Index)
				}
			}
			want := maps.Clone(c.want)
			if want == nil {
				want = faults{}
			}
			for _, lot := range c.lots {
				want[lot[0]], want[lot[1]] = Quarrelled, Quarrelled
				if spared[lot[0]] == spared[lot[1]] {
					t.Errorf("members %v quarrelled; spared: %v", lot, spared)
				}
			}
			if len(spared) != len(c.lots) {
				t.Errorf("spared: %v, want one of each of %v", spared, c.lots)
			}
			if !maps.Equal(got, want) {
				t.Errorf("%v, want %v and one of each of %v (%s)", got, c.want, c.lots, w.result.Detail)
			}
			w.replays()
		})
	}
}

// TestBlameInADamagedJournal: what an event says of blame is a number from a file.
func TestBlameInADamagedJournal(t *testing.T) {
	for _, index := range []uint64{0, 4, 1 << 32, 5<<32 | 8, 5<<32 | 1<<31, 99 << 32, 0x105 << 32, 1<<64 - 1} {
		w := newWorld(t, settings{n: 8, delta: 3000}).inputAll()
		w.step(Event{Kind: Unsettled, Why: BadReveals, Index: index})
		if len(w.result.Culprits) > 0 {
			t.Errorf("%x blames %+v", index, w.result.Culprits)
		}
	}
	before := newWorld(t, settings{n: 8, delta: 3000}) // nobody is on a roster
	before.step(Unmaskable(BadReveals, &FaultError{0, BadShares, errors.New("shares")}))
	before.failed(BadReveals)
}
