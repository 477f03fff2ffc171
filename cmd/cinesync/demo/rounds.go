package demo

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/cinesync/cinesync/coordinator"
)

// on follows the coordinator's events.
func (s *show) on(e coordinator.Event) {
	switch e.Kind {
	case "phase":
		s.faults.begin(e.Round)
		s.recruiting.phase(e, time.Now())
		s.screen.phase(e)
	case "recovered":
		s.screen.say("coordinator killed in phase %s of round %d: %s %s", e.Phase, e.Round, e.Outcome, e.Reason)
	case "round":
		if n := len(s.rounds); n > 0 && s.rounds[n-1].Round >= e.Round {
			return // told again by a coordinator that was started again
		}
		s.faults.begin(e.Round)
		s.roundOver(e)
		s.faults.end()
	}
}

// roundOver takes down a round, checks its sum and measures what it published.
func (s *show) roundOver(e coordinator.Event) {
	r := Round{Round: e.Round, Outcome: e.Outcome, Reason: reason(e), Roster: e.U1, Included: e.U3, DroppedIn: s.faults.vanished(), Phases: s.recruiting.phases(e),
		Clip: round4(float64(e.Clip))}
	r.Dropped = e.U1 - e.U3 + r.DroppedIn["unmask"]
	s.measureTraffic(&r)
	vectors := s.given.take(e.Round)
	if e.Outcome == "done" {
		if raw, err := hex.DecodeString(e.Model); err == nil && len(raw) == 32 {
			s.last = [32]byte(raw)
		}
		ok, err := sumOK(e, vectors)
		if err == nil {
			r.SumOK = ok
			err = s.judge.score(s.folder.path("coordinator", "models", e.Serve+".snapshot"))
		}
		if err != nil {
			s.screen.say("round %d: %v", e.Round, err)
			s.unmeasured = cmp.Or(s.unmeasured, fmt.Errorf("measure round %d: %w", e.Round, err))
		}
		r.HR10 = round4(s.judge.hr10)
	}
	s.rounds = append(s.rounds, r)
	s.screen.round(r, s.judge, verify(os.DirFS(s.folder.dir)).TotalEpsilon)
}

// measureTraffic gives the round what the devices sent and got since the round before.
func (s *show) measureTraffic(r *Round) {
	var up, down int64
	for _, d := range s.devices {
		u, v := d.door.Traffic()
		up, down = up+u, down+v
	}
	n := int64(len(s.devices))
	r.BytesUp, r.BytesDown = (up-s.up)/n, (down-s.down)/n
	s.up, s.down = up, down
}

// reason is why a round was aborted, in words.
func reason(e coordinator.Event) string {
	return strings.TrimSuffix(e.Reason+": "+e.Detail, ": ")
}

// recruiting times the first phase as the demo sees it begin and end. The coordinator and the log count it with the keys.
type recruiting struct {
	round       uint64
	began, over time.Time
}

// phase takes down a phase that has begun. After a crash the same one may begin again; the first time counts.
func (r *recruiting) phase(e coordinator.Event, now time.Time) {
	if e.Round != r.round {
		*r = recruiting{round: e.Round}
	}
	switch {
	case e.Phase == "recruit" && r.began.IsZero():
		r.began = now
	case e.Phase != "recruit" && r.over.IsZero():
		r.over = now
	}
}

// phases gives a round's time in each phase, in milliseconds.
func (r *recruiting) phases(e coordinator.Event) map[string]int {
	out := map[string]int{}
	for i, name := range phases()[1:] {
		if i < len(e.Millis) {
			out[name] = e.Millis[i]
		}
	}
	both := out["keys"]
	switch {
	case e.Round != r.round || r.began.IsZero():
		out["recruit"] = 0
	case r.over.IsZero():
		out["recruit"] = both // it never came to the keys
	default:
		out["recruit"] = min(both, int(r.over.Sub(r.began).Milliseconds()))
	}
	out["keys"] = both - out["recruit"]
	return out
}

// round4 cuts a share to the digits that mean something.
func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }
