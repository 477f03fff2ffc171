package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/sim"
)

// study is one of so many devices without troubles.
func study(devices, rounds int) *Protocol {
	return &Protocol{Devices: devices, Rounds: rounds, Words: 40, Seed: 3, Mode: aggregation.ModeW, Sig: protocol.SigEd25519,
		Suite: aggregation.Suite{Kex: aggregation.KexX25519, PRG: aggregation.PRGAES128, WordBits: 32}}
}

// bare is a line without what depends on the machine.
func bare(t *testing.T, line any) string {
	t.Helper()
	b, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if m["wall"] == nil {
		t.Errorf("no wall time in %s", b)
	}
	delete(m, "wall")
	if b, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// lines runs a study and gives what it prints, without wall times.
func (p *Protocol) lines(t *testing.T) []string {
	t.Helper()
	var out []string
	p.Round = func(r *ProtocolRound) error { out = append(out, bare(t, r)); return nil }
	s, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return append(out, bare(t, s))
}

func TestOneSeedGivesTheSameLines(t *testing.T) {
	troubled := func(seed uint64) *Protocol {
		p := study(12, 3)
		p.Seed, p.Drop, p.Restart, p.Crash, p.Network = seed, Drop{sim.AtInput: 0.1, sim.AtReveal: 0.1}, 0.2, []string{"inputs"}, Network{Cut: 1, Duplicate: 10, Slow: 40 * time.Millisecond}
		return p
	}
	a, b, other := troubled(3).lines(t), troubled(3).lines(t), troubled(4).lines(t)
	if len(a) != 4 || strings.Join(a, "\n") != strings.Join(b, "\n") {
		t.Errorf("two runs of a seed give\n%s\nand\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	if a[0] == other[0] {
		t.Errorf("another seed gives the same round: %s", a[0])
	}
}

// TestLinesSayWhatTheRoundWas holds lines against what was asked for and what follows from it.
func TestLinesSayWhatTheRoundWas(t *testing.T) {
	p := study(20, 2)
	p.Drop, p.Crash = Drop{anywhere: 0.2}, []string{"unmask"}
	var lines []*ProtocolRound
	p.Round = func(r *ProtocolRound) error { lines = append(lines, r); return nil }
	s, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range lines {
		switch {
		case r.Outcome != "done" || r.SumExact == nil || !*r.SumExact || r.Reason != "":
			t.Errorf("round %+v, want it done and exact", r)
		case r.Members != 20 || r.Shared != 19 || r.Included != 17 || !maps.Equal(r.Lost, map[string]int{"shares": 1, "input": 1, "chunk": 1, "reveal": 1}):
			t.Errorf("round %d: %d members, %d shared, %d included, lost %v", r.Round, r.Members, r.Shared, r.Included, r.Lost)
		case !maps.Equal(r.Dropped, map[string]int{"no shares": 1, "no input": 2}) || r.Crashes != 1 || len(r.Refusals) != 0:
			t.Errorf("round %d: dropped %v, %d crashes, refusals %v", r.Round, r.Dropped, r.Crashes, r.Refusals)
		case r.Masks.Self != 17 || r.Masks.Pair != 2*17:
			t.Errorf("round %d: masks %+v", r.Round, r.Masks)
		case r.Up.Mean < 4*40 || r.Up.Most < r.Up.Mean || r.Down.Most < r.Down.Mean:
			t.Errorf("round %d: bytes %+v up, %+v down", r.Round, r.Up, r.Down)
		}
	}
	if !(lines[1].Epsilon > lines[0].Epsilon && s.Epsilon == lines[1].Epsilon) {
		t.Errorf("ε of the rounds %v and %v, at the end %v", lines[0].Epsilon, lines[1].Epsilon, s.Epsilon)
	}
	if s.Done != 2 || s.Failed != 0 || s.Exact != 2 || s.Up.Mean != lines[0].Up.Mean+lines[1].Up.Mean || s.Neighbour != 19 || s.Policy != Demo {
		t.Errorf("summary %+v", s)
	}
}

// TestARoundThatIsGivenUpSaysWhy has a network slower than deadlines.
func TestARoundThatIsGivenUpSaysWhy(t *testing.T) {
	p := study(10, 1)
	p.Network = Network{Slow: time.Minute}
	var line *ProtocolRound
	p.Round = func(r *ProtocolRound) error { line = r; return nil }
	s, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if line.Outcome != "failed" || line.Reason == "" || line.SumExact != nil || s.Failed != 1 || s.Exact != 0 {
		t.Errorf("line %+v, summary %+v", line, s)
	}
}

// TestAStudyEndsWithinARound cancels in the second of three.
func TestAStudyEndsWithinARound(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	p, ended := study(8, 3), 0
	p.Round = func(*ProtocolRound) error { ended++; return nil }
	p.Progress = func(_ string, done, all int) {
		if all != 3*Phases {
			t.Errorf("progress of %d", all)
		}
		if done == Phases+2 {
			cancel()
		}
	}
	if _, err := p.Run(ctx); !errors.Is(err, context.Canceled) || ended != 1 {
		t.Errorf("%v after %d rounds, want one round and a cancelled one", err, ended)
	}
}

func TestTermsChooseAndRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Protocol)
		want   string // policy, or a part of the error
	}{
		"a hundred in mode W":       {func(p *Protocol) {}, "balanced"},
		"too few for it":            {func(p *Protocol) { p.Devices = 66; p.Drop = Drop{anywhere: 0.1} }, "demo"},
		"another mode":              {func(p *Protocol) { p.Mode = aggregation.ModeSH }, "demo"},
		"more rounds than it takes": {func(p *Protocol) { p.Rounds = 31 }, "demo"},
		"a loss it does not bear":   {func(p *Protocol) { p.Drop = Drop{anywhere: 0.3} }, "demo"},
		"demo wanted":               {func(p *Protocol) { p.Policy = Demo }, "demo"},
		"balanced, another mode":    {func(p *Protocol) { p.Policy, p.Mode = "balanced", aggregation.ModeSH }, "--policy is balanced: it takes --secagg W alone"},
		"no policy":                 {func(p *Protocol) { p.Policy = "lax" }, `--policy is "lax"`},
		"too many lost":             {func(p *Protocol) { p.Drop = Drop{anywhere: 0.7} }, "--drop loses 70 of 100"},
		"two devices":               {func(p *Protocol) { p.Devices = 2 }, "--devices is 2"},
		"beyond a roster":           {func(p *Protocol) { p.Devices = protocol.MaxRoster + 1 }, "--devices is 16385: want 3 to 16384"},
		"no rounds":                 {func(p *Protocol) { p.Rounds = 0 }, "--rounds is 0"},
		"no words":                  {func(p *Protocol) { p.Words = 0 }, "--words is 0"},
		"too much memory":           {func(p *Protocol) { p.Devices, p.Words, p.Memory = 16384, MaxWords, 1e9 }, "--memory allows 1.0"},
		"restarts of more than all": {func(p *Protocol) { p.Restart = 1.5 }, "--restart is 1.5"},
		"a network that loses all":  {func(p *Protocol) { p.Network.Cut = 51 }, "--network cut=51"},
		"a network of minutes":      {func(p *Protocol) { p.Network.Slow = time.Hour }, "--network slow=1h"},
		"no graph":                  {func(p *Protocol) { p.Mode, p.Drop = aggregation.ModeSM, Drop{anywhere: 0.5} }, "have no graph in mode SM"},
	} {
		p := study(100, 3)
		c.change(p)
		terms, err := p.Terms()
		if err == nil && terms.Policy != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want %s", name, terms, err, c.want)
		}
	}
}

func TestFlagsAreReadStrictly(t *testing.T) {
	if d, err := ParseDrop("0.1"); err != nil || !maps.Equal(d.counts(100), map[sim.Step]int{sim.AtInput: 3, sim.AtChunk: 3, sim.AtReveal: 2, sim.AtShares: 2}) {
		t.Errorf("a tenth of 100: %v, %v", d.counts(100), err)
	}
	if d, err := ParseDrop("input=0.05,reveal=0.02"); err != nil || !maps.Equal(d.counts(100), map[sim.Step]int{sim.AtInput: 5, sim.AtReveal: 2}) {
		t.Errorf("by steps: %v, %v", d.counts(100), err)
	}
	if d, err := ParseDrop("0"); err != nil || total(d.counts(100)) != 0 {
		t.Errorf("nobody: %v, %v", d.counts(100), err)
	}
	for _, s := range []string{"", "x", "-0.1", "1", "NaN", "home=0.1", "input=0.1,input=0.2", "input=0.6,reveal=0.5", "0.1,0.2", "0.1,input=0.2", "input="} {
		if d, err := ParseDrop(s); err == nil || !strings.Contains(err.Error(), "--drop") {
			t.Errorf("--drop %q is read as %v (%v)", s, d, err)
		}
	}
	for _, s := range []string{"recruit", "inputs,", "inputs,inputs"} {
		if c, err := ParseCrash(s); err == nil || !strings.Contains(err.Error(), "--crash") {
			t.Errorf("--crash %q is read as %v", s, c)
		}
	}
	if n, err := ParseNetwork("cut=2,duplicate=10,reorder=5,slow=200ms"); err != nil || n != (Network{2, 10, 5, 200 * time.Millisecond}) {
		t.Errorf("%+v, %v", n, err)
	}
	for _, s := range []string{"cut", "cut=x", "lose=1", "slow=5", "cut=1;slow=1s"} {
		if n, err := ParseNetwork(s); err == nil || !strings.Contains(err.Error(), "--network") {
			t.Errorf("--network %q is read as %+v", s, n)
		}
	}
}
