// Package serve recommends titles from a published model.
//
// Owns: loading a release from its folder, the check of its hash and signature, the engine that answers, its replacement; the joining
// of requests that wait at the same moment, and the change to the processor where another backend fails.
// Promises: one answer comes from one model version, whole; a release that fails a check changes nothing, the last good one
// goes on; without a trained model there is no score. Invariant I20 (design: reliability 1).
// Never: calls the coordinator, keeps what anybody asked.
// Start here: Service.Recommend, then Service.Swap.
package serve

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/rank"
)

// ErrNoModel says that no trained model is loaded; nothing is scored without one.
var ErrNoModel = errors.New("no trained model is loaded yet")

// Config is what a Service needs. Models, Key and Catalogue must be set.
type Config struct {
	Models    fs.FS             // the folder of releases: <hash>.snapshot, <hash>.release, and serving, which names the promoted hash
	Key       ed25519.PublicKey // of the coordinator, which signs release notes
	Catalogue *catalog.Catalogue
	Rankers   []rank.Ranker // after the choice by score, in order; none lists by score alone
	Pool      int           // candidates that Rankers get
	Finder    rank.Open     // makes what finds lists by vectors, two for each release; nil: the processor's, which also takes over where another fails
	Scores    OpenScores    // scores people for families without a user vector, once for each release; nil: the processor, which also takes over where it fails
	Log       *slog.Logger  // nil discards
}

// Service answers from the engine of the promoted release. It is safe for concurrent use.
type Service struct {
	cfg    Config
	engine atomic.Pointer[engine] // nil until a model is loaded; never changed in place
	swap   sync.Mutex             // one replacement at a time

	swaps, refused atomic.Uint64
}

// New makes a service without a model; Reload or Swap gives it one.
func New(cfg Config) (*Service, error) {
	if cfg.Models == nil || cfg.Catalogue == nil {
		return nil, errors.New("serve: the folder of models and the catalogue must be given")
	}
	if len(cfg.Key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("serve: the coordinator's key has %d bytes, want %d", len(cfg.Key), ed25519.PublicKeySize)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg}, nil
}

// Catalogue is the titles that the service knows.
func (s *Service) Catalogue() *catalog.Catalogue { return s.cfg.Catalogue }

// Release is the release that answers now; false without a model.
func (s *Service) Release() (Release, bool) {
	e := s.engine.Load()
	if e == nil {
		return Release{}, false
	}
	return e.release, true
}

// enter is the engine that answers now; it stays usable until leave is called. It is nil without a model.
func (s *Service) enter() *engine {
	for {
		e := s.engine.Load()
		if e == nil || e.enter() {
			return e
		}
	}
}

// Close takes the model out of service. Requests under way are answered; later ones find no model.
func (s *Service) Close() {
	s.swap.Lock()
	defer s.swap.Unlock()
	s.put(nil)
}

// put replaces the engine, under the swap lock.
func (s *Service) put(e *engine) {
	if old := s.engine.Swap(e); old != nil {
		old.retire()
	}
}

// Swaps counts the releases that were taken and those that were refused, since the start.
func (s *Service) Swaps() (taken, refused uint64) { return s.swaps.Load(), s.refused.Load() }
