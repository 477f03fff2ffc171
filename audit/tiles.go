package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8 // C2SP tlog-tiles: 256 hashes or entries in a full tile
	tileWidth  = 1 << tileHeight
	entryLevel = -1 // of a bundle of entries, as tlog counts levels
	maxLevel   = 7  // of a tree of at most 2^63 entries

	maxBundle = tileWidth * (2 + MaxEntry)
)

// File is a file of the log folder: its slash-separated path below log/, and its content.
type File struct {
	Path string
	Data []byte
}

// Tiles derives the files of the tree of size entries that a tree of old entries did not have: entry bundles and hash tiles, full or
// partial, as C2SP tlog-tiles names and fills them. entries holds every entry of the log by index. Written before the checkpoint
// of that size, in any order, they are all that a reader of that checkpoint asks for; only then may StaleTiles(old, size) be deleted.
func Tiles(entries [][]byte, old, size uint64, log *Log) ([]File, error) {
	if old > size || size > log.Size() || size > uint64(len(entries)) || size > math.MaxInt64 {
		return nil, fmt.Errorf("derive tiles from %d to %d entries: the log has %d, %d are given", old, size, log.Size(), len(entries))
	}
	var out []File
	for _, t := range newTiles(old, size) {
		data, err := tileData(t, entries, log)
		if err != nil {
			return nil, fmt.Errorf("derive %s: %w", tilePath(t), err)
		}
		out = append(out, File{Path: tilePath(t), Data: data})
	}
	return out, nil
}

// StaleTiles lists the partial tiles of a tree of old entries that the tree of size entries has wider. Whoever holds the checkpoint
// of size needs none of them. A folder that keeps them verifies all the same, as long as they are true.
func StaleTiles(old, size uint64) []string {
	if old >= size || size > math.MaxInt64 {
		return nil
	}
	has := map[string]bool{}
	for _, t := range newTiles(0, size) {
		has[tilePath(t)] = true
	}
	var out []string
	for _, t := range newTiles(0, old) {
		if p := tilePath(t); t.W < tileWidth && !has[p] {
			out = append(out, p)
		}
	}
	return out
}

// newTiles are the tiles and entry bundles that differ between two sizes; from 0, all of a tree.
func newTiles(old, size uint64) []tlog.Tile {
	var out []tlog.Tile
	for _, t := range tlog.NewTiles(tileHeight, int64(old), int64(size)) {
		if t.L == 0 {
			bundle := t
			bundle.L = entryLevel
			out = append(out, bundle)
		}
		out = append(out, t)
	}
	return out
}

// tilePath is tile/<L>/<N>[.p/<W>], with "entries" for <L> of a bundle and <N> in groups of three digits.
func tilePath(t tlog.Tile) string {
	rest := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", t.H))
	if t.L == entryLevel {
		rest = "entries" + strings.TrimPrefix(rest, "data")
	}
	return "tile/" + rest
}

// parseTilePath is the inverse of tilePath; it accepts nothing that tilePath would write differently.
func parseTilePath(path string) (tlog.Tile, bool) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok {
		return tlog.Tile{}, false
	}
	if after, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + after
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", tileHeight, rest))
	if err != nil || t.L > maxLevel || tilePath(t) != path {
		return tlog.Tile{}, false
	}
	return t, true
}

func tileData(t tlog.Tile, entries [][]byte, log *Log) ([]byte, error) {
	if t.L != entryLevel {
		return tlog.ReadTileData(t, tlog.HashReaderFunc(log.read))
	}
	first := uint64(t.N) * tileWidth
	return appendBundle(nil, entries[first:first+uint64(t.W)])
}

// appendBundle writes entries one after the other, each behind its length as a big-endian u16.
func appendBundle(dst []byte, entries [][]byte) ([]byte, error) {
	for _, e := range entries {
		if len(e) > MaxEntry {
			return nil, fmt.Errorf("an entry has %d bytes, at most %d are allowed", len(e), MaxEntry)
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(e)))
		dst = append(dst, e...)
	}
	return dst, nil
}

// parseBundle reads exactly n entries and nothing after them. The entries share b's memory.
func parseBundle(b []byte, n int) ([][]byte, error) {
	out := make([][]byte, 0, n)
	for i := range n {
		if len(b) < 2 {
			return nil, fmt.Errorf("ends before entry %d of %d", i, n)
		}
		size := int(binary.BigEndian.Uint16(b))
		if size > MaxEntry {
			return nil, fmt.Errorf("entry %d has %d bytes, at most %d are allowed", i, size, MaxEntry)
		}
		if len(b) < 2+size {
			return nil, fmt.Errorf("ends within entry %d of %d", i, n)
		}
		out = append(out, b[2:2+size:2+size])
		b = b[2+size:]
	}
	if len(b) != 0 {
		return nil, errors.New("holds bytes after its last entry")
	}
	return out, nil
}
