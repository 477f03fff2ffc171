package audit

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// WitnessedLog is what a witness knows of one log.
type WitnessedLog struct {
	Origin string
	Key    ed25519.PublicKey
	Newest Checkpoint // the longest tree it cosigned; the zero value if none
}

// The answers of a witness other than yes, numbered as HTTP and C2SP tlog-witness do.
const (
	WitnessBadRequest    = 400 // the request makes no sense
	WitnessForbidden     = 403 // the log did not sign the checkpoint
	WitnessUnknownLog    = 404
	WitnessConflict      = 409 // the witness signed another size, or this size with another root
	WitnessUnprocessable = 422 // the proof does not hold
)

// WitnessRefusal says why a witness does not sign.
type WitnessRefusal struct {
	Status int
	Size   uint64 // WitnessConflict: of the tree it signed last
	Fork   bool   // the log signed a tree that contradicts the one that the witness signed last
	Why    string
}

// Error is the reason in words.
func (r *WitnessRefusal) Error() string {
	return fmt.Sprintf("the witness refuses with status %d: %s", r.Status, r.Why)
}

func witnessRefuses(status int, format string, args ...any) *WitnessRefusal {
	return &WitnessRefusal{Status: status, Why: fmt.Sprintf(format, args...)}
}

// WitnessStep decides whether a witness that knows log may cosign a checkpoint: signed by the log, and the tree that it signed last, or
// one that extends it. It gives what the witness then knows, which MUST be durable before the cosignature leaves; otherwise the error is
// a *WitnessRefusal. The request's origin is the log's: whoever found the log by it has checked that.
func WitnessStep(log WitnessedLog, req AddCheckpoint) (WitnessedLog, error) {
	cp, err := openForWitness(log.Origin, log.Key, req.Note)
	if err != nil {
		return log, err
	}
	newest := log.Newest
	if newest.Size == 0 {
		newest.Root = NewLog().Root(0)
	}
	switch {
	case req.Old > cp.Size:
		return log, witnessRefuses(WitnessBadRequest, "the old size %d is above the checkpoint's %d", req.Old, cp.Size)
	case req.Old != newest.Size:
		r := witnessRefuses(WitnessConflict, "the newest tree that was signed has %d entries, not %d", newest.Size, req.Old)
		r.Size = newest.Size
		return log, r
	case cp.Size == newest.Size && cp.Root != newest.Root:
		r := witnessRefuses(WitnessConflict, "another tree of %d entries was signed: the log shows two histories", cp.Size)
		r.Size, r.Fork = newest.Size, true
		return log, r
	}
	if err := CheckConsistency(req.Proof, newest.Size, newest.Root, cp.Size, cp.Root); err != nil {
		return log, witnessRefuses(WitnessUnprocessable, "%v", err)
	}
	log.Newest = cp
	return log, nil
}

// openForWitness reads the checkpoint of a log as C2SP tlog-checkpoint has it: further signatures and further lines are allowed, and the
// witness signs the lines without a word on what they mean.
func openForWitness(origin string, key ed25519.PublicKey, msg []byte) (Checkpoint, error) {
	_, v, err := verifier(origin, key)
	if err != nil {
		return Checkpoint{}, witnessRefuses(WitnessUnknownLog, "%v", err)
	}
	n, err := note.Open(msg, note.VerifierList(v))
	var unsigned *note.UnverifiedNoteError
	var forged *note.InvalidSignatureError
	switch {
	case errors.As(err, &unsigned), errors.As(err, &forged):
		return Checkpoint{}, witnessRefuses(WitnessForbidden, "no signature by the key of the log %q", origin)
	case err != nil:
		return Checkpoint{}, witnessRefuses(WitnessBadRequest, "the checkpoint is not a signed note")
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != origin {
		return Checkpoint{}, witnessRefuses(WitnessBadRequest, "the checkpoint does not have the lines origin, size and root")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return Checkpoint{}, witnessRefuses(WitnessBadRequest, "the size %q is not a decimal number", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return Checkpoint{}, witnessRefuses(WitnessBadRequest, "the root %q is not a hash in base64", lines[2])
	}
	return Checkpoint{size, root}, nil
}

// OpenWitnessed reads a checkpoint that a witness kept of a log, as leniently as it was taken.
func OpenWitnessed(origin string, key ed25519.PublicKey, msg []byte) (Checkpoint, error) {
	cp, err := openForWitness(origin, key, msg)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open a kept checkpoint: %w", err)
	}
	return cp, nil
}

// LogKey is the log's key as a C2SP verifier key, origin+id+base64(0x01 ‖ key).
func LogKey(origin string, key ed25519.PublicKey) (string, error) {
	text, _, err := verifier(origin, key)
	return text, err
}

// ParseLogKey reads a log's verifier key strictly, and gives its origin and key.
func ParseLogKey(text string) (origin string, key ed25519.PublicKey, err error) {
	origin, _, _ = strings.Cut(text, "+")
	if key, err = verifierKey(text); err != nil {
		return "", nil, fmt.Errorf("parse log key: %w", err)
	}
	again, err := LogKey(origin, key)
	if err != nil {
		return "", nil, fmt.Errorf("parse log key: %w", err)
	}
	if again != text {
		return "", nil, fmt.Errorf("parse log key %q: the hash is not that of name and key, or the base64 is loose; want %s", text, again)
	}
	return origin, key, nil
}
