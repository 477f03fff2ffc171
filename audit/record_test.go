package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite golden files; review the difference")

// testKey is a fixed signing key; b tells keys apart.
func testKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// h is a hash that is easy to find in golden bytes.
func h(b byte) (out [32]byte) {
	for i := range out {
		out[i] = b
	}
	return out
}

// samples has one record of each kind, every field set to something of its own.
func samples() []Record {
	return []Record{
		&PolicyChange{CeilingUnits: 1 << 40, PeriodSeconds: 2592000, P: 30, B: 1, NMin: 64, GammaBP: 500, DeltaBP: 1000},
		&CodeRelease{CodeHash: h(0xc0), Name: "two-tower/local", Version: 3},
		&Question{ID: "train", Version: 1, Purpose: "learn", Kind: 1, LayoutHash: h(0x1a), D: 21824, C: 0x3f000000, CInt: 1200, SigmaTotSq: 5760000,
			NMin: 64, P: 30, B: 2, ShareBP: 10000, Expiry: 1800000000, CodeHash: h(0xc0), Result: "the next model"},
		&RoundOpen{Round: 7, OpenedAt: 1700000000, PrevRound: h(1), Question: h(2), ModelIn: h(3), CodeHash: h(4), LayoutHash: h(5), D: 21824,
			WordBits: 32, XMax: 1200, Kex: 1, PRG: 2, Sig: 3, Mode: 3, SeedKind: 1, GammaBP: 500, DeltaBP: 1000, Lambda: 80, Eta: 20, NTarget: 200,
			NMin: 64, Cohorts: 1, C: 0x3f000000, CInt: 1200, SigmaTotSq: 5760000, SigmaBitSq: 9, RhoUnits: 137438953472, P: 30, B: 2,
			Deadlines: [5]uint32{60, 70, 80, 90, 100}, WitnessPolicy: h(6)},
		&Roster{Open: h(1), N: 200, K: 20, T: 14, Root: h(2)},
		&Survivors{Open: h(1), Roster: h(2), Cohort: 0, SID: h(3), Count: 180, BitmapHash: h(4), InputsRoot: h(5)},
		&RoundClose{Open: h(1), Roster: h(2), Survivors: [][32]byte{h(3), h(7)}, SumHash: [][32]byte{h(4), h(8)}, ModelOut: h(5), ServeHash: h(6), U1: 200, U2: 190, U3: 180,
			HonestNoise: 5760010, C: 0x3f000000, RhoUnits: 137438953472, RhoCumBound: 274877906944, PhaseMillis: [5]uint32{10, 20, 30, 40, 50},
			Drops: []Drop{{Reason: 2, Count: 10}, {Reason: 5, Count: 10}}},
		&Abort{Open: h(1), Phase: 3, Reason: 4, Detail: "too few inputs", U1: 200, U2: 100, U3: 0},
		&BudgetExhausted{Question: h(2), Round: 31},
	}
}

// TestGoldenBytes pins the canonical bytes, signatures and leaf hashes of every kind of record.
func TestGoldenBytes(t *testing.T) {
	var out strings.Builder
	for _, r := range samples() {
		entry, err := Seal(testKey(7), r)
		if err != nil {
			t.Fatal(err)
		}
		record := AppendRecord(nil, r)
		fmt.Fprintf(&out, "%v %d\nrecord %x\nsignature %x\nleaf %x\n\n", KindOf(r), len(record), record, entry[len(record):], LeafHash(entry))
	}
	golden(t, "testdata/entries.golden", []byte(out.String()))
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs; if the format was meant to change, run with -update and say why (-want +got):\n%s", path, d)
	}
}

// TestRoundOpenLayout writes the bytes by hand, so that the golden file is not only what the code happens to do.
func TestRoundOpenLayout(t *testing.T) {
	x := func(b string) string { return strings.Repeat(b, 32) }
	want := "0004" + "0001" + // kind, version
		"0000000000000007" + "000000006553f100" + // round, opened_at
		x("01") + x("02") + x("03") + x("04") + x("05") + // prev_round, question, model_in, code, layout
		"00005540" + "0020" + "000004b0" + // d, word_bits, x_max
		"0001" + "0002" + "0003" + "0003" + "0001" + // kex, prg, sig, mode, seed kind
		"01f4" + "03e8" + "0050" + "0014" + // γ, δ, λ, η
		"000000c8" + "00000040" + "00000001" + // n_target, n_min, cohorts
		"3f000000" + "000004b0" + // C, C_int
		"000000000057e400" + "0000000000000009" + // sigma_tot_sq, sigma_bit_sq
		"0000002000000000" + "0000001e" + "00000002" + // rho_units, P, b
		"0000003c" + "00000046" + "00000050" + "0000005a" + "00000064" + // deadlines
		x("06") // witness policy
	if got := hex.EncodeToString(AppendRecord(nil, samples()[3])); got != want {
		t.Errorf("RoundOpen is\n%s, want\n%s", got, want)
	}
}

func TestEveryKindIsReadBack(t *testing.T) {
	for _, r := range samples() {
		entry, err := Seal(testKey(7), r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenEntry(public(testKey(7)), entry)
		if err != nil {
			t.Errorf("%v: %v", KindOf(r), err)
		} else if d := cmp.Diff(r, got); d != "" {
			t.Errorf("%v (-want +got):\n%s", KindOf(r), d)
		}
	}
}

// TestEveryKindIsListed finds a kind that was added to one of the switches and not to the other.
func TestEveryKindIsListed(t *testing.T) {
	seen := map[Kind]bool{}
	for _, r := range samples() {
		seen[KindOf(r)] = true
		if strings.HasPrefix(KindOf(r).String(), "kind ") || reflect.TypeOf(r).Elem().Name() != KindOf(r).String() {
			t.Errorf("%T is called %v", r, KindOf(r))
		}
	}
	for k := range Kind(32) {
		if _, ok := newRecord(k); ok != seen[k] {
			t.Errorf("kind %d: known %v, in the samples %v", k, ok, seen[k])
		}
	}
}

func TestParseRefusesWhatIsNotCanonical(t *testing.T) {
	roster := AppendRecord(nil, &Roster{N: 5})
	closed := AppendRecord(nil, samples()[6])
	drops := len(closed) - 2*6 - 4
	edit := func(b []byte, at int, v ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[at:], v)
		return b
	}
	for _, tt := range []struct {
		name, want string
		in         []byte
	}{
		{"nothing", "0 bytes are left", nil},
		{"unknown kind", "kind 99", edit(roster, 0, 0, 99)},
		{"kind zero", "kind 0", edit(roster, 0, 0, 0)},
		{"newer version", "version 2", edit(roster, 2, 0, 2)},
		{"cut", "31 bytes are left where a field of 32 is due", roster[:len(roster)-1]},
		{"trailing byte", "1 bytes follow", append(bytes.Clone(roster), 0)},
		{"long list", "list of 4294967295", edit(closed, drops, 255, 255, 255, 255)},
		{"list beyond the end", "list of 3", edit(closed, drops, 0, 0, 0, 3)},
		{"older version", "version 1, want 2", edit(closed, 2, 0, 1)},
		{"no cohort", "list of 0 hashes", append(bytes.Clone(closed[:68]), make([]byte, 300)...)},
		{"too many cohorts", "list of 33 hashes", append(edit(closed[:72], 68, 0, 0, 0, 33), make([]byte, 33*32)...)},
		{"more survivor sets than sums", "2 survivor sets and 1 sums", append(edit(closed[:72+64+4], 72+64, 0, 0, 0, 1), make([]byte, 32)...)},
		{"long string", "string of 4294967280", []byte{0, 2, 0, 1, 31: 0, 35: 0, 36: 255, 37: 255, 38: 255, 39: 240}},
		{"too long", "at most 4032", make([]byte, MaxRecord+1)},
	} {
		if _, err := ParseRecord(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestOpenEntryRefuses(t *testing.T) {
	entry, err := Seal(testKey(7), &Roster{N: 5})
	if err != nil {
		t.Fatal(err)
	}
	pub := public(testKey(7))
	for i := range entry {
		bad := bytes.Clone(entry)
		bad[i] ^= 1
		if _, err := OpenEntry(pub, bad); err == nil {
			t.Fatalf("an entry with byte %d changed was accepted", i)
		}
	}
	if _, err := OpenEntry(public(testKey(8)), entry); err == nil {
		t.Error("an entry was accepted under another key")
	}
	for _, bad := range [][]byte{nil, entry[:63], entry[:64], append(bytes.Clone(entry), 0), make([]byte, MaxEntry+1)} {
		if _, err := OpenEntry(pub, bad); err == nil {
			t.Errorf("%d bytes were accepted", len(bad))
		}
	}
	if _, err := OpenEntry(nil, entry); err == nil {
		t.Error("an empty key was accepted")
	}
	if _, err := Seal(nil, &Roster{}); err == nil {
		t.Error("an empty signing key was accepted")
	}
	// A signature over the bare record, without its label, is not one of ours.
	record := AppendRecord(nil, &Roster{N: 5})
	if _, err := OpenEntry(pub, append(record, ed25519.Sign(testKey(7), record)...)); err == nil {
		t.Error("a signature without the label was accepted")
	}
}

// TestSealRefusesWhatNoReaderTakes: a list out of its bounds never gets a signature, and 32 cohorts fit an entry.
func TestSealRefusesWhatNoReaderTakes(t *testing.T) {
	for n, ok := range map[int]bool{0: false, 1: true, MaxCohorts: true, MaxCohorts + 1: false} {
		_, err := Seal(testKey(7), &RoundClose{Survivors: make([][32]byte, n), SumHash: make([][32]byte, n), Drops: make([]Drop, 5)})
		if (err == nil) != ok {
			t.Errorf("%d cohorts: %v", n, err)
		}
	}
	if _, err := Seal(testKey(7), &RoundClose{Survivors: make([][32]byte, 2), SumHash: make([][32]byte, 1)}); err == nil {
		t.Error("two survivor sets and one sum were sealed")
	}
}

func TestEntrySizeLimit(t *testing.T) {
	fixed := len(AppendRecord(nil, &Abort{}))
	full := &Abort{Detail: strings.Repeat("x", MaxRecord-fixed)}
	entry, err := Seal(testKey(7), full)
	if err != nil || len(entry) != MaxEntry {
		t.Fatalf("%d bytes, error %v; want %d", len(entry), err, MaxEntry)
	}
	if _, err := OpenEntry(public(testKey(7)), entry); err != nil {
		t.Error(err)
	}
	full.Detail += "x"
	if _, err := Seal(testKey(7), full); err == nil {
		t.Error("a record above the limit was sealed")
	}
}

// FuzzParseRecord: no panic, and whatever is accepted re-encodes to the same bytes.
func FuzzParseRecord(f *testing.F) {
	for _, r := range samples() {
		f.Add(AppendRecord(nil, r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecord(b)
		if err != nil {
			return
		}
		if again := AppendRecord(nil, r); !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, which re-encodes to %x", b, again)
		}
	})
}

// FuzzOpenEntry: as above, with the signature; a changed entry never opens.
func FuzzOpenEntry(f *testing.F) {
	pub := public(testKey(7))
	for _, r := range samples() {
		entry, err := Seal(testKey(7), r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(entry)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := OpenEntry(pub, b)
		if err != nil {
			return
		}
		if again, err := Seal(testKey(7), r); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, which seals to %x (%v)", b, again, err)
		}
	})
}

// TestRecordsSurviveTheirBytes draws records of every kind.
func TestRecordsSurviveTheirBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		got, err := ParseRecord(AppendRecord(nil, r))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, got); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	})
}

func drawRecord(t *rapid.T) Record {
	r, _ := newRecord(Kind(rapid.IntRange(1, 9).Draw(t, "kind")))
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		drawField(t, v.Field(i), v.Type().Field(i).Name)
	}
	return r
}

func drawField(t *rapid.T, v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, name) & (1<<v.Type().Bits() - 1))
	case reflect.String:
		v.SetString(string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, name)))
	case reflect.Array:
		for i := range v.Len() {
			drawField(t, v.Index(i), name)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Array { // a hash of each of two cohorts
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			drawField(t, v.Index(0), name)
			drawField(t, v.Index(1), name)
			return
		}
		if n := rapid.IntRange(0, 20).Draw(t, name); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			drawField(t, v.Index(i).Field(0), name)
			drawField(t, v.Index(i).Field(1), name)
		}
	}
}
