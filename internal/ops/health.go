package ops

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// checkTime is how long all checks of one answer may take together.
const checkTime = 2 * time.Second

// Check says why a part is not ready; nil means that it is. It obeys its context.
type Check func(context.Context) error

// Health knows whether a program is alive and ready. The zero value is alive and, with nothing to wait for, ready.
type Health struct {
	mu     sync.Mutex
	checks []named
}

type named struct {
	name  string
	check Check
}

// Add names a condition of readiness. Adding a name again replaces its check.
func (h *Health) Add(name string, c Check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.checks, func(n named) bool { return n.name == name })
	if i < 0 {
		h.checks = append(h.checks, named{name, c})
		return
	}
	h.checks[i].check = c
}

// Result is one check in an answer of Ready.
type Result struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Run asks all checks, in the order they were added.
func (h *Health) Run(ctx context.Context) (ready bool, results []Result) {
	h.mu.Lock()
	checks := slices.Clone(h.checks)
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	ready, results = true, []Result{}
	for _, c := range checks {
		r := Result{Name: c.name, OK: true}
		if err := c.check(ctx); err != nil {
			r.OK, r.Detail, ready = false, err.Error(), false
		}
		results = append(results, r)
	}
	return ready, results
}

// Live answers GET /healthz: 200 as long as the program can answer at all.
func (h *Health) Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]any{"status": "ok"})
	})
}

// Ready answers GET /readyz: 200 when every check passes, else 503 with Retry-After and the checks that do not.
func (h *Health) Ready() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ready, results := h.Run(r.Context())
		status, word := http.StatusOK, "ready"
		if !ready {
			status, word = http.StatusServiceUnavailable, "not ready"
			w.Header().Set("Retry-After", "5")
		}
		write(w, status, map[string]any{"status": word, "checks": results})
	})
}

func write(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("broken invariant: health answer: " + err.Error()) // words and booleans only
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the asker is gone; nobody is left to tell
}
