package audit

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

// grown is a log of n entries, every one its number and a salt that tells histories apart from entry fork on.
func grown(n, fork int, salt byte) *Log {
	l := NewLog()
	for i := range n {
		e := []byte{byte(i), byte(i >> 8), 0}
		if i >= fork {
			e[2] = salt
		}
		l.Append(e)
	}
	return l
}

func signedAt(t testing.TB, v View) []byte {
	t.Helper()
	msg, err := SignCheckpoint(testOrigin, testKey(9), v.Size(), v.Root())
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// asking is the request of a log at size to a witness that signed old entries.
func asking(t testing.TB, l *Log, old, size uint64) AddCheckpoint {
	t.Helper()
	proof, err := l.Consistency(old, size)
	if err != nil {
		t.Fatal(err)
	}
	return AddCheckpoint{Old: old, Proof: proof, Note: signedAt(t, l.View(size))}
}

func TestWitnessOutcomes(t *testing.T) {
	l, other := grown(20, 20, 0), grown(20, 5, 1)
	at := func(size uint64) WitnessedLog {
		return WitnessedLog{Origin: testOrigin, Key: public(testKey(9)), Newest: Checkpoint{size, l.Root(size)}}
	}
	fresh := WitnessedLog{Origin: testOrigin, Key: public(testKey(9))}
	edit := func(a AddCheckpoint, f func(*AddCheckpoint)) AddCheckpoint { f(&a); return a }
	foreign := func(a *AddCheckpoint) {
		msg, err := SignCheckpoint(testOrigin, testKey(8), 20, l.Root(20))
		if err != nil {
			t.Fatal(err)
		}
		a.Note = msg
	}
	text := checkpointText(testOrigin, 20, l.Root(20))
	with := func(text string) func(*AddCheckpoint) {
		return func(a *AddCheckpoint) { a.Note = signedText(t, text, testKey(9)) }
	}
	for _, tt := range []struct {
		name   string
		log    WitnessedLog
		req    AddCheckpoint
		status int
		size   uint64 // that a conflict tells
	}{
		{"the first", fresh, asking(t, l, 0, 12), 200, 0},
		{"the empty tree", fresh, asking(t, l, 0, 0), 200, 0},
		{"a longer tree", at(12), asking(t, l, 12, 20), 200, 0},
		{"the same again", at(12), asking(t, l, 12, 12), 200, 0},
		{"with further signatures", at(12), edit(asking(t, l, 12, 20), func(a *AddCheckpoint) { a.Note = append(a.Note, "— other.example AAAAAAAA\n"...) }), 200, 0},
		{"with a further line", at(12), edit(asking(t, l, 12, 20), with(text+"more\n")), 200, 0},
		{"no note", at(12), edit(asking(t, l, 12, 20), func(a *AddCheckpoint) { a.Note = []byte(testOrigin + "\n20\n") }), 400, 0},
		{"another origin under the same key", at(12), edit(asking(t, l, 12, 20), with(checkpointText("other.example", 20, l.Root(20)))), 400, 0},
		{"no root", at(12), edit(asking(t, l, 12, 20), with(testOrigin+"\n20\n")), 400, 0},
		{"a loose size", at(12), edit(asking(t, l, 12, 20), with(strings.Replace(text, "\n20\n", "\n020\n", 1))), 400, 0},
		{"a signed size", at(12), edit(asking(t, l, 12, 20), with(strings.Replace(text, "\n20\n", "\n+20\n", 1))), 400, 0},
		{"a short root", at(12), edit(asking(t, l, 12, 20), with(testOrigin+"\n20\nAAAA\n")), 400, 0},
		{"an old size above the new one", at(12), edit(asking(t, l, 12, 20), func(a *AddCheckpoint) { a.Old = 21 }), 400, 0},
		{"another signer", at(12), edit(asking(t, l, 12, 20), foreign), 403, 0},
		{"a changed checkpoint", at(12), edit(asking(t, l, 12, 20), func(a *AddCheckpoint) { a.Note = bytes.Replace(a.Note, []byte("\n20\n"), []byte("\n21\n"), 1) }), 403, 0},
		{"a log whose name is none", WitnessedLog{Origin: "a b", Key: public(testKey(9))}, asking(t, l, 0, 12), 404, 0},
		{"an old size that was not signed", at(12), asking(t, l, 11, 20), 409, 12},
		{"from zero again", at(12), asking(t, l, 0, 20), 409, 12},
		{"a witness that is new", fresh, asking(t, l, 12, 20), 409, 0},
		{"an older tree", at(12), asking(t, l, 5, 8), 409, 12},
		{"another root of the same size", at(12), asking(t, other, 12, 12), 409, 12},
		{"another root of the empty tree", fresh, edit(asking(t, l, 0, 0), with(checkpointText(testOrigin, 0, h(1)))), 409, 0},
		{"a fork", at(12), asking(t, other, 12, 20), 422, 0},
		{"no proof", at(12), edit(asking(t, l, 12, 20), func(a *AddCheckpoint) { a.Proof = nil }), 422, 0},
		{"a proof too long", at(12), edit(asking(t, l, 12, 20), func(a *AddCheckpoint) { a.Proof = append(slices.Clone(a.Proof), h(1)) }), 422, 0},
		{"a proof from nothing", fresh, edit(asking(t, l, 0, 12), func(a *AddCheckpoint) { a.Proof = [][32]byte{h(1)} }), 422, 0},
		{"a proof of the same size", at(12), edit(asking(t, l, 12, 12), func(a *AddCheckpoint) { a.Proof = [][32]byte{h(1)} }), 422, 0},
	} {
		got, err := WitnessStep(tt.log, tt.req)
		var r *WitnessRefusal
		switch errors.As(err, &r); {
		case tt.status == 200 && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.status == 200:
			if cp, err := OpenWitnessed(testOrigin, public(testKey(9)), tt.req.Note); err != nil || got.Newest != cp {
				t.Errorf("%s: the witness knows %+v, the checkpoint is %+v (%v)", tt.name, got.Newest, cp, err)
			}
		case r == nil || r.Status != tt.status || r.Size != tt.size || r.Fork != strings.HasPrefix(tt.name, "another root"):
			t.Errorf("%s: %v (%+v), want %d with size %d", tt.name, err, r, tt.status, tt.size)
		case !cmp.Equal(got, tt.log):
			t.Errorf("%s: refused, and the state is now %+v", tt.name, got)
		}
	}
}

// TestWitnessNeverSignsTwoHistories throws honest and forked requests at a witness. Of what it signed, no two trees of one size differ
// and every one extends the one before.
func TestWitnessNeverSignsTwoHistories(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		logs := []*Log{grown(16, 16, 0), grown(16, rapid.IntRange(0, 15).Draw(r, "fork"), 1)}
		state := WitnessedLog{Origin: testOrigin, Key: public(testKey(9))}
		signed := map[uint64][32]byte{0: NewLog().Root(0)}
		for range rapid.IntRange(1, 30).Draw(r, "requests") {
			l := logs[rapid.IntRange(0, 1).Draw(r, "history")]
			size := rapid.Uint64Range(0, 16).Draw(r, "size")
			old := rapid.SampledFrom([]uint64{min(state.Newest.Size, size), rapid.Uint64Range(0, size).Draw(r, "old")}).Draw(r, "from")
			next, err := WitnessStep(state, asking(t, l, old, size))
			if err != nil {
				continue
			}
			if next.Newest.Size < state.Newest.Size {
				r.Fatalf("signed %d entries after %d", next.Newest.Size, state.Newest.Size)
			}
			if root, ok := signed[size]; ok && root != next.Newest.Root {
				r.Fatalf("signed two roots of %d entries", size)
			}
			if proof, err := l.Consistency(state.Newest.Size, size); err != nil || state.Newest.Size > 0 && CheckConsistency(proof, state.Newest.Size, state.Newest.Root, size, next.Newest.Root) != nil {
				r.Fatalf("signed a tree of %d that does not extend the one of %d", size, state.Newest.Size)
			}
			signed[size], state = next.Newest.Root, next
		}
	})
}

func TestAddCheckpointLayout(t *testing.T) {
	a := AddCheckpoint{Old: 7, Proof: [][32]byte{h(0), h(0xff)}, Note: []byte("origin\n9\nroot\n\n— x AAAA\n")}
	want := "old 7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n//////////////////////////////////////////8=\n\norigin\n9\nroot\n\n— x AAAA\n"
	if got := string(a.Append(nil)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	back, err := ParseAddCheckpoint([]byte(want))
	if err != nil || !cmp.Equal(a, back) || back.Origin() != "origin" {
		t.Errorf("read back %+v, %v", back, err)
	}
	hash := strings.Split(want, "\n")[1] + "\n"
	for name, bad := range map[string]string{
		"nothing":              "",
		"no old line":          strings.TrimPrefix(want, "old 7\n"),
		"no size":              strings.Replace(want, "old 7", "old ", 1),
		"a zero in front":      strings.Replace(want, "old 7", "old 07", 1),
		"a sign":               strings.Replace(want, "old 7", "old +7", 1),
		"a negative size":      strings.Replace(want, "old 7", "old -7", 1),
		"a huge size":          strings.Replace(want, "old 7", "old 9223372036854775808", 1),
		"two spaces":           strings.Replace(want, "old 7", "old  7", 1),
		"a capital":            strings.Replace(want, "old 7", "Old 7", 1),
		"carriage returns":     strings.ReplaceAll(want, "\n", "\r\n"),
		"a short hash":         strings.Replace(want, hash, "AAAA\n", 1),
		"a loose hash":         strings.Replace(want, "A=\n", "B=\n", 1),
		"no padding":           strings.Replace(want, "A=\n", "A\n", 1),
		"no checkpoint":        strings.SplitAfter(want, "\n\n")[0],
		"no empty line":        "old 7\n" + hash,
		"too many hashes":      "old 7\n" + strings.Repeat(hash, maxWitnessProof+1) + "\nx",
		"a long checkpoint":    "old 7\n\n" + strings.Repeat("x", MaxCheckpoint+1),
		"too long a request":   "old 7\n" + strings.Repeat("x", MaxAddCheckpoint),
		"white space in front": " " + want,
	} {
		if _, err := ParseAddCheckpoint([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	longest := AddCheckpoint{Old: 1<<63 - 1, Proof: make([][32]byte, maxWitnessProof), Note: make([]byte, MaxCheckpoint)}.Append(nil)
	if _, err := ParseAddCheckpoint(longest); err != nil {
		t.Errorf("the longest request: %v", err)
	}
}

func TestLogKeyIsReadBack(t *testing.T) {
	text, err := LogKey(testOrigin, public(testKey(9)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.NewVerifier(text); err != nil {
		t.Error(err)
	}
	origin, key, err := ParseLogKey(text)
	if err != nil || origin != testOrigin || !key.Equal(public(testKey(9))) {
		t.Errorf("%q, %x, %v", origin, key, err)
	}
	for _, bad := range []string{"", text + "\n", strings.Replace(text, "cinesync", "sinecync", 1), strings.ToUpper(text), witnesses(1, 1).Witnesses[0].VerifierKey()} {
		if _, _, err := ParseLogKey(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// FuzzWitnessStep: any request to a witness is read back as it is written, and answered without a panic; what is signed extends the state.
func FuzzWitnessStep(f *testing.F) {
	l := grown(20, 20, 0)
	for _, a := range []AddCheckpoint{asking(f, l, 0, 12), asking(f, l, 12, 20), asking(f, l, 12, 12)} {
		f.Add(a.Append(nil))
	}
	state := WitnessedLog{Origin: testOrigin, Key: ed25519.PublicKey(public(testKey(9))), Newest: Checkpoint{12, l.Root(12)}}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAddCheckpoint(b)
		if err != nil {
			return
		}
		if again := a.Append(nil); !bytes.Equal(again, b) {
			t.Fatalf("accepted %q, which is written %q", b, again)
		}
		if next, err := WitnessStep(state, a); err == nil && next.Newest.Size < 12 {
			t.Fatalf("signed %+v after 12 entries", next.Newest)
		}
	})
}
