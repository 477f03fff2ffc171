package privacy

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
)

// Stream is the keystream of AES-256 in counter mode, from a zero counter block: the randomness of one session's noise
// and rounding coins (design: privacy 5.4). One key serves one stream, so the fixed start repeats nothing. A Stream is
// not safe for concurrent use, and it does not print.
type Stream struct {
	ctr cipher.Stream // nil once erased
}

// errErased is what a Stream answers after Zero.
var errErased = errors.New("random stream: its key has been erased")

// NewStream returns the keystream of key. Sessions call NewSessionStream; a known key is for simulation and tests.
func NewStream(key [32]byte) io.Reader { return newStream(&key) }

// NewSessionStream keys a Stream with 32 bytes from random, which must be a cryptographic source. The caller calls Zero
// when the session's noise is drawn.
func NewSessionStream(random io.Reader) (*Stream, error) {
	var key [32]byte
	defer clear(key[:])
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return nil, fmt.Errorf("key the noise stream: %w", err)
	}
	return newStream(&key), nil
}

func newStream(key *[32]byte) *Stream {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("privacy: AES refused a 32-byte key: " + err.Error())
	}
	clear(key[:])
	var start [aes.BlockSize]byte
	return &Stream{ctr: cipher.NewCTR(block, start[:])}
}

// Read fills p with the next bytes of the keystream. It fails only after Zero.
func (s *Stream) Read(p []byte) (int, error) {
	if s.ctr == nil {
		return 0, errErased
	}
	clear(p)
	s.ctr.XORKeyStream(p, p)
	return len(p), nil
}

// Zero ends the stream: the key's bytes were wiped when it was made, and now the cipher is let go, so that nothing
// reachable can produce the noise again. The cipher's expanded key belongs to crypto/aes, which has no way to overwrite
// it; it stays in memory until the collector reuses the place.
func (s *Stream) Zero() { s.ctr = nil }

// Format prints "[secret]" for every verb.
func (s *Stream) Format(f fmt.State, _ rune) { writeSecret(f) }

// String returns "[secret]".
func (s *Stream) String() string { return "[secret]" }

func writeSecret(w io.Writer) {
	// A formatter has nobody to report a failed write to.
	_, _ = io.WriteString(w, "[secret]")
}
