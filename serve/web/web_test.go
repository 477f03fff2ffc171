package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cinesync/cinesync/internal/ops"
	"github.com/cinesync/cinesync/model"
)

const asJSON = "Content-Type: application/json"

func TestALongBodyIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	w.load(model.TwoTowerFamily, 3)
	body := `{"seeds":["` + strings.Repeat("x", maxBody) + `"]}`
	a := w.do("POST", "/api/v2/recommend", body, asJSON)
	if a.Code != http.StatusRequestEntityTooLarge || !strings.Contains(a.Body.String(), `"code":"too_large"`) {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	if a := w.do("POST", "/", "q="+strings.Repeat("x", maxBody), "Content-Type: application/x-www-form-urlencoded"); a.Code != http.StatusBadRequest {
		t.Errorf("the page's form: %d", a.Code)
	}
}

func TestTooManyUnknownSeedsAreAllNamed(t *testing.T) {
	w := newWorld(t, nil)
	w.load(model.TwoTowerFamily, 3)
	seeds := make([]string, 1000)
	for i := range seeds {
		seeds[i] = fmt.Sprintf("x:%d", i)
	}
	body, err := json.Marshal(map[string]any{"seeds": seeds})
	if err != nil {
		t.Fatal(err)
	}
	a := w.do("POST", "/api/v2/recommend", string(body), asJSON)
	if a.Code != http.StatusUnprocessableEntity || strings.Count(a.Body.String(), "is not known to the model") != len(seeds) {
		t.Errorf("%d with %d remarks", a.Code, strings.Count(a.Body.String(), "is not known to the model"))
	}
}

func TestTooManyRequestsAtOnceAreShed(t *testing.T) {
	held, release := make(chan struct{}), make(chan struct{})
	var health ops.Health
	health.Add("slow", func(context.Context) error { close(held); <-release; return nil })
	w := newWorld(t, func(c *Config) { c.InFlight, c.Health = 1, &health })
	var wg sync.WaitGroup
	wg.Go(func() { w.do("GET", "/readyz", "") })
	<-held
	a := w.do("GET", "/healthz", "")
	close(release)
	wg.Wait()
	if a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" || !strings.Contains(a.Body.String(), `"code":"busy"`) {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	checkAnswer(t, "GET", "/healthz", a)
	if a := w.do("GET", "/healthz", ""); a.Code != http.StatusOK {
		t.Errorf("afterwards: %d", a.Code)
	}
	if a := w.do("GET", "/metrics", ""); !strings.Contains(a.Body.String(), "cinesync_http_shed_total 1") {
		t.Error("the shed request is not counted")
	}
}

func TestAPanicIsAProblemAndIsLogged(t *testing.T) {
	var health ops.Health
	health.Add("broken", func(context.Context) error { panic("broken invariant: test") })
	w := newWorld(t, func(c *Config) { c.Health = &health })
	a := w.do("GET", "/readyz", "")
	if a.Code != http.StatusInternalServerError || !strings.Contains(a.Body.String(), `"code":"internal"`) || strings.Contains(a.Body.String(), "invariant") {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	if !strings.Contains(w.log.String(), "broken invariant: test") || !strings.Contains(w.log.String(), "stack=") {
		t.Error("the panic is not in the log")
	}
}

// TestNothingAskedIsLogged asks for titles in every way, with the log at its loudest.
func TestNothingAskedIsLogged(t *testing.T) {
	w := newWorld(t, nil)
	w.load(model.TwoTowerFamily, 3)
	id := w.titles.At(0).ID
	w.do("POST", "/api/v2/recommend", `{"seeds":["`+id+`"]}`, asJSON)
	w.do("POST", "/api/v2/recommend", `{"seeds":["metropolis:unknown"]}`, asJSON)
	w.do("GET", "/api/v2/items/"+id, "")
	w.do("GET", "/api/v2/items/metropolis:unknown/similar", "")
	w.do("GET", "/metropolis", "")
	w.post(url.Values{"q": {"metropolis"}, "seed": {id}})
	if strings.Count(w.log.String(), "request_id=") < 6 {
		t.Fatalf("the log has not a line for each request:\n%s", w.log)
	}
	slug := strings.Split(id, ":")[2]
	metrics := w.do("GET", "/metrics", "").Body.String()
	if logged := w.log.String() + metrics; strings.Contains(logged, slug) || strings.Contains(logged, "metropolis") {
		t.Errorf("a title that was asked for stands in log or metrics:\n%s", w.log)
	}
}

func TestMetrics(t *testing.T) {
	w := newWorld(t, nil)
	w.load(model.TwoTowerFamily, 3)
	snapshot, note := w.release(model.TwoTowerFamily, 4)
	if err := w.service.Swap(context.Background(), snapshot[1:], note); err == nil {
		t.Fatal("a damaged snapshot was taken")
	}
	w.do("POST", "/api/v2/recommend", `{"seeds":["`+w.titles.At(0).ID+`"]}`, asJSON)
	w.do("BREW", "/nowhere", "")
	text := w.do("GET", "/metrics", "").Body.String()
	for _, want := range []string{
		`cinesync_http_requests_total{code="200",method="POST",route="/api/v2/recommend"} 1`,
		`cinesync_http_requests_total{code="404",method="other",route="other"} 1`,
		`cinesync_http_request_seconds_count{route="/api/v2/recommend"} 1`,
		"cinesync_serve_model_version 3", "cinesync_serve_model_round 4", "cinesync_serve_log_index 23",
		"cinesync_serve_releases_total 1", "cinesync_serve_releases_refused_total 1", "go_goroutines",
	} {
		if !strings.Contains(text, want+"\n") && !strings.Contains(text, want+" ") {
			t.Errorf("metrics lack %s", want)
		}
	}
}

// TestAWarningTakesTheGaugesBack: no dashboard shows a figure that nobody should rely on.
func TestAWarningTakesTheGaugesBack(t *testing.T) {
	w := newWorld(t, nil)
	for _, row := range []struct {
		change func()
		want   string
	}{{func() {}, "cinesync_serve_privacy_epsilon NaN"}, {func() { w.figure("30") }, "cinesync_serve_privacy_epsilon 7.48"},
		{func() { w.figures.figure.Warning = "check A6 fails" }, "cinesync_serve_privacy_epsilon NaN"}} {
		row.change()
		if body := w.do("GET", "/metrics", "").Body.String(); !strings.Contains(body, row.want) {
			t.Errorf("want %s", row.want)
		}
	}
}

// TestThePageNeverShowsLessThanTheFigure: a bound that was rounded down is none.
func TestThePageNeverShowsLessThanTheFigure(t *testing.T) {
	w := newWorld(t, nil)
	w.load(model.TwoTowerFamily, 3)
	w.figure("30")
	for eps, want := range map[float64]string{7.48: "ε = 7.48<", 7.4801: "ε = 7.49<", 123.4: "ε = 123.4<", 123.401: "ε = 123.41<", 0.0001: "ε = 0.01<", 0: "ε = 0<"} {
		w.figures.figure.Epsilon = eps
		if body := w.do("GET", "/", "").Body.String(); !strings.Contains(body, want) {
			t.Errorf("ε = %v is not shown as %s", eps, want)
		}
	}
}

func TestTheSameRegistryTwiceIsAnError(t *testing.T) {
	registry := ops.NewRegistry()
	w := newWorld(t, func(c *Config) { c.Registry = registry })
	if _, err := New(Config{Service: w.service, Registry: registry}); err == nil {
		t.Error("two handlers share their metrics without an error")
	}
	if _, err := New(Config{}); err == nil {
		t.Error("a handler without a service was made")
	}
}

// TestASwapUnderLoadNeverMixesVersions goes through the whole handler: title, version, round, log index and hash belong together (P21).
func TestASwapUnderLoadNeverMixesVersions(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Random, c.Log = nil, slog.New(slog.DiscardHandler) })
	const swaps, askers, asks = 20, 4, 300
	type release struct{ snapshot, note []byte }
	var releases []release
	hashes := map[uint64]string{}
	for v := range uint64(swaps) {
		snapshot, note := w.release(model.TwoTowerFamily, v+1)
		var n struct{ Model string }
		if err := json.Unmarshal(note, &n); err != nil {
			t.Fatal(err)
		}
		hashes[v+1] = n.Model
		releases = append(releases, release{snapshot, note})
	}
	w.load(model.TwoTowerFamily, 1)
	tick := make(chan struct{}, askers*asks)
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			ids := map[string]bool{}
			for range asks {
				a := w.do("POST", "/api/v2/recommend", `{"seeds":["`+w.titles.At(30).ID+`"],"n":1}`, asJSON)
				var s slate
				if err := json.Unmarshal(a.Body.Bytes(), &s); err != nil || a.Code != http.StatusOK {
					t.Errorf("%d %s", a.Code, a.Body)
					return
				}
				v := s.Model.Version
				if s.Items[0].ID != w.titles.At(int(v)).ID || s.Model.Round != v+1 || s.LogIndex != v+20 || s.Model.Hash != hashes[v] {
					t.Errorf("mixed versions: %s", a.Body)
					return
				}
				if ids[s.RecommID] || len(s.RecommID) != 32 {
					t.Errorf("slate id %q", s.RecommID)
				}
				ids[s.RecommID] = true
				tick <- struct{}{}
			}
		})
	}
	for _, r := range releases[1:] {
		for range askers * asks / swaps / 2 {
			<-tick
		}
		if err := w.service.Swap(context.Background(), r.snapshot, r.note); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func (w *world) post(form url.Values) *httptest.ResponseRecorder {
	return w.do("POST", "/", form.Encode(), "Content-Type: application/x-www-form-urlencoded")
}

var (
	addButton = regexp.MustCompile(`name="add" value="([^"]*)"`)
	hidden    = regexp.MustCompile(`name="seed" value="([^"]*)"`)
	listed    = regexp.MustCompile(`<strong>([^<]*)</strong>`)
)

func all(re *regexp.Regexp, body string) (out []string) {
	for _, m := range re.FindAllStringSubmatch(body, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

// TestThePageWorksLikeAPersonUsesIt searches, adds, gets a list, removes, without a script or a cookie.
func TestThePageWorksLikeAPersonUsesIt(t *testing.T) {
	w := newWorld(t, nil)
	if body := w.do("GET", "/", "").Body.String(); !strings.Contains(body, "No trained model yet") {
		t.Error("the page does not say that there is no model")
	}
	w.load(model.TwoTowerFamily, 3)
	if body := w.do("GET", "/", "").Body.String(); !strings.Contains(body, "version 3") || !strings.Contains(body, "<dd>4</dd>") || !strings.Contains(body, "<dd>23</dd>") {
		t.Errorf("version, round or log entry is missing:\n%s", body)
	}
	if body := w.do("GET", "/", "").Body.String(); !strings.Contains(body, "No privacy figure: the public log was not read yet") {
		t.Error("the page does not say why there is no figure")
	}
	w.figure("30")
	if body := w.do("GET", "/", "").Body.String(); !strings.Contains(body, "ε = 7.48") || !strings.Contains(body, "for one device, towards a coordinator, without amplification. It assumes little.") || strings.Contains(body, "<details") || strings.Contains(body, "Do not rely") {
		t.Errorf("the figure or its words are missing:\n%s", body)
	}
	w.figures.figure.Warning = "check A6 fails"
	if body := w.do("GET", "/", "").Body.String(); !strings.Contains(body, "Do not rely on this figure: check A6 fails.") {
		t.Error("the figure stands without its warning")
	}
	body := w.post(url.Values{"q": {"the g"}}).Body.String()
	found := all(addButton, body)
	if !slices.Contains(found, "cinesync:film:the-general-1926") || strings.Contains(body, "<ol>") {
		t.Fatalf("search found %v", found)
	}
	body = w.post(url.Values{"q": {"the g"}, "add": {found[0]}}).Body.String()
	seeds := all(hidden, body)
	if !slices.Equal(seeds, found[:1]) || slices.Contains(all(addButton, body), found[0]) {
		t.Fatalf("after adding %s: seeds %v", found[0], seeds)
	}
	if list := all(listed, body); len(list) != pageList || list[0] != w.titles.At(3).Title {
		t.Errorf("list %v, want %d with %s first", list, pageList, w.titles.At(3).Title)
	}
	body = w.post(url.Values{"seed": seeds, "add": {w.titles.At(5).ID}}).Body.String()
	if seeds = all(hidden, body); len(seeds) != 2 {
		t.Fatalf("two added: seeds %v", seeds)
	}
	body = w.post(url.Values{"seed": seeds, "remove": {seeds[0]}}).Body.String()
	if got := all(hidden, body); !slices.Equal(got, seeds[1:]) {
		t.Errorf("after removing the first: %v", got)
	}
	if seed := w.titles.At(5); !strings.Contains(body, "because you chose "+seed.Title) {
		t.Errorf("no title is listed because of %s, the only one chosen", seed.Title)
	}
	body = w.post(url.Values{"seed": seeds[1:], "kind": {"series"}}).Body.String()
	if list := all(listed, body); len(list) != 0 || !strings.Contains(body, `<option value="series" selected>`) {
		t.Errorf("series of a catalogue without any: %v", list)
	}
	if list := all(listed, w.post(url.Values{"seed": seeds[1:], "kind": {"film"}}).Body.String()); len(list) != pageList {
		t.Errorf("%d films, want %d", len(list), pageList)
	}
	if body := w.post(url.Values{"q": {"zzz<script>"}}).Body.String(); !strings.Contains(body, "No title matches") || strings.Contains(body, "<script") {
		t.Error("a search without a match")
	}
	if body := w.post(url.Values{"seed": {w.titles.At(39).ID}}).Body.String(); !strings.Contains(body, `role="alert"`) {
		t.Error("a title outside the model is not explained")
	}
}

func TestThePageIsSelfContained(t *testing.T) {
	w := newWorld(t, nil)
	a := w.do("GET", "/", "")
	if csp := a.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'self'") || strings.Contains(csp, "script-src") {
		t.Errorf("policy %q", csp)
	}
	body := a.Body.String()
	for _, bad := range []string{"<script", "http://", "https://", "style=", "onclick"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, need := range []string{`lang="en"`, `<label for="q">`, `class="skip"`, `name="viewport"`} {
		if !strings.Contains(body, need) {
			t.Errorf("the page lacks %q", need)
		}
	}
	style := w.do("GET", "/style.css", "")
	for _, need := range []string{"prefers-color-scheme: dark", ":focus-visible"} {
		if !strings.Contains(style.Body.String(), need) {
			t.Errorf("the style lacks %q", need)
		}
	}
	if cookies := a.Result().Cookies(); len(cookies) > 0 {
		t.Errorf("the page sets %v", cookies)
	}
}

func TestServerHasTimeOuts(t *testing.T) {
	s := NewServer(http.NotFoundHandler(), nil)
	for name, d := range map[string]time.Duration{"read header": s.ReadHeaderTimeout, "read": s.ReadTimeout, "write": s.WriteTimeout, "idle": s.IdleTimeout} {
		if d <= 0 {
			t.Errorf("no %s time-out", name)
		}
	}
	if s.MaxHeaderBytes <= 0 || s.MaxHeaderBytes > 64<<10 {
		t.Errorf("header limit %d", s.MaxHeaderBytes)
	}
}

func TestNoRandomnessNoAnswer(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Random = broken{} })
	if a := w.do("GET", "/healthz", ""); a.Code != http.StatusInternalServerError {
		t.Errorf("%d", a.Code)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{`{"seeds":["a:b"],"n":3}`, `{"vector":[1,-2.5e3]}`, `{"seeds":[null]}`, `{"n":1e2}`, `{"x":1}`, `[]`, `{"seeds":["\ud800"]}`} {
		f.Add([]byte(s))
	}
	w := newWorld(f, nil)
	w.load(model.TwoTowerFamily, 3)
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := parseQuery(body)
		if err != nil {
			var bad *requestError
			if !errors.As(err, &bad) || bad.problem.Status < 400 || bad.problem.Status >= 500 {
				t.Fatalf("%q: %v is no fault of the asker", body, err)
			}
			return
		}
		if q.N < 0 || q.N > 100 || len(q.Seeds) > 1000 || len(q.Vector) > maxVector {
			t.Fatalf("%q: %+v is over its limits", body, q)
		}
		a := w.do("POST", "/api/v2/recommend", string(body), asJSON)
		if a.Code != http.StatusOK && a.Code != http.StatusUnprocessableEntity {
			t.Fatalf("%q: %d %s", body, a.Code, a.Body)
		}
	})
}
