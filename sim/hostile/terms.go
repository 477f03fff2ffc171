package hostile

import (
	"crypto/sha256"
	"fmt"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

func attacksOnTerms() []Attack {
	var weaker []Case
	for _, m := range openMutations() {
		weaker = append(weaker, Case{Name: "round: " + m.name, Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			r := s.Opens(s.Log, func(o *audit.RoundOpen) { m.change(o); recharge(o) })
			for _, d := range s.Devices {
				r.Offer(s.Log, d, nil)
			}
			if m.why == participant.None || m.field == "WitnessPolicy" && s.Policy.IsZero() { // who pins no witnesses asks for none
				x.Accepts(s.Devices...)
				return
			}
			x.Refuses(m.why, s.Devices...)
			for _, d := range s.Devices {
				if len(d.Said) > 0 {
					x.Errorf("%s says %v", d.Name, d.Said[0].Type())
				}
			}
		}})
	}
	for _, m := range rosterMutations() {
		weaker = append(weaker, Case{Name: "roster: " + m.name, Play: func(x *Try) {
			s := NewCoordinator(x, x.Scene(8))
			r := s.offered()
			v := r.Freeze(s.Log, r.Everyone(), m.change)
			for _, d := range s.Devices {
				v.Keys(d, nil)
			}
			x.Refuses(m.why, s.Devices...)
			x.Unmasks(v)
		}})
	}
	return []Attack{
		{ID: "A06", What: "graphs drawn until one suits", Rule: "lambda of 80 with a cosigned seed; F01, F03, F08", Cases: append(seedCases(), []Case{
			{Name: "neighbours of another seed", Play: func(x *Try) {
				s := NewCoordinator(x, ringScene(x))
				r := s.offered()
				v := r.Freeze(s.Log, r.Everyone(), nil)
				other, err := aggregation.NewRing(len(v.Members), 1, v.Degree.K, sha256.Sum256([]byte("a better seed")))
				s.must(err)
				v.Ring = other
				for _, d := range s.Devices[:8] {
					v.Keys(d, nil)
				}
				x.Refuses(participant.F08WrongGraph, s.Devices[:8]...)
			}},
			{Name: "a seed of a kind that the mode does not have", Play: func(x *Try) {
				for kind := range uint16(5) {
					if kind == seedKind(x.Mode) {
						continue
					}
					s := NewCoordinator(x, x.Scene(8))
					r := s.Opens(s.Log, func(o *audit.RoundOpen) { o.SeedKind = kind })
					r.Offer(s.Log, s.Devices[0], nil)
					x.Refuses(participant.F03BelowFloor, s.Devices[0])
				}
			}},
			{Name: "40 security bits under a cosigned seed, whatever the floor says", Play: func(x *Try) {
				for _, lambda := range []uint16{0, 1, 39, 40, 79} {
					s := NewCoordinator(x, x.Scene(8))
					d := s.Devices[0]
					d.cfg.Floor.Lambda, d.cfg.Floor.Modes = 1, []aggregation.Mode{aggregation.ModeW, aggregation.ModeSM, aggregation.ModeSH}
					d.boot()
					r := s.Opens(s.Log, func(o *audit.RoundOpen) {
						o.Mode, o.SeedKind, o.Lambda = uint16(aggregation.ModeW), 1, lambda
					})
					r.Offer(s.Log, d, nil)
					x.Refuses(participant.F03BelowFloor, d)
				}
			}},
		}...)},
		{ID: "A07", What: "weaker parameters: every field of round and roster", Rule: "the device's own floor; F03, F05", Cases: weaker},
		{ID: "A08", What: "different models for different devices", Rule: "the model's hash is in the session id; F04, F07", Cases: []Case{
			{Name: "a file that is not the logged model", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				s.served = func(d *Device, hash [32]byte) [32]byte {
					if d == s.Devices[0] {
						return sha256.Sum256([]byte("made for device 0"))
					}
					return hash
				}
				r := s.offered()
				x.Refuses(participant.F04WrongModel, s.Devices[0])
				x.Accepts(s.Devices[1:]...)
				if _, ok := r.Advertised(s.Devices[0]); ok {
					x.Error("the device gave its keys after another model")
				}
			}},
			{Name: "two rounds, one roster", Play: twoModelsOneRoster},
			{Name: "masks of two session ids do not cancel", Play: twoModelsNoise},
		}},
		{ID: "A09", What: "a crafted model that copies data into the update", Rule: "F05, clipping, noise", Cases: []Case{
			{Name: "a local function of the coordinator's own", Play: func(x *Try) {
				s := NewCoordinator(x, x.Scene(8))
				own := append([]byte{0, 0, 0, 4}, "copy\x00\x00\x00\x01"...)
				r := s.Opens(s.Log, func(o *audit.RoundOpen) { o.CodeHash = sha256.Sum256(own) })
				r.Offer(s.Log, s.Devices[0], func(m *protocol.Offer) { m.Code = own })
				x.Refuses(participant.F05UnknownCode, s.Devices[0])
			}},
			{Name: "planted bits: read without the noise, a coin's toss with it", Modes: inW, Play: plantedBits},
		}},
	}
}

// twoModelsOneRoster offers half the devices another round, and puts all on one roster.
func twoModelsOneRoster(x *Try) {
	s := NewCoordinator(x, x.Scene(10))
	r1 := s.Opens(s.Log, nil)
	r2 := s.Opens(s.Log, func(o *audit.RoundOpen) { o.ModelIn = sha256.Sum256([]byte("another model")) })
	var members []*Member
	for i, d := range s.Devices {
		r := []*Round{r1, r2}[i%2]
		r.Offer(s.Log, d, nil)
		m, ok := r.Advertised(d)
		if !ok {
			x.Fatalf("%s did not join: %v", d.Name, d.Refused)
		}
		members = append(members, m)
	}
	v := r1.Freeze(s.Log, members, nil)
	w := r2.Freeze(s.Log, members, nil)
	for i, d := range s.Devices {
		[]*View{v, w}[i%2].Keys(d, nil)
	}
	x.count(s)
	for _, d := range s.Devices {
		if d.Refused == nil || d.Refused.Why != participant.F07BadKey && d.Refused.Why != participant.F01BadProof && d.Refused.Why != participant.F02RivalEntry {
			x.Errorf("%s: %v", d.Name, d.Refused)
		}
	}
	x.Unmasks(v)
	x.Unmasks(w)
}

// twoModelsNoise shows the structure beneath: were all those checks gone, two halves that trained on different models would
// derive different session ids, and their sum, free of every self mask, would still be noise.
func twoModelsNoise(x *Try) {
	const n, d = 10, 256
	var all []*aggregation.Secrets
	var keys []aggregation.Public
	roster := sha256.Sum256([]byte("one roster"))
	sid := func(model string) ([32]byte, [32]byte) {
		open := sha256.Sum256([]byte("round open with model hash " + model))
		return open, aggregation.SessionID(open, roster, aggregation.GraphSeed(open, roster), 0)
	}
	sumOf := func(models func(i int) string) []uint32 {
		acc := aggregation.NewAccumulator(plain.Shape(d))
		for i := range n {
			// Public keys are the same for both, as a coordinator would need them.
			_, own := sid(models(i))
			open, _ := sid("one")
			y := make([]uint32, d)
			var peers []aggregation.PeerKey
			for j := range n {
				if j != i {
					peers = append(peers, aggregation.PeerKey{Index: uint32(j), SPK: keys[j].SPK})
				}
			}
			if err := all[i].Mask(y, aggregation.Session{Suite: plain, OpenHash: open, SID: own}, uint32(i), peers); err != nil {
				x.Fatal(err)
			}
			if err := acc.AddVector(aggregation.AppendWords(nil, y, 32)); err != nil {
				x.Fatal(err)
			}
			if err := acc.AddMasks([]aggregation.Term{selfTerm(all[i].B(), own)}); err != nil {
				x.Fatal(err)
			}
		}
		return acc.Sum()
	}
	open, _ := sid("one")
	for i := range n {
		s, err := aggregation.NewSecrets(streamOf(fmt.Sprint("two models ", i)))
		if err != nil {
			x.Fatal(err)
		}
		p, err := s.Public(open, plain.Kex)
		if err != nil {
			x.Fatal(err)
		}
		all, keys = append(all, s), append(keys, p)
	}
	if sum := sumOf(func(int) string { return "one" }); uniform(sum) == nil {
		x.Error("with one model the masks should cancel")
	}
	if err := uniform(sumOf(func(i int) string { return []string{"one", "two"}[i%2] })); err != nil {
		x.Errorf("two models: %v", err)
	}
}

// plantedBits lets one device's update be 64 secret bits, as a crafted model could arrange, and the coordinator read them off
// the sum that it may unmask.
func plantedBits(x *Try) {
	sc := x.Scene(10)
	s := NewCoordinator(x, sc)
	secret := sha256.Sum256([]byte("what device 0 watched"))
	bit := func(i int) bool { return secret[i/8%32]>>(i%8)&1 == 1 }
	s.update = func(d *Device) []float32 {
		u := make([]float32, sc.D)
		if d == s.Devices[0] {
			for i := range u {
				u[i] = map[bool]float32{true: 1, false: -1}[bit(i)]
			}
		}
		return u
	}
	right := func(sum []int32) (n int) {
		for i, w := range sum {
			if w > 0 == bit(i) && w != 0 {
				n++
			}
		}
		return n
	}
	quiet := make([]int32, sc.D) // what the update becomes before its noise: C_int spread over all coordinates
	for i := range quiet {
		quiet[i] = map[bool]int32{true: 1, false: -1}[bit(i)] * int32(float64(sc.CInt)/math.Sqrt(float64(sc.D)))
	}
	if right(quiet) != sc.D {
		x.Error("without noise not every bit is read: the example plants nothing")
	}
	got, of := 0, 0
	for range sc.Rounds {
		v, set := s.answered(everyone)
		x.Unmasks(v, upTo(10))
		got, of = got+right(aggregation.Signed(Unmask(v).Remove(upTo(10)), 32)), of+sc.D
		v.Closes(set)
	}
	// A coordinate holds C_int/√d beside noise of σ_tot ≥ 2·C_int: a guess is right with 1/2 + 1/(2·√(2π)·√d), here 0.525.
	edge := 0.5 + 0.2/math.Sqrt(float64(sc.D))
	if share := float64(got) / float64(of); share > edge+5*0.5/math.Sqrt(float64(of)) {
		x.Errorf("%.3f of %d planted bits are read through the noise, a guess gives %.3f", share, of, edge)
	}
}

type mutation[T any] struct {
	name   string
	field  string
	change func(*T)
	why    participant.Refusal // None: no weakening, and covered by open_hash
}

// recharge makes the price fit the noise, so that the weaker noise itself must be noticed.
func recharge(o *audit.RoundOpen) {
	if units, err := privacy.Charge(o.CInt, o.SigmaTotSq); err == nil && o.RhoUnits != 1 {
		o.RhoUnits = uint64(units)
	}
}

// openMutations alter each field of a RoundOpen; TestEveryFieldIsMutated wants none left out.
func openMutations() []mutation[audit.RoundOpen] {
	const (
		f03 = participant.F03BelowFloor
		f05 = participant.F05UnknownCode
		f11 = participant.F11Stale
		f16 = participant.F16Clock
		f17 = participant.F17NoConsent
	)
	return []mutation[audit.RoundOpen]{
		{"an earlier number", "Round", func(o *audit.RoundOpen) { o.Round = 0 }, f11},
		{"opened two days ago", "OpenedAt", func(o *audit.RoundOpen) { o.OpenedAt -= 48 * 3600 }, f16},
		{"opened in two days", "OpenedAt", func(o *audit.RoundOpen) { o.OpenedAt += 48 * 3600 }, f16},
		{"another round before", "PrevRound", func(o *audit.RoundOpen) { o.PrevRound[0] ^= 1 }, participant.None},
		{"a question that nobody saw", "Question", func(o *audit.RoundOpen) { o.Question[0] ^= 1 }, f17},
		{"another model", "ModelIn", func(o *audit.RoundOpen) { o.ModelIn[0] ^= 1 }, participant.None},
		{"other code", "CodeHash", func(o *audit.RoundOpen) { o.CodeHash[0] ^= 1 }, f05},
		{"another layout", "LayoutHash", func(o *audit.RoundOpen) { o.LayoutHash[0] ^= 1 }, f05},
		{"shorter vectors", "D", func(o *audit.RoundOpen) { o.D-- }, f05},
		{"longer vectors", "D", func(o *audit.RoundOpen) { o.D++ }, f05},
		{"words of 8 bits", "WordBits", func(o *audit.RoundOpen) { o.WordBits = 8 }, f03},
		{"words of 0 bits", "WordBits", func(o *audit.RoundOpen) { o.WordBits = 0 }, f03},
		{"larger values", "XMax", func(o *audit.RoundOpen) { o.XMax = o.CInt + 1 }, f03},
		{"no key exchange", "Kex", func(o *audit.RoundOpen) { o.Kex = 0 }, f03},
		{"an unknown key exchange", "Kex", func(o *audit.RoundOpen) { o.Kex = 9 }, f03},
		{"no masks", "PRG", func(o *audit.RoundOpen) { o.PRG = 0 }, f03},
		{"an unknown mask generator", "PRG", func(o *audit.RoundOpen) { o.PRG = 9 }, f03},
		{"no signatures", "Sig", func(o *audit.RoundOpen) { o.Sig = 0 }, f03},
		{"an unknown signature", "Sig", func(o *audit.RoundOpen) { o.Sig = 9 }, f03},
		{"no mode", "Mode", func(o *audit.RoundOpen) { o.Mode = 0 }, f03},
		{"a mode that trusts more", "Mode", func(o *audit.RoundOpen) { o.Mode++ }, f03},
		{"an unknown mode", "Mode", func(o *audit.RoundOpen) { o.Mode = 9 }, f03},
		{"no seed", "SeedKind", func(o *audit.RoundOpen) { o.SeedKind = 0 }, f03},
		{"fewer corrupt members withstood", "GammaBP", func(o *audit.RoundOpen) { o.GammaBP-- }, f03},
		{"more losses", "DeltaBP", func(o *audit.RoundOpen) { o.DeltaBP++ }, f03},
		{"fewer security bits", "Lambda", func(o *audit.RoundOpen) { o.Lambda-- }, f03},
		{"no completion bits", "Eta", func(o *audit.RoundOpen) { o.Eta = 0 }, f03},
		{"another target", "NTarget", func(o *audit.RoundOpen) { o.NTarget++ }, participant.None},
		{"a smaller roster", "NMin", func(o *audit.RoundOpen) { o.NMin-- }, f03},
		{"a roster of two", "NMin", func(o *audit.RoundOpen) { o.NMin = 2 }, f03},
		{"no cohort", "Cohorts", func(o *audit.RoundOpen) { o.Cohorts = 0 }, f03},
		{"two cohorts of a handful", "Cohorts", func(o *audit.RoundOpen) { o.Cohorts = 2 }, f03},
		{"a larger clip", "C", func(o *audit.RoundOpen) { o.C = math.Float32bits(clip * 1.01) }, f03},
		{"a clip that is no number", "C", func(o *audit.RoundOpen) { o.C = math.Float32bits(float32(math.NaN())) }, f03},
		{"a finer grid under the same noise", "CInt", func(o *audit.RoundOpen) { o.CInt++; o.XMax++ }, f03},
		{"less noise", "SigmaTotSq", func(o *audit.RoundOpen) { o.SigmaTotSq -= 2 }, f03},
		{"no noise", "SigmaTotSq", func(o *audit.RoundOpen) { o.SigmaTotSq = 0 }, f03},
		{"a clip bit", "SigmaBitSq", func(o *audit.RoundOpen) { o.SigmaBitSq = 1 }, f03},
		{"a lower price", "RhoUnits", func(o *audit.RoundOpen) { o.RhoUnits = 1 }, f03},
		{"more participations", "P", func(o *audit.RoundOpen) { o.P++ }, f03},
		{"no separation", "B", func(o *audit.RoundOpen) { o.B = 0 }, f03},
		{"deadlines that run backwards", "Deadlines", func(o *audit.RoundOpen) { o.Deadlines[4] = 1 }, f16},
		{"other witnesses", "WitnessPolicy", func(o *audit.RoundOpen) { o.WitnessPolicy[0] ^= 1 }, f03},
		{"secrets kept for a month", "Deadlines", func(o *audit.RoundOpen) { o.Deadlines[4] = month }, f16},
	}
}

// rosterMutations alter each field of a Roster.
func rosterMutations() []mutation[audit.Roster] {
	return []mutation[audit.Roster]{
		{"of another round", "Open", func(r *audit.Roster) { r.Open[0] ^= 1 }, participant.F01BadProof},
		{"of two members", "N", func(r *audit.Roster) { r.N = 2 }, participant.F03BelowFloor},
		{"of fewer members than the floor", "N", func(r *audit.Roster) { r.N = 4 }, participant.F03BelowFloor},
		{"no neighbours", "K", func(r *audit.Roster) { r.K = 0 }, participant.F03BelowFloor},
		{"two neighbours", "K", func(r *audit.Roster) { r.K = 2 }, participant.F03BelowFloor},
		{"a threshold of one", "T", func(r *audit.Roster) { r.T = 1 }, participant.F03BelowFloor},
		{"a threshold one lower", "T", func(r *audit.Roster) { r.T-- }, participant.F03BelowFloor},
		{"another root", "Root", func(r *audit.Roster) { r.Root[0] ^= 1 }, participant.F07BadKey},
	}
}
