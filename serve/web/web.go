// Package web answers HTTP for people and platforms: the JSON API, health, metrics, and one page.
//
// Owns: routes, the words and shapes of requests and answers, request ids, slate ids, request metrics.
// Promises: every error is problem+json with a code and a request id; a field that is not understood is refused, never passed
// over; what is asked is neither kept nor logged; openapi.json lists exactly the routes that are served.
// Never: computes a score, opens a file.
// Start here: Handler.routes. Specification: docs/spec/http.md.
package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cinesync/cinesync/internal/ops"
	"github.com/cinesync/cinesync/serve"
)

// Config is what a Handler needs. Only Service must be set.
type Config struct {
	Service  *serve.Service
	Registry *prometheus.Registry // gets the metrics and answers /metrics; nil makes one
	Privacy  Privacy              // nil: no figure is shown, and why is said
	Health   *ops.Health          // gets the check "model"; nil makes one
	Log      *slog.Logger         // nil discards
	Random   io.Reader            // of request and slate ids; nil is crypto/rand
	InFlight int                  // requests answered at once, the others get 503; 0 is 256
}

// Handler answers all routes. It is safe for concurrent use.
type Handler struct {
	cfg     Config
	mux     *http.ServeMux
	metrics *metrics
	slots   chan struct{}
}

// New makes the handler and registers its metrics.
func New(cfg Config) (*Handler, error) {
	if cfg.Service == nil {
		return nil, errors.New("web: a service must be given")
	}
	if cfg.Registry == nil {
		cfg.Registry = ops.NewRegistry()
	}
	if cfg.Health == nil {
		cfg.Health = new(ops.Health)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.InFlight == 0 {
		cfg.InFlight = 256
	}
	m, err := newMetrics(cfg.Registry, cfg.Service, cfg.Privacy)
	if err != nil {
		return nil, err
	}
	cfg.Health.Add("model", func(context.Context) error {
		if _, ok := cfg.Service.Release(); !ok {
			return serve.ErrNoModel
		}
		return nil
	})
	h := &Handler{cfg: cfg, metrics: m, slots: make(chan struct{}, cfg.InFlight)}
	h.mux = h.newMux()
	return h, nil
}

// route is one method on one path. The path is a pattern of http.ServeMux.
type route struct {
	method, path string
	handle       http.HandlerFunc
}

// routes is everything that is served; GET answers HEAD too.
func (h *Handler) routes() []route {
	return []route{
		{"POST", "/api/v2/recommend", h.recommend},
		{"GET", "/api/v2/model", h.model},
		{"GET", "/api/v2/items/{id}", h.item},
		{"GET", "/api/v2/items/{id}/similar", h.similar},
		{"GET", "/healthz", h.cfg.Health.Live().ServeHTTP},
		{"GET", "/readyz", h.cfg.Health.Ready().ServeHTTP},
		{"GET", "/metrics", ops.Metrics(h.cfg.Registry).ServeHTTP},
		{"GET", "/openapi.json", h.openapi},
		{"GET", "/{$}", h.page},
		{"POST", "/{$}", h.page},
		{"GET", "/style.css", h.style},
	}
}

// newMux registers the routes, a 405 for every other method on their paths, and a 404 for every other path.
func (h *Handler) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	allowed := map[string]string{}
	for _, r := range h.routes() {
		mux.Handle(r.method+" "+r.path, h.measured(r.path, r.handle))
		if allowed[r.path] != "" {
			allowed[r.path] += ", "
		}
		allowed[r.path] += r.method
		if r.method == "GET" {
			allowed[r.path] += ", HEAD"
		}
	}
	for path, methods := range allowed {
		mux.Handle(path, h.measured(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", methods)
			h.problem(w, r, problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Detail: "this path takes " + methods})
		}))
	}
	mux.Handle("/", h.measured("other", func(w http.ResponseWriter, r *http.Request) {
		h.problem(w, r, problem{Status: http.StatusNotFound, Code: "no_such_path", Detail: "nothing is served here; /openapi.json lists what is"})
	}))
	return mux
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := h.newID()
	if err != nil {
		h.cfg.Log.ErrorContext(r.Context(), "no request id", slog.Any("error", err))
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("X-Request-Id", id)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		h.metrics.shed.Inc()
		header.Set("Retry-After", "1")
		h.problem(w, r, problem{Status: http.StatusServiceUnavailable, Code: "busy", Detail: "too many requests at once"})
		return
	}
	h.mux.ServeHTTP(w, r)
}

// newID draws 128 random bits, as hexadecimal text.
func (h *Handler) newID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(h.cfg.Random, b[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(b[:]), nil
}

// Limits of a connection. The slowest honest answer takes milliseconds; what waits longer is a slow or silent peer.
const (
	readHeaderTime = 5 * time.Second
	readTime       = 15 * time.Second
	writeTime      = 30 * time.Second
	idleTime       = 60 * time.Second
	maxHeader      = 16 << 10
)

// NewServer makes a server with time-outs for a handler. The caller gives it a listener and shuts it down.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
