package split

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// MaxUnpacked bounds what a file may grow to, bytes.
const MaxUnpacked = 1 << 30

// Unpack reads a file, plain or gzip by its first bytes (RFC 1952, section 2.3.1). A file of more than MaxUnpacked bytes ends with an
// error, so that what is cut off is not taken for the end.
func Unpack(r io.Reader) (io.Reader, error) {
	plain := bufio.NewReader(r)
	var from io.Reader = plain
	if head, err := plain.Peek(2); err == nil && bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(plain)
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		from = z
	}
	return &limited{from: from, left: MaxUnpacked}, nil
}

type limited struct {
	from io.Reader
	left int
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left == 0 {
		// One byte more tells a file that ends here from one that is cut off.
		n, err := l.from.Read(make([]byte, min(1, len(b))))
		if n == 0 {
			return 0, err
		}
		return 0, fmt.Errorf("more than %d bytes, unpacked: give a smaller file", MaxUnpacked)
	}
	n, err := l.from.Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}
