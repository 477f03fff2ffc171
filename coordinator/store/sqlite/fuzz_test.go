package sqlite

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad puts anything into the columns that Load reads. It is refused in one line that names the file, or comes back as
// it stands there.
func FuzzLoad(f *testing.F) {
	hash := bytes.Repeat([]byte{7}, 32)
	f.Add(int64(0), int64(3), hash, hash, hash, []byte{0, 0, 0, 0, 0, 0, 0, 2}, hash, hash)
	f.Add(int64(1), int64(3), hash, hash, hash, []byte{}, hash, hash)
	f.Add(int64(0), int64(-3), hash, hash, hash, []byte{}, hash, hash)
	f.Add(int64(0), int64(3), hash[:31], hash, hash, []byte{}, hash, hash)
	f.Add(int64(0), int64(3), hash, []byte{}, hash, []byte{}, hash, hash)
	f.Add(int64(0), int64(3), hash, hash, append(hash, 7), []byte{}, hash, hash)
	f.Add(int64(0), int64(3), hash, hash, hash, []byte{1}, hash, hash)
	f.Add(int64(0), int64(3), hash, hash, hash, []byte{}, hash[:1], hash)
	f.Add(int64(0), int64(3), hash, hash, hash, []byte{}, hash, hash[:30])
	f.Add(int64(0), int64(1)<<40, hash, hash, hash, []byte{}, hash, hash)
	ctx := context.Background()
	path := filepath.Join(f.TempDir(), "store.sqlite")
	s, err := Open(ctx, path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	exec := func(t testing.TB, query string, args ...any) {
		t.Helper()
		if _, err := s.db.ExecContext(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(f, "PRAGMA synchronous = OFF")
	f.Fuzz(func(t *testing.T, index, number int64, model, serve, open, list, digest, question []byte) {
		for _, p := range []*[]byte{&model, &serve, &open, &list, &digest, &question} {
			*p = append([]byte{}, *p...) // not NULL
		}
		exec(t, "DELETE FROM entry; DELETE FROM head; DELETE FROM round; DELETE FROM journal; DELETE FROM charge")
		exec(t, "INSERT INTO entry VALUES (?, x'00')", index)
		exec(t, "INSERT INTO head VALUES (1, ?, ?, ?, 2, 0)", number, model, serve)
		exec(t, "INSERT INTO round (round, open_hash, idx, grace, code, context) VALUES (3, ?, 0, ?, x'01', ?)", open, number, list)
		exec(t, "INSERT INTO journal VALUES (3, 0, 5, x'02', ?)", digest)
		exec(t, "INSERT INTO charge VALUES (?, ?, ?)", number, question, index-1)
		saved, err := s.Load(ctx)
		if err != nil {
			if text := err.Error(); saved != nil || !strings.Contains(text, path) || strings.Contains(text, "\n") {
				t.Fatalf("%v, %q", saved, err)
			}
			return
		}
		o := saved.Open
		if index != 0 || len(saved.Entries) != 1 || saved.Head.Version != uint64(number) || o == nil || int64(o.GraceMillis) != number || len(o.Journal) != 1 ||
			len(saved.Charges) != 1 || saved.Charges[0].Round != uint64(number) || saved.Charges[0].Units != 1<<64-1 {
			t.Fatalf("index %d and number %d give %+v", index, number, saved)
		}
		for i, pair := range [][2][]byte{{model, saved.Head.Model[:]}, {serve, saved.Head.Serve[:]}, {open, o.OpenHash[:]}, {digest, o.Journal[0].Digest[:]}, {list, packIndexes(o.Context)},
			{question, saved.Charges[0].Question[:]}} {
			if !bytes.Equal(pair[0], pair[1]) {
				t.Errorf("column %d holds %x and reads as %x", i, pair[0], pair[1])
			}
		}
	})
}
