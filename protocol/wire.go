package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Errors that a caller branches on; CodeOf turns them into a hang-up code.
var (
	ErrMalformed = errors.New("malformed")      // bytes that are not the canonical encoding of anything
	ErrTooLarge  = errors.New("over the limit") // a length beyond its limit in limits.go
	ErrVersion   = errors.New("wrong version")  // not a frame of this protocol version
)

// reader takes a body apart from the front. Its first error sticks, and every later read returns a zero value, so a message's
// parse method is a plain list of fields.
type reader struct {
	b   []byte
	err error
	saw func(field string, b []byte) // told of every field, in tests
}

func (r *reader) fail(field, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("field %s: %w: %s", field, ErrMalformed, fmt.Sprintf(format, args...))
	}
	r.b = nil
}

// take removes n bytes, or nil after an error.
func (r *reader) take(field string, n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b) {
		r.fail(field, "%d bytes wanted, %d left", n, len(r.b))
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	if r.saw != nil {
		r.saw(field, b)
	}
	return b
}

// fixed fills dst, a fixed-length field.
func (r *reader) fixed(field string, dst []byte) { copy(dst, r.take(field, len(dst))) }

func (r *reader) u8(field string) uint8 {
	if b := r.take(field, 1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16(field string) uint16 {
	if b := r.take(field, 2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32(field string) uint32 {
	if b := r.take(field, 4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64(field string) uint64 {
	if b := r.take(field, 8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// count reads the u32 in front of a list whose elements take at least size bytes each. A count that exceeds most, or that the
// rest of the body cannot hold, fails here: no list is allocated for bytes that never came.
func (r *reader) count(field string, most, size int) int {
	n := r.u32(field)
	switch {
	case r.err != nil:
		return 0
	case uint64(n) > uint64(most):
		r.err = fmt.Errorf("field %s: %w: %d, at most %d", field, ErrTooLarge, n, most)
		r.b = nil
		return 0
	case uint64(n)*uint64(size) > uint64(len(r.b)):
		r.fail(field, "%d elements of at least %d bytes announced, %d bytes left", n, size, len(r.b))
		return 0
	}
	return int(n)
}

// bytes reads a byte string of at most most bytes; an empty one is nil.
func (r *reader) bytes(field string, most int) []byte {
	n := r.count(field, most, 1)
	if n == 0 {
		return nil
	}
	return r.take(field, n)
}

// text reads a byte string that must be UTF-8.
func (r *reader) text(field string, most int) string {
	b := r.bytes(field, most)
	if !utf8.Valid(b) {
		r.fail(field, "not UTF-8")
		return ""
	}
	return string(b)
}

func (r *reader) hashes(field string, most int) [][32]byte {
	n := r.count(field, most, 32)
	if n == 0 {
		return nil
	}
	list := make([][32]byte, n)
	for i := range list {
		r.fixed(field, list[i][:])
	}
	return list
}

func (r *reader) boxes(field string, most int) [][80]byte {
	n := r.count(field, most, 80)
	if n == 0 {
		return nil
	}
	list := make([][80]byte, n)
	for i := range list {
		r.fixed(field, list[i][:])
	}
	return list
}

func (r *reader) ciphertexts(field string, most int) [][CiphertextSize]byte {
	n := r.count(field, most, CiphertextSize)
	if n == 0 {
		return nil
	}
	list := make([][CiphertextSize]byte, n)
	for i := range list {
		r.fixed(field, list[i][:])
	}
	return list
}

func appendU16(dst []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(dst, v) }
func appendU32(dst []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(dst, v) }
func appendU64(dst []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(dst, v) }

func appendBytes[B ~[]byte | ~string](dst []byte, b B) []byte {
	return append(appendU32(dst, uint32(len(b))), b...)
}

func appendHashes(dst []byte, list [][32]byte) []byte {
	dst = appendU32(dst, uint32(len(list)))
	for i := range list {
		dst = append(dst, list[i][:]...)
	}
	return dst
}

func appendBoxes(dst []byte, list [][80]byte) []byte {
	dst = appendU32(dst, uint32(len(list)))
	for i := range list {
		dst = append(dst, list[i][:]...)
	}
	return dst
}

func appendCiphertexts(dst []byte, list [][CiphertextSize]byte) []byte {
	dst = appendU32(dst, uint32(len(list)))
	for i := range list {
		dst = append(dst, list[i][:]...)
	}
	return dst
}
