package vectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/internal/strictjson"
)

// schema is the file format that is read.
const schema = "cinesync-vectors/1"

// What a file may hold. The known answers take 100 KB.
const (
	MaxFile    = 8 << 20 // bytes
	maxVectors = 10_000
	maxText    = 4096 // bytes of one text
	maxFields  = 32   // of one object
)

// vector is one known answer, not yet held against its kind.
type vector struct {
	ID, Kind                    string
	inputs, expected, tolerance map[string]json.RawMessage
}

// file is what a vector file says. A vector that is no vector comes as its error, under its id where it has one, so that the
// others are evaluated all the same.
type file struct {
	title   string
	vectors []vector
	broken  []error // by place in vectors; nil for a good one
}

// parseFile reads one object of schema cinesync-vectors/1. Fields beside schema, title, count and vectors are notes.
func parseFile(b []byte) (file, error) {
	if len(b) > MaxFile {
		return file{}, fmt.Errorf("the file has %d bytes, at most %d are read", len(b), MaxFile)
	}
	var f file
	var raw []json.RawMessage
	count, seen := 0, map[string]bool{}
	err := strictjson.Object(b, func(name string, value json.RawMessage) error {
		seen[name] = true
		var err error
		switch name {
		case "schema":
			var s string
			if s, err = text(value); err == nil && s != schema {
				err = fmt.Errorf("%q is not known; this program reads %q", s, schema)
			}
		case "title":
			f.title, err = text(value)
		case "count":
			count, err = whole(value, 0, maxVectors)
		case "vectors":
			if err = json.Unmarshal(value, &raw); err != nil || raw == nil {
				err = errors.New("a list of vectors is wanted")
			} else if len(raw) > maxVectors {
				err = fmt.Errorf("%d vectors, at most %d are read", len(raw), maxVectors)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return file{}, err
	}
	for _, name := range []string{"schema", "title", "count", "vectors"} {
		if !seen[name] {
			return file{}, fmt.Errorf("%s: missing", name)
		}
	}
	if count != len(raw) {
		return file{}, fmt.Errorf("count: %d is announced, %d vectors follow", count, len(raw))
	}
	if len(raw) == 0 {
		return file{}, errors.New("vectors: empty, so that nothing would be checked")
	}
	return f, f.read(raw)
}

// read parses the vectors; an id that stands there twice makes the whole file wrong.
func (f *file) read(raw []json.RawMessage) error {
	at := map[string]int{}
	for i, r := range raw {
		v, err := parseVector(r)
		if v.ID == "" {
			v.ID = fmt.Sprintf("vectors[%d]", i)
		}
		if first, twice := at[v.ID]; twice {
			return fmt.Errorf("vectors: %d and %d have the same id %q", first, i, v.ID)
		}
		at[v.ID] = i
		f.vectors, f.broken = append(f.vectors, v), append(f.broken, err)
	}
	return nil
}

// parseVector keeps the id even of a vector with a mistake, once it was read.
func parseVector(b json.RawMessage) (vector, error) {
	var v vector
	seen := map[string]bool{}
	err := strictjson.Object(b, func(name string, value json.RawMessage) error {
		seen[name] = true
		var err error
		switch name {
		case "id":
			if v.ID, err = text(value); err == nil && !printable.MatchString(v.ID) {
				v.ID, err = "", errors.New("1 to 200 printable characters are wanted")
			}
		case "kind":
			v.Kind, err = text(value)
		case "inputs":
			v.inputs, err = fields(value)
		case "expected":
			v.expected, err = fields(value)
		case "tolerance":
			v.tolerance, err = fields(value)
		case "source", "note":
			_, err = text(value)
		default:
			err = errors.New("unknown field")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	for _, name := range []string{"id", "kind", "inputs", "expected", "tolerance", "source"} {
		if !seen[name] {
			return v, fmt.Errorf("%s: missing", name)
		}
	}
	return v, nil
}

var printable = regexp.MustCompile(`^[\p{L}\p{N}\p{P}\p{S} ]{1,200}$`)

func text(b json.RawMessage) (string, error) {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return "", errors.New("a text is wanted")
	}
	if len(*s) > maxText {
		return "", fmt.Errorf("a text of %d bytes, at most %d are read", len(*s), maxText)
	}
	return *s, nil
}

func fields(b json.RawMessage) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	err := strictjson.Object(b, func(name string, value json.RawMessage) error {
		if len(out) == maxFields {
			return fmt.Errorf("more than %d fields", maxFields)
		}
		out[name] = value
		return nil
	})
	return out, err
}

// number reads a JSON number exactly. A value with more digits than any field can have is refused before it costs anything.
func number(b json.RawMessage) (*big.Rat, error) {
	s := string(b)
	if len(s) > 40 || s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return nil, errors.New("a number of at most 40 characters is wanted")
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if e, err := strconv.Atoi(s[i+1:]); err != nil || e > 100 || e < -100 {
			return nil, errors.New("an exponent from -100 to 100 is wanted")
		}
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%s is no number", s)
	}
	return r, nil
}

// whole reads an integer from low to high; 64.0 is one too.
func whole(b json.RawMessage, low, high int64) (int, error) {
	r, err := number(b)
	switch {
	case err != nil:
		return 0, err
	case !r.IsInt() || !r.Num().IsInt64() || r.Num().Int64() < low || r.Num().Int64() > high:
		return 0, fmt.Errorf("%s: a whole number from %d to %d is wanted", b, low, high)
	}
	return int(r.Num().Int64()), nil
}
