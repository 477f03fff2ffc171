package client_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/cinesync/cinesync/client"
)

func vectors(t *testing.T) (*client.VectorDir, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vectors")
	v, err := client.OpenVectorDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return v, dir
}

func write(t *testing.T, v *client.VectorDir, name string, parts ...[]byte) {
	t.Helper()
	at := int64(0)
	for _, p := range parts {
		if err := v.Write(name, at, p); err != nil {
			t.Fatal(err)
		}
		at += int64(len(p))
	}
}

func TestVectorsOutliveTheProgramAndAreTheOwnersAlone(t *testing.T) {
	v, dir := vectors(t)
	write(t, v, "noised", []byte("one"), []byte("two"))
	if err := v.Sync(); err != nil {
		t.Fatal(err)
	}
	again, err := client.OpenVectorDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if err := again.Read("noised", 1, got); err != nil || string(got) != "netw" {
		t.Errorf("%q, %v", got, err)
	}
	if err := again.Read("noised", 3, got); err == nil {
		t.Error("it was read beyond its end")
	}
	if err := again.Read("masked", 0, got); err == nil {
		t.Error("a file that is not there was read")
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "noised"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// TestVectorThatIsLetGoIsOverwritten looks at the file through a second name, which outlives the first.
func TestVectorThatIsLetGoIsOverwritten(t *testing.T) {
	for name, sync := range map[string]bool{"synced": true, "still open": false} {
		t.Run(name, func(t *testing.T) {
			v, dir := vectors(t)
			secret := bytes.Repeat([]byte("watched "), 50_000)
			write(t, v, "quantised", secret)
			write(t, v, "noised", []byte("kept"))
			if sync {
				if err := v.Sync(); err != nil {
					t.Fatal(err)
				}
			}
			other := filepath.Join(t.TempDir(), "other")
			if err := os.Link(filepath.Join(dir, "quantised"), other); err != nil {
				t.Fatal(err)
			}
			if err := v.Keep("noised"); err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadFile(other); err != nil || !bytes.Equal(left, make([]byte, len(secret))) {
				t.Errorf("the blocks of the file were not overwritten: %v", err)
			}
			files, err := os.ReadDir(dir)
			if err != nil || len(files) != 1 || files[0].Name() != "noised" {
				t.Errorf("%v are left, %v", files, err)
			}
			write(t, v, "quantised", []byte("anew"))
			if err := v.Sync(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestVectorFolderThatCannotBeMadeIsSaid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.OpenVectorDir(file); err == nil {
		t.Error("a file was taken for a folder")
	}
}
