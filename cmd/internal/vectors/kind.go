package vectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Kind is one function that vectors give known answers of. Prepare takes the inputs, so that mistakes in them are told before
// anything is computed.
type Kind struct {
	Fields  []string // that it computes
	Prepare func(in *Inputs) func() Answer
}

// Answer is what a kind's function returned, by field: an int, float64, bool or []float64, or nil where no answer exists. Err is an input
// that the function refuses, or an answer that it cannot give.
type Answer struct {
	Values map[string]any
	Note   string
	Err    error
}

// None is the answer that there is none, in these fields.
func None(fields ...string) Answer {
	a := Answer{Values: map[string]any{}}
	for _, f := range fields {
		a.Values[f] = nil
	}
	return a
}

// Inputs hands out fields by name and remembers the first mistake; what nobody took is one too.
type Inputs struct {
	rest map[string]json.RawMessage
	err  error
}

// NewInputs reads an object of inputs.
func NewInputs(object []byte) (*Inputs, error) {
	rest, err := fields(object)
	return &Inputs{rest: rest}, err
}

// Has says whether a field is there and not yet taken.
func (in *Inputs) Has(name string) bool { _, ok := in.rest[name]; return ok }

func (in *Inputs) take(name string) (json.RawMessage, bool) {
	raw, ok := in.rest[name]
	delete(in.rest, name)
	if !ok {
		in.Wrong(name, errors.New("missing"))
	}
	return raw, ok
}

// Wrong notes a mistake in a field, if err is one.
func (in *Inputs) Wrong(name string, err error) {
	if in.err == nil && err != nil {
		in.err = fmt.Errorf("inputs.%s: %w", name, err)
	}
}

// Whole takes a whole number from low to high, or 0 with a mistake.
func (in *Inputs) Whole(name string, low, high int64) int {
	raw, ok := in.take(name)
	if !ok {
		return 0
	}
	n, err := whole(raw, low, high)
	in.Wrong(name, err)
	return n
}

// Number takes a number, to the nearest float64. What it may be is the function's to say.
func (in *Inputs) Number(name string) float64 {
	raw, ok := in.take(name)
	if !ok {
		return 0
	}
	r, err := number(raw)
	in.Wrong(name, err)
	if err != nil {
		return 0
	}
	x, _ := r.Float64()
	return x
}

// Text takes one of the words, or the empty text with a mistake.
func (in *Inputs) Text(name string, words []string) string {
	raw, ok := in.take(name)
	if !ok {
		return ""
	}
	s, err := text(raw)
	if err == nil && !slices.Contains(words, s) {
		err = fmt.Errorf("%.40q is not one of %q", s, words)
	}
	in.Wrong(name, err)
	return s
}

// End is the first mistake, once all that a kind wants is taken.
func (in *Inputs) End() error {
	for _, name := range slices.Sorted(maps.Keys(in.rest)) {
		in.Wrong(name, errors.New("unknown field"))
	}
	return in.err
}
