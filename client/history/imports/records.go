package imports

import (
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
)

// maxRecord is the longest row in bytes; longer ones are bad rows.
const maxRecord = 256 << 10

// records cuts a stream into rows and fields, in bounded memory. With comma as separator it reads RFC 4180; a quote inside
// an unquoted field is taken as it is. Rows that cannot be cut are given as bad, one a line, and reading goes on behind them.
type records struct {
	r          io.Reader
	sep        []byte
	buf        []byte
	start, end int // unread bytes of buf
	eof        bool
	err        error
	fields     [][]byte
	scratch    []byte
}

// newRecords starts reading. A byte-order mark decides the encoding; without one, fields are bytes, see text.
func newRecords(r io.Reader, sep string) *records {
	s := &records{r: r, sep: []byte(sep), buf: make([]byte, 2*maxRecord)}
	for s.end < 3 && s.fill() {
	}
	head := s.buf[s.start:s.end]
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		s.start += 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		rest := io.MultiReader(bytes.NewReader(bytes.Clone(head)), &tail{s.r, s.err})
		decoder := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
		*s = records{r: decoder.Reader(rest), sep: s.sep, buf: s.buf}
	}
	return s
}

// tail is the rest of a reader that may have failed already.
type tail struct {
	r   io.Reader
	err error
}

func (t *tail) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	return t.r.Read(p)
}

// fill reads more; it reports whether there is more.
func (s *records) fill() bool {
	if s.eof {
		return false
	}
	if s.start > 0 && s.end == len(s.buf) {
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
	}
	if s.end == len(s.buf) {
		return false
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.eof = true
			if err != io.EOF {
				s.err = err
			}
		}
		if n > 0 || s.eof {
			return n > 0
		}
	}
	s.eof, s.err = true, io.ErrNoProgress
	return false
}

// lineEnd is the number of unread bytes up to and with the line end behind from; -1 if the line goes on past maxRecord.
func (s *records) lineEnd(from int) int {
	for {
		if i := bytes.IndexByte(s.buf[s.start+from:s.end], '\n'); i >= 0 {
			if from+i+1 > maxRecord {
				return -1
			}
			return from + i + 1
		}
		from = s.end - s.start
		if from > maxRecord {
			return -1
		}
		if !s.fill() {
			return from
		}
	}
}

// next gives the next row that is not blank; its fields are valid until the call after. More is false at the end, where err
// tells of a reader that failed.
func (s *records) next() (fields [][]byte, ok, more bool) {
	for {
		n := s.lineEnd(0)
		switch {
		case n == 0:
			return nil, false, false
		case n < 0:
			s.skipLine()
			return nil, false, true
		}
		if len(bytes.TrimSpace(s.buf[s.start:s.start+n])) == 0 {
			s.start += n
			continue
		}
		if string(s.sep) == "," {
			fields, ok = s.comma(n)
			return fields, ok, true
		}
		s.fields = split(s.fields[:0], trimEnd(s.buf[s.start:s.start+n]), s.sep)
		s.start += n
		return s.fields, true, true
	}
}

// skipLine passes over a line of any length.
func (s *records) skipLine() {
	for {
		if i := bytes.IndexByte(s.buf[s.start:s.end], '\n'); i >= 0 {
			s.start += i + 1
			return
		}
		s.start = s.end
		if !s.fill() {
			return
		}
	}
}

func trimEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

func split(dst [][]byte, line, sep []byte) [][]byte {
	for {
		i := bytes.Index(line, sep)
		if i < 0 {
			return append(dst, line)
		}
		dst, line = append(dst, line[:i]), line[i+len(sep):]
	}
}
