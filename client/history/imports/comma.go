package imports

import "bytes"

// Where a byte stands in a row of comma-separated values.
type place uint8

const (
	atStart  place = iota // of a field
	plain                 // inside an unquoted field
	quoted                // inside a quoted field
	quote                 // behind a quote inside a quoted field: its end, or the first of two
	ending                // behind the carriage return that follows a quoted field
	misplace              // behind the end of a quoted field stands something else than a comma or a line end
)

func (p place) over(b []byte) place {
	for _, c := range b {
		switch {
		case p == quoted:
			if c == '"' {
				p = quote
			}
		case c == '"' && (p == atStart || p == quote):
			p = quoted
		case c == '\n', c == ',' && p != ending:
			p = atStart
		case p == quote && c == '\r':
			p = ending
		case p == quote || p == ending:
			return misplace
		case p == atStart:
			p = plain
		}
	}
	return p
}

// comma reads one row of comma-separated values that begins with the n bytes of the next line. Where quotes do not close,
// only that line is lost: what follows it is read as rows again.
func (s *records) comma(n int) (fields [][]byte, ok bool) {
	first, p := n, atStart
	if bytes.IndexByte(s.buf[s.start:s.start+n], '"') < 0 {
		s.fields = split(s.fields[:0], trimEnd(s.buf[s.start:s.start+n]), s.sep)
		s.start += n
		return s.fields, true
	}
	for from := 0; ; {
		p = p.over(s.buf[s.start+from : s.start+n])
		if p != quoted {
			break
		}
		from = n
		if n = s.lineEnd(from); n < 0 || n == from {
			p = misplace
			break
		}
	}
	if p == misplace {
		s.start += first
		return nil, false
	}
	s.unquote(trimEnd(s.buf[s.start : s.start+n]))
	s.start += n
	return s.fields, true
}

// unquote cuts a whole row into fields. Doubled quotes make it copy.
func (s *records) unquote(row []byte) {
	s.fields, s.scratch = s.fields[:0], s.scratch[:0]
	if cap(s.scratch) < len(row) {
		s.scratch = make([]byte, 0, len(row))
	}
	for {
		if len(row) == 0 || row[0] != '"' {
			i := bytes.IndexByte(row, ',')
			if i < 0 {
				s.fields = append(s.fields, row)
				return
			}
			s.fields, row = append(s.fields, row[:i]), row[i+1:]
			continue
		}
		begin := len(s.scratch)
		row = row[1:]
		for {
			i := bytes.IndexByte(row, '"')
			s.scratch = append(s.scratch, row[:i]...)
			row = row[i+1:]
			if len(row) == 0 || row[0] != '"' {
				break
			}
			s.scratch, row = append(s.scratch, '"'), row[1:]
		}
		s.fields = append(s.fields, s.scratch[begin:len(s.scratch):len(s.scratch)])
		if len(row) == 0 {
			return
		}
		row = row[1:]
	}
}
