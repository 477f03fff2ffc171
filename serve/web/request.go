package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/internal/strictjson"
	"github.com/cinesync/cinesync/serve"
	"github.com/cinesync/cinesync/serve/catalog"
)

// Limits of a request.
const (
	maxBody   = 1 << 20 // bytes
	maxVector = 4096    // numbers; a model's own width is checked by the service
	maxListed = 20      // wrong fields in one answer
)

// requestError is a request that did not get as far as the service.
type requestError struct{ problem problem }

func (e *requestError) Error() string { return e.problem.Code + ": " + e.problem.Detail }

// readQuery reads the body of POST /api/v2/recommend.
func readQuery(r *http.Request) (serve.Query, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return serve.Query{}, &requestError{problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Detail: "send Content-Type: application/json"}}
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return serve.Query{}, &requestError{problem{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Detail: fmt.Sprintf("the body is longer than %d bytes", large.Limit)}}
	}
	if err != nil {
		return serve.Query{}, &requestError{problem{Status: http.StatusBadRequest, Code: "incomplete", Detail: "the body could not be read to its end"}}
	}
	return parseQuery(body)
}

// parseQuery reads {"seeds": [id, ...]} or {"vector": [number, ...]}, each with an optional "n" and "kind". It lists every field that is
// unknown or wrong, up to a bound.
func parseQuery(body []byte) (q serve.Query, err error) {
	var bad []fieldError
	err = strictjson.Object(body, func(name string, value json.RawMessage) error {
		detail := ""
		switch name {
		case "seeds":
			q.Seeds, detail = list[string](value, serve.MaxSeeds, "ids")
		case "vector":
			q.Vector, detail = list[float32](value, maxVector, "numbers of 32 bits")
		case "n":
			n, err := strconv.Atoi(string(value))
			if q.N = n; err != nil || n < 1 || n > serve.MaxN {
				detail = fmt.Sprintf("want a whole number from 1 to %d", serve.MaxN)
			}
		case "kind":
			var word string
			err := json.Unmarshal(value, &word)
			if q.Kind, err = kindOf(word, err); err != nil {
				detail = wantKind
			}
		default:
			detail = "unknown field; seeds, vector, n and kind are known"
		}
		if detail == "" {
			return nil
		}
		if bad = append(bad, fieldError{shorten(name), detail}); len(bad) == maxListed {
			return errTooMany
		}
		return nil
	})
	if err != nil && !errors.Is(err, errTooMany) {
		return serve.Query{}, &requestError{problem{Status: http.StatusBadRequest, Code: "malformed", Detail: "the body is not one JSON object: " + shorten(err.Error())}}
	}
	if len(bad) > 0 {
		return serve.Query{}, &requestError{invalid(bad...)}
	}
	return q, nil
}

var errTooMany = errors.New("more wrong fields than are listed")

// list reads an array of a bounded length; detail says what is wrong.
func list[T string | float32](value json.RawMessage, most int, of string) (out []T, detail string) {
	if len(value) == 0 || value[0] != '[' {
		return nil, "want an array of " + of
	}
	// Elements are pointers for a moment, so that null is not taken for an empty one.
	var elements []*T
	if err := json.Unmarshal(value, &elements); err != nil {
		return nil, "want an array of " + of
	}
	if len(elements) == 0 || len(elements) > most {
		return nil, fmt.Sprintf("%d %s, want 1 to %d", len(elements), of, most)
	}
	for i, e := range elements {
		if e == nil {
			return nil, fmt.Sprintf("element %d is null", i)
		}
		out = append(out, *e)
	}
	return out, ""
}

// wantKind says what a kind may be.
const wantKind = "want film or series; leave it out for both"

func kindOf(word string, err error) (catalog.Kind, error) {
	if err != nil {
		return 0, err
	}
	return catalog.ParseKind(word)
}

// parameter is one that a query string may have, at most once.
type parameter struct {
	read func(value string) bool
	want string
}

// readSimilar reads the query string of a similar request: n and kind, each at most once. 0 stands for one that is not given.
func readSimilar(r *http.Request) (n int, kind catalog.Kind, err error) {
	err = readParameters(r, map[string]parameter{
		"n": {want: fmt.Sprintf("want a whole number from 1 to %d", serve.MaxN), read: func(value string) bool {
			n, err = strconv.Atoi(value)
			return err == nil && n >= 1 && n <= serve.MaxN
		}},
		"kind": {want: wantKind, read: func(value string) bool {
			kind, err = catalog.ParseKind(value)
			return err == nil
		}},
	})
	return n, kind, err
}

// noParameters refuses any query string.
func noParameters(r *http.Request) error { return readParameters(r, nil) }

// readParameters reads a query string of known names.
func readParameters(r *http.Request, known map[string]parameter) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &requestError{problem{Status: http.StatusBadRequest, Code: "malformed", Detail: "the query string is not well formed"}}
	}
	var bad []fieldError
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p, ok := known[name]
		switch {
		case !ok:
			bad = append(bad, fieldError{shorten(name), "unknown parameter"})
		case len(values[name]) > 1:
			bad = append(bad, fieldError{name, "stands there more than once"})
		case !p.read(values[name][0]):
			bad = append(bad, fieldError{name, p.want})
		}
	}
	if len(bad) > 0 {
		return &requestError{invalid(bad[:min(len(bad), maxListed)]...)}
	}
	return nil
}

// shorten keeps what strangers sent from filling an answer.
func shorten(s string) string {
	const most = 120
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
