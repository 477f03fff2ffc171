package protocol

import (
	"crypto/ed25519"
	"errors"
	"fmt"
)

// ErrBadSignature means that a signature does not belong to the key and bytes it came with.
var ErrBadSignature = errors.New("signature does not verify")

const secretWord = "[secret]"

// labelled is "cinesync/csa1/<name>" ‖ 0x00 ‖ body: no two kinds of signed bytes share a prefix.
func labelled(name string, body []byte) []byte {
	const prefix = "cinesync/csa1/"
	b := make([]byte, 0, len(prefix)+len(name)+1+len(body))
	b = append(append(append(b, prefix...), name...), 0)
	return append(b, body...)
}

func sign(key ed25519.PrivateKey, name string, body []byte) [64]byte {
	return [64]byte(ed25519.Sign(key, labelled(name, body)))
}

func verify(key ed25519.PublicKey, name string, body []byte, sig [64]byte) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: public key of %d bytes", ErrBadSignature, len(key))
	}
	if !ed25519.Verify(key, labelled(name, body), sig[:]) {
		return ErrBadSignature
	}
	return nil
}

// signMessage signs a message whose last fields are sig and sig_pq, which hold nothing yet: the label's name is the message's.
func signMessage(s Signer, m Message) (sig [64]byte, sigPQ []byte) {
	body := m.Append(nil)
	defer clear(body) // an answer's shares may never be sent
	return s.sign(m.Type().String(), body[:len(body)-tail(nil)])
}

func verifyMessage(v Verifier, m Message, sig [64]byte, sigPQ []byte) error {
	body := m.Append(nil)
	if err := v.verify(m.Type().String(), body[:len(body)-tail(sigPQ)], sig, sigPQ); err != nil {
		return fmt.Errorf("verify %v: %w", m.Type(), err)
	}
	return nil
}
