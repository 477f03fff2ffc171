package sqlite_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/client/door"
)

func TestReceiptsAreKeptOnce(t *testing.T) {
	s, path := fresh(t)
	if list, err := s.Receipts(t.Context(), 10); err != nil || len(list) != 0 {
		t.Errorf("before the first: %v, %v", list, err)
	}
	first := door.Receipt{OpenHash: [32]byte{1}, Round: 7, At: 100, File: []byte("file of round 7")}
	second := door.Receipt{OpenHash: [32]byte{2}, Round: 8, At: 200, File: []byte("file of round 8")}
	for _, r := range []door.Receipt{first, second, first} {
		commit(t, s, door.Commit{Receipt: &r, SaveSession: true})
	}
	other := first
	other.File = []byte("another file")
	if err := s.Commit(t.Context(), door.Commit{Receipt: &other, Meta: map[string][]byte{"k": []byte("v")}}); !errors.Is(err, door.ErrConflict) {
		t.Errorf("another receipt of one round: %v", err)
	}
	if v, err := s.Meta(t.Context(), "k"); err != nil || v != nil {
		t.Errorf("a part of that was recorded: %q, %v", v, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, path)
	list, err := again.Receipts(t.Context(), 10)
	if diff := cmp.Diff([]door.Receipt{second, first}, list); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if list, err := again.Receipts(t.Context(), 1); err != nil || len(list) != 1 || list[0].Round != 8 {
		t.Errorf("the newest: %v, %v", list, err)
	}
	huge := door.Receipt{OpenHash: [32]byte{3}, Round: 1 << 63}
	if err := again.Commit(t.Context(), door.Commit{Receipt: &huge}); err == nil {
		t.Error("a round beyond 63 bits was taken")
	}
}
