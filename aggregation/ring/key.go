package ring

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20"
)

// Generator is what expands a key.
type Generator int

// AES is in counter mode, the counter big-endian over the whole block (NIST SP 800-38A 6.5); ChaCha20 is RFC 8439's, whose counter of 32
// bits ends after 256 GiB. All begin at zero under a zero IV or nonce: a key is for one keystream.
const (
	AES128 Generator = iota // uses the first 16 bytes of a key
	AES256
	ChaCha20
)

// rounds is the index of the last round key.
func (g Generator) rounds() int {
	if g == AES128 {
		return 10
	}
	return 14
}

// Key is a key made ready. It holds the key's expansion, or the library's cipher. It does not move once it has streams.
type Key struct {
	level     Level
	generator Generator
	words     [15 * aes.BlockSize]byte // round keys, or ChaCha20's key
	library   cipher.Block
}

// Expand makes k a key for a generator at a level, one of Levels.
func (k *Key) Expand(l Level, g Generator, key *[32]byte) {
	k.level, k.generator, k.library = l, g, nil
	switch {
	case g == ChaCha20:
		copy(k.words[:], key[:])
	case l.ownAES():
		k.expand(key)
	case g == AES128:
		k.library = newAES(key[:16])
	default:
		k.library = newAES(key[:])
	}
}

// Zero wipes the expanded key. Streams of it must not be used any more.
func (k *Key) Zero() {
	clear(k.words[:])
	k.library = nil
}

// own tells whether the keystream is ours.
func (k *Key) own() bool {
	if k.generator == ChaCha20 {
		return k.level != Portable
	}
	return k.level.ownAES()
}

// newLibrary is the library's stream from a block of 64 bytes on.
func (k *Key) newLibrary(at uint64) cipher.Stream {
	if k.generator != ChaCha20 {
		var counter [aes.BlockSize]byte
		binary.BigEndian.PutUint64(counter[8:], at/aes.BlockSize)
		return cipher.NewCTR(k.library, counter[:])
	}
	c, err := chacha20.NewUnauthenticatedCipher(k.words[:chacha20.KeySize], make([]byte, chacha20.NonceSize))
	if err != nil {
		panic(fmt.Sprintf("ring: make ChaCha20: %v", err)) // only for a wrong key size
	}
	c.SetCounter(uint32(at / blockBytes))
	return c
}

func newAES(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Sprintf("ring: make AES: %v", err)) // only for a wrong key size
	}
	return b
}

// Format hides the key whatever the verb.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[secret]") }
