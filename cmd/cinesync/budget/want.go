package budget

import (
	"fmt"
	"math"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// Want is what an operator asks for.
type Want struct {
	Population     int     // devices that there are
	Cohort         int     // members of one round's roster
	Rounds         int     // of the whole training, all within one ledger period
	Participations int     // most rounds of one device; 0: the fewest with which all rounds can be filled
	Epsilon        float64 // for one device, over all rounds
	Delta          float64 // 0: the least of 10^−6 and population^−1.1
	Dim            int     // coordinates of the model
	Clip           float32 // largest L2 norm of one device's update
	GammaBP        int     // largest part of a roster that works with the coordinator, basis points
	LossBP         int     // largest part lost between roster and survivors, basis points
}

// FieldError is a wish that cannot be granted; Field is the flag's name.
type FieldError struct{ Field, Text string }

// Error names the flag.
func (e FieldError) Error() string { return "--" + e.Field + " " + e.Text }

func bad(field, format string, args ...any) error {
	return FieldError{field, fmt.Sprintf(format, args...)}
}

const (
	wholeBP       = 10_000
	maxPopulation = 1_000_000_000
	maxRounds     = 1_000_000
	maxCohort     = protocol.MaxRoster
)

func (w Want) check() error {
	switch {
	case w.Cohort < aggregation.MinDevices || w.Cohort > maxCohort:
		return bad("cohort", "is %d: want %d to %d members", w.Cohort, aggregation.MinDevices, maxCohort)
	case w.Population < w.Cohort || w.Population > maxPopulation:
		return bad("population", "is %d: want at least the cohort's %d devices and at most %d", w.Population, w.Cohort, maxPopulation)
	case w.Rounds < 1 || w.Rounds > maxRounds:
		return bad("rounds", "is %d: want 1 to %d", w.Rounds, maxRounds)
	case w.Participations < 0 || w.Participations > w.Rounds:
		return bad("participations", "is %d: want 1 to the %d rounds that there are", w.Participations, w.Rounds)
	case w.Participations > 0 && w.Participations < w.fewest():
		return bad("participations", "is %d: %d rounds of %d members among %d devices need at least %d each", w.Participations, w.Rounds, w.Cohort, w.Population, w.fewest())
	case w.Dim < 1 || w.Dim > aggregation.MaxWords:
		return bad("dim", "is %d: want 1 to %d coordinates", w.Dim, aggregation.MaxWords)
	case !(w.Clip > 0) || math.IsInf(float64(w.Clip), 1):
		return bad("clip", "is %v: want a positive number", w.Clip)
	case !(w.Epsilon > 0) || w.Epsilon > 1000:
		return bad("epsilon", "is %v: want a number above 0 and up to 1000", w.Epsilon)
	case w.Delta != 0 && !(w.Delta > 0 && w.Delta < 1):
		return bad("delta", "is %v: want a number between 0 and 1, such as 1e-6", w.Delta)
	case w.GammaBP < 0 || w.GammaBP >= wholeBP:
		return bad("gamma", "is %d basis points: want 0 to 9999", w.GammaBP)
	case w.LossBP < 0 || w.LossBP >= wholeBP:
		return bad("loss", "is %d basis points: want 0 to 9999", w.LossBP)
	}
	return nil
}

// fewest is how often each device must take part if all take turns evenly: ⌈rounds·cohort/population⌉.
func (w Want) fewest() int {
	return int((int64(w.Rounds)*int64(w.Cohort) + int64(w.Population) - 1) / int64(w.Population))
}

// filled puts in what was left out.
func (w Want) filled() Want {
	if w.Participations == 0 {
		w.Participations = w.fewest()
	}
	if w.Delta == 0 { // privacy 9.2: δ ≤ population^−1.1
		w.Delta = min(1e-6, math.Pow(float64(w.Population), -1.1))
	}
	return w
}
