package vectors

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Result is the outcome of one vector. Err is nil when every field with a tolerance holds; else it names the field.
type Result struct {
	ID, Kind string
	Fields   int    // that were held against the file
	Note     string // what a reader should know though the vector holds
	Err      error
}

// Checked is the outcome of a file.
type Checked struct {
	Title   string
	Results []Result
	Missed  int
}

// Check evaluates every vector of a file with the functions of kinds and calls each with its result as it is known. An error means
// that the text is no such file; misses are results.
func Check(b []byte, kinds map[string]Kind, each func(Result)) (Checked, error) {
	f, err := parseFile(b)
	if err != nil {
		return Checked{}, err
	}
	out := Checked{Title: f.title}
	for i, v := range f.vectors {
		r := Result{ID: v.ID, Kind: v.Kind, Err: f.broken[i]}
		if r.Err == nil {
			r = v.check(kinds)
		}
		if r.Err != nil {
			out.Missed++
		}
		out.Results = append(out.Results, r)
		each(r)
	}
	return out, nil
}

func (v vector) check(kinds map[string]Kind) Result {
	r := Result{ID: v.ID, Kind: v.Kind}
	k, ok := kinds[v.Kind]
	if !ok {
		r.Err = fmt.Errorf("kind: %q is not one of %v", v.Kind, slices.Sorted(maps.Keys(kinds)))
		return r
	}
	bounds, err := v.bounds(k)
	if err != nil {
		r.Err = err
		return r
	}
	in := &Inputs{rest: maps.Clone(v.inputs)}
	evaluate := k.Prepare(in)
	if r.Err = in.End(); r.Err != nil {
		return r
	}
	got := evaluate()
	if r.Err = got.Err; r.Err != nil {
		return r
	}
	r.Note = got.Note
	var misses []error
	for _, name := range slices.Sorted(maps.Keys(bounds)) {
		r.Fields++
		if err := compare(got.Values[name], v.expected[name], bounds[name]); err != nil {
			misses = append(misses, fmt.Errorf("%s: %w", name, err))
		}
	}
	r.Err = errors.Join(misses...)
	return r
}

// bounds reads the tolerances: each belongs to a field that is expected and that the kind computes. What has none is
// information, but for a vector without any: that would check nothing.
func (v vector) bounds(k Kind) (map[string]bound, error) {
	out := map[string]bound{}
	for _, name := range slices.Sorted(maps.Keys(v.tolerance)) {
		if _, there := v.expected[name]; !there {
			return nil, fmt.Errorf("tolerance.%s: expected has no such field", name)
		}
		if !slices.Contains(k.Fields, name) {
			return nil, fmt.Errorf("expected.%s: kind %s computes %v", name, v.Kind, k.Fields)
		}
		b, err := parseBound(v.tolerance[name])
		if err != nil {
			return nil, fmt.Errorf("tolerance.%s: %w", name, err)
		}
		out[name] = b
	}
	if len(out) == 0 {
		return nil, errors.New("tolerance: empty, so that nothing would be checked")
	}
	return out, nil
}
