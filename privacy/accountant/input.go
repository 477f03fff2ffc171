package accountant

import (
	"fmt"
	"math"
)

// What inputs may be. Beyond these a float64 overflows or an answer means nothing.
const (
	MinNoise = 1e-4
	MaxNoise = 1e9
	MaxSteps = 1_000_000_000
	MaxOrder = 1 << 20
)

// InputError is an input that was refused. Its field has the name that vector files give it.
type InputError struct {
	Field string
	Value any
	Want  string
}

func (e InputError) Error() string { return fmt.Sprintf("%s is %v: want %s", e.Field, e.Value, e.Want) }

// first returns the first error there is.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func within(field string, v, low, high float64) error {
	if v >= low && v <= high { // false for NaN
		return nil
	}
	return InputError{field, v, fmt.Sprintf("a number from %v to %v", low, high)}
}

func whole(field string, v, low, high int) error {
	if v >= low && v <= high {
		return nil
	}
	return InputError{field, v, fmt.Sprintf("a whole number from %d to %d", low, high)}
}

func checkNoise(z float64) error   { return within("noise_multiplier", z, MinNoise, MaxNoise) }
func checkRate(q float64) error    { return within("sampling_rate", q, 0, 1) }
func checkSteps(n int) error       { return whole("steps", n, 1, MaxSteps) }
func checkEpsilon(e float64) error { return within("epsilon", e, 0, 1000) }

func checkDelta(d float64) error {
	if d > 0 && d < 1 {
		return nil
	}
	return InputError{"delta", d, "a number above 0 and below 1"}
}

func checkOrder(alpha float64) error {
	if alpha > 1 && alpha <= MaxOrder {
		return nil
	}
	return InputError{"order", alpha, fmt.Sprintf("a number above 1 and up to %d", MaxOrder)}
}

// finite refuses a result that overflowed.
func finite(what string, v float64) error {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return fmt.Errorf("%s overflows: more noise, fewer steps or lower orders are needed", what)
	}
	return nil
}
