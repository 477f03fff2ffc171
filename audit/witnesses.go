package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// MaxWitnesses is the most witnesses of one policy; so many cosignatures fit a checkpoint of MaxCheckpoint bytes.
	MaxWitnesses = 32
	// MaxWitnessPolicy is the largest text of a policy in bytes.
	MaxWitnessPolicy = 16 << 10

	maxWitnessName = 100
	cosignAlgo     = 0x04        // C2SP tlog-cosignature: a timestamped Ed25519 cosignature
	groupName      = "witnesses" // of the one group of a policy's text
	noQuorum       = "none"      // means no quorum in C2SP tlog-policy
)

// Witness is somebody who signs checkpoints of other people's logs, and only ones that extend what they signed before.
type Witness struct {
	Name string            // of its signatures: 1 to 100 visible ASCII characters, no plus sign
	Key  ed25519.PublicKey // for cosignatures and nothing else
}

// WitnessPolicy says whose cosignatures make a checkpoint believable: any Quorum of the Witnesses. The zero policy wants none.
type WitnessPolicy struct {
	Witnesses []Witness // no name and no key twice
	Quorum    int       // 1 to len(Witnesses)
}

// keyID tells this witness's signature lines from others': SHA-256(name ‖ line feed ‖ 0x04 ‖ key), the first four bytes.
func (w Witness) keyID() [4]byte {
	h := sha256.Sum256(slices.Concat([]byte(w.Name+"\n"), []byte{cosignAlgo}, w.Key))
	return [4]byte(h[:4])
}

// VerifierKey is the witness as a C2SP verifier key, name+id+base64(0x04 ‖ key).
func (w Witness) VerifierKey() string {
	return fmt.Sprintf("%s+%08x+%s", w.Name, w.keyID(), base64.StdEncoding.EncodeToString(append([]byte{cosignAlgo}, w.Key...)))
}

// ParseWitness reads a verifier key strictly: VerifierKey writes what it accepts as the same text.
func ParseWitness(text string) (Witness, error) {
	name, rest, _ := strings.Cut(text, "+")
	_, key, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != cosignAlgo {
		return Witness{}, fmt.Errorf("parse witness key %q: want name+id+base64 of the byte 4 and an Ed25519 key", text)
	}
	w := Witness{Name: name, Key: raw[1:]}
	if err := w.validate(); err != nil {
		return Witness{}, fmt.Errorf("parse witness key: %w", err)
	}
	if w.VerifierKey() != text {
		return Witness{}, fmt.Errorf("parse witness key %q: the id is not that of name and key, or the base64 is loose; want %s", text, w.VerifierKey())
	}
	return w, nil
}

func (w Witness) validate() error {
	if len(w.Name) == 0 || len(w.Name) > maxWitnessName {
		return fmt.Errorf("a witness's name %q has %d bytes, want 1 to %d", w.Name, len(w.Name), maxWitnessName)
	}
	for _, r := range w.Name {
		if r <= ' ' || r > '~' || r == '+' {
			return fmt.Errorf("witness name %q may hold visible ASCII without plus signs only", w.Name)
		}
	}
	if w.Name == groupName || w.Name == noQuorum {
		return fmt.Errorf("witness name %q means something else in a policy; choose another", w.Name)
	}
	if len(w.Key) != ed25519.PublicKeySize {
		return fmt.Errorf("the key of witness %s has %d bytes, want %d", w.Name, len(w.Key), ed25519.PublicKeySize)
	}
	return nil
}

// IsZero reports whether the policy wants no witnesses at all.
func (p WitnessPolicy) IsZero() bool { return len(p.Witnesses) == 0 && p.Quorum == 0 }

// Validate says what is wrong with a policy. The zero policy is refused: whoever means "no witnesses" does not ask.
func (p WitnessPolicy) Validate() error {
	if n := len(p.Witnesses); n == 0 || n > MaxWitnesses {
		return fmt.Errorf("a witness policy with %d witnesses, want 1 to %d", n, MaxWitnesses)
	}
	if p.Quorum < 1 || p.Quorum > len(p.Witnesses) {
		return fmt.Errorf("a quorum of %d of %d witnesses, want 1 to %d", p.Quorum, len(p.Witnesses), len(p.Witnesses))
	}
	for i, w := range p.Witnesses {
		if err := w.validate(); err != nil {
			return err
		}
		for _, other := range p.Witnesses[:i] {
			if other.Name == w.Name || other.Key.Equal(w.Key) {
				return fmt.Errorf("witnesses %s and %s share a name or a key: one witness would count twice", other.Name, w.Name)
			}
		}
	}
	return nil
}

// Text is the policy in a subset of C2SP tlog-policy: a line "witness name key" for each witness in order, one line "group witnesses
// quorum name…" and the line "quorum witnesses". It is nil for the zero policy.
func (p WitnessPolicy) Text() []byte {
	if p.IsZero() {
		return nil
	}
	var out []byte
	for _, w := range p.Witnesses {
		out = fmt.Appendf(out, "witness %s %s\n", w.Name, w.VerifierKey())
	}
	out = fmt.Appendf(out, "group %s %d", groupName, p.Quorum)
	for _, w := range p.Witnesses {
		out = fmt.Appendf(out, " %s", w.Name)
	}
	return fmt.Appendf(out, "\nquorum %s\n", groupName)
}

// ID is SHA-256 of the Text, and zero for the zero policy: witness_policy of a RoundOpen.
func (p WitnessPolicy) ID() [32]byte {
	if p.IsZero() {
		return [32]byte{}
	}
	return sha256.Sum256(p.Text())
}

// ParseWitnessPolicy reads the text of a policy strictly: what it accepts, Text writes again as the same bytes.
func ParseWitnessPolicy(b []byte) (WitnessPolicy, error) {
	p, err := parseWitnessPolicy(b)
	if err == nil {
		err = p.Validate()
	}
	if err == nil && !bytes.Equal(p.Text(), b) {
		err = errors.New("not in canonical form: want witness lines, then one group of all of them in the same order, then its quorum line")
	}
	if err != nil {
		return WitnessPolicy{}, fmt.Errorf("parse witness policy: %w", err)
	}
	return p, nil
}

func parseWitnessPolicy(b []byte) (p WitnessPolicy, err error) {
	if len(b) > MaxWitnessPolicy {
		return p, fmt.Errorf("%d bytes, at most %d are allowed", len(b), MaxWitnessPolicy)
	}
	for n, line := range strings.Split(string(b), "\n") {
		field := strings.Split(line, " ")
		switch {
		case field[0] == "witness" && len(field) == 3 && len(p.Witnesses) < MaxWitnesses:
			w, err := ParseWitness(field[2])
			if err != nil {
				return p, fmt.Errorf("line %d: %w", n+1, err)
			}
			p.Witnesses = append(p.Witnesses, w)
		case field[0] == "group" && len(field) > 2:
			if p.Quorum, err = strconv.Atoi(field[2]); err != nil {
				return p, fmt.Errorf("line %d: the group wants a number of witnesses: %w", n+1, err)
			}
		case line != "" && line != "quorum "+groupName:
			return p, fmt.Errorf("line %d, %q, is not one of a policy: want witness, group or quorum (at most %d witnesses)", n+1, line, MaxWitnesses)
		}
	}
	return p, nil
}

// cosignature is one signature line of a witness, taken apart: who it claims to be from, and the 76 bytes of its base64.
type cosignature struct {
	name string
	raw  [cosigSize]byte // key id 4 ‖ time u64 ‖ Ed25519 signature 64
}

const cosigSize = 4 + 8 + ed25519.SignatureSize

func (c cosignature) id() [4]byte  { return [4]byte(c.raw[:4]) }
func (c cosignature) time() uint64 { return binary.BigEndian.Uint64(c.raw[4:12]) }
func (c cosignature) line() string {
	return "— " + c.name + " " + base64.StdEncoding.EncodeToString(c.raw[:]) + "\n"
}
