package serve

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cinesync/cinesync/internal/strictjson"
)

// Release is what a release note says of a model version.
type Release struct {
	Model    [32]byte // SHA-256 of the snapshot file
	Version  uint64
	Round    uint64 // that produced it
	LogIndex uint64 // of the round's RoundClose entry
}

// Note is a signed Release, as it lies beside the snapshot:
//
//	{"model":"<64 hex>","version":3,"round":3,"log_index":17,"signature":"<128 hex>"}
//
// The signature is Ed25519 by the coordinator over "cinesync/csa1/release", a zero byte, the model hash, and version, round and
// log index as 64-bit big-endian integers.
type Note struct {
	Release
	Signature [ed25519.SignatureSize]byte
}

const (
	noteLabel = "cinesync/csa1/release"
	maxNote   = 4 << 10 // bytes of a note
)

// ErrSignature says that the coordinator did not sign a note.
var ErrSignature = errors.New("the signature is not the coordinator's")

// signed is what the signature covers.
func (r Release) signed() []byte {
	b := append([]byte(noteLabel), 0)
	b = append(b, r.Model[:]...)
	b = binary.BigEndian.AppendUint64(b, r.Version)
	b = binary.BigEndian.AppendUint64(b, r.Round)
	return binary.BigEndian.AppendUint64(b, r.LogIndex)
}

// Sign makes the note of a release.
func (r Release) Sign(key ed25519.PrivateKey) Note {
	return Note{Release: r, Signature: [ed25519.SignatureSize]byte(ed25519.Sign(key, r.signed()))}
}

// Verify checks the signature; the error is ErrSignature.
func (n Note) Verify(key ed25519.PublicKey) error {
	if !ed25519.Verify(key, n.signed(), n.Signature[:]) {
		return fmt.Errorf("release note of version %d: %w", n.Version, ErrSignature)
	}
	return nil
}

// ParseNote reads a note strictly: all fields, no others, each once.
func ParseNote(b []byte) (Note, error) {
	if len(b) > maxNote {
		return Note{}, fmt.Errorf("release note of %d bytes: more than %d", len(b), maxNote)
	}
	var n Note
	missing := map[string]bool{"model": true, "version": true, "round": true, "log_index": true, "signature": true}
	err := strictjson.Object(b, func(name string, value json.RawMessage) error {
		if !missing[name] {
			return fmt.Errorf("field %.40q is unknown", name)
		}
		delete(missing, name)
		if err := n.field(name, value); err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return Note{}, fmt.Errorf("release note: %w", err)
	}
	for name := range missing {
		return Note{}, fmt.Errorf("release note: field %q is missing", name)
	}
	return n, nil
}

func (n *Note) field(name string, value json.RawMessage) error {
	if string(value) == "null" {
		return errors.New("is null")
	}
	switch name {
	case "model":
		return hexField(n.Model[:], value)
	case "signature":
		return hexField(n.Signature[:], value)
	case "version":
		return json.Unmarshal(value, &n.Version)
	case "round":
		return json.Unmarshal(value, &n.Round)
	default:
		return json.Unmarshal(value, &n.LogIndex)
	}
}

// hexField fills dst exactly from lower-case hexadecimal text.
func hexField(dst []byte, value json.RawMessage) error {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return err
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(dst) || hex.EncodeToString(b) != text {
		return fmt.Errorf("want %d lower-case hexadecimal digits", 2*len(dst))
	}
	copy(dst, b)
	return nil
}

// Encode writes a note as ParseNote reads it, with a newline.
func (n Note) Encode() []byte {
	return fmt.Appendf(nil, `{"model":"%x","version":%d,"round":%d,"log_index":%d,"signature":"%x"}`+"\n", n.Model, n.Version, n.Round, n.LogIndex, n.Signature)
}
