package ring

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

const (
	// blockBytes is what a stream begins at a multiple of: a block of ChaCha20, four of AES.
	blockBytes = 64
	// bufferWords is how many words of keystream are made before they are added, where that is not one step: 8 KiB at most,
	// which stay in the first-level cache. A multiple of every group.
	bufferWords = 2048
	// chachaWords is the group of ChaCha20 in assembly.
	chachaWords = 256
)

// Buffer is memory for keystream on its way, for one stream at a time.
type Buffer struct {
	stream [4 * bufferWords]byte
	zeros  [4 * bufferWords]byte // what a library adds its keystream to
}

// Zero wipes what is left of keystreams.
func (b *Buffer) Zero() { clear(b.stream[:]) }

// Stream is the keystream of a key from somewhere on.
type Stream struct {
	key     *Key
	at      uint64 // bytes from the beginning, of our own
	library cipher.Stream
}

// From gives the stream from a byte on, a multiple of 64.
func (k *Key) From(at uint64) Stream {
	if at%blockBytes != 0 {
		panic(fmt.Sprintf("ring: a stream from byte %d, want a multiple of %d", at, blockBytes))
	}
	s := Stream{key: k, at: at}
	if !k.own() {
		s.library = k.newLibrary(at)
	}
	return s
}

// Add adds the stream's next len(dst) words of width bytes, 4, 3 or 2, to dst, mod 2^32, or takes them off. Only a stream's last
// call may take other than a multiple of 64 words.
func (s *Stream) Add(dst []uint32, width int, negative bool, buf *Buffer) {
	if s.library == nil && width == 4 {
		dst = s.fused(dst, negative)
	}
	for len(dst) > 0 {
		n := min(len(dst), bufferWords)
		s.key.level.Fold(dst[:n], s.write(width*n, buf), width, negative)
		dst = dst[n:]
	}
}

// fused adds whole groups of words of 32 bits without a buffer, and gives what is left of dst.
func (s *Stream) fused(dst []uint32, negative bool) []uint32 {
	group := groupWords
	if s.key.generator == ChaCha20 {
		group = chachaWords
	}
	for len(dst) >= group {
		n := min(len(dst), turnWords) &^ (group - 1)
		s.place()
		if s.key.generator == ChaCha20 {
			s.key.addChaCha(dst[:n], uint32(s.at/blockBytes), negative)
		} else {
			s.key.addAES(dst[:n], s.at/aes.BlockSize, negative)
		}
		s.at += uint64(4 * n)
		dst = dst[n:]
	}
	return dst
}

// write gives the next n bytes, in the buffer.
func (s *Stream) write(n int, buf *Buffer) []byte {
	b := buf.stream[:n]
	if s.library != nil {
		s.library.XORKeyStream(b, buf.zeros[:n])
		return b
	}
	s.place()
	if s.key.generator == ChaCha20 {
		s.key.writeChaCha(buf.stream[:upTo(n, 4*chachaWords)], uint32(s.at/blockBytes))
	} else {
		s.key.writeAES(buf.stream[:upTo(n, blockBytes)], s.at/aes.BlockSize)
	}
	s.at += uint64(n)
	return b
}

// upTo is the multiple of a group that n bytes need.
func upTo(n, group int) int { return (n + group - 1) / group * group }

// place panics where a stream has stopped in the midst of a block.
func (s *Stream) place() {
	if s.at%blockBytes != 0 {
		panic("ring: a stream goes on after other than a multiple of 64 words")
	}
}
