package participant

import (
	"encoding/binary"
	"fmt"
)

// The long parts of a session are saved as bytes behind the rest. Each part is a u32 count and its elements, big-endian.

// neighbourSize is index u32, identity key, spk and epk 32 each, masked u8, shares of m and b 32 each. After it come its ML-DSA and
// X-Wing keys, each a part of its own.
const neighbourSize = 4 + 3*32 + 1 + 2*32

func (s *session) appendBulk(dst []byte) []byte {
	dst = append(appendCount(dst, len(s.Shares)), s.Shares...)
	dst = appendCount(dst, len(s.Neighbours))
	for i := range s.Neighbours {
		dst = s.Neighbours[i].append(dst)
	}
	return dst
}

func (s *session) bulkSize() int {
	n := 2*4 + len(s.Shares)
	for i := range s.Neighbours {
		n += neighbourSize + 2*4 + len(s.Neighbours[i].PQ) + len(s.Neighbours[i].KEM)
	}
	return n
}

func appendCount(dst []byte, n int) []byte { return binary.BigEndian.AppendUint32(dst, uint32(n)) }

func (q *neighbour) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, q.Index)
	dst = append(append(append(dst, q.IDPK[:]...), q.SPK[:]...), q.EPK[:]...)
	masked := byte(0)
	if q.Masked {
		masked = 1
	}
	dst = append(dst, masked)
	dst = append(append(dst, q.M[:]...), q.B[:]...)
	dst = append(appendCount(dst, len(q.PQ)), q.PQ...)
	return append(appendCount(dst, len(q.KEM)), q.KEM...)
}

func parseNeighbour(r *bulkReader) neighbour {
	p := r.take("neighbour", neighbourSize)
	if r.err != nil {
		return neighbour{}
	}
	q := neighbour{Index: binary.BigEndian.Uint32(p), IDPK: [32]byte(p[4:]), SPK: [32]byte(p[36:]), EPK: [32]byte(p[68:]),
		Masked: p[100] == 1, M: [32]byte(p[101:]), B: [32]byte(p[133:])}
	if p[100] > 1 {
		r.err = fmt.Errorf("neighbour %d: masked is %d, want 0 or 1", q.Index, p[100])
	}
	q.PQ = append(q.PQ, r.part("ML-DSA key", 1)...)
	q.KEM = append(q.KEM, r.part("X-Wing keys", 1)...)
	return q
}

// parseBulk reads what appendBulk wrote, and nothing else. Empty parts are nil, as they were.
func (s *session) parseBulk(b []byte) error {
	r := bulkReader{rest: b}
	s.Shares = append(s.Shares, r.part("shares", 1)...)
	for n := r.count("neighbours"); n > 0 && r.err == nil; n-- {
		s.Neighbours = append(s.Neighbours, parseNeighbour(&r))
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

func (r *bulkReader) count(name string) int64 {
	p := r.take(name, 4)
	if r.err != nil {
		return 0
	}
	return int64(binary.BigEndian.Uint32(p))
}

// part takes a count and that many elements of size bytes.
func (r *bulkReader) part(name string, size int) []byte {
	return r.take(name, r.count(name)*int64(size))
}

// take takes n bytes; what is announced must be there before memory is taken.
func (r *bulkReader) take(name string, n int64) []byte {
	if r.err == nil && n > int64(len(r.rest)) {
		r.err = fmt.Errorf("%s: %d bytes are announced, %d are left", name, n, len(r.rest))
	}
	if r.err != nil {
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}
