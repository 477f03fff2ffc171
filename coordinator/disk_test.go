package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/coordinator/store/storetest"
)

// disk is what outlives a coordinator: the store's rows and the files of the two folders.
type disk struct {
	mu     sync.Mutex
	rows   *rows
	models map[string][]byte
	log    map[string][]byte
}

func newDisk() *disk {
	return &disk{rows: newRows(), models: map[string][]byte{}, log: map[string][]byte{}}
}

// now gives the rows as they are. They are never changed: a commit puts others in their place.
func (d *disk) now() *rows {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rows
}

// public is a file of the public log as it is, nil if it is not there. Files are never changed: a write puts others in their place.
func (d *disk) public(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log[name]
}

// fate is what becomes of one operation on the disk.
type fate uint8

const (
	works fate = iota
	fails      // nothing was written, and the process hears of it
	limbo      // it was written, and the process hears that it failed
)

var (
	errDisk = errors.New("input/output error of this test")
	errDead = errors.New("this process was killed by the test")
)

// mount is one process's hold on the disk. Once it is killed, nothing of that process reaches the disk any more.
type mount struct {
	*disk
	judge func(op string) fate // nil: everything works
	dead  bool
}

func (m *mount) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
}

// do runs one operation; writing says whether it changes the disk.
func (m *mount) do(op string, write func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errDead
	}
	what := works
	if m.judge != nil {
		what = m.judge(op)
	}
	if what == fails {
		return fmt.Errorf("%s: %w", op, errDisk)
	}
	if err := write(); err != nil {
		return err
	}
	if what == limbo {
		return fmt.Errorf("%s, whose answer was lost: %w", op, errDisk)
	}
	return nil
}

// store is coordinator.Store on a mounted disk.
type store struct{ *mount }

func (s store) Load(ctx context.Context) (saved *coordinator.Saved, err error) {
	err = s.do("load", func() error { saved = s.rows.load(); return ctx.Err() })
	return saved, err
}

func (s store) Commit(ctx context.Context, b *coordinator.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.do("commit", func() error {
		next := s.rows.clone()
		if err := next.take(b); err != nil {
			return err
		}
		s.rows = next
		return nil
	})
}

func (s store) Chunk(_ context.Context, round uint64, id [32]byte, offset uint64) (out []byte, err error) {
	err = s.do("chunk", func() error { out = slices.Clone(s.rows.chunks[owner{round, id}][offset]); return nil })
	return out, err
}

func (s store) Members(_ context.Context, openHash [32]byte) (e *coordinator.Ended, err error) {
	err = s.do("members", func() error { e = s.rows.ended[openHash]; return nil })
	return e, err
}

func (s store) Used(_ context.Context, serial [16]byte) (n uint32, err error) {
	err = s.do("used", func() error { n = uint32(len(s.rows.uses[serial])); return nil })
	return n, err
}

func (s store) Conduct(_ context.Context, serial [16]byte) (held round.Conduct, err error) {
	err = s.do("conduct", func() error { held = s.rows.conduct[serial]; return nil })
	return held, err
}

func (s store) LastHeader(_ context.Context, id [32]byte) (b []byte, err error) {
	err = s.do("last header", func() error { b = slices.Clone(s.rows.headers[id]); return nil })
	return b, err
}

// folder is coordinator.Files on a mounted disk.
type folder struct {
	*mount
	name  string
	files map[string][]byte
}

func (f folder) Read(name string) (b []byte, err error) {
	err = f.do("read "+f.name, func() error {
		got, ok := f.files[name]
		if !ok {
			return fmt.Errorf("read %s/%s: %w", f.name, name, fs.ErrNotExist)
		}
		b = slices.Clone(got)
		return nil
	})
	return b, err
}

func (f folder) Write(name string, b []byte) error {
	return f.do("write "+f.name, func() error { f.files[name] = slices.Clone(b); return nil })
}

func (f folder) Remove(name string) error {
	return f.do("remove "+f.name, func() error { delete(f.files, name); return nil })
}

func (f folder) Names(sub string) (list []string, err error) {
	err = f.do("list "+f.name, func() error {
		for name := range f.files {
			if path.Dir(name) == path.Clean(sub) {
				list = append(list, path.Base(name))
			}
		}
		return nil
	})
	return list, err
}

// TestFakeStoreKeepsTheContract holds the fake against what every store must do.
func TestFakeStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Open {
		d := newDisk()
		return func() coordinator.Store { return store{&mount{disk: d}} }
	})
}
