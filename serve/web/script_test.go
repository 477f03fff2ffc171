package web

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/serve"
	"github.com/cinesync/cinesync/serve/catalog"
)

// NB: if a script fails, run with -update and inspect the difference. Only commit it if you understand what caused it.
var update = flag.Bool("update", false, "rewrite the answers in testdata/scripts")

// world is a handler over a service whose models the test makes.
type world struct {
	t       testing.TB
	key     ed25519.PrivateKey
	titles  *catalog.Catalogue
	service *serve.Service
	handler *Handler
	log     *bytes.Buffer
	figures figures
}

// figures is what a test says that the public log gives.
type figures struct {
	figure Figure
	err    error
}

func (f *figures) Figure() (Figure, error) { return f.figure, f.err }

// figure sets the figure of a log of so many entries, or takes it away.
func (w *world) figure(entries string) {
	w.figures = figures{err: errors.New("the public log was not read yet")}
	if entries != "none" {
		n, err := strconv.Atoi(entries)
		if err != nil {
			w.t.Fatal(err)
		}
		w.figures = figures{figure: Figure{Epsilon: 7.48, Delta: 1e-6, Rho: 0.9375, Dearest: 7.48, Periods: 1, Unit: "one device", Towards: "a coordinator", Assumed: "It assumes little",
			Sampling: "none", Entries: n, Rounds: 30}}
	}
}

// counter is a source of ids that count up, so that scripts can pin them.
type counter struct{ n int }

func (c *counter) Read(b []byte) (int, error) {
	clear(b)
	c.n++
	copy(b[max(0, len(b)-2):], []byte{byte(c.n >> 8), byte(c.n)})
	return len(b), nil
}

func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), log: new(bytes.Buffer)}
	var err error
	if w.titles, err = catalog.FromTitles(catalog.Builtin().Titles()[:40]); err != nil {
		t.Fatal(err)
	}
	w.service, err = serve.New(serve.Config{Models: fstest.MapFS{}, Key: w.key.Public().(ed25519.PublicKey), Catalogue: w.titles})
	if err != nil {
		t.Fatal(err)
	}
	w.figure("none")
	cfg := Config{Service: w.service, Privacy: &w.figures, Random: new(counter), Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&cfg)
	}
	if w.handler, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

// release makes a version that rates the title at row version above all others.
func (w *world) release(family string, version uint64) (snapshot, note []byte) {
	w.t.Helper()
	ids := append(w.titles.IDs()[:39:39], "x:not-in-the-catalogue")
	s, err := model.New(family, ids, catalog.Features(w.titles.Titles()), 4)
	if err != nil {
		w.t.Fatal(err)
	}
	at, _, _ := s.Layout.Offset("b")
	s.Params[at+int(version)] = 1000
	return s.Encode(), serve.Release{Model: s.Hash(), Version: version, Round: version + 1, LogIndex: version + 20}.Sign(w.key).Encode()
}

func (w *world) load(family string, version uint64) {
	w.t.Helper()
	snapshot, note := w.release(family, version)
	if err := w.service.Swap(context.Background(), snapshot, note); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	return answer
}

// TestScripts plays testdata/scripts against the real handler. A script is a list of steps between blank lines. A step is either
// "model FAMILY VERSION", or a request line, header lines and a body line, then ---- and the answer: its status, the headers that
// matter and its body. In bodies, scores and hashes stand as SCORE and HASH. Every JSON answer is checked against openapi.json.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newWorld(t, nil).play(string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (w *world) play(script string) string {
	var out []string
	for step := range strings.SplitSeq(strings.TrimRight(script, "\n"), "\n\n") {
		asked, _, _ := strings.Cut(step, "\n----")
		var lines, comments []string
		for line := range strings.SplitSeq(asked, "\n") {
			if strings.HasPrefix(line, "#") {
				comments = append(comments, line)
			} else {
				lines = append(lines, line)
			}
		}
		shown := strings.Join(append(comments, lines...), "\n")
		if len(lines) == 0 {
			out = append(out, shown)
			continue
		}
		words := strings.Fields(lines[0])
		if words[0] == "figure" { // none, or to how many log entries
			w.figure(words[1])
			out = append(out, shown)
			continue
		}
		if words[0] == "model" {
			version, err := strconv.ParseUint(words[2], 10, 8)
			if err != nil {
				w.t.Fatal(err)
			}
			w.load(words[1], version)
			out = append(out, shown)
			continue
		}
		body, headers := "", []string{}
		for _, line := range lines[1:] {
			if regexp.MustCompile(`^[A-Z][A-Za-z-]+: `).MatchString(line) {
				headers = append(headers, line)
			} else {
				body += line
			}
		}
		answer := w.do(words[0], words[1], body, headers...)
		out = append(out, shown+"\n----\n"+w.show(words, answer))
	}
	return strings.Join(out, "\n\n") + "\n"
}

var (
	scores = regexp.MustCompile(`"score":-?[0-9.e+-]+`)
	hashes = regexp.MustCompile(`"hash":"[0-9a-f]{64}"`)
)

func (w *world) show(request []string, a *httptest.ResponseRecorder) string {
	lines := []string{fmt.Sprintf("%d %s", a.Code, a.Header().Get("Content-Type"))}
	for _, name := range []string{"Allow", "Retry-After"} {
		if v := a.Header().Get(name); v != "" {
			lines = append(lines, name+": "+v)
		}
	}
	body := a.Body.String()
	if strings.Contains(a.Header().Get("Content-Type"), "json") {
		checkAnswer(w.t, request[0], request[1], a)
	}
	body = hashes.ReplaceAllString(scores.ReplaceAllString(body, `"score":SCORE`), `"hash":"HASH"`)
	body = strings.ReplaceAll(body, `},{"id"`, "},\n{\"id\"")
	return strings.Join(append(lines, strings.TrimRight(body, "\n")), "\n")
}

// TestOpenAPIListsTheRoutes compares the description with what is served, both ways.
func TestOpenAPIListsTheRoutes(t *testing.T) {
	var served, described []string
	for _, r := range newWorld(t, nil).handler.routes() {
		served = append(served, r.method+" "+strings.TrimSuffix(r.path, "{$}"))
	}
	for path, methods := range description(t)["paths"].(map[string]any) {
		for m := range methods.(map[string]any) {
			described = append(described, strings.ToUpper(m)+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if diff := cmp.Diff(served, described); diff != "" {
		t.Errorf("openapi.json does not list what is served:\n%s", diff)
	}
}

func description(t testing.TB) map[string]any {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(openapiJSON, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// checkAnswer holds an answer against the schema that openapi.json gives for its path, method, status and type.
func checkAnswer(t testing.TB, method, target string, a *httptest.ResponseRecorder) {
	t.Helper()
	d := description(t)
	schemas := d["components"].(map[string]any)["schemas"].(map[string]any)
	schema := schemas["Problem"].(map[string]any)
	path, _, _ := strings.Cut(target, "?")
	for p, methods := range d["paths"].(map[string]any) {
		pattern := "^" + regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(p), "[^/]+") + "$"
		operation, ok := methods.(map[string]any)[strings.ToLower(method)].(map[string]any)
		if !ok || !regexp.MustCompile(pattern).MatchString(path) {
			continue
		}
		response, ok := operation["responses"].(map[string]any)[strconv.Itoa(a.Code)].(map[string]any)
		if !ok {
			t.Errorf("%s %s: status %d is not described", method, target, a.Code)
			return
		}
		kind, ok := response["content"].(map[string]any)[a.Header().Get("Content-Type")].(map[string]any)
		if !ok {
			t.Errorf("%s %s: type %s of status %d is not described", method, target, a.Header().Get("Content-Type"), a.Code)
			return
		}
		schema = kind["schema"].(map[string]any)
	}
	var body any
	if err := json.Unmarshal(a.Body.Bytes(), &body); err != nil {
		t.Errorf("%s %s: %v", method, target, err)
		return
	}
	for _, fault := range validate(schemas, schema, body, "answer") {
		t.Errorf("%s %s %d: %s", method, target, a.Code, fault)
	}
}

// validate checks the words of JSON Schema that openapi.json uses.
func validate(schemas, schema map[string]any, v any, at string) (faults []string) {
	if ref, ok := schema["$ref"].(string); ok {
		schema = schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any)
	}
	if list, ok := schema["enum"].([]any); ok && !slices.Contains(list, v) {
		faults = append(faults, fmt.Sprintf("%s is %v, not one of %v", at, v, list))
	}
	if list := asList(schema["anyOf"]); len(list) > 0 {
		var all []string
		for _, one := range list {
			some := validate(schemas, one.(map[string]any), v, at)
			if len(some) == 0 {
				return faults
			}
			all = append(all, some...)
		}
		return append(faults, all...)
	}
	if want, ok := schema["const"]; ok && want != v {
		faults = append(faults, fmt.Sprintf("%s is %v, want %v", at, v, want))
	}
	if p, ok := schema["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(fmt.Sprint(v)) {
		faults = append(faults, fmt.Sprintf("%s is %v, want %s", at, v, p))
	}
	if want, ok := schema["type"].(string); ok && !typed(want, v) {
		faults = append(faults, fmt.Sprintf("%s is %T, want %s", at, v, want))
	}
	switch v := v.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for _, name := range asList(schema["required"]) {
			if _, ok := v[name.(string)]; !ok {
				faults = append(faults, fmt.Sprintf("%s lacks %v", at, name))
			}
		}
		for name, inner := range v {
			if s, ok := properties[name].(map[string]any); ok {
				faults = append(faults, validate(schemas, s, inner, at+"."+name)...)
			} else if schema["additionalProperties"] == false {
				faults = append(faults, fmt.Sprintf("%s has %s, which is not described", at, name))
			}
		}
	case []any:
		if s, ok := schema["items"].(map[string]any); ok {
			for i, inner := range v {
				faults = append(faults, validate(schemas, s, inner, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	}
	return faults
}

func asList(v any) []any { l, _ := v.([]any); return l }

func typed(want string, v any) bool {
	switch v := v.(type) {
	case nil:
		return want == "null"
	case string:
		return want == "string"
	case bool:
		return want == "boolean"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v))
	case []any:
		return want == "array"
	default:
		return want == "object"
	}
}

func TestTheValidatorFindsFaults(t *testing.T) {
	schemas := description(t)["components"].(map[string]any)["schemas"].(map[string]any)
	for _, bad := range []string{
		`{}`, `[]`, `{"status":"ready"}`, `{"status":"ready","checks":[{"name":1,"ok":true}]}`, `{"status":"odd","checks":[]}`, `{"status":"ready","checks":[],"more":1}`,
	} {
		var v any
		if err := json.Unmarshal([]byte(bad), &v); err != nil {
			t.Fatal(err)
		}
		if len(validate(schemas, schemas["Ready"].(map[string]any), v, "x")) == 0 {
			t.Errorf("%s passes as Ready", bad)
		}
	}
}
