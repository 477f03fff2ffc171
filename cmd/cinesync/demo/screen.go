package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/privacy"
)

// screen is the live view: on a terminal one line that is drawn over, elsewhere one line a round.
type screen struct {
	mu     sync.Mutex
	out    io.Writer
	live   bool
	rounds int
	adapts bool   // the clip follows the devices, and is shown
	drawn  int    // characters of the live line
	score  string // of the newest version, for the live line
}

func newScreen(o *Options) *screen {
	return &screen{out: o.Stderr, live: o.Terminal, rounds: o.all(), adapts: o.Adapt}
}

func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// begin says what was asked for.
func (s *screen) begin(o *Options, dir string, titles, parameters int) {
	lost := vanishing(o.Devices, o.Drop)
	s.say("folder %s, %d devices (%d vanish in each round), %d titles, %d parameters, task %s", dir, o.Devices, lost, titles, parameters, o.Task)
	if lost == 0 && o.Drop > 0 {
		s.say("--drop %v of %d devices is less than half a device: nobody vanishes", o.Drop, o.Devices)
	}
}

// progress draws how far a long preparation has come.
func (s *screen) progress(what string, done, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live {
		return
	}
	s.clear()
	line := fmt.Sprintf("%s %d of %d", bar(done, all)+" "+what, done, all)
	fmt.Fprint(s.out, line)
	s.drawn = len([]rune(line))
}

func bar(done, all int) string {
	const width = 24
	full := min(width, done*width/max(1, all))
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

func (s *screen) clear() {
	if s.drawn > 0 {
		fmt.Fprint(s.out, "\r"+strings.Repeat(" ", s.drawn)+"\r")
		s.drawn = 0
	}
}

// phase draws where the round stands.
func (s *screen) phase(e coordinator.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live {
		return
	}
	all := phases()
	at := slices.Index(all, e.Phase) + 1
	line := fmt.Sprintf("%s round %d of %d  %-7s %d devices%s", bar(int(e.Round-1)*len(all)+at, s.rounds*len(all)), e.Round, s.rounds, e.Phase, e.Devices, s.score)
	s.clear()
	fmt.Fprint(s.out, line)
	s.drawn = len([]rune(line))
}

// round draws what a round brought, beside what knowing only popularity brings, and what it cost.
func (s *screen) round(r Round, j *judge, epsilon float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	if r.Outcome != "done" {
		fmt.Fprintf(s.out, "round %2d  aborted: %s\n", r.Round, r.Reason)
		return
	}
	sum := "sum exact"
	if !r.SumOK {
		sum = "SUM WRONG"
	}
	s.score = fmt.Sprintf("  hit rate@10 %.3f (popularity %.3f)  ε %s", j.hr10, j.popularity, privacy.Shown(epsilon, 3))
	if s.adapts {
		s.score += fmt.Sprintf("  clip %.3f", r.Clip)
	}
	ms := 0
	for _, v := range r.Phases {
		ms += v
	}
	fmt.Fprintf(s.out, "round %2d  %d of %d in the sum, %d dropped, %s%s  %.1f s  %d KB up, %d KB down a device\n",
		r.Round, r.Included, r.Roster, r.Dropped, sum, s.score, float64(ms)/1000, r.BytesUp>>10, r.BytesDown>>10)
}

func (s *screen) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}
