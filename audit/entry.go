package audit

import (
	"crypto/ed25519"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// MaxEntry is the largest entry in bytes: a record and its signature.
	MaxEntry = 4 << 10
	// MaxRecord is the largest record in bytes.
	MaxRecord = MaxEntry - ed25519.SignatureSize

	entryLabel = "cinesync/csa1/record\x00"
)

// Seal makes the log entry of r: its canonical bytes, then the coordinator's Ed25519 signature over
// "cinesync/csa1/record" ‖ 0x00 ‖ those bytes. The same record and key give the same entry.
func Seal(key ed25519.PrivateKey, r Record) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("seal %v: the signing key has %d bytes, want %d", r.kind(), len(key), ed25519.PrivateKeySize)
	}
	signed, err := appendRecord([]byte(entryLabel), r)
	if err != nil {
		return nil, fmt.Errorf("seal %v: %w", r.kind(), err)
	}
	record := signed[len(entryLabel):]
	if len(record) > MaxRecord {
		return nil, fmt.Errorf("seal %v: the record has %d bytes, at most %d are allowed; shorten its texts", r.kind(), len(record), MaxRecord)
	}
	return append(record[:len(record):len(record)], ed25519.Sign(key, signed)...), nil
}

// OpenEntry reads an entry strictly and verifies its signature. The result is a pointer to one of the record structs.
func OpenEntry(key ed25519.PublicKey, entry []byte) (Record, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("open log entry: the coordinator's key has %d bytes, want %d", len(key), ed25519.PublicKeySize)
	}
	if len(entry) > MaxEntry || len(entry) < ed25519.SignatureSize {
		return nil, fmt.Errorf("open log entry: %d bytes, want %d to %d", len(entry), ed25519.SignatureSize, MaxEntry)
	}
	record, sig := entry[:len(entry)-ed25519.SignatureSize], entry[len(entry)-ed25519.SignatureSize:]
	r, err := ParseRecord(record)
	if err != nil {
		return nil, fmt.Errorf("open log entry: %w", err)
	}
	if !ed25519.Verify(key, append([]byte(entryLabel), record...), sig) {
		return nil, fmt.Errorf("open log entry: the signature of this %v is not the coordinator's", r.kind())
	}
	return r, nil
}

// LeafHash is hash(entry): the RFC 6962 leaf hash, SHA-256 of 0x00 ‖ entry.
func LeafHash(entry []byte) [32]byte { return tlog.RecordHash(entry) }
