package web

import (
	"fmt"
	"net/http"

	"github.com/cinesync/cinesync/serve"
)

// Figure is what may be said of the privacy of those whose devices a model learned from (privacy specification, section 11). It is
// recomputed from the public log; nobody's settings are in it.
type Figure struct {
	Epsilon  float64 `json:"epsilon"` // of one device over all logged rounds together
	Delta    float64 `json:"delta"`
	Rho      float64 `json:"rho"`            // zCDP of the same
	Dearest  float64 `json:"epsilon_period"` // of one device in the ledger period that costs most
	Periods  int     `json:"periods"`        // ledger periods in the log
	Unit     string  `json:"unit"`           // what ε is of, and against which neighbour
	Towards  string  `json:"towards"`        // whom it holds against
	Assumed  string  `json:"assumptions"`    // on what it rests
	Sampling string  `json:"amplification"`  // gain claimed from sampling: none
	Entries  int     `json:"log_entries"`    // that the figure was computed from
	Rounds   int     `json:"rounds"`         // among them, aborted ones included
	Warning  string  `json:"warning"`        // why nobody should rely on it; empty: nothing is known against it
}

// Privacy gives the figure that belongs to the public log as it was last read. The error says why there is none.
type Privacy interface {
	Figure() (Figure, error)
}

// served is the model in service and what may be said of its privacy.
type served struct {
	Model    modelNote `json:"model"`
	LogIndex uint64    `json:"log_index"`
	Titles   int       `json:"titles"`
	Privacy  *Figure   `json:"privacy"`               // null: there is no figure
	Why      string    `json:"privacy_why,omitempty"` // there is none
}

func noteOf(r serve.Release) modelNote {
	return modelNote{Version: r.Version, Hash: fmt.Sprintf("%x", r.Model), Round: r.Round}
}

// model answers what is in service. The figure is an upper bound for the model: the log it was computed from reaches at least as far.
func (h *Handler) model(w http.ResponseWriter, r *http.Request) {
	if err := noParameters(r); err != nil {
		h.fault(w, r, err)
		return
	}
	now, ok := h.cfg.Service.Release()
	if !ok {
		h.fault(w, r, serve.ErrNoModel)
		return
	}
	out := served{Model: noteOf(now), LogIndex: now.LogIndex, Titles: h.cfg.Service.Catalogue().Len()}
	out.Privacy, out.Why = h.figure(now)
	writeJSON(w, http.StatusOK, "application/json", out)
}

// figure is the figure that covers a release, or why there is none.
func (h *Handler) figure(r serve.Release) (*Figure, string) {
	if h.cfg.Privacy == nil {
		return nil, "this server reads no public log; ask an auditor for the figure"
	}
	f, err := h.cfg.Privacy.Figure()
	if err != nil {
		return nil, err.Error()
	}
	if uint64(f.Entries) <= r.LogIndex {
		return nil, fmt.Sprintf("the log was read up to entry %d and the model is of entry %d", f.Entries, r.LogIndex)
	}
	return &f, ""
}
