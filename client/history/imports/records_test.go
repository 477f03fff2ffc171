package imports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func reader(s string) io.Reader { return strings.NewReader(s) }

func contains(err error, s string) bool { return strings.Contains(err.Error(), s) }

// all reads every row; a bad one is nil.
func all(s *records) [][]string {
	var out [][]string
	for {
		fields, ok, more := s.next()
		if !more {
			return out
		}
		if !ok {
			out = append(out, nil)
			continue
		}
		row := []string{}
		for _, f := range fields {
			row = append(row, text(f))
		}
		out = append(out, row)
	}
}

func TestRecords(t *testing.T) {
	for _, c := range []struct {
		name, sep, in string
		want          [][]string
	}{
		{"crlf, blank lines, no last line end", ",", "a,b\r\n\r\n \nc,d", [][]string{{"a", "b"}, {"c", "d"}}},
		{"quotes", ",", "\"a,b\",\"c \"\"d\"\" e\",\"\"\r\nf,,\n", [][]string{{"a,b", `c "d" e`, ""}, {"f", "", ""}}},
		{"line breaks in quotes", ",", "\"a\r\nb\",c\n\"\n\",d\n", [][]string{{"a\r\nb", "c"}, {"\n", "d"}}},
		{"a quote inside a plain field", ",", "a \"b\" c,d\n", [][]string{{`a "b" c`, "d"}}},
		{"text behind a quoted field", ",", "\"a\"b,c\nd,e\n", [][]string{nil, {"d", "e"}}},
		{"a quote that never closes", ",", "a,\"b\nc,d\ne,f\n", [][]string{nil, {"c", "d"}, {"e", "f"}}},
		{"quoted at the end of the file", ",", "a,\"b\"", [][]string{{"a", "b"}}},
		{"quoted, carriage return, end", ",", "a,\"b\"\r", [][]string{{"a", "b"}}},
		{"carriage return behind a quote", ",", "a,\"b\"\r\"c\nd,e", [][]string{nil, {"d", "e"}}},
		{"byte-order mark", ",", "\xef\xbb\xbfa,b\n", [][]string{{"a", "b"}}},
		{"utf-16 little endian", ",", "\xff\xfea\x00,\x00\xe9\x00\n\x00", [][]string{{"a", "é"}}},
		{"utf-16 big endian", ",", "\xfe\xff\x00a\x00,\x00\xe9", [][]string{{"a", "é"}}},
		{"latin-1", "::", "1::Mis\xe9rables\n", [][]string{{"1", "Misérables"}}},
		{"utf-8", "::", "1::Misérables\n", [][]string{{"1", "Misérables"}}},
		{"empty", ",", "", nil},
		{"tabs", "\t", "1\t2\t\"3\n", [][]string{{"1", "2", `"3`}}},
	} {
		for how, r := range map[string]io.Reader{"whole": reader(c.in), "byte by byte": iotest.OneByteReader(reader(c.in)), "with the error": iotest.DataErrReader(reader(c.in))} {
			s := newRecords(r, c.sep)
			if d := cmp.Diff(c.want, all(s)); d != "" || s.err != nil {
				t.Errorf("%s, %s: %v (-want +got):\n%s", c.name, how, s.err, d)
			}
		}
	}
}

func TestLongRows(t *testing.T) {
	long := strings.Repeat("x", 3*maxRecord)
	fits := strings.Repeat("y", maxRecord-10)
	for name, in := range map[string]string{
		"plain":             "a,b\n" + long + "\n" + fits + ",c\nd,e\n",
		"quoted":            "a,b\n\"" + long + "\n" + fits + ",c\nd,e\n",
		"quoted, closed":    "a,b\n\"" + long + "\",x\n" + fits + ",c\nd,e\n",
		"last, no line end": "a,b\n" + fits + ",c\nd,e\n" + long,
	} {
		got := all(newRecords(reader(in), ","))
		var bad, good int
		for _, row := range got {
			if row == nil {
				bad++
			} else {
				good++
			}
		}
		if bad != 1 || good != 3 {
			t.Errorf("%s: %d bad and %d good rows, want 1 and 3", name, bad, good)
		}
	}
}

func TestReaderThatFails(t *testing.T) {
	broken := errors.New("disk trouble")
	s := newRecords(io.MultiReader(reader("a,b\nc,d\n"), iotest.ErrReader(broken)), ",")
	if got := all(s); len(got) != 2 || !errors.Is(s.err, broken) {
		t.Errorf("rows are %v and the error is %v, want two rows and %v", got, s.err, broken)
	}
}

// FuzzRecords compares with encoding/csv where that accepts the input, and otherwise only asks for sane answers.
func FuzzRecords(f *testing.F) {
	for _, s := range []string{"a,b\n", "\"a\"\"b\",c\r\nd", "\"", "\"\r", "a,\"b\"c\n", "\n\n,\n", "\xff\xfe\"\x00", "\"a\n\"\"\n\",b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, sep := range []string{"::", "\t", "|"} {
			all(newRecords(bytes.NewReader(b), sep))
		}
		got := all(newRecords(bytes.NewReader(b), ","))
		if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) || bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) || bytes.ContainsAny(b, "\r\xff") {
			return // encoding/csv knows no marks, and treats lone carriage returns in its own way
		}
		r := csv.NewReader(bytes.NewReader(b))
		r.FieldsPerRecord = -1
		want, err := r.ReadAll()
		if err != nil {
			return
		}
		for i := range want {
			for j := range want[i] {
				want[i][j] = text([]byte(want[i][j]))
			}
		}
		var rows [][]string // encoding/csv keeps lines of blanks; they are blank here
		for _, w := range want {
			if len(w) > 1 || strings.TrimSpace(w[0]) != "" || bytes.ContainsRune(b, '"') {
				rows = append(rows, w)
			}
		}
		if !bytes.ContainsRune(b, '"') || len(rows) == len(got) {
			if d := cmp.Diff(rows, got); d != "" {
				t.Errorf("%q (-encoding/csv +got):\n%s", b, d)
			}
		}
	})
}
