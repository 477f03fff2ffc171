package audit

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxLogEntries is the longest log that is read: more than a million rounds.
const MaxLogEntries = 1 << 22

// LoggedRecord is a verified entry: its place, its bytes, its hash and its record.
type LoggedRecord struct {
	Index  uint64
	Entry  []byte
	Hash   [32]byte // LeafHash of the entry
	Record Record
}

// Contents is a log that verified: it is signed by its key, complete, and every entry is the coordinator's.
type Contents struct {
	Keys        Keys
	Coordinator Coordinator
	Checkpoint  Checkpoint
	Note        []byte        // the checkpoint as it is signed
	Policy      WitnessPolicy // that the log names in log/policy; zero if it names none
	Records     []LoggedRecord
	Files       int // under log/, all accounted for

	log *Log
}

// Read reads the log in fsys, which is either a folder that holds log/ or the log folder itself, and verifies all of it. Every file
// must be the keys file, the witness policy, the checkpoint, a tile of the checkpoint's tree, or a true narrower copy of one that was not cleaned
// up. With live, what a running coordinator may just be writing is passed over: tiles of a longer tree, which it writes before the
// checkpoint that covers them, and files whose name begins with a dot; and a checkpoint that moved while the files were read is a
// reason to read again.
func Read(fsys fs.FS, checkCert func(authority, cert []byte) (Coordinator, error), live bool) (*Contents, error) {
	f := folder{root(fsys), live}
	for tries := 1; ; tries++ {
		before, _ := f.read("checkpoint", MaxCheckpoint) // readOnce says what is wrong with it
		c, err := f.readOnce(checkCert)
		if err == nil || !live || tries == maxTries {
			return c, err
		}
		if after, _ := f.read("checkpoint", MaxCheckpoint); bytes.Equal(before, after) {
			return nil, err
		}
	}
}

// maxTries bounds how often a growing log is read: a coordinator signs a handful of checkpoints in a round.
const maxTries = 16

func (f folder) readOnce(checkCert func(authority, cert []byte) (Coordinator, error)) (*Contents, error) {
	c := &Contents{log: NewLog()}
	if err := f.readHead(c, checkCert); err != nil {
		return nil, err
	}
	have, err := f.list(c.Checkpoint.Size)
	if err != nil {
		return nil, err
	}
	c.Files = len(have.all)
	if err := f.readEntries(c, have); err != nil {
		return nil, err
	}
	if got := c.log.Root(c.log.Size()); got != c.Checkpoint.Root {
		return nil, fmt.Errorf("the %d entries make the root %x, the checkpoint signs %x: an entry was changed", c.Checkpoint.Size, got, c.Checkpoint.Root)
	}
	if err := f.checkTiles(c, have); err != nil {
		return nil, err
	}
	return c, nil
}

// Inclusion proves that the entry at index lies under the checkpoint.
func (c *Contents) Inclusion(index uint64) ([][32]byte, error) {
	return c.log.Inclusion(index, c.Checkpoint.Size)
}

func root(fsys fs.FS) fs.FS {
	if info, err := fs.Stat(fsys, "log"); err == nil && info.IsDir() {
		if sub, err := fs.Sub(fsys, "log"); err == nil {
			return sub
		}
	}
	return fsys
}

type folder struct {
	fs.FS
	live bool
}

// readHead reads who signs, and how long the log is.
func (f folder) readHead(c *Contents, checkCert func(authority, cert []byte) (Coordinator, error)) error {
	b, err := f.read("keys", MaxKeys)
	if err != nil {
		return err
	}
	if c.Keys, err = ParseKeys(b); err != nil {
		return err
	}
	if c.Coordinator, err = checkCert(c.Keys.Authority, c.Keys.Coordinator); err != nil {
		return fmt.Errorf("the coordinator's certificate in log/keys: %w", err)
	}
	if b, err = f.read("checkpoint", MaxCheckpoint); err != nil {
		return err
	}
	if c.Checkpoint, err = OpenSigned(c.Keys.Origin, c.Keys.LogKey, b); err != nil {
		return err
	}
	c.Note = b
	switch b, err = f.read("policy", MaxWitnessPolicy); {
	case errors.Is(err, errMissing):
	case err != nil:
		return err
	default:
		if c.Policy, err = ParseWitnessPolicy(b); err != nil {
			return fmt.Errorf("log/policy: %w", err)
		}
	}
	if c.Checkpoint.Size > MaxLogEntries {
		return fmt.Errorf("the log has %d entries, this auditor reads up to %d", c.Checkpoint.Size, MaxLogEntries)
	}
	return nil
}

var errMissing = errors.New("is missing")

// read reads a regular file of at most limit bytes.
func (f folder) read(path string, limit int) ([]byte, error) {
	file, err := f.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("log/%s %w", path, errMissing)
	} else if err != nil {
		return nil, fmt.Errorf("read log/%s: %w", path, err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("read log/%s: %w", path, err)
	}
	if len(b) > limit {
		return nil, fmt.Errorf("log/%s has more than the %d bytes it may have", path, limit)
	}
	return b, nil
}

// inventory is the files of a log folder, sorted by what they are.
type inventory struct {
	all     map[string]bool
	bundles []tlog.Tile // entries, in order
	hashes  []tlog.Tile
	stale   []stalePart
}

// stalePart is a narrower tile that the tree has outgrown, and the tile that holds the same and more.
type stalePart struct{ old, now tlog.Tile }

// list names every file, and refuses one that does not belong to a tree of this size.
func (f folder) list(size uint64) (*inventory, error) {
	have := &inventory{all: map[string]bool{}}
	for _, t := range newTiles(0, size) {
		if t.L == entryLevel {
			have.bundles = append(have.bundles, t)
		} else {
			have.hashes = append(have.hashes, t)
		}
	}
	most := tileWidth * (len(have.bundles) + len(have.hashes) + 2)
	err := fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case f.live && strings.HasPrefix(d.Name(), "."):
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("log/%s is not a plain file", path)
		case len(have.all) >= most:
			return fmt.Errorf("there are more than %d files, too many for a log of %d entries", most, size)
		}
		have.all[path] = true
		return f.place(have, path, size)
	})
	if err != nil {
		return nil, fmt.Errorf("list the files of the log: %w", err)
	}
	return have, nil
}

func (f folder) place(have *inventory, path string, size uint64) error {
	if path == "keys" || path == "checkpoint" || path == "policy" {
		return nil
	}
	t, ok := parseTilePath(path)
	if !ok {
		return fmt.Errorf("log/%s does not belong to a log; remove it, or find out who put it there", path)
	}
	now := tlog.Tile{H: t.H, L: t.L, N: t.N, W: tileLen(t, size)}
	switch {
	case t.W < now.W && t.W < tileWidth:
		have.stale = append(have.stale, stalePart{t, now})
	case t.W > now.W && !f.live:
		return fmt.Errorf("log/%s is not covered by the checkpoint of %d entries; start the coordinator once so that it signs what it wrote, or ask who added it", path, size)
	}
	return nil
}

// tileLen is how wide tile t is in a tree of size entries: 0 if it is not there.
func tileLen(t tlog.Tile, size uint64) int {
	count := size >> (tileHeight * uint(max(t.L, 0)))
	first := uint64(t.N) << tileHeight
	if first >= count {
		return 0
	}
	return int(min(count-first, tileWidth))
}

// readEntries opens every entry, in order, and grows the tree.
func (f folder) readEntries(c *Contents, have *inventory) error {
	key := ed25519.PublicKey(c.Coordinator.Key[:])
	for _, t := range have.bundles {
		entries, err := f.bundle(t)
		if err != nil {
			return err
		}
		for _, e := range entries {
			index := c.log.Append(e)
			r, err := OpenEntry(key, e)
			if err != nil {
				return fmt.Errorf("entry %d in log/%s: %w", index, tilePath(t), err)
			}
			c.Records = append(c.Records, LoggedRecord{Index: index, Entry: e, Hash: LeafHash(e), Record: r})
		}
	}
	return nil
}

func (f folder) bundle(t tlog.Tile) ([][]byte, error) {
	b, err := f.read(tilePath(t), maxBundle)
	if err != nil {
		return nil, err
	}
	entries, err := parseBundle(b, t.W)
	if err != nil {
		return nil, fmt.Errorf("log/%s %w", tilePath(t), err)
	}
	return entries, nil
}

// checkTiles holds every hash tile against the tree of the entries, and every outgrown tile against its successor.
func (f folder) checkTiles(c *Contents, have *inventory) error {
	for _, t := range have.hashes {
		got, err := f.read(tilePath(t), tileWidth*tlog.HashSize)
		if err != nil {
			return err
		}
		want, err := tileData(t, nil, c.log)
		if err != nil {
			return fmt.Errorf("derive %s: %w", tilePath(t), err)
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("log/%s does not hold the hashes of the entries", tilePath(t))
		}
	}
	for _, s := range have.stale {
		if err := f.checkStale(s); err != nil {
			return err
		}
	}
	return nil
}

func (f folder) checkStale(s stalePart) error {
	limit := tileWidth * tlog.HashSize
	if s.old.L == entryLevel {
		limit = maxBundle
	}
	old, err := f.read(tilePath(s.old), limit)
	if f.live && errors.Is(err, errMissing) {
		return nil // the coordinator just cleaned it up
	}
	if err != nil {
		return err
	}
	now, err := f.read(tilePath(s.now), limit)
	if err != nil {
		return err
	}
	whole := len(old) == s.old.W*tlog.HashSize
	if s.old.L == entryLevel {
		_, err := parseBundle(old, s.old.W)
		whole = err == nil
	}
	if !whole || !bytes.HasPrefix(now, old) {
		return fmt.Errorf("log/%s is not the beginning of log/%s", tilePath(s.old), tilePath(s.now))
	}
	return nil
}
