package sqlite_test

import (
	"bytes"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
	"github.com/cinesync/cinesync/privacy"
)

// charge appends n charges of 5 units to a store's ledger.
func charge(t *testing.T, s *sqlite.Store, n int) {
	t.Helper()
	l, err := door.OpenLedger(t.Context(), s, privacy.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		seq, head := l.Head()
		e := privacy.Entry{Seq: seq + 1, Kind: privacy.EntryCharge, Round: seq, Units: 5, Cumulative: l.Spent() + 5, Prev: head}
		commit(t, s, door.Commit{Entry: e.Append(nil), Seq: e.Seq})
		if err := l.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewPeriodGoesOnWithAnIntactLedger(t *testing.T) {
	s, _ := fresh(t)
	charge(t, s, 3)
	p, err := door.NewPeriod(t.Context(), s, nil, time.Unix(1_800_000_000, 0))
	if err != nil || p.Entry.Seq != 4 || p.Aside != 0 || p.Forgot {
		t.Fatalf("%+v, %v", p, err)
	}
	l, err := door.OpenLedger(t.Context(), s, privacy.Limits{})
	if err != nil || l.Spent() != 0 || l.PeriodStart() != 1_800_000_000 {
		t.Errorf("spent %v since %v, %v", l.Spent(), l.PeriodStart(), err)
	}
	charge(t, s, 1)
}

func TestNewPeriodOnAnEmptyLedger(t *testing.T) {
	s, _ := fresh(t)
	if p, err := door.NewPeriod(t.Context(), s, nil, time.Unix(1, 0)); err != nil || p.Entry.Seq != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	charge(t, s, 1)
}

// TestNewPeriodBeginsAgainAfterDamage keeps what is left and goes on above it.
func TestNewPeriodBeginsAgainAfterDamage(t *testing.T) {
	for name, damage := range map[string]string{
		"a flipped byte": "UPDATE entry SET bytes = CAST(substr(bytes, 1, 50) || x'ff' || substr(bytes, 52) AS BLOB) WHERE seq = 2",
		"a missing row":  "DELETE FROM entry WHERE seq = 2",
		"a short row":    "UPDATE entry SET bytes = x'01' WHERE seq = 4",
		"the first row":  "DELETE FROM entry WHERE seq = 1",
	} {
		t.Run(name, func(t *testing.T) {
			s, path := fresh(t)
			charge(t, s, 4)
			s.Close()
			edit(t, path, damage)
			s = open(t, path)
			if _, err := door.OpenLedger(t.Context(), s, privacy.Limits{}); err == nil || !strings.Contains(err.Error(), "spent") {
				t.Fatalf("the damage is not seen: %v", err)
			}
			rows, err := s.Rows(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p, err := door.NewPeriod(t.Context(), s, nil, time.Unix(1_800_000_000, 0))
			if err != nil || p.Entry.Seq != 5 || p.Aside != len(rows) || p.Entry.Prev == ([32]byte{}) {
				t.Fatalf("%+v, %v", p, err)
			}
			s.Close()
			kept := aside(t, path)
			if len(kept) != len(rows) {
				t.Fatalf("%d rows are kept, there were %d", len(kept), len(rows))
			}
			for i, b := range kept {
				if !bytes.Equal(b, rows[i].Bytes) {
					t.Errorf("row %d was changed", i)
				}
			}
			s = open(t, path)
			charge(t, s, 2)
			if l, err := door.OpenLedger(t.Context(), s, privacy.Limits{}); err != nil || l.Spent() != 10 {
				t.Errorf("the new chain: %v", err)
			}
		})
	}
}

func aside(t *testing.T, path string) [][]byte {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT bytes FROM aside ORDER BY n")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out [][]byte
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func TestNewPeriodForgetsADamagedRound(t *testing.T) {
	s, _ := fresh(t)
	charge(t, s, 1)
	commit(t, s, door.Commit{SaveSession: true, Session: []byte("damaged")})
	p, err := door.NewPeriod(t.Context(), s, nil, time.Unix(1, 0))
	if err != nil || !p.Forgot || p.Aside != 0 || p.Entry.Seq != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	if b, err := s.Session(t.Context()); err != nil || b != nil {
		t.Errorf("session %q, %v", b, err)
	}
}
