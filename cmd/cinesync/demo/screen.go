package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/cinesync/cinesync/coordinator"
)

// screen is the live view: on a terminal one line that is drawn over, elsewhere one line a round.
type screen struct {
	mu     sync.Mutex
	out    io.Writer
	live   bool
	rounds int
	drawn  int    // characters of the live line
	score  string // of the newest version, for the live line
}

func newScreen(o *Options) *screen {
	return &screen{out: o.Stderr, live: o.Terminal, rounds: o.Rounds}
}

var phases = []string{"recruit", "keys", "shares", "inputs", "unmask", "settle"}

func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.out, format+"\n", args...)
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
	at := 0
	for i, p := range phases {
		if p == e.Phase {
			at = i + 1
		}
	}
	line := fmt.Sprintf("%s round %d of %d  %-7s %d devices%s", bar(int(e.Round-1)*len(phases)+at, s.rounds*len(phases)), e.Round, s.rounds, e.Phase, e.Devices, s.score)
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
	s.score = fmt.Sprintf("  hit rate@10 %.3f (popularity %.3f)  ε %.1f", j.hr10, j.popularity, epsilon)
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

// Print writes the report for people.
func (r *Report) Print(out io.Writer) {
	fmt.Fprintf(out, "\nHit rate@10 on each device's newest title, against 99 it has not watched: %.3f\n", r.Metrics.HR10)
	fmt.Fprintf(out, "  popularity alone %.3f, content before any round %.3f, the same training without noise %.3f; NDCG@10 %.3f\n",
		r.Metrics.PopularityHR10, r.Metrics.StartHR10, r.Metrics.NoNoiseHR10, r.Metrics.NDCG10)
	fmt.Fprintf(out, "Privacy: ε = %.1f at δ = %.0e %s.\n  %s.\n", r.Epsilon, r.Delta, r.Claim, upper(promise))
	verdict := "the log verifies"
	if !r.Audit.OK {
		verdict = "THE LOG DOES NOT VERIFY"
	}
	fmt.Fprintf(out, "Audit: %s (%d entries).\n\nFor the first device, computed on it:\n", verdict, r.Audit.Entries)
	for i, v := range r.Recommendations {
		fmt.Fprintf(out, "  %2d. %s\n", i+1, v.Title)
	}
	for _, c := range r.Crashes {
		fmt.Fprintf(out, "kill -9 in phase %s of round %d: %s %s\n", c.Phase, c.Round, c.Outcome, c.Reason)
	}
	fmt.Fprintf(out, "\nWhere to look next:\n  go run ./cmd/cinesync-audit verify %s\n  go run ./cmd/cinesyncd outbox --dir %s\n  go run ./cmd/cinesync coordinator --dir %s --http 127.0.0.1:8080\n",
		r.Dir, r.Dir+string(os.PathSeparator)+"devices"+string(os.PathSeparator)+"00", r.Dir+string(os.PathSeparator)+"coordinator")
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
