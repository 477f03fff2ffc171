package web

import (
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cinesync/cinesync/serve"
)

type metrics struct {
	requests *prometheus.CounterVec   // by route, method and status
	seconds  *prometheus.HistogramVec // by route
	shed     prometheus.Counter
}

func newMetrics(r prometheus.Registerer, s *serve.Service, p Privacy) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cinesync_http_requests_total", Help: "Requests answered."}, []string{"route", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "cinesync_http_request_seconds", Help: "Time to answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}}, []string{"route"}),
		shed: prometheus.NewCounter(prometheus.CounterOpts{Name: "cinesync_http_shed_total", Help: "Requests turned away because too many were under way."}),
	}
	release := func(name, help string, of func(serve.Release) uint64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			r, _ := s.Release()
			return float64(of(r))
		})
	}
	figure := func(name, help string, of func(Figure) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			if p == nil {
				return math.NaN()
			}
			f, err := p.Figure()
			if err != nil || f.Warning != "" {
				return math.NaN()
			}
			return of(f)
		})
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.shed,
		release("cinesync_serve_model_version", "Version of the model in service, 0 without one.", func(r serve.Release) uint64 { return r.Version }),
		release("cinesync_serve_model_round", "Round that produced the model in service.", func(r serve.Release) uint64 { return r.Round }),
		release("cinesync_serve_log_index", "Log index of that round.", func(r serve.Release) uint64 { return r.LogIndex }),
		figure("cinesync_serve_privacy_epsilon", "Epsilon of one device over all logged rounds, without amplification; NaN without a figure to rely on.", func(f Figure) float64 { return f.Epsilon }),
		figure("cinesync_serve_privacy_delta", "Delta of that epsilon.", func(f Figure) float64 { return f.Delta }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "cinesync_serve_releases_total", Help: "Releases put into service."},
			func() float64 { taken, _ := s.Swaps(); return float64(taken) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "cinesync_serve_releases_refused_total", Help: "Releases that failed a check."},
			func() float64 { _, refused := s.Swaps(); return float64(refused) }),
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// method names a request's method for metrics: whatever a stranger sends must not become a label.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// measured bounds the body, counts and times a route, and turns a panic of its own into a problem. The log line names the route,
// never the path or the body: they say what somebody watches.
func (h *Handler) measured(route string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		a := &answer{ResponseWriter: w}
		defer func() {
			if broken := recover(); broken != nil {
				h.cfg.Log.ErrorContext(r.Context(), "broken invariant", slog.String("route", route), slog.Any("panic", broken), slog.String("stack", string(debug.Stack())))
				if a.status == 0 {
					h.problem(a, r, problem{Status: http.StatusInternalServerError, Code: "internal", Detail: "this request met a fault of ours"})
				}
			}
			took := time.Since(start)
			h.metrics.requests.WithLabelValues(route, method(r), strconv.Itoa(a.code())).Inc()
			h.metrics.seconds.WithLabelValues(route).Observe(took.Seconds())
			h.cfg.Log.DebugContext(r.Context(), "request", slog.String("route", route), slog.String("method", method(r)), slog.Int("status", a.code()),
				slog.Duration("took", took), slog.String("request_id", w.Header().Get("X-Request-Id")))
		}()
		next(a, r)
	})
}

// answer remembers the status that went out.
type answer struct {
	http.ResponseWriter
	status int // 0 before anything went out
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

func (a *answer) code() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}
