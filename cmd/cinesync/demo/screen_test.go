package demo

import (
	"strings"
	"testing"
)

// shown is what the screen of a terminal, or of a file, gets.
func shown(terminal bool, draw func(*screen)) string {
	var b strings.Builder
	o := asked(func(o *Options) { o.Stderr, o.Terminal, o.Rounds = &b, terminal, 4 })
	draw(newScreen(o))
	return b.String()
}

func TestScreenSaysWhatARoundBrought(t *testing.T) {
	done := Round{Round: 3, Outcome: "done", Roster: 8, Included: 7, Dropped: 2, SumOK: true, Phases: map[string]int{"recruit": 400, "settle": 1100}, BytesUp: 2048, BytesDown: 4096}
	wrong := done
	wrong.SumOK = false
	j := &judge{hr10: 0.5, popularity: 0.25}
	for name, c := range map[string]struct {
		round Round
		want  string
	}{
		"done":    {done, "round  3  7 of 8 in the sum, 2 dropped, sum exact  hit rate@10 0.500 (popularity 0.250)  ε 1.5  1.5 s  2 KB up, 4 KB down a device\n"},
		"wrong":   {wrong, "round  3  7 of 8 in the sum, 2 dropped, SUM WRONG  hit rate@10 0.500 (popularity 0.250)  ε 1.5  1.5 s  2 KB up, 4 KB down a device\n"},
		"aborted": {Round{Round: 12, Outcome: "aborted", Reason: "too few inputs"}, "round 12  aborted: too few inputs\n"},
	} {
		if got := shown(false, func(s *screen) { s.round(c.round, j, 1.5) }); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestScreenDrawsOverItsLiveLineOnlyOnATerminal(t *testing.T) {
	draw := func(s *screen) {
		s.phase(phase(2, "inputs"))
		s.progress("device folders", 1, 2)
		s.say("word")
		s.done()
	}
	if got := shown(false, draw); got != "word\n" {
		t.Errorf("a file gets %q", got)
	}
	first := "██████████░░░░░░░░░░░░░░ round 2 of 4  inputs  0 devices" // 6 phases of round 1 and 4 of round 2, of 24
	second := "████████████░░░░░░░░░░░░ device folders 1 of 2"
	blank := func(line string) string { return "\r" + strings.Repeat(" ", len([]rune(line))) + "\r" }
	if got, want := shown(true, draw), first+blank(first)+second+blank(second)+"word\n"; got != want {
		t.Errorf("a terminal gets\n%q, want\n%q", got, want)
	}
}

func TestScreenSaysWhenNobodyVanishes(t *testing.T) {
	say := func(devices int, drop float64) string {
		return shown(false, func(s *screen) {
			s.begin(asked(func(o *Options) { o.Devices, o.Drop = devices, drop }), "d", 430, 4062)
		})
	}
	if got := say(4, 0.1); !strings.Contains(got, "4 devices (0 vanish in each round)") || !strings.Contains(got, "--drop 0.1 of 4 devices is less than half a device") {
		t.Errorf("it says %q", got)
	}
	for _, quiet := range []string{say(24, 0.1), say(4, 0)} {
		if strings.Contains(quiet, "--drop") {
			t.Errorf("it says %q", quiet)
		}
	}
}
