package protocol

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
)

// Lengths of an enrolment request in bytes, without and with its post-quantum second half.
const (
	RequestSize       = 32 + 1 + 16 + 64
	RequestHybridSize = RequestSize + PQKeySize + PQSigSize // 3845
)

// Request asks the enrolment authority for a certificate; the signatures prove that the sender holds the keys.
type Request struct {
	IDPK  [32]byte
	Class Class
	Nonce [16]byte
	Sig   [64]byte // by IDPK's key over everything above
	PQKey []byte   // ML-DSA-44 public key; empty in a request for 131 bytes alone
	PQSig []byte   // by PQKey over what Sig is over ‖ PQKey; empty with it
}

// NewRequest makes a request for both public halves of key, with a fresh nonce from random.
func NewRequest(key ed25519.PrivateKey, class Class, random io.Reader) (Request, error) {
	if len(key) != ed25519.PrivateKeySize {
		return Request{}, fmt.Errorf("make enrolment request: private key of %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	q := Request{Class: class}
	copy(q.IDPK[:], key[32:]) // the second half of an Ed25519 private key is its public key (RFC 8032 §5.1.5, crypto/ed25519)
	if _, err := io.ReadFull(random, q.Nonce[:]); err != nil {
		return Request{}, fmt.Errorf("make enrolment request: draw nonce: %w", err)
	}
	pub, pq := MLDSAKey(key)
	q.PQKey = pub.Bytes()
	q.Sig = sign(key, "request", q.signed())
	q.PQSig = signPQ(pq, labelled("request", append(q.signed(), q.PQKey...)))
	return q, nil
}

// Verify checks the signatures.
func (q Request) Verify() error {
	err := verify(q.IDPK[:], "request", q.signed(), q.Sig)
	if err == nil && len(q.PQKey)+len(q.PQSig) > 0 {
		err = q.verifyPQ()
	}
	if err != nil {
		return fmt.Errorf("verify enrolment request of %x: %w", q.IDPK[:4], err)
	}
	return nil
}

func (q Request) verifyPQ() error {
	key, err := ParsePQKey(q.PQKey)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	return verifyPQ(key, "request", append(q.signed(), q.PQKey...), q.PQSig)
}

func (q Request) signed() []byte {
	b := append(make([]byte, 0, RequestHybridSize), q.IDPK[:]...)
	return append(append(b, byte(q.Class)), q.Nonce[:]...)
}

// Bytes is the canonical encoding.
func (q Request) Bytes() []byte {
	b := append(q.signed(), q.Sig[:]...)
	return append(append(b, q.PQKey...), q.PQSig...)
}

// ParseRequest reads exactly 113 bytes, or 3845 with the second half, which the result's byte strings point into. It checks no
// signature; Verify does.
func ParseRequest(b []byte) (Request, error) {
	var q Request
	r := &reader{b: b}
	r.fixed("idpk", q.IDPK[:])
	q.Class = Class(r.u8("class"))
	r.fixed("nonce", q.Nonce[:])
	r.fixed("sig", q.Sig[:])
	if r.err == nil && (q.Class < ClassDevice || q.Class > ClassAnchor) {
		r.fail("class", "%d is not a class", uint8(q.Class))
	}
	if r.err == nil && len(r.b) > 0 {
		q.PQKey, q.PQSig = r.take("pq_key", PQKeySize), r.take("pq_sig", PQSigSize)
	}
	if r.err == nil && len(r.b) > 0 {
		r.fail("end", "%d bytes, want %d or %d", len(b), RequestSize, RequestHybridSize)
	}
	if r.err != nil {
		return Request{}, fmt.Errorf("parse enrolment request: %w", r.err)
	}
	return q, nil
}

const (
	labelRequest = "CINESYNC REQUEST"
	labelCert    = "CINESYNC CERTIFICATE"
)

// Armor is the request as text for a file: one base64 line between a BEGIN and an END line.
func (q Request) Armor() []byte { return armor(labelRequest, q.Bytes()) }

// ParseRequestArmor reads what Armor wrote.
func ParseRequestArmor(text []byte) (Request, error) {
	b, err := unarmor(labelRequest, text, RequestHybridSize)
	if err != nil {
		return Request{}, fmt.Errorf("parse enrolment request: %w", err)
	}
	return ParseRequest(b)
}

// ArmorCert is a certificate as text for a file: 131 bytes, or 3863 with its second half.
func ArmorCert(c Cert, certPQ []byte) []byte {
	b := c.Bytes()
	return armor(labelCert, append(b[:], certPQ...))
}

// ParseCertArmor reads what ArmorCert wrote; certPQ is nil for a certificate without a second half. It checks no signature.
func ParseCertArmor(text []byte) (c Cert, certPQ []byte, err error) {
	b, err := unarmor(labelCert, text, CertHybridSize)
	if err != nil {
		return Cert{}, nil, fmt.Errorf("parse certificate: %w", err)
	}
	if len(b) == CertHybridSize {
		b, certPQ = b[:CertSize], b[CertSize:]
	}
	if c, err = ParseCert(b); err != nil {
		return Cert{}, nil, err
	}
	return c, certPQ, nil
}

func armor(label string, b []byte) []byte {
	return fmt.Appendf(nil, "-----BEGIN %s-----\n%s\n-----END %s-----\n", label, base64.StdEncoding.EncodeToString(b), label)
}

// unarmor accepts exactly what armor writes for at most size bytes; an editor's carriage returns and blank space around it are let through.
func unarmor(label string, text []byte, size int) ([]byte, error) {
	if most := size*2 + 256; len(text) > most {
		return nil, fmt.Errorf("%w: a text of %d bytes, at most %d", ErrTooLarge, len(text), most)
	}
	text = bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	line, ok := bytes.CutPrefix(text, []byte("-----BEGIN "+label+"-----\n"))
	if !ok {
		return nil, fmt.Errorf("%w: the text does not begin with -----BEGIN %s-----", ErrMalformed, label)
	}
	line, ok = bytes.CutSuffix(line, []byte("\n-----END "+label+"-----"))
	if !ok {
		return nil, fmt.Errorf("%w: the text does not end with -----END %s-----; is the file cut short", ErrMalformed, label)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(string(line))
	if err != nil || base64.StdEncoding.EncodeToString(b) != string(line) {
		return nil, fmt.Errorf("%w: the line between BEGIN and END is not base64", ErrMalformed)
	}
	return b, nil
}
