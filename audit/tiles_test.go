package audit

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func logOf(entries [][]byte) *Log {
	l := NewLog()
	for _, e := range entries {
		l.Append(e)
	}
	return l
}

func paths(files []File) (out []string) {
	for _, f := range files {
		out = append(out, f.Path)
	}
	return out
}

func TestTileNames(t *testing.T) {
	entries := someEntries(70000)
	l := logOf(entries)
	for _, tt := range []struct {
		old, size uint64
		want      string
	}{
		{0, 0, ""},
		{0, 1, "tile/entries/000.p/1 tile/0/000.p/1"},
		{1, 1, ""},
		{1, 256, "tile/entries/000 tile/0/000 tile/1/000.p/1"},
		{256, 257, "tile/entries/001.p/1 tile/0/001.p/1"},
		{255, 257, "tile/entries/000 tile/0/000 tile/entries/001.p/1 tile/0/001.p/1 tile/1/000.p/1"},
		{69999, 70000, "tile/entries/273.p/112 tile/0/273.p/112"},
		{69887, 69888, "tile/entries/272 tile/0/272 tile/1/001.p/17"},
	} {
		files, err := Tiles(entries, tt.old, tt.size, l)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(paths(files), " "); got != tt.want {
			t.Errorf("%d to %d: %s, want %s", tt.old, tt.size, got, tt.want)
		}
	}
	for _, bad := range [][2]uint64{{2, 1}, {0, 70001}} {
		if _, err := Tiles(entries, bad[0], bad[1], l); err == nil {
			t.Errorf("tiles from %d to %d were made", bad[0], bad[1])
		}
	}
	if _, err := Tiles(entries[:5], 0, 6, l); err == nil {
		t.Error("tiles were made of entries that are not there")
	}
	if _, err := Tiles([][]byte{make([]byte, MaxEntry+1)}, 0, 1, logOf([][]byte{{1}})); err == nil {
		t.Error("an entry above the limit was bundled")
	}
}

// TestAReaderOfTheTilesGetsTheRoot reads hash tiles as an independent reader does: through tlog, which checks them against the root.
func TestAReaderOfTheTilesGetsTheRoot(t *testing.T) {
	entries := someEntries(600)
	l := logOf(entries)
	rapid.Check(t, func(t *rapid.T) {
		// A folder that grew in steps and was cleaned after each.
		folder := map[string][]byte{}
		size := uint64(0)
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			next := rapid.Uint64Range(size, uint64(len(entries))).Draw(t, "size")
			files, err := Tiles(entries, size, next, l)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				folder[f.Path] = f.Data
			}
			for _, p := range StaleTiles(size, next) {
				if _, ok := folder[p]; !ok {
					t.Fatalf("%s may be deleted, but was never written", p)
				}
				delete(folder, p)
			}
			size = next
		}
		fresh, err := Tiles(entries, 0, size, l)
		if err != nil {
			t.Fatal(err)
		}
		if len(fresh) != len(folder) {
			t.Fatalf("the folder holds %d files, a fresh one %v", len(folder), paths(fresh))
		}
		for _, f := range fresh {
			if !bytes.Equal(folder[f.Path], f.Data) {
				t.Fatalf("%s differs from a fresh one", f.Path)
			}
		}
		if size == 0 {
			return
		}
		index := rapid.Uint64Range(0, size-1).Draw(t, "index")
		tree := tlog.Tree{N: int64(size), Hash: l.Root(size)}
		hr := tlog.TileHashReader(tree, folderReader(folder))
		got, err := hr.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
		if err != nil || got[0] != tlog.Hash(LeafHash(entries[index])) {
			t.Fatalf("entry %d of %d: %v, %v", index, size, got, err)
		}
	})
}

type folderReader map[string][]byte

func (folderReader) Height() int                         { return tileHeight }
func (folderReader) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (f folderReader) ReadTiles(tiles []tlog.Tile) (out [][]byte, err error) {
	for _, t := range tiles {
		out = append(out, f[tilePath(t)])
	}
	return out, nil
}

func TestTilePathsReadBack(t *testing.T) {
	for _, tile := range newTiles(0, 300_000) {
		if got, ok := parseTilePath(tilePath(tile)); !ok || got != tile {
			t.Fatalf("%s is read as %+v, %v", tilePath(tile), got, ok)
		}
	}
	for _, bad := range []string{"", "tile", "tile/0", "tile/8/0/000", "tile/data/000", "tile/0/0", "tile/0/x000/001", "tile/0/000.p/256", "tile/0/000.p/0",
		"tile/0/000.p/01", "tile/-1/000", "tile/64/000", "tile/entries/000.p/1/2", "tile/00/000", "keys"} {
		if tile, ok := parseTilePath(bad); ok {
			t.Errorf("%q is read as %+v", bad, tile)
		}
	}
}

func TestBundleIsStrict(t *testing.T) {
	good, err := appendBundle(nil, someEntries(3))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseBundle(good, 3); err != nil || !slices.EqualFunc(got, someEntries(3), bytes.Equal) {
		t.Errorf("read back %q, %v", got, err)
	}
	for name, bad := range map[string][]byte{"cut in a length": good[:1], "cut in an entry": good[:len(good)-1], "a byte more": append(slices.Clone(good), 0),
		"a long entry": append([]byte{255, 255}, make([]byte, 65535)...)} {
		if _, err := parseBundle(bad, 3); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	good, err := appendBundle(nil, someEntries(3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		entries, err := parseBundle(b, int(n))
		if err != nil {
			return
		}
		if again, err := appendBundle(nil, entries); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, which is written as %x", b, again)
		}
	})
}

func FuzzParseTilePath(f *testing.F) {
	f.Add("tile/0/x001/234.p/5")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		if tile, ok := parseTilePath(path); ok && tilePath(tile) != path {
			t.Fatalf("%q is read as %s", path, tilePath(tile))
		}
	})
}
