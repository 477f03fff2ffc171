package realdata

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// record stands in for a test and keeps what was said to it. Like the real one, its Skip and Fatal end the goroutine.
type record struct {
	testing.TB
	said string
}

func (r *record) Helper() {}
func (r *record) Skipf(format string, args ...any) {
	r.said = "skip: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (r *record) Fatalf(format string, args ...any) {
	r.said = "fail: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestFolderSkipsOrFails(t *testing.T) {
	full := t.TempDir()
	if err := os.Mkdir(filepath.Join(full, "ml-100k"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, root, required, want string }{
		{"there", full, "1", ""},
		{"no variable", "", "", "skip: set CINESYNC_DATA to the folder that holds ml-100k"},
		{"no variable, required", "", "1", "fail: set CINESYNC_DATA"},
		{"no data set", t.TempDir(), "", "skip: no data set ml-100k in CINESYNC_DATA="},
		{"no data set, required", t.TempDir(), "1", "fail: no data set ml-100k in CINESYNC_DATA="},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(Variable, c.root)
			t.Setenv(Required, c.required)
			r := &record{TB: t}
			folder, done := "", make(chan struct{})
			go func() {
				defer close(done)
				folder = Folder(r, "ml-100k")
			}()
			<-done
			if !strings.HasPrefix(r.said, c.want) || (r.said == "") != (c.want == "") {
				t.Errorf("said %q, want %q", r.said, c.want)
			}
			if want := filepath.Join(full, "ml-100k"); c.want == "" && folder != want {
				t.Errorf("folder %s, want %s", folder, want)
			}
		})
	}
}
