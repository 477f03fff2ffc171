package coordinator

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/audit"
)

// checkPublished refuses a store that is behind the log it published, or beside it: a backup that was restored would open
// rounds again that were charged before, and show two histories.
func (c *Coordinator) checkPublished() error {
	note, err := c.cfg.LogDir.Read("checkpoint")
	if errors.Is(err, fs.ErrNotExist) {
		return c.checkTiles()
	}
	if err != nil {
		return fmt.Errorf("read the public log's checkpoint: %w", err)
	}
	cp, err := audit.OpenSigned(c.cfg.LogOrigin, c.logKey(), note)
	if err != nil {
		return fmt.Errorf("the public log's checkpoint is damaged or another log's: where the folder is this coordinator's own log, move that file away, "+
			"and the next start compares the log's tiles with the store and writes it again; else name its own log folder: %w", err)
	}
	if cp.Size > c.log.Size() {
		return fmt.Errorf("the public log has %d entries and the store %d: the store is an old copy, or a new one beside an old log; "+
			"put the newest store back, or start with a new store and a new log folder", cp.Size, c.log.Size())
	}
	if c.log.Root(cp.Size) != cp.Root {
		return fmt.Errorf("the public log's %d entries are not the store's: put the store back that wrote this log, or name its own log folder", cp.Size)
	}
	c.public = cp.Size
	if _, err := c.cfg.WitnessPolicy.Open(c.cfg.LogOrigin, c.logKey(), note); c.witnessed() && err == nil {
		c.checkpoint, c.shown = note, cp.Size // as before the last stop; another policy's wants new cosignatures
	}
	return nil
}

// publishLoaded makes the public files good that a crash left unwritten. With witnesses no more is made public than they signed.
func (c *Coordinator) publishLoaded() error {
	if err := c.writeTiles(0, c.public); err != nil {
		return err
	}
	return c.publishLog()
}

// tileWidth is how many entries a full tile of the log holds.
const tileWidth = 256

// checkTiles does the same for a log whose checkpoint is lost. A tile is written after the transaction of its entries, so one that
// the store cannot make is from a store that knew more, or another.
func (c *Coordinator) checkTiles() error {
	for first := uint64(0); ; first += tileWidth {
		full, err := c.tilePath(first)
		if err != nil {
			return err
		}
		paths, err := c.entryTiles(full)
		if err != nil {
			return err
		}
		for path, width := range paths {
			if err := c.checkTile(path, first+width); err != nil {
				return err
			}
		}
		if len(paths) == 0 && first >= c.log.Size() {
			return nil
		}
	}
}

// entryTiles lists the tiles in the log folder with the same first entry, the full one and partial ones, with their widths.
func (c *Coordinator) entryTiles(full string) (map[string]uint64, error) {
	names, err := c.cfg.LogDir.Names(full + ".p")
	if err != nil {
		return nil, fmt.Errorf("list the public log's tiles: %w", err)
	}
	paths := map[string]uint64{}
	for _, name := range names {
		if width, err := strconv.ParseUint(name, 10, 8); err == nil && width > 0 {
			paths[full+".p/"+name] = width
		}
	}
	if _, err := c.cfg.LogDir.Read(full); err == nil {
		paths[full] = tileWidth
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the public log's tile: %w", err)
	}
	return paths, nil
}

// checkTile wants a tile to be the last one of the log of size entries.
func (c *Coordinator) checkTile(path string, size uint64) error {
	if size > c.log.Size() {
		return fmt.Errorf("the public log has no checkpoint, and in %s its entries reach further than the store's %d: the store is an old copy, or a new one beside an old log; "+
			"put the newest store back, or start with a new store and a new log folder", path, c.log.Size())
	}
	got, err := c.cfg.LogDir.Read(path)
	if err != nil {
		return fmt.Errorf("read the public log's tile: %w", err)
	}
	files, err := audit.Tiles(c.entries, size-1, size, c.log)
	if err != nil {
		return fmt.Errorf("derive the public log's tile: %w", err)
	}
	for _, f := range files {
		if f.Path == path && bytes.Equal(f.Data, got) {
			return nil
		}
	}
	return fmt.Errorf("the public log has no checkpoint, and the entries in %s are not the store's: put the store back that wrote this log, or name its own log folder; "+
		"where the file is damaged, put it back from a copy of the log", path)
}

// tilePath names the full tile of entries that begins with this one, whether or not the log reaches it.
func (c *Coordinator) tilePath(first uint64) (string, error) {
	var paths []string
	if first >= c.log.Size() {
		paths = audit.StaleTiles(first+1, first+2)
	} else { // without a look at the whole tree
		files, err := audit.Tiles(c.entries, first, first+1, c.log)
		if err != nil {
			return "", fmt.Errorf("derive the public log's tile: %w", err)
		}
		for _, f := range files {
			paths = append(paths, f.Path)
		}
	}
	for _, p := range paths {
		if full, _, ok := strings.Cut(p, ".p/"); ok && strings.HasPrefix(p, "tile/entries/") {
			return full, nil
		}
	}
	return "", fmt.Errorf("the public log has no tile for entry %d", first)
}
