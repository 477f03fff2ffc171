package web

import (
	_ "embed" // the description of the API
	"fmt"
	"net/http"

	"github.com/cinesync/cinesync/serve"
	"github.com/cinesync/cinesync/serve/catalog"
)

// slate is the answer to a recommendation. recommId ties later feedback to it.
type slate struct {
	RecommID string     `json:"recommId"`
	Model    modelNote  `json:"model"`
	LogIndex uint64     `json:"log_index"`
	Items    []slateRow `json:"items"`
	Next     *string    `json:"next"` // always null: a slate has one page
}

type modelNote struct {
	Version uint64 `json:"version"`
	Hash    string `json:"hash"`
	Round   uint64 `json:"round"`
}

type slateRow struct {
	ID    string  `json:"id"`
	Rank  int     `json:"rank"`
	Score float32 `json:"score"`
	Title string  `json:"title"`
	Kind  string  `json:"kind"`
	Year  int     `json:"year,omitempty"`
	// Because is the seed that speaks most for it; absent where none does.
	Because string `json:"because,omitempty"`
}

func (h *Handler) recommend(w http.ResponseWriter, r *http.Request) {
	if err := noParameters(r); err != nil {
		h.fault(w, r, err)
		return
	}
	if _, ok := h.cfg.Service.Release(); !ok {
		h.fault(w, r, serve.ErrNoModel) // whatever is asked
		return
	}
	q, err := readQuery(r)
	if err != nil {
		h.fault(w, r, err)
		return
	}
	found, err := h.cfg.Service.Recommend(q)
	h.slate(w, r, found, err)
}

func (h *Handler) similar(w http.ResponseWriter, r *http.Request) {
	n, kind, err := readSimilar(r)
	if err != nil {
		h.fault(w, r, err)
		return
	}
	found, err := h.cfg.Service.Similar(r.PathValue("id"), n, kind)
	h.slate(w, r, found, err)
}

func (h *Handler) slate(w http.ResponseWriter, r *http.Request, found serve.Slate, err error) {
	if err != nil {
		h.fault(w, r, err)
		return
	}
	id, err := h.newID()
	if err != nil {
		h.fault(w, r, fmt.Errorf("draw a slate id: %w", err))
		return
	}
	out := slate{RecommID: id, LogIndex: found.Release.LogIndex, Items: make([]slateRow, len(found.Items)),
		Model: noteOf(found.Release)}
	for i, it := range found.Items {
		out.Items[i] = slateRow{ID: it.Title.ID, Rank: i + 1, Score: it.Score, Title: it.Title.Title, Kind: it.Title.Kind.String(), Year: it.Title.Year}
		if it.Because != nil {
			out.Items[i].Because = it.Because.ID
		}
	}
	writeJSON(w, http.StatusOK, "application/json", out)
}

// item is a title as the catalogue has it.
type item struct {
	ID     string   `json:"id"`
	Kind   string   `json:"kind"`
	Title  string   `json:"title"`
	Year   int      `json:"year,omitempty"`
	Genres []string `json:"genres"`
	Plot   string   `json:"plot,omitempty"`
}

func (h *Handler) item(w http.ResponseWriter, r *http.Request) {
	if err := noParameters(r); err != nil {
		h.fault(w, r, err)
		return
	}
	t, err := h.cfg.Service.Catalogue().Get(r.PathValue("id"))
	if err != nil {
		h.fault(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, "application/json", newItem(t))
}

func newItem(t catalog.Title) item {
	return item{ID: t.ID, Kind: t.Kind.String(), Title: t.Title, Year: t.Year, Genres: append([]string{}, t.Genres...), Plot: t.Plot}
}

//go:embed openapi.json
var openapiJSON []byte

func (h *Handler) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openapiJSON)
}
