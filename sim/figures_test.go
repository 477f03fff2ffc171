package sim

import (
	"container/heap"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
)

// TestBytesAreThoseOfTheFrames counts at the machines, whose messages all arrive in this federation.
func TestBytesAreThoseOfTheFrames(t *testing.T) {
	w, err := newWorld(Config{Seed: 3, Devices: 6, Min: 3, DeltaBP: 3000, Rounds: 2, D: 500})
	if err != nil {
		t.Fatal(err)
	}
	up, down := map[int]int64{}, map[int]int64{}
	w.watch = func(d *device, e participant.Event, out participant.Output) {
		for _, m := range out.Send {
			up[d.i] += int64(len(frame(m)))
		}
		if e.Msg != nil {
			down[d.i] += int64(len(frame(e.Msg)))
		}
	}
	var told [2]Traffic
	w.cfg.Ended = func(r RoundOutcome) error {
		told[0].Total, told[1].Total = told[0].Total+r.Figures.Up.Total, told[1].Total+r.Figures.Down.Total
		told[0].Most, told[1].Most = max(told[0].Most, r.Figures.Up.Most), max(told[1].Most, r.Figures.Down.Most)
		return nil
	}
	if _, err := w.run(); err != nil {
		t.Fatal(err)
	}
	for len(w.agenda) > 0 { // the last round's Close is still on its way
		m := heap.Pop(&w.agenda).(moment)
		w.now = m.at
		if err := m.do(); err != nil {
			t.Fatal(err)
		}
	}
	var all [2]int64
	for i := range 6 {
		all[0], all[1] = all[0]+up[i], all[1]+down[i]
	}
	if all[0] != told[0].Total || all[1] != told[1].Total {
		t.Errorf("devices sent %d and heard %d bytes in frames, the figures say %d and %d", all[0], all[1], told[0].Total, told[1].Total)
	}
	if least := int64(4 * 500); told[0].Most < least || told[0].Most*6*2 < told[0].Total {
		t.Errorf("the most of one device is %d of %d, its vector alone has %d", told[0].Most, told[0].Total, least)
	}
}

func TestFiguresTellWhatHappened(t *testing.T) {
	const n, rounds = 12, 3
	cfg := Config{Seed: 9, Devices: n, Min: 3, DeltaBP: 4000, Rounds: rounds, D: 16, Lose: map[Step]int{AtInput: 2, AtReveal: 1},
		Restart: map[Step]int{AtShares: 2}, Crash: []string{"inputs"}}
	ended := 0
	cfg.Ended = func(RoundOutcome) error { ended++; return nil }
	out, err := Run(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if ended != rounds {
		t.Errorf("%d rounds were told of, %d ended", ended, len(out.Rounds))
	}
	cInt, sigma := (&world{cfg: cfg.usual()}).terms()
	each, err := privacy.Charge(cInt, sigma)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range out.Rounds {
		f := r.Figures
		var all time.Duration
		for _, p := range f.Phases {
			all += p
		}
		switch {
		case !r.Done || r.U3 != n-2:
			t.Errorf("round %d: %+v", i+1, r)
		case f.Lost[AtInput] != 2 || f.Lost[AtReveal] != 1 || len(f.Lost) != 2 || f.Restarts != 2 || f.Crashes != 1:
			t.Errorf("round %d: lost %v, %d restarts, %d crashes", i+1, f.Lost, f.Restarts, f.Crashes)
		case len(f.Drops) != 1 || round.Reason(f.Drops[0].Reason) != round.NoInput || f.Drops[0].Count != 2:
			t.Errorf("round %d: the log leaves out %v", i+1, f.Drops)
		case f.K != n-1 || f.T < 2 || f.T > n:
			t.Errorf("round %d: degree %d, threshold %d", i+1, f.K, f.T)
		case f.SelfMasks != n-2 || f.PairMasks != 2*(n-2): // the graph is complete
			t.Errorf("round %d: %d self masks, %d pair masks", i+1, f.SelfMasks, f.PairMasks)
		case all <= 0 || all > time.Minute:
			t.Errorf("round %d: phases of %v", i+1, f.Phases)
		case f.Spent != privacy.Units(i+1)*each:
			t.Errorf("round %d: %d units are spent, a round costs %d", i+1, f.Spent, each)
		}
	}
}

// TestWhoWatchesMayStop ends runs from either side.
func TestWhoWatchesMayStop(t *testing.T) {
	enough := errors.New("enough")
	var phases []round.Phase
	cfg := Config{Seed: 1, Devices: 4, Min: 3, DeltaBP: 3000, Rounds: 5, D: 4}
	cfg.Progress = func(m Moment) error {
		if !slices.Contains(phases, m.Phase) {
			phases = append(phases, m.Phase)
		}
		if m.Round == 2 && m.Phase == round.Inputs {
			return enough
		}
		return nil
	}
	out, err := Run(cfg)
	if !errors.Is(err, enough) || len(out.Rounds) != 1 {
		t.Errorf("%v after %d rounds, want the first one's end alone", err, len(out.Rounds))
	}
	if !slices.Contains(phases, round.Shares) || !slices.Contains(phases, round.Unmask) {
		t.Errorf("phases %v were told of", phases)
	}
	cfg.Progress, cfg.Ended = nil, func(RoundOutcome) error { return enough }
	if out, err := Run(cfg); !errors.Is(err, enough) || len(out.Rounds) != 1 {
		t.Errorf("%v after %d rounds", err, len(out.Rounds))
	}
}

// TestMoreNoiseCostsLess holds a run's variance against what ledgers are charged.
func TestMoreNoiseCostsLess(t *testing.T) {
	var spent []privacy.Units
	for _, variance := range []uint64{0, 4, 16} {
		out, err := Run(Config{Seed: 2, Devices: 4, Min: 3, DeltaBP: 3000, D: 8, Variance: variance})
		if err != nil || !out.Rounds[0].Done {
			t.Fatalf("variance %d: %v", variance, err)
		}
		spent = append(spent, out.Rounds[0].Figures.Spent)
	}
	if rho := spent[1].Rho(); rho < 0.125 || rho > 0.1251 {
		t.Errorf("z = 2 costs ρ = %v, want 1/8", rho)
	}
	if !(spent[0] > spent[1] && spent[1] > spent[2]) {
		t.Errorf("units of z = 1/2, 2 and 4: %v", spent)
	}
}

// tallied counts what a backend would be asked for.
type tallied struct {
	aggregation.Accumulator
	masks *int
}

func (a tallied) AddMasks(terms []aggregation.Term) error {
	*a.masks += len(terms)
	return a.Accumulator.AddMasks(terms)
}

// TestAnotherAccumulatorSums: masks come off where the run says, and as many as its figures say.
func TestAnotherAccumulatorSums(t *testing.T) {
	masks := 0
	cfg := Config{Seed: 4, Devices: 8, Min: 3, DeltaBP: 4000, D: 9, Lose: map[Step]int{AtInput: 2}}
	want, err := Run(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Accumulators = func(s aggregation.Shape) aggregation.Accumulator {
		return tallied{aggregation.NewAccumulator(s), &masks}
	}
	got, err := Run(cfg)
	if err != nil || !slices.Equal(got.Trace, want.Trace) {
		t.Fatalf("%v: %v, want %v", err, got.Trace, want.Trace)
	}
	if f := got.Rounds[0].Figures; masks == 0 || masks != f.SelfMasks+f.PairMasks {
		t.Errorf("%d masks came off, the figures say %d and %d", masks, f.SelfMasks, f.PairMasks)
	}
}
