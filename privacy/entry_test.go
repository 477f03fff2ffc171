package privacy

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func sampleCharge() Entry {
	fill := func(b byte) (h [32]byte) {
		for i := range h {
			h[i] = b
		}
		return h
	}
	return Entry{
		Seq: 2, Kind: EntryCharge, Round: 3, Question: fill(0x11), OpenHash: fill(0x22), SID: fill(0x33),
		Units: 4, Cumulative: 5, LogIndex: 6, Prev: fill(0x44),
	}
}

// The layout is on people's disks: changing it needs a new version and a way to read the old one.
func TestEntryBytes(t *testing.T) {
	want := strings.Join([]string{
		"0001", "0001", // version, kind
		"0000000000000002", "0000000000000003", // seq, round
		strings.Repeat("11", 32), strings.Repeat("22", 32), strings.Repeat("33", 32), // question, open_hash, sid
		"0000000000000004", "0000000000000005", // units, cumulative
		"0000000000000006", "0000000000000000", // log index, at
		strings.Repeat("44", 32), // prev
		"HASH",
	}, "")
	e := sampleCharge()
	h := e.Hash()
	want = strings.Replace(want, "HASH", hex.EncodeToString(h[:]), 1)
	if got := hex.EncodeToString(e.Append(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	const known = "74fb46949de9a608c30b829291edbce9e17c1aae20435ef5c20b4e7350b30b84"
	if got := hex.EncodeToString(h[:]); got != known {
		t.Errorf("hash is %s, want %s", got, known)
	}
}

func TestParseEntryRefuses(t *testing.T) {
	good := sampleCharge()
	rehash := func(change func(b []byte)) []byte {
		b := good.Append(nil)
		change(b)
		sum := hashEntry(b[:entryBody])
		copy(b[entryBody:], sum[:])
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":            nil,
		"too short":          good.Append(nil)[:EntrySize-1],
		"too long":           append(good.Append(nil), 0),
		"version 2":          rehash(func(b []byte) { b[1] = 2 }),
		"kind 0":             rehash(func(b []byte) { b[3] = 0 }),
		"kind 3":             rehash(func(b []byte) { b[3] = 3 }),
		"sequence 0":         rehash(func(b []byte) { b[11] = 0 }),
		"charge of nothing":  rehash(func(b []byte) { b[123] = 0 }),
		"cumulative too low": rehash(func(b []byte) { b[131] = 3 }),
		"charge with a time": rehash(func(b []byte) { b[147] = 1 }),
		"period with units":  rehash(func(b []byte) { b[3] = 2 }),
	} {
		if _, err := ParseEntry(b); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	_, es := chain(f)
	for _, e := range append(es, Reopen(7, [32]byte{1}, 2, 3)) {
		f.Add(e.Append(nil)[:entryBody])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		// As they are, the bytes almost never hold their own hash; with it the rest of the parser is reached as well.
		sum := hashEntry(body[:min(len(body), entryBody)])
		for _, b := range [][]byte{body, append(bytes.Clone(body), sum[:]...)} {
			e, err := ParseEntry(b)
			if err != nil {
				if !errors.Is(err, ErrBroken) || e != (Entry{}) {
					t.Fatalf("refused with %v and %+v", err, e)
				}
				continue
			}
			if !bytes.Equal(e.Append(nil), b) {
				t.Fatalf("%x reads as %+v, which writes other bytes", b, e)
			}
			if h := e.Hash(); !bytes.Equal(h[:], b[entryBody:]) {
				t.Fatalf("hash of %+v is not the one in its bytes", e)
			}
		}
	})
}

func TestEntryKindNames(t *testing.T) {
	for k, want := range map[EntryKind]string{EntryCharge: "charge", EntryPeriod: "period", 0: "entry kind 0", 9: "entry kind 9"} {
		if k.String() != want {
			t.Errorf("%d is called %q", uint16(k), k)
		}
	}
}
