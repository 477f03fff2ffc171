package coordinator

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
)

// prune removes the files of models that nobody needs any more. It runs after every published round and at every start of a
// store that has a log, last: what the store and the serving file name by then stays, and so does the version before it, which
// serving or a device may be reading. Only what this store's own log names can go, and what this process staged for a round that
// did not publish it: an old or a new store must not remove what another one's log needs. It is only tidying: where it fails, the
// next one tries again, and no round stops.
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
	bases := map[string]bool{}
	for _, hash := range c.earlier {
		bases[hex.EncodeToString(hash[:])+".snapshot"] = true
	}
	served, err := c.cfg.Models.Read("serving")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read which model is served: %w", err)
	}
	keep[strings.TrimSpace(string(served))] = true
	names, err := c.cfg.Models.Names("")
	if err != nil {
		return fmt.Errorf("list models: %w", err)
	}
	for _, name := range names {
		if hash, ok := modelOf(name); ok && !bases[name] && !keep[hex.EncodeToString(hash[:])] && (c.logged[hash] || c.blobs.wasStaged(hash)) {
			if err := c.cfg.Models.Remove(name); err != nil {
				return fmt.Errorf("remove model: %w", err)
			}
		}
	}
	return nil
}

// modelOf says which model a file belongs to, if its name is one that the coordinator writes.
func modelOf(name string) (hash [32]byte, ok bool) {
	digits, kind, _ := strings.Cut(name, ".")
	switch kind {
	case "snapshot", "optimizer", "clip", "release":
	default:
		return hash, false
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(hash) || digits != strings.ToLower(digits) {
		return hash, false
	}
	return [32]byte(b), true
}

// checkUntrained refuses to begin where something was trained before: the store that knows of it is missing.
func (c *Coordinator) checkUntrained() error {
	names, err := c.cfg.Models.Names("")
	if err != nil {
		return fmt.Errorf("list models: %w", err)
	}
	for _, name := range names {
		if name == "serving" || strings.HasSuffix(name, ".optimizer") {
			return fmt.Errorf("the store is new and the folder of models holds models of another store (%s): put that store back, or start a new coordinator in a new folder", name)
		}
	}
	return nil
}
