package witness

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func opened(t testing.TB, dir string) *Folder {
	t.Helper()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// kept makes a folder with two logs, of which the first was signed at 12 entries, and closes it.
func kept(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	f := opened(t, dir)
	err := errors.Join(f.Add(testOrigin, public(testKey(9))), f.Add("other.example", public(testKey(8))), f.Save(testOrigin, checkpoint(t, history(12, 12, 0).View(12))), f.Close())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFolderRemembers(t *testing.T) {
	dir := kept(t)
	f := opened(t, dir)
	got, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	byOrigin := map[string]Log{}
	for _, l := range got {
		byOrigin[l.Origin] = l
	}
	want := map[string]Log{testOrigin: {testOrigin, public(testKey(9)), checkpoint(t, history(12, 12, 0).View(12))}, "other.example": {Origin: "other.example", Key: public(testKey(8))}}
	if d := cmp.Diff(want, byOrigin); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := f.Add(testOrigin, public(testKey(9))); err != nil {
		t.Errorf("the same log again: %v", err)
	}
	if err := f.Add(testOrigin, public(testKey(7))); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("another key under one origin: %v", err)
	}
	if err := f.Add("a b", public(testKey(7))); err == nil {
		t.Error("a log without a name was added")
	}
	if err := f.Save("third.example", []byte("x")); err == nil {
		t.Error("a checkpoint of an unknown log was kept")
	}
	if d := cmp.Diff(got, must(f.Load())); d != "" {
		t.Errorf("the refusals changed the folder:\n%s", d)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestFolderIsUsedByOne(t *testing.T) {
	dir := kept(t)
	f := opened(t, dir)
	if _, err := OpenFolder(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("a second one: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := opened(t, dir).Close(); err != nil {
		t.Error(err)
	}
}

// TestFolderRefusesDamage changes, cuts and lengthens a file byte by byte. Each time the folder does not open.
func TestFolderRefusesDamage(t *testing.T) {
	dir := kept(t)
	path := filepath.Join(dir, fileName(testOrigin))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := OpenFolder(dir); err == nil {
			t.Errorf("%s: opened", what)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 4
		refuse("a changed byte", bad)
		refuse("a cut file", good[:i])
	}
	refuse("a longer file", append(bytes.Clone(good), '\n'))
	refuse("a huge file", make([]byte, maxFile+1))
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := opened(t, dir).Close(); err != nil {
		t.Error(err)
	}
}

func TestFolderRefusesWhatIsNotItsOwn(t *testing.T) {
	for name, put := range map[string]func(dir string) error{
		"a stranger's file": func(dir string) error { return os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600) },
		"a folder":          func(dir string) error { return os.Mkdir(filepath.Join(dir, "logs"), 0o700) },
		"a link": func(dir string) error {
			return os.Symlink(filepath.Join(dir, fileName(testOrigin)), filepath.Join(dir, "link.log"))
		},
		"a copy under another name": func(dir string) error {
			return os.Link(filepath.Join(dir, fileName(testOrigin)), filepath.Join(dir, "copy.log"))
		},
	} {
		dir := kept(t)
		if err := put(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFolder(dir); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func TestFolderSweepsWhatWasHalfWritten(t *testing.T) {
	dir := kept(t)
	half := filepath.Join(dir, writing+"123")
	if err := os.WriteFile(half, []byte("cinesync wit"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := opened(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestWitnessOverAFolder(t *testing.T) {
	l, other, dir := history(20, 20, 0), history(20, 5, 1), kept(t)
	f := opened(t, dir)
	if r := post(named(t, 0, f), request(t, l, 12, 20)); r.Code != 200 {
		t.Fatal(r.Code, r.Body)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = opened(t, dir)
	defer f.Close()
	w := named(t, 0, f)
	if r := post(w, request(t, other, 20, 20)); r.Code != 409 || r.Body.String() != "20\n" {
		t.Errorf("after a restart another root of 20: %d %q", r.Code, r.Body)
	}
	if r := post(w, request(t, l, 20, 20)); r.Code != 200 {
		t.Errorf("after a restart the same tree: %d %q", r.Code, r.Body)
	}
}

func FuzzParseLog(f *testing.F) {
	dir := kept(f)
	for _, origin := range []string{testOrigin, "other.example"} {
		b, err := os.ReadFile(filepath.Join(dir, fileName(origin)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseLog(b)
		if err != nil {
			return
		}
		rest, _ := strings.CutPrefix(string(b), fileTitle)
		vkey, _, _ := strings.Cut(rest, "\n")
		if again := encodeLog(vkey, l.Note); !bytes.Equal(again, b) {
			t.Fatalf("accepted %q, which is written %q", b, again)
		}
	})
}
