package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Cosigned is a checkpoint that enough witnesses vouch for: each saw no other history of this log.
type Cosigned struct {
	Checkpoint
	Note   []byte   // the canonical note, cosignatures included
	Cosigs [][]byte // those present, in the policy's order: key id 4 ‖ time u64 ‖ Ed25519 signature 64
	Names  []string // whose they are
	Time   uint64   // the least time of them, Unix seconds
}

// Open verifies a cosigned checkpoint strictly: the three lines, the log's signature line, then at least Quorum lines of the policy's
// witnesses in the policy's order, at most one each, every one valid, and nothing else. The cosignatures are those of C2SP
// tlog-cosignature v1 over Ed25519.
func (p WitnessPolicy) Open(origin string, logKey ed25519.PublicKey, msg []byte) (Cosigned, error) {
	c, err := p.open(origin, logKey, msg)
	if err != nil {
		return Cosigned{}, fmt.Errorf("open cosigned checkpoint: %w", err)
	}
	return c, nil
}

func (p WitnessPolicy) open(origin string, logKey ed25519.PublicKey, msg []byte) (Cosigned, error) {
	if err := p.Validate(); err != nil {
		return Cosigned{}, err
	}
	text, lines, err := splitNote(msg)
	if err != nil {
		return Cosigned{}, err
	}
	cp, err := openCheckpoint(origin, logKey, []byte(text+"\n"+lines[0]))
	if err != nil {
		return Cosigned{}, err
	}
	out := Cosigned{Checkpoint: cp, Note: bytes.Clone(msg), Time: math.MaxUint64}
	next := 0 // the first witness whose line may still come
	for _, line := range lines[1:] {
		c, err := parseCosignature(line)
		if err != nil {
			return Cosigned{}, err
		}
		i, err := p.find(c)
		switch {
		case err != nil:
			return Cosigned{}, err
		case i < 0:
			return Cosigned{}, fmt.Errorf("a signature of %q, who is no witness of the policy", c.name)
		case i < next:
			return Cosigned{}, fmt.Errorf("the cosignature of %s is there twice, or not in the policy's order", c.name)
		}
		if err := p.Witnesses[i].verify(text, c); err != nil {
			return Cosigned{}, err
		}
		next = i + 1
		out.Cosigs, out.Names, out.Time = append(out.Cosigs, c.raw[:]), append(out.Names, c.name), min(out.Time, c.time())
	}
	if n := len(out.Cosigs); n < p.Quorum {
		return Cosigned{}, fmt.Errorf("%d cosignatures of %d witnesses, the quorum is %d", n, len(p.Witnesses), p.Quorum)
	}
	return out, nil
}

// OpenSigned verifies what the log itself says of a checkpoint, strictly, and passes over cosignatures behind its line. It is for whoever
// trusts no witness: their lines must have the form of cosignatures, and are not verified.
func OpenSigned(origin string, logKey ed25519.PublicKey, msg []byte) (Checkpoint, error) {
	text, lines, err := splitNote(msg)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	cp, err := OpenCheckpoint(origin, logKey, []byte(text+"\n"+lines[0]))
	if err != nil {
		return Checkpoint{}, err
	}
	for _, line := range lines[1:] {
		if _, err := parseCosignature(line); err != nil {
			return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
		}
	}
	return cp, nil
}

// find is the place of the witness whose line this claims to be; -1 if its name is nobody's. A known name under another key is an error.
func (p WitnessPolicy) find(c cosignature) (int, error) {
	i := slices.IndexFunc(p.Witnesses, func(w Witness) bool { return w.Name == c.name })
	if i >= 0 && p.Witnesses[i].keyID() != c.id() {
		return i, fmt.Errorf("the cosignature of %s is by key %x, the policy names %x", c.name, c.id(), p.Witnesses[i].keyID())
	}
	return i, nil
}

func (w Witness) verify(text string, c cosignature) error {
	if t := c.time(); t == 0 || t > math.MaxInt64 {
		return fmt.Errorf("the cosignature of %s has the time %d, want seconds since 1970", w.Name, t)
	}
	if !ed25519.Verify(w.Key, cosignedMessage(text, c.time()), c.raw[12:]) {
		return fmt.Errorf("the cosignature of %s does not verify", w.Name)
	}
	return nil
}

// cosignedMessage is what a witness signs: two lines of its own before the checkpoint's text.
func cosignedMessage(text string, time uint64) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", time, text)
}

// Cosign makes the signature line of the named witness on a checkpoint: "— name base64", with a line feed. It says that at time (Unix
// seconds) this was the longest tree of its log that the witness had seen; the caller has checked that it is, and who signed it.
func Cosign(name string, key ed25519.PrivateKey, msg []byte, time uint64) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("cosign checkpoint: the witness's key has %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	w := Witness{Name: name, Key: key.Public().(ed25519.PublicKey)}
	if err := w.validate(); err != nil {
		return nil, fmt.Errorf("cosign checkpoint: %w", err)
	}
	if time == 0 || time > math.MaxInt64 {
		return nil, fmt.Errorf("cosign checkpoint: the time %d is not one, want seconds since 1970", time)
	}
	text, _, err := splitNote(msg)
	if err != nil {
		return nil, fmt.Errorf("cosign checkpoint: %w", err)
	}
	id := w.keyID()
	raw := binary.BigEndian.AppendUint64(id[:], time)
	raw = append(raw, ed25519.Sign(key, cosignedMessage(text, time))...)
	return []byte(cosignature{name, [cosigSize]byte(raw)}.line()), nil
}

// AddCosignatures puts signature lines, as witnesses answer with them, into a checkpoint that the log signed, and gives the note in the
// form that Open wants: the log's line, then one line of each witness of the policy in its order. Cosignatures that the note already
// has stay unless a newer one comes. Lines of unknown keys are left out; a line of a policy's witness that does not verify is an
// error. Whether there are enough is for Open to say.
func AddCosignatures(msg []byte, lines [][]byte, p WitnessPolicy) ([]byte, error) {
	out, err := addCosignatures(msg, lines, p)
	if err != nil {
		return nil, fmt.Errorf("add cosignatures: %w", err)
	}
	return out, nil
}

func addCosignatures(msg []byte, answers [][]byte, p WitnessPolicy) ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	text, lines, err := splitNote(msg)
	if err != nil {
		return nil, err
	}
	logLine, lines := lines[0], lines[1:]
	for _, a := range answers {
		more, err := splitLines(string(a))
		if err != nil {
			return nil, fmt.Errorf("a witness's answer: %w", err)
		}
		lines = append(lines, more...)
	}
	best := make([]*cosignature, len(p.Witnesses))
	for _, line := range lines {
		c, i, err := p.sift(line)
		if err != nil {
			return nil, err
		}
		if i < 0 {
			continue
		}
		if err := p.Witnesses[i].verify(text, c); err != nil {
			return nil, err
		}
		if best[i] == nil || best[i].time() < c.time() {
			best[i] = &c
		}
	}
	out := text + "\n" + logLine
	for _, c := range best {
		if c != nil {
			out += c.line()
		}
	}
	if len(out) > MaxCheckpoint {
		return nil, fmt.Errorf("the cosigned checkpoint has %d bytes, at most %d are allowed", len(out), MaxCheckpoint)
	}
	return []byte(out), nil
}

// sift finds whose cosignature a line is; -1 if it is nobody's of the policy, whatever it holds.
func (p WitnessPolicy) sift(line string) (cosignature, int, error) {
	c, err := parseCosignature(line)
	for i, w := range p.Witnesses {
		switch {
		case !strings.HasPrefix(line, "— "+w.Name+" "):
		case err != nil:
			return c, i, err
		case w.keyID() == c.id():
			return c, i, nil
		}
	}
	return c, -1, nil
}

// splitNote cuts a signed note into its text and its signature lines, of which there is at least one. What they hold is not looked at.
func splitNote(msg []byte) (text string, lines []string, err error) {
	if len(msg) > MaxCheckpoint {
		return "", nil, fmt.Errorf("%d bytes, at most %d are allowed", len(msg), MaxCheckpoint)
	}
	at := bytes.LastIndex(msg, []byte("\n\n"))
	if at < 0 {
		return "", nil, errors.New("not a signed note: no empty line before the signatures")
	}
	lines, err = splitLines(string(msg[at+2:]))
	return string(msg[:at+1]), lines, err
}

// splitLines cuts signature lines apart, each with its line feed.
func splitLines(s string) ([]string, error) {
	lines := strings.SplitAfter(s, "\n")
	if last := len(lines) - 1; last == 0 || lines[last] != "" {
		return nil, errors.New("want signature lines, each ended by a line feed")
	}
	return lines[:len(lines)-1], nil
}

// parseCosignature reads a signature line with 76 bytes in its one encoding.
func parseCosignature(line string) (cosignature, error) {
	body, ok := strings.CutPrefix(line, "— ")
	name, encoded, found := strings.Cut(body, " ")
	if !ok || !found {
		return cosignature{}, fmt.Errorf("%q is not a signature line", line)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, "\n"))
	if err != nil || len(raw) != cosigSize {
		return cosignature{}, fmt.Errorf("the signature line of %q does not hold the %d bytes of a cosignature in base64", name, cosigSize)
	}
	c := cosignature{name, [cosigSize]byte(raw)}
	if c.line() != line {
		return cosignature{}, fmt.Errorf("the signature line of %q is not in canonical form", name)
	}
	return c, nil
}
