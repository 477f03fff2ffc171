package ops

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
)

func get(h http.Handler) (int, string, http.Header) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Code, strings.TrimSpace(w.Body.String()), w.Header()
}

func TestReadyFollowsItsChecks(t *testing.T) {
	var h Health
	for _, step := range []struct {
		name string
		err  error
		code int
		body string
	}{
		{code: 200, body: `{"checks":[],"status":"ready"}`},
		{name: "store", code: 200, body: `{"checks":[{"name":"store","ok":true}],"status":"ready"}`},
		{name: "model", err: errors.New("none is loaded"), code: 503,
			body: `{"checks":[{"name":"store","ok":true},{"name":"model","ok":false,"detail":"none is loaded"}],"status":"not ready"}`},
		{name: "model", code: 200, body: `{"checks":[{"name":"store","ok":true},{"name":"model","ok":true}],"status":"ready"}`},
	} {
		if step.name != "" {
			h.Add(step.name, func(context.Context) error { return step.err })
		}
		code, body, header := get(h.Ready())
		if code != step.code || body != step.body {
			t.Errorf("after %q: %d %s\nwant %d %s", step.name, code, body, step.code, step.body)
		}
		if (code == 503) != (header.Get("Retry-After") != "") {
			t.Errorf("after %q: status %d with Retry-After %q", step.name, code, header.Get("Retry-After"))
		}
		if code, body, _ := get(h.Live()); code != 200 || body != `{"status":"ok"}` {
			t.Errorf("alive: %d %s", code, body)
		}
	}
}

func TestASlowCheckMeetsItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Health
		h.Add("slow", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if ready, results := h.Run(context.Background()); ready || results[0].Detail != "context deadline exceeded" {
			t.Errorf("ready %v, %+v", ready, results)
		}
	})
}

func TestRegistriesDoNotMeet(t *testing.T) {
	a, b := NewRegistry(), NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "cinesync_test_total", Help: "x"})
	a.MustRegister(c)
	_, inA, _ := get(Metrics(a))
	_, inB, _ := get(Metrics(b))
	if !strings.Contains(inA, "cinesync_test_total 0") || strings.Contains(inB, "cinesync_test_total") {
		t.Error("a counter is missing in its registry, or stands in another")
	}
	if !strings.Contains(inB, "go_goroutines") || !strings.Contains(inB, "go_build_info") {
		t.Error("runtime metrics are missing")
	}
}

func TestNewLogger(t *testing.T) {
	for _, c := range []struct{ level, format, want string }{
		{"info", "text", "level=INFO msg=two"},
		{"warn", "text", ""},
		{"debug", "json", `"msg":"one"`},
		{"loud", "text", `log level "loud": want debug, info, warn or error`},
		{"INFO", "text", `log level "INFO"`},
		{"info", "xml", `log format "xml": want text or json`},
	} {
		var out bytes.Buffer
		l, err := NewLogger(&out, c.level, c.format)
		if err != nil {
			out.WriteString(err.Error())
		} else {
			l.Debug("one")
			l.Info("two")
		}
		if got := out.String(); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s %s: %q, want %q", c.level, c.format, got, c.want)
		}
	}
}
