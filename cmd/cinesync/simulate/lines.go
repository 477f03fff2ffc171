package simulate

import (
	"math"
	"runtime"
	"strconv"
	"time"
)

// The kinds of line.
const (
	KindRound   = "round"
	KindSummary = "summary"
)

// Wall is what this machine took: the only part of a line that another run of the same seed may have otherwise.
type Wall struct {
	Seconds         float64 `json:"seconds"`
	Judging         float64 `json:"judging_seconds,omitempty"` // of them, for the model's figures and its bytes
	RoundsPerSecond float64 `json:"rounds_per_second,omitempty"`
	Memory          uint64  `json:"memory_bytes,omitempty"` // taken from the system by the end
}

// clock measures stretches of wall time.
type clock struct{ began, last time.Time }

func startClock() *clock { now := time.Now(); return &clock{now, now} }

// lap is the time since the lap before.
func (c *clock) lap() float64 {
	now := time.Now()
	d := now.Sub(c.last)
	c.last = now
	return seconds(d)
}

// total is the whole of so many rounds.
func (c *clock) total(rounds int) Wall {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w := Wall{Seconds: seconds(time.Since(c.began)), Memory: m.Sys}
	if w.Seconds > 0 {
		w.RoundsPerSecond = short(float64(rounds) / w.Seconds)
	}
	return w
}

func seconds(d time.Duration) float64 { return rounded(d.Seconds()) }

// rounded keeps milliseconds.
func rounded(s float64) float64 { return math.Round(s*1e3) / 1e3 }

// short keeps six digits: what is beyond them says nothing, and may differ between processors.
func short(v float64) float64 {
	out, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	if err != nil {
		return v // FormatFloat writes what ParseFloat reads
	}
	return out
}
