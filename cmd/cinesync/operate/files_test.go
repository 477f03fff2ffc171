package operate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// names lists every file below dir.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestWriteReplacesWholeFiles(t *testing.T) {
	d := Dir(t.TempDir())
	for _, text := range []string{"first", "a longer second", "3", ""} {
		if err := d.Write("tile/0/x001", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Read("tile/0/x001"); err != nil || string(got) != text {
			t.Errorf("read %q (%v), want %q", got, err, text)
		}
	}
	if got := names(t, string(d)); !slices.Equal(got, []string{"tile/0/x001"}) {
		t.Errorf("files %v are left, want the one", got)
	}
}

// TestReaderOfAFileThatIsReplacedSeesOneOfTheTwo keeps the old file open while it is replaced.
func TestReaderOfAFileThatIsReplacedSeesOneOfTheTwo(t *testing.T) {
	d := Dir(t.TempDir())
	if err := d.Write("checkpoint", []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(string(d), "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := d.Write("checkpoint", []byte("new one")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, _ := f.Read(buf); string(buf[:n]) != "old" {
		t.Errorf("an open file changed to %q", buf[:n])
	}
}

func TestEqualContentIsLeftAlone(t *testing.T) {
	d := Dir(t.TempDir())
	stat := func() os.FileInfo {
		t.Helper()
		if err := d.Write("keys", []byte("same")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(string(d), "keys"))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if !os.SameFile(stat(), stat()) {
		t.Error("equal content was written again")
	}
}

func TestFailedWriteLeavesTheOldFileAndNoOther(t *testing.T) {
	d := Dir(t.TempDir())
	if err := os.Mkdir(filepath.Join(string(d), "serving"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("serving/kept", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	err := d.Write("serving", []byte("a file in place of a folder"))
	if err == nil || !strings.Contains(err.Error(), filepath.Join(string(d), "serving")) {
		t.Errorf("error %v does not name the file", err)
	}
	if got := names(t, string(d)); !slices.Equal(got, []string{"serving/kept"}) {
		t.Errorf("files %v are left", got)
	}
	if err := d.Write("serving/kept/below", nil); err == nil {
		t.Error("a file below a file was written")
	}
}

func TestFailedWriteSaysWhatToDo(t *testing.T) {
	for err, words := range map[error]string{
		&fs.PathError{Err: syscall.ENOSPC}:           "free some space and start again",
		&fs.PathError{Err: syscall.EDQUOT}:           "free some space and start again",
		&fs.PathError{Err: syscall.EACCES}:           "right to write",
		&fs.PathError{Err: syscall.EROFS}:            "cannot be written to",
		fmt.Errorf("sync: %w", error(syscall.EIO)):   "check the disk",
		&fs.PathError{Path: "x", Err: fs.ErrInvalid}: "",
	} {
		if got := adviceDisk(err); words == "" && got != "" || !strings.Contains(got, words) {
			t.Errorf("%v: %q, want %q", err, got, words)
		}
	}
}

func TestSweepRemovesOnlyWhatACrashLeft(t *testing.T) {
	d := Dir(t.TempDir())
	for _, name := range []string{"checkpoint", "tile/0/x000", ".writing-1", "tile/0/.writing-22", "writing-not"} {
		if err := d.Write(name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(string(d), ".writing-folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.sweep(); err != nil {
			t.Fatal(err)
		}
		if got := names(t, string(d)); !slices.Equal(got, []string{"checkpoint", "tile/0/x000", "writing-not"}) {
			t.Errorf("files %v are left", got)
		}
	}
	if err := Dir(filepath.Join(string(d), "absent")).sweep(); err != nil {
		t.Errorf("sweep of a folder that is not there yet: %v", err)
	}
}

func TestRemoveOfAnAbsentFileIsFine(t *testing.T) {
	d := Dir(t.TempDir())
	if err := d.Write("x", nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Remove("x"); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Read("x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read of an absent file: %v", err)
	}
}

func TestNamesAreThoseOfTheFilesOfOneFolder(t *testing.T) {
	d := Dir(t.TempDir())
	for _, name := range []string{"serving", "b.snapshot", "below/c.snapshot"} {
		if err := d.Write(name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.Names("")
	if slices.Sort(got); err != nil || !slices.Equal(got, []string{"b.snapshot", "serving"}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := d.Names("below"); err != nil || !slices.Equal(got, []string{"c.snapshot"}) {
		t.Errorf("below: %v, %v", got, err)
	}
	if got, err := d.Names("absent"); err != nil || got != nil {
		t.Errorf("a folder that is not there yet: %v, %v", got, err)
	}
	if _, err := d.Names("serving"); err == nil {
		t.Error("a file in its place was listed")
	}
}
