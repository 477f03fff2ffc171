package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/cinesync/cinesync/model"
)

// servingFile names the promoted release by the hash of its snapshot, in hexadecimal, on one line.
const servingFile = "serving"

// maxSnapshot bounds a snapshot file: all parameters a model may have, and its layout.
const maxSnapshot = 4*model.MaxParams + 256<<20

// Reload loads the release that the folder names as promoted, if it is not the one that answers already. Whoever promotes a
// release calls it; nothing polls. Without a promoted release the error is ErrNoModel. After any error the last good release goes
// on answering.
func (s *Service) Reload(ctx context.Context) error {
	s.swap.Lock()
	defer s.swap.Unlock()
	name, err := s.promoted()
	if err != nil {
		return s.keep(err)
	}
	note, err := readFile(s.cfg.Models, name+".release", maxNote)
	if err != nil {
		return s.keep(fmt.Errorf("load release %s: %w", name, err))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	parsed, err := ParseNote(note)
	if err != nil {
		return s.keep(fmt.Errorf("load release %s: %w", name, err))
	}
	if now, ok := s.Release(); ok && now == parsed.Release && hex.EncodeToString(now.Model[:]) == name && parsed.Verify(s.cfg.Key) == nil {
		return nil
	}
	snapshot, err := readFile(s.cfg.Models, name+".snapshot", maxSnapshot)
	if err != nil {
		return s.keep(fmt.Errorf("load release %s: %w", name, err))
	}
	if hex.EncodeToString(parsed.Model[:]) != name {
		return s.keep(fmt.Errorf("load release %s: its note is of model %x", name, parsed.Model))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.replace(ctx, snapshot, parsed)
}

// Swap puts a release into service: it checks the note's signature, the snapshot's hash and that the model scores, and then
// replaces the engine in one step. Requests under way finish on the engine they began with. After an error the last good release
// goes on answering.
func (s *Service) Swap(ctx context.Context, snapshot, note []byte) error {
	s.swap.Lock()
	defer s.swap.Unlock()
	parsed, err := ParseNote(note)
	if err != nil {
		return s.keep(err)
	}
	return s.replace(ctx, snapshot, parsed)
}

// replace runs under the swap lock. Nothing before the last line is visible to a request.
func (s *Service) replace(ctx context.Context, snapshot []byte, n Note) error {
	if err := n.Verify(s.cfg.Key); err != nil {
		return s.keep(err)
	}
	if got := sha256.Sum256(snapshot); got != n.Model {
		return s.keep(fmt.Errorf("snapshot of version %d has hash %x, its release note says %x: the file is damaged; fetch it again", n.Version, got, n.Model))
	}
	e, err := newEngine(snapshot, n.Release, s.cfg)
	if err != nil {
		return s.keep(fmt.Errorf("version %d: %w", n.Version, err))
	}
	s.put(e)
	s.swaps.Add(1)
	s.cfg.Log.InfoContext(ctx, "model in service", slog.Uint64("version", n.Version), slog.Uint64("round", n.Round), slog.Uint64("log_index", n.LogIndex), slog.String("model", fmt.Sprintf("%x", n.Model[:8])))
	return nil
}

// keep counts a refused release and hands its error on. That nothing was promoted yet is no refusal.
func (s *Service) keep(err error) error {
	if !errors.Is(err, ErrNoModel) {
		s.refused.Add(1)
	}
	return err
}

// promoted reads the name of the promoted release.
func (s *Service) promoted() (string, error) {
	b, err := readFile(s.cfg.Models, servingFile, 256)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no release is promoted: %w", ErrNoModel)
	}
	if err != nil {
		return "", fmt.Errorf("read the promoted release: %w", err)
	}
	name := strings.TrimSuffix(string(b), "\n")
	if hash, err := hex.DecodeString(name); err != nil || len(hash) != sha256.Size || hex.EncodeToString(hash) != name {
		return "", fmt.Errorf("read the promoted release: file %s holds %.80q, want the hash of a model in 64 lower-case hexadecimal digits", servingFile, name)
	}
	return name, nil
}

// readFile reads a file whose size is checked before memory is taken.
func readFile(fsys fs.FS, name string, limit int64) (b []byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("file %s has %d bytes, more than %d", name, info.Size(), limit)
	}
	b, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("file %s grew beyond %d bytes while it was read", name, limit)
	}
	return b, err
}
