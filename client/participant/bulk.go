package participant

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
)

// Long parts of a session, and those that must stay secret, are saved as bytes behind the rest. Each part is a u32 count and its elements, big-endian.

// neighbourSize is index u32, identity key, spk and epk 32 each, masked u8, shares of m and b 32 each. After it come its ML-DSA and
// X-Wing keys, each a part of its own.
const neighbourSize = 4 + 3*32 + 1 + 2*32

// writtenSize is a length u64 and a hash of 32.
const writtenSize = 8 + 32

func (s *session) appendBulk(dst []byte) []byte {
	for _, part := range [][]byte{s.Secrets, s.Reveal, s.Shares} {
		dst = append(appendCount(dst, len(part)), part...)
	}
	for _, w := range []written{s.Quantised, s.Noised} {
		dst = append(binary.BigEndian.AppendUint64(dst, uint64(w.Size)), w.Hash[:]...)
	}
	dst = appendCount(dst, len(s.Neighbours))
	for i := range s.Neighbours {
		dst = s.Neighbours[i].append(dst)
	}
	return dst
}

// bulkSize is exact: a buffer that has to grow leaves a copy behind.
func (s *session) bulkSize() int {
	n := 4*4 + len(s.Secrets) + len(s.Reveal) + len(s.Shares) + 2*writtenSize
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
	for _, part := range []struct {
		name string
		to   *[]byte
	}{{"secrets", &s.Secrets}, {"reveal", &s.Reveal}, {"shares", &s.Shares}} {
		if p := r.part(part.name, 1); len(p) > 0 {
			*part.to = bytes.Clone(p)
		}
	}
	for _, w := range []*written{&s.Quantised, &s.Noised} {
		if p := r.take("vector", writtenSize); r.err == nil {
			*w = written{int64(binary.BigEndian.Uint64(p)), [32]byte(p[8:])}
		}
	}
	n := r.count("neighbours")
	if least := int64(neighbourSize + 2*4); n > int64(len(r.rest))/least {
		return cmp.Or(r.err, fmt.Errorf("%d neighbours are announced, %d bytes are left", n, len(r.rest)))
	} else if n > 0 {
		s.Neighbours = make([]neighbour, 0, n) // with shares in it: it must not grow
	}
	for ; n > 0 && r.err == nil; n-- {
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
