package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxCheckpoint is the largest checkpoint in bytes that is read.
const MaxCheckpoint = 8 << 10

// Checkpoint is the head of a log: its size in entries and the root of the tree over them.
type Checkpoint struct {
	Size uint64
	Root [32]byte
}

// checkpointSigner signs notes with a plain Ed25519 key; note's own signer wants the key as text.
type checkpointSigner struct {
	name string
	hash uint32
	key  ed25519.PrivateKey
}

func (s checkpointSigner) Name() string                    { return s.name }
func (s checkpointSigner) KeyHash() uint32                 { return s.hash }
func (s checkpointSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// verifier is the note verifier of a log's key; its name is the log's origin.
func verifier(origin string, pub ed25519.PublicKey) (string, note.Verifier, error) {
	if len(pub) != ed25519.PublicKeySize {
		return "", nil, fmt.Errorf("log key has %d bytes, want %d", len(pub), ed25519.PublicKeySize)
	}
	if len(origin) > maxOrigin {
		return "", nil, fmt.Errorf("log origin has %d bytes, at most %d are allowed", len(origin), maxOrigin)
	}
	for _, r := range origin {
		if r <= ' ' || r > '~' {
			return "", nil, fmt.Errorf("log origin %q may hold visible ASCII only", origin)
		}
	}
	text, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		return "", nil, fmt.Errorf("log origin %q: %w", origin, err)
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return "", nil, fmt.Errorf("log origin %q: it must not be empty nor hold a plus sign: %w", origin, err)
	}
	return text, v, nil
}

const maxOrigin = 256

// SignCheckpoint makes a C2SP tlog-checkpoint: a signed note of origin, size and root, one line each, signed under the origin's name.
func SignCheckpoint(origin string, key ed25519.PrivateKey, size uint64, root [32]byte) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("sign checkpoint: the log key has %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	_, v, err := verifier(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	if size > math.MaxInt64 {
		return nil, fmt.Errorf("sign checkpoint: size %d is too large", size)
	}
	msg, err := note.Sign(&note.Note{Text: checkpointText(origin, size, root)}, checkpointSigner{origin, v.KeyHash(), key})
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return msg, nil
}

func checkpointText(origin string, size uint64, root [32]byte) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, tlog.Hash(root))
}

// OpenCheckpoint verifies a checkpoint strictly: exactly the three lines, exactly one signature, by pub under the origin's name, in
// the one encoding that SignCheckpoint writes.
func OpenCheckpoint(origin string, pub ed25519.PublicKey, msg []byte) (Checkpoint, error) {
	cp, err := openCheckpoint(origin, pub, msg)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	return cp, nil
}

func openCheckpoint(origin string, pub ed25519.PublicKey, msg []byte) (Checkpoint, error) {
	if len(msg) > MaxCheckpoint {
		return Checkpoint{}, fmt.Errorf("%d bytes, at most %d are allowed", len(msg), MaxCheckpoint)
	}
	_, v, err := verifier(origin, pub)
	if err != nil {
		return Checkpoint{}, err
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("not a note signed by the log %s: %w", origin, err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != origin {
		return Checkpoint{}, fmt.Errorf("want three lines and the origin %s, got %q", origin, n.Text)
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("size %q: %w", lines[1], err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("root %q: %w", lines[2], err)
	}
	// The note's reader is lenient: it passes further signatures and loose base64. One log has one checkpoint of one size, byte for byte.
	if len(n.Sigs) != 1 || !bytes.Equal(msg, oneNote(checkpointText(origin, size, root), n.Sigs[0])) {
		return Checkpoint{}, errors.New("not in canonical form: want one signature and nothing else")
	}
	return Checkpoint{Size: size, Root: root}, nil
}

// oneNote writes a note with one signature again, from the decoded signature.
func oneNote(text string, s note.Signature) []byte {
	raw, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil {
		return nil
	}
	binary.BigEndian.PutUint32(raw, s.Hash)
	return []byte(text + "\n— " + s.Name + " " + base64.StdEncoding.EncodeToString(raw) + "\n")
}

// verifierKey takes the Ed25519 key out of a note verifier key, name+hash+base64(1 ‖ key). Whoever calls it encodes the result again,
// which checks name and hash.
func verifierKey(text string) (ed25519.PublicKey, error) {
	_, rest, _ := strings.Cut(text, "+")
	_, key, ok := strings.Cut(rest, "+") // base64 may hold plus signs of its own, a name or a hash may not
	if !ok {
		return nil, fmt.Errorf("%q is not name+hash+key", text)
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return nil, fmt.Errorf("%q is not name+hash+key: %w", text, err)
	}
	if len(raw) != 1+ed25519.PublicKeySize || raw[0] != 1 {
		return nil, fmt.Errorf("%q does not hold an Ed25519 key", text)
	}
	return raw[1:], nil
}
