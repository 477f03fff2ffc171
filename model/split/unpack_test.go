package split

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func TestUnpackPlainAndGzip(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, "0\t1\n"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{"0\t1\n", packed.String()} {
		r, err := Unpack(strings.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != "0\t1\n" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := Unpack(strings.NewReader("\x1f\x8bxx")); err == nil {
		t.Error("a broken gzip header was taken")
	}
}

// TestWhatIsCutOffIsNoEnd stands at the limit.
func TestWhatIsCutOffIsNoEnd(t *testing.T) {
	for _, c := range []struct {
		in   string
		fail bool
	}{{"0\t1\n", false}, {"0\t1\n1\t1\n", true}} {
		got, err := io.ReadAll(&limited{from: strings.NewReader(c.in), left: 4})
		if (err != nil) != c.fail || string(got) != "0\t1\n" {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
	}
}
