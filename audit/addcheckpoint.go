package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	// MaxAddCheckpoint is the largest request to a witness in bytes.
	MaxAddCheckpoint = MaxCheckpoint + 64*45

	maxWitnessProof = 63 // lines that a request may have
)

// AddCheckpoint asks a witness for its cosignature (C2SP tlog-witness): here is a checkpoint, and the proof that its tree extends the one
// of Old entries that the witness signed last.
type AddCheckpoint struct {
	Old   uint64     // 0 if the witness has signed nothing of this log
	Proof [][32]byte // at most 63; empty from 0
	Note  []byte     // the checkpoint, signed by its log, other signatures allowed
}

// Append appends the request's body: the line "old N", one line of base64 for each hash, an empty line, the checkpoint.
func (a AddCheckpoint) Append(dst []byte) []byte {
	dst = fmt.Appendf(dst, "old %d\n", a.Old)
	for _, h := range a.Proof {
		dst = append(base64.StdEncoding.AppendEncode(dst, h[:]), '\n')
	}
	return append(append(dst, '\n'), a.Note...)
}

// Origin is the checkpoint's first line, which says whose it is. Nothing is verified.
func (a AddCheckpoint) Origin() string {
	origin, _, _ := strings.Cut(string(a.Note), "\n")
	return origin
}

// ParseAddCheckpoint reads a request strictly: what it accepts, Append writes again as the same bytes. The checkpoint in it is opaque.
func ParseAddCheckpoint(b []byte) (AddCheckpoint, error) {
	a, err := parseAddCheckpoint(b)
	if err == nil && !bytes.Equal(a.Append(nil), b) {
		err = errors.New("not in canonical form: want \"old N\" without leading zeros, hashes in strict base64, an empty line, the checkpoint")
	}
	if err != nil {
		return AddCheckpoint{}, fmt.Errorf("parse add-checkpoint: %w", err)
	}
	return a, nil
}

func parseAddCheckpoint(b []byte) (AddCheckpoint, error) {
	if len(b) > MaxAddCheckpoint {
		return AddCheckpoint{}, fmt.Errorf("%d bytes, at most %d are allowed", len(b), MaxAddCheckpoint)
	}
	head, msg, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok || len(msg) == 0 {
		return AddCheckpoint{}, errors.New("there is no checkpoint after an empty line")
	}
	if len(msg) > MaxCheckpoint {
		return AddCheckpoint{}, fmt.Errorf("a checkpoint of %d bytes, at most %d are allowed", len(msg), MaxCheckpoint)
	}
	lines := strings.Split(string(head), "\n")
	if len(lines) > 1+maxWitnessProof {
		return AddCheckpoint{}, fmt.Errorf("a proof of %d hashes, at most %d are allowed", len(lines)-1, maxWitnessProof)
	}
	size, ok := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseUint(size, 10, 64)
	if !ok || err != nil || old > math.MaxInt64 {
		return AddCheckpoint{}, fmt.Errorf("the first line is %q, want \"old\" and the size of a tree", lines[0])
	}
	a := AddCheckpoint{Old: old, Note: bytes.Clone(msg)}
	for i, line := range lines[1:] {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(h) != 32 {
			return AddCheckpoint{}, fmt.Errorf("line %d, %q, is not a hash of 32 bytes in base64", i+2, line)
		}
		a.Proof = append(a.Proof, [32]byte(h))
	}
	return a, nil
}
