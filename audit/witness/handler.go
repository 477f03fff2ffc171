package witness

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cinesync/cinesync/audit"
)

// Store remembers logs and, for each, the checkpoint that was signed last.
type Store interface {
	// Load gives every log that the witness signs for.
	Load() ([]Log, error)
	// Save replaces a log's checkpoint. It is durable when Save returns; after an error either of the two is kept.
	Save(origin string, note []byte) error
}

// Log is one log that a witness signs for.
type Log struct {
	Origin string
	Key    ed25519.PublicKey
	Note   []byte // the checkpoint that was signed last, as the log sent it; nil if none was
}

// Config makes a witness.
type Config struct {
	Name  string             // of its signatures
	Key   ed25519.PrivateKey // for cosignatures and nothing else
	Store Store
	Now   func() time.Time
	Log   *slog.Logger // nil = silent
}

// Witness answers POST /add-checkpoint (C2SP tlog-witness). It is safe for concurrent use.
type Witness struct {
	cfg  Config
	logs map[string]*watched // by origin; fixed
}

// watched is a log and its lock: checking, remembering and signing of one checkpoint is one step.
type watched struct {
	mu    sync.Mutex
	state audit.WitnessedLog
}

// New makes a witness of what the store remembers. A checkpoint there that its log did not sign is an error: the memory is damaged, and
// a witness that forgot could sign a second history.
func New(cfg Config) (*Witness, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if _, err := audit.Cosign(cfg.Name, cfg.Key, []byte("a\n\n— a AAAA\n"), 1); err != nil {
		return nil, fmt.Errorf("start witness: %w", err) // the name or the key cannot sign
	}
	logs, err := cfg.Store.Load()
	if err != nil {
		return nil, fmt.Errorf("start witness: %w", err)
	}
	w := &Witness{cfg: cfg, logs: map[string]*watched{}}
	for _, l := range logs {
		state, err := stateOf(l)
		if err != nil {
			return nil, fmt.Errorf("start witness: %w", err)
		}
		w.logs[l.Origin] = &watched{state: state}
	}
	return w, nil
}

func stateOf(l Log) (audit.WitnessedLog, error) {
	out := audit.WitnessedLog{Origin: l.Origin, Key: l.Key}
	if l.Note == nil {
		return out, nil
	}
	cp, err := audit.OpenWitnessed(l.Origin, l.Key, l.Note)
	if err != nil {
		return out, fmt.Errorf("what is kept of log %q is damaged: %w; restore it from a backup of this very moment or retire this witness's key, an older one would let it sign two histories", l.Origin, err)
	}
	out.Newest = cp
	return out, nil
}

// Sizes tells how long the tree is that was signed last, for each log.
func (w *Witness) Sizes() map[string]uint64 {
	out := map[string]uint64{}
	for origin, l := range w.logs {
		l.mu.Lock()
		out[origin] = l.state.Newest.Size
		l.mu.Unlock()
	}
	return out
}

// ServeHTTP answers one request.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/add-checkpoint" {
		http.Error(rw, "a witness answers POST /add-checkpoint and nothing else", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		rw.Header().Set("Allow", http.MethodPost)
		http.Error(rw, "want POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, audit.MaxAddCheckpoint))
	if err != nil {
		http.Error(rw, "the request could not be read, or is too long", http.StatusBadRequest)
		return
	}
	line, origin, err := w.add(body)
	var refusal *audit.WitnessRefusal
	switch {
	case err == nil:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = rw.Write(line) // who asked is gone; it will ask again
	case errors.As(err, &refusal):
		w.cfg.Log.Log(r.Context(), loudness(refusal), "refused a checkpoint", "origin", origin, "status", refusal.Status, "why", refusal.Why)
		refuse(rw, refusal)
	default:
		w.cfg.Log.Error("could not sign a checkpoint", "origin", origin, "error", err)
		http.Error(rw, "the witness cannot write down what it would sign", http.StatusInternalServerError)
	}
}

// loudness keeps strangers from filling the operator's log, and tells what may be a log's misbehaviour. A conflict of sizes is how a log
// asks where the witness stands.
func loudness(r *audit.WitnessRefusal) slog.Level {
	switch {
	case r.Fork || r.Status == audit.WitnessUnprocessable:
		return slog.LevelWarn
	case r.Status == audit.WitnessConflict:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

// refuse answers with the refusal's status; a conflict tells the size that the witness signed last.
func refuse(rw http.ResponseWriter, r *audit.WitnessRefusal) {
	if r.Status != audit.WitnessConflict {
		http.Error(rw, r.Why, r.Status)
		return
	}
	rw.Header().Set("Content-Type", sizeType)
	rw.WriteHeader(r.Status)
	fmt.Fprintf(rw, "%d\n", r.Size)
}

const sizeType = "text/x.tlog.size" // C2SP tlog-witness: the body is a tree's size

// add is the whole step for one request: check, write down, sign.
func (w *Witness) add(body []byte) (line []byte, origin string, err error) {
	req, err := audit.ParseAddCheckpoint(body)
	if err != nil {
		return nil, "", &audit.WitnessRefusal{Status: audit.WitnessBadRequest, Why: err.Error()}
	}
	origin = req.Origin()
	l := w.logs[origin]
	if l == nil {
		return nil, origin, &audit.WitnessRefusal{Status: audit.WitnessUnknownLog, Why: fmt.Sprintf("this witness does not sign for the log %q", strings.ToValidUTF8(origin, "?"))}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	next, err := audit.WitnessStep(l.state, req)
	if err != nil {
		return nil, origin, err
	}
	if next.Newest != l.state.Newest {
		if err := w.cfg.Store.Save(origin, req.Note); err != nil {
			return nil, origin, err
		}
	}
	l.state = next
	line, err = audit.Cosign(w.cfg.Name, w.cfg.Key, req.Note, uint64(max(0, w.cfg.Now().Unix())))
	if err == nil {
		w.cfg.Log.Info("signed a checkpoint", "origin", origin, "size", next.Newest.Size)
	}
	return line, origin, err
}
