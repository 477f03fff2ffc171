package participant

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"

	"github.com/cinesync/cinesync/protocol"
)

// Vector is an update that can be read in blocks, any number of times: whoever made it may keep it on a disk.
type Vector interface {
	Len() int
	// ReadFloats fills block with the values from an index on.
	ReadFloats(block []float32, from int) error
	// Erase forgets the values.
	Erase()
}

// Floats is an update in memory.
type Floats []float32

// Len is the number of values.
func (f Floats) Len() int { return len(f) }

// ReadFloats copies values.
func (f Floats) ReadFloats(block []float32, from int) error {
	copy(block, f[from:])
	return nil
}

// Erase zeroes the values.
func (f Floats) Erase() { clear(f) }

// blockWords is how much of a vector is in memory at a time: 256 KiB of words. The masks' expansion wants a multiple of 1024.
const blockWords = 64 << 10

// wordSize is that of words between the steps, in bytes; what is sent has the round's own.
const wordSize = 4

// blocks goes through d words in order.
func blocks(d int, do func(from, to int) error) error {
	for from := 0; from < d; from += blockWords {
		if err := do(from, min(d, from+blockWords)); err != nil {
			return err
		}
	}
	return nil
}

// wordFile reads and writes words of one block, through one buffer.
type wordFile struct {
	buf []byte
}

func newWordFile(d int) *wordFile { return &wordFile{make([]byte, wordSize*min(d, blockWords))} }

func (f *wordFile) write(w io.Writer, words []uint32) error {
	b := f.buf[:wordSize*len(words)]
	for i, v := range words {
		binary.LittleEndian.PutUint32(b[wordSize*i:], v)
	}
	_, err := w.Write(b)
	return err
}

func (f *wordFile) read(r io.Reader, words []uint32) error {
	b := f.buf[:wordSize*len(words)]
	if _, err := r.Read(b); err != nil {
		return err
	}
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(b[wordSize*i:])
	}
	return nil
}

func (f *wordFile) zero() { clear(f.buf) }

// Noised is where the quantised update with its noise lies, before its mask.
type Noised struct {
	name  string
	words int
}

// Read gives the whole vector. It is for whoever owns both ends and compares them.
func (n Noised) Read(s Scratch) ([]uint32, error) {
	out, f := make([]uint32, n.words), newWordFile(n.words)
	defer f.zero()
	err := blocks(n.words, func(from, to int) error {
		b := f.buf[:wordSize*(to-from)]
		if err := s.Read(n.name, wordSize*int64(from), b); err != nil {
			return fmt.Errorf("read the %s vector: %w", n.name, err)
		}
		for i := range out[from:to] {
			out[from+i] = binary.LittleEndian.Uint32(b[wordSize*i:])
		}
		return nil
	})
	return out, err
}

// chunkHashes hashes what is written in pieces of protocol.ChunkSize.
type chunkHashes struct {
	sums [][32]byte
	sum  hash.Hash
	n    int // bytes in sum
}

// Write never fails.
func (c *chunkHashes) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if c.sum == nil {
			c.sum = sha256.New()
		}
		m := min(len(rest), protocol.ChunkSize-c.n)
		c.sum.Write(rest[:m])
		rest, c.n = rest[m:], c.n+m
		if c.n == protocol.ChunkSize {
			c.end()
		}
	}
	return len(p), nil
}

func (c *chunkHashes) end() {
	if c.n > 0 {
		c.sums = append(c.sums, [32]byte(c.sum.Sum(nil)))
		c.sum.Reset()
		c.n = 0
	}
}

// done gives the hash of every chunk.
func (c *chunkHashes) done() [][32]byte {
	c.end()
	return c.sums
}
