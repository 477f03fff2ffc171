package aggregation

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
)

// label begins everything that is hashed or derived here, so that no other protocol can share a key with this one.
const label = "cinesync/csa1/"

// kdf is HKDF-SHA-256 (RFC 5869) with an empty salt and info = label ‖ name ‖ 0x00 ‖ context.
func kdf(secret []byte, name string, context []byte, size int) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, label+name+"\x00"+string(context), size)
	if err != nil {
		panic("aggregation: derive key: " + err.Error()) // only for a size above 255 hashes
	}
	return key
}

// hash is SHA-256 over label ‖ name ‖ parts. Every part but the last has a fixed width, so that no two inputs collide by
// where they are cut.
func hash(name string, parts ...[]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(label + name))
	for _, p := range parts {
		h.Write(p)
	}
	return [32]byte(h.Sum(nil))
}

// pairContext is sid ‖ u32(a) ‖ u32(b), big-endian.
func pairContext(sid [32]byte, a, b uint32) []byte {
	out := append(make([]byte, 0, 40), sid[:]...)
	out = binary.BigEndian.AppendUint32(out, a)
	return binary.BigEndian.AppendUint32(out, b)
}
