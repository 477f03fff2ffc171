package participant

import (
	"encoding/binary"
	"fmt"
)

// The long parts of a session are saved as bytes behind the rest. Each part is a u32 count and its elements, big-endian.

// neighbourSize is index u32, spk 32, epk 32, masked u8, shares of m and b 32 each.
const neighbourSize = 4 + 32 + 32 + 1 + 32 + 32

func (s *session) appendBulk(dst []byte) []byte {
	dst = append(appendCount(dst, len(s.Shares)), s.Shares...)
	dst = appendCount(dst, len(s.Neighbours))
	for i := range s.Neighbours {
		dst = s.Neighbours[i].append(dst)
	}
	return dst
}

func (s *session) bulkSize() int {
	return 2*4 + len(s.Shares) + neighbourSize*len(s.Neighbours)
}

func appendCount(dst []byte, n int) []byte { return binary.BigEndian.AppendUint32(dst, uint32(n)) }

func (q *neighbour) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, q.Index)
	dst = append(append(dst, q.SPK[:]...), q.EPK[:]...)
	masked := byte(0)
	if q.Masked {
		masked = 1
	}
	dst = append(dst, masked)
	return append(append(dst, q.M[:]...), q.B[:]...)
}

// parseBulk reads what appendBulk wrote, and nothing else. Empty parts are nil, as they were.
func (s *session) parseBulk(b []byte) error {
	r := bulkReader{rest: b}
	s.Shares = append(s.Shares, r.part("shares", 1)...)
	for p := r.part("neighbours", neighbourSize); len(p) > 0; p = p[neighbourSize:] {
		q := neighbour{Index: binary.BigEndian.Uint32(p), SPK: [32]byte(p[4:]), EPK: [32]byte(p[36:]), Masked: p[68] == 1, M: [32]byte(p[69:]), B: [32]byte(p[101:])}
		if p[68] > 1 && r.err == nil {
			r.err = fmt.Errorf("neighbour %d: masked is %d, want 0 or 1", q.Index, p[68])
		}
		s.Neighbours = append(s.Neighbours, q)
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("%d bytes follow the last part", len(r.rest))
	}
	return r.err
}

type bulkReader struct {
	rest []byte
	err  error
}

// part takes a count and that many elements of size bytes; what is announced must be there before memory is taken.
func (r *bulkReader) part(name string, size int) []byte {
	if r.err != nil {
		return nil
	}
	if len(r.rest) < 4 {
		r.err = fmt.Errorf("%s: cut off", name)
		return nil
	}
	n := int64(binary.BigEndian.Uint32(r.rest)) * int64(size)
	r.rest = r.rest[4:]
	if n > int64(len(r.rest)) {
		r.err = fmt.Errorf("%s: %d bytes are announced, %d are left", name, n, len(r.rest))
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}
