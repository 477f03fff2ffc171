package witness

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cinesync/cinesync/audit"
)

// Folder is a Store of one file a log, named by the hash of the log's origin, and a lock that keeps a second process out:
//
//	cinesync witness log 1
//	<the log's verifier key>
//	newest                      or "none", and nothing after it
//	<the checkpoint that was signed last>
//
// A file is replaced whole: written beside, synced, renamed, the folder synced.
type Folder struct {
	dir  string
	lock *os.File
	keys map[string]string // verifier key by origin

	mu sync.Mutex // of Add and Save
}

const (
	fileTitle = "cinesync witness log 1\n"
	writing   = ".writing-"
	maxFile   = 16 << 10
)

// OpenFolder opens or makes a witness's memory and locks it until Close. Anything in it that does not belong there is an error: a
// witness that takes part of its memory for the whole could sign two histories.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open witness folder: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("open witness folder: %w", err)
	}
	f := &Folder{dir: dir, lock: lock, keys: map[string]string{}}
	if _, err := f.Load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close gives up the lock.
func (f *Folder) Close() error { return f.lock.Close() }

// Load reads every log. What a crash left half written is removed.
func (f *Folder) Load() ([]Log, error) {
	list, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("read witness folder: %w", err)
	}
	var out []Log
	for _, e := range list {
		path := filepath.Join(f.dir, e.Name())
		switch {
		case e.Name() == lockName:
			continue
		case strings.HasPrefix(e.Name(), writing):
			if err := os.Remove(path); err != nil {
				return nil, fmt.Errorf("read witness folder: %w", err)
			}
			continue
		}
		l, err := readLog(path)
		if err != nil {
			return nil, fmt.Errorf("read witness folder: %s %w", path, err)
		}
		vkey, err := audit.LogKey(l.Origin, l.Key)
		if err != nil {
			return nil, fmt.Errorf("read witness folder: %s: %w", path, err)
		}
		f.keys[l.Origin] = vkey
		out = append(out, l)
	}
	return out, nil
}

func readLog(path string) (Log, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Log{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return Log{}, errors.New("is no file of a witness; remove it, or find out who put it there")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Log{}, err
	}
	l, err := parseLog(b)
	if err == nil && filepath.Base(path) != fileName(l.Origin) {
		err = fmt.Errorf("should be called %s for the log %q; it was renamed, or copied", fileName(l.Origin), l.Origin)
	}
	return l, err
}

// parseLog is strict; encodeLog writes what it accepts as the same bytes.
func parseLog(b []byte) (Log, error) {
	const damaged = "is damaged; restore it from a backup of this very moment, or retire this witness's key: "
	rest, ok := strings.CutPrefix(string(b), fileTitle)
	vkey, rest, found := strings.Cut(rest, "\n")
	if !ok || !found {
		return Log{}, errors.New(damaged + "it does not begin as it should")
	}
	origin, key, err := audit.ParseLogKey(vkey)
	if err != nil {
		return Log{}, fmt.Errorf(damaged+"%w", err)
	}
	l := Log{Origin: origin, Key: key}
	if msg, ok := strings.CutPrefix(rest, "newest\n"); ok {
		if _, err := audit.OpenWitnessed(origin, key, []byte(msg)); err != nil {
			return Log{}, fmt.Errorf(damaged+"%w", err)
		}
		l.Note = []byte(msg)
	} else if rest != "none\n" {
		return Log{}, errors.New(damaged + "it does not end as it should")
	}
	return l, nil
}

func encodeLog(vkey string, note []byte) []byte {
	if note == nil {
		return []byte(fileTitle + vkey + "\nnone\n")
	}
	return append([]byte(fileTitle+vkey+"\nnewest\n"), note...)
}

func fileName(origin string) string {
	h := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(h[:16]) + ".log"
}

// Add makes the witness sign for a log from now on, from its first entry. Adding the same log again changes nothing; another key under
// the same origin is an error. A running witness learns of it at its next start.
func (f *Folder) Add(origin string, key ed25519.PublicKey) error {
	vkey, err := audit.LogKey(origin, key)
	if err != nil {
		return fmt.Errorf("add log: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch old := f.keys[origin]; old {
	case vkey:
		return nil
	case "":
	default:
		return fmt.Errorf("add log: %q is there already, with the key %s", origin, old)
	}
	if err := f.write(origin, encodeLog(vkey, nil)); err != nil {
		return fmt.Errorf("add log: %w", err)
	}
	f.keys[origin] = vkey
	return nil
}

// Save replaces the checkpoint of a log that is there.
func (f *Folder) Save(origin string, note []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	vkey, ok := f.keys[origin]
	if !ok {
		return fmt.Errorf("keep a checkpoint: the folder has no log %q", origin)
	}
	if err := f.write(origin, encodeLog(vkey, note)); err != nil {
		return fmt.Errorf("keep a checkpoint of %q: %w", origin, err)
	}
	return nil
}

func (f *Folder) write(origin string, b []byte) error {
	t, err := os.CreateTemp(f.dir, writing+"*")
	if err != nil {
		return err
	}
	_, err = t.Write(b)
	err = errors.Join(err, t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), filepath.Join(f.dir, fileName(origin)))
	}
	if err != nil {
		if gone := os.Remove(t.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return err
	}
	d, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
