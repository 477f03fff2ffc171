package participant

import (
	"crypto/sha256"
	"hash"

	"github.com/cinesync/cinesync/protocol"
)

// chunkedWriter writes a file and hashes each piece of protocol.ChunkSize of it as well. The first piece's hash is the file's own so
// far, so that a vector of one chunk is hashed once.
type chunkedWriter struct {
	file *fileWriter
	sums [][32]byte
	sum  hash.Hash // of a later chunk
	n    int       // bytes of the chunk so far
}

func newChunkedWriter(file *fileWriter) *chunkedWriter {
	return &chunkedWriter{file: file, sum: sha256.New()}
}

// Write appends.
func (c *chunkedWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		m := min(len(rest), protocol.ChunkSize-c.n)
		if _, err := c.file.Write(rest[:m]); err != nil {
			return len(p) - len(rest), err
		}
		if len(c.sums) > 0 {
			c.sum.Write(rest[:m])
		}
		if rest, c.n = rest[m:], c.n+m; c.n == protocol.ChunkSize {
			c.end()
		}
	}
	return len(p), nil
}

func (c *chunkedWriter) end() {
	sum := c.sum
	if len(c.sums) == 0 {
		sum = c.file.sum
	}
	c.sums = append(c.sums, [32]byte(sum.Sum(nil))) // which does not end what is hashed
	c.sum.Reset()
	c.n = 0
}

// done gives the file with the hash of every chunk.
func (c *chunkedWriter) done() upload {
	if c.n > 0 {
		c.end()
	}
	return upload{c.file.done(), c.sums}
}
