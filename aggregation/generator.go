package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"golang.org/x/crypto/chacha20"
)

// generator gives the keystream of one mask key from any block on. Both kinds start at counter 0 under a zero nonce or IV,
// because a key serves one pair and one session (secure aggregation 6.3).
type generator interface {
	// at gives the stream from a byte offset on, a multiple of 64.
	at(offset uint64) cipher.Stream
}

func newGenerator(prg uint16, key *[32]byte) generator {
	switch prg {
	case PRGChaCha20:
		return chaChaGenerator{key}
	case PRGAES256:
		return newAESGenerator(key[:])
	default:
		return newAESGenerator(key[:16])
	}
}

// aesGenerator is AES-CTR, counter big-endian over the whole block.
type aesGenerator struct{ block cipher.Block }

func newAESGenerator(key []byte) generator {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("aggregation: expand mask key: " + err.Error()) // only for a wrong key size
	}
	return aesGenerator{block}
}

func (g aesGenerator) at(offset uint64) cipher.Stream {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], offset/aes.BlockSize)
	return cipher.NewCTR(g.block, counter[:])
}

// chaChaGenerator is ChaCha20 of RFC 8439 with a zero nonce. Its 32-bit counter reaches 256 GiB, above any vector.
type chaChaGenerator struct{ key *[32]byte }

func (g chaChaGenerator) at(offset uint64) cipher.Stream {
	c, err := chacha20.NewUnauthenticatedCipher(g.key[:], make([]byte, chacha20.NonceSize))
	if err != nil {
		panic("aggregation: expand mask key: " + err.Error()) // only for a wrong key size
	}
	c.SetCounter(uint32(offset / 64))
	return c
}
