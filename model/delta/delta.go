package delta

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	magic   = "CSDELTA\n"
	version = 1
	header  = len(magic) + 4
)

// ErrNone means that there is no delta between two files: they are not in halves of one layout, or it would not be smaller than the
// whole file.
var ErrNone = errors.New("there is no delta between these models")

// Encode gives the delta that makes the snapshot file next of the snapshot file base. Errors are ErrNone.
func Encode(base, next []byte) ([]byte, error) {
	baseHead, from, err := tensors(base)
	if err != nil {
		return nil, fmt.Errorf("%w: the older one: %w", ErrNone, err)
	}
	nextHead, to, err := tensors(next)
	if err != nil {
		return nil, fmt.Errorf("%w: the newer one: %w", ErrNone, err)
	}
	if !alike(baseHead, from, nextHead, to) {
		return nil, fmt.Errorf("%w: their layouts differ", ErrNone)
	}
	var best []byte
	for _, level := range []int{flate.DefaultCompression, flate.HuffmanOnly} { // the first finds rows that hardly moved, the second is better without
		if b := compress(from, to, level); best == nil || len(b) < len(best) {
			best = b
		}
	}
	if len(best) >= len(next) {
		return nil, fmt.Errorf("%w: it has %d bytes, the file %d", ErrNone, len(best), len(next))
	}
	return best, nil
}

// compress writes the differences of each exponent as two planes, high bytes and low bytes. A flush ends a block of DEFLATE: each plane gets
// a code of its own.
func compress(from, to []byte, level int) []byte {
	var out bytes.Buffer
	out.WriteString(magic)
	out.Write(binary.BigEndian.AppendUint32(nil, version))
	w, err := flate.NewWriter(&out, level)
	if err != nil {
		panic("delta: " + err.Error()) // only a level that does not exist
	}
	must := func(_ int, err error) {
		if err != nil {
			panic("delta: " + err.Error()) // memory does not fail
		}
	}
	p := newPlanes(from)
	p.each(from, func(i, high, low int) {
		z := zigzag(ordered(binary.LittleEndian.Uint16(to[i:])) - ordered(binary.LittleEndian.Uint16(from[i:])))
		p.bytes[high], p.bytes[low] = byte(z>>8), byte(z)
	})
	for e := exponents - 1; e >= 0; e-- {
		for plane := range 2 {
			if at := p.start[e] + plane*p.count[e]; p.count[e] > 0 {
				must(w.Write(p.bytes[at : at+p.count[e]]))
				must(0, w.Flush())
			}
		}
	}
	must(0, w.Close())
	return out.Bytes()
}

// Apply makes the snapshot file with the SHA-256 want of the file base and a delta from anywhere. It refuses a delta that makes another.
func Apply(base, delta []byte, want [32]byte) ([]byte, error) {
	file, err := apply(base, delta)
	if err != nil {
		return nil, fmt.Errorf("apply delta: %w", err)
	}
	if got := sha256.Sum256(file); got != want {
		return nil, fmt.Errorf("apply delta: it makes model %x, wanted is %x", got[:8], want[:8])
	}
	return file, nil
}

func apply(base, delta []byte) ([]byte, error) {
	head, from, err := tensors(base)
	if err != nil {
		return nil, fmt.Errorf("the base: %w", err)
	}
	if len(delta) < header || string(delta[:len(magic)]) != magic {
		return nil, errors.New("this is not a delta")
	}
	if v := binary.BigEndian.Uint32(delta[len(magic):]); v != version {
		return nil, fmt.Errorf("format version %d; this program reads %d: update it", v, version)
	}
	rest := bytes.NewReader(delta[header:])
	r := flate.NewReader(rest)
	p := newPlanes(from) // what comes out is bounded by the base
	if _, err := io.ReadFull(r, p.bytes); err != nil {
		return nil, fmt.Errorf("it ends within the words: %w", err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return nil, errors.New("it goes on after the last word")
	}
	if rest.Len() != 0 {
		return nil, fmt.Errorf("%d bytes follow it", rest.Len())
	}
	file := append(make([]byte, 0, len(base)), base...)
	to := file[len(head):]
	p.each(from, func(i, high, low int) {
		z := uint16(p.bytes[high])<<8 | uint16(p.bytes[low])
		binary.LittleEndian.PutUint16(to[i:], unordered(ordered(binary.LittleEndian.Uint16(from[i:]))+unzigzag(z)))
	})
	return file, nil
}
