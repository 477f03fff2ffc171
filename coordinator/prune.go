package coordinator

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
)

// prune removes the files of models that nobody needs any more. It runs at every start and after every published round, last:
// what the store and the serving file name by then stays, and so does the version before it, which serving or a device may be
// reading. It is only tidying: where it fails, the next one tries again, and no round stops.
func (c *Coordinator) prune() {
	if err := c.tidy(); err != nil {
		c.cfg.Log.Warn("models that are no longer needed are still there: they take up space, and nothing else is wrong", slog.Any("error", err))
	}
}

func (c *Coordinator) tidy() error {
	keep := map[string]bool{}
	for _, hash := range c.modelsInUse() {
		keep[hex.EncodeToString(hash[:])] = true
	}
	served, err := c.cfg.Models.Read("serving")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read which model is served: %w", err)
	}
	keep[strings.TrimSpace(string(served))] = true
	names, err := c.cfg.Models.Names()
	if err != nil {
		return fmt.Errorf("list models: %w", err)
	}
	for _, name := range names {
		if hash, ok := modelOf(name); ok && !keep[hash] {
			if err := c.cfg.Models.Remove(name); err != nil {
				return fmt.Errorf("remove model: %w", err)
			}
		}
	}
	return nil
}

// modelOf says which model a file belongs to, if the coordinator wrote it.
func modelOf(name string) (hash string, ok bool) {
	hash, kind, _ := strings.Cut(name, ".")
	switch kind {
	case "snapshot", "optimizer", "release":
	default:
		return "", false
	}
	b, err := hex.DecodeString(hash)
	return hash, err == nil && len(b) == 32 && hash == strings.ToLower(hash)
}
