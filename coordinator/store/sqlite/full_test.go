package sqlite

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/google/go-cmp/cmp"
)

// TestFullDiskLosesNothing lets the file grow no further, as a full disk does.
func TestFullDiskLosesNothing(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "store.sqlite")
	s, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	var pages int
	if err := s.db.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		t.Helper()
		if _, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 8)
	var full error
	var n uint64
	for ; full == nil; n++ {
		if n == 100 {
			t.Fatal("the disk never filled")
		}
		full = s.Commit(ctx, &coordinator.Batch{Entries: []coordinator.EntryRow{{Index: n, Entry: fmt.Appendf(nil, "entry %d", n)}},
			Chunks: []coordinator.ChunkRow{{Round: 1, Offset: n * 5000, Data: bytes.Repeat([]byte{byte(n)}, 5000)}}})
	}
	n-- // the last one was refused
	if !strings.Contains(full.Error(), "disk is full") || !strings.Contains(full.Error(), "free space") {
		t.Errorf("error %q does not say that the disk is full and what to do", full)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(ctx, path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	saved, err := s.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var want [][]byte
	for i := range n {
		want = append(want, fmt.Appendf(nil, "entry %d", i))
	}
	if diff := cmp.Diff(want, saved.Entries); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	for i := range n + 1 {
		chunk, err := s.Chunk(ctx, 1, [32]byte{}, i*5000)
		if want := bytes.Repeat([]byte{byte(i)}, 5000); err != nil || i < n && !bytes.Equal(chunk, want) || i == n && chunk != nil {
			t.Errorf("chunk %d of %d has %d bytes (%v)", i, n, len(chunk), err)
		}
	}
}
