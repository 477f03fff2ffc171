package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/cinesync/cinesync/serve"
	"github.com/cinesync/cinesync/serve/catalog"
)

// problem is an RFC 9457 error with our code and request id. Errors lists fields, for status 422.
type problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail"`
	Instance  string       `json:"instance"`
	Code      string       `json:"code"`
	RequestID string       `json:"request_id"`
	Errors    []fieldError `json:"errors,omitempty"`
}

type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// problem answers with an error. Its type is about:blank, as RFC 9457 section 4.2.1 wants where the status says enough; code tells
// more. Its instance is the request, not the path: a path may name what somebody watches.
func (h *Handler) problem(w http.ResponseWriter, _ *http.Request, p problem) {
	p.Type, p.Title, p.RequestID = "about:blank", http.StatusText(p.Status), w.Header().Get("X-Request-Id")
	p.Instance = "urn:cinesync:request:" + p.RequestID
	writeJSON(w, p.Status, "application/problem+json", p)
}

// fault answers with the problem that an error of the service stands for. This is the one place where they become words.
func (h *Handler) fault(w http.ResponseWriter, r *http.Request, err error) {
	var bad *serve.BadQuery
	var req *requestError
	switch {
	case errors.As(err, &req):
		h.problem(w, r, req.problem)
	case errors.As(err, &bad):
		fields := make([]fieldError, len(bad.Fields))
		for i, f := range bad.Fields {
			fields[i] = fieldError{f.Name, f.Detail}
		}
		h.problem(w, r, invalid(fields...))
	case errors.Is(err, serve.ErrNoModel):
		w.Header().Set("Retry-After", "10")
		h.problem(w, r, problem{Status: http.StatusServiceUnavailable, Code: "no_model", Detail: "no trained model is loaded yet, and nothing is scored without one"})
	case errors.Is(err, catalog.ErrUnknown):
		h.problem(w, r, problem{Status: http.StatusNotFound, Code: "unknown_item", Detail: "the catalogue has no title with this id"})
	case errors.Is(err, serve.ErrNotInModel):
		h.problem(w, r, problem{Status: http.StatusNotFound, Code: "not_in_model", Detail: "the model in service was trained before it knew this title"})
	default:
		h.cfg.Log.ErrorContext(r.Context(), "request failed", slog.String("request_id", w.Header().Get("X-Request-Id")), slog.Any("error", err))
		h.problem(w, r, problem{Status: http.StatusInternalServerError, Code: "internal", Detail: "this request met a fault of ours"})
	}
}

// invalid is the problem of a request that is JSON, but not one that is understood.
func invalid(fields ...fieldError) problem {
	return problem{Status: http.StatusUnprocessableEntity, Code: "invalid_request", Detail: "the listed fields are wrong", Errors: fields}
}

func writeJSON(w http.ResponseWriter, status int, kind string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("broken invariant: encode answer: " + err.Error()) // plain values, and scores are finite
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the asker is gone; nobody is left to tell
}
