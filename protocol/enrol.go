package protocol

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
)

// RequestSize is the length of an enrolment request in bytes.
const RequestSize = 32 + 1 + 16 + 64

// Request asks the enrolment authority for a certificate; the signature proves that the sender holds the key.
type Request struct {
	IDPK  [32]byte
	Class Class
	Nonce [16]byte
	Sig   [64]byte // by IDPK's key over everything above
}

// NewRequest makes a request for key's public half, with a fresh nonce from random.
func NewRequest(key ed25519.PrivateKey, class Class, random io.Reader) (Request, error) {
	if len(key) != ed25519.PrivateKeySize {
		return Request{}, fmt.Errorf("make enrolment request: private key of %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	q := Request{Class: class}
	copy(q.IDPK[:], key[32:]) // the second half of an Ed25519 private key is its public key (RFC 8032 §5.1.5, crypto/ed25519)
	if _, err := io.ReadFull(random, q.Nonce[:]); err != nil {
		return Request{}, fmt.Errorf("make enrolment request: draw nonce: %w", err)
	}
	b := q.Bytes()
	q.Sig = sign(key, "request", b[:RequestSize-64])
	return q, nil
}

// Verify checks the signature.
func (q Request) Verify() error {
	b := q.Bytes()
	if err := verify(q.IDPK[:], "request", b[:RequestSize-64], q.Sig); err != nil {
		return fmt.Errorf("verify enrolment request of %x: %w", q.IDPK[:4], err)
	}
	return nil
}

// Bytes is the canonical encoding.
func (q Request) Bytes() [RequestSize]byte {
	var b [RequestSize]byte
	dst := append(append(b[:0], q.IDPK[:]...), byte(q.Class))
	dst = append(dst, q.Nonce[:]...)
	_ = append(dst, q.Sig[:]...)
	return b
}

// ParseRequest reads exactly 113 bytes. It checks no signature; Verify does.
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
		r.fail("end", "%d bytes, want %d", len(b), RequestSize)
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
func (q Request) Armor() []byte { b := q.Bytes(); return armor(labelRequest, b[:]) }

// ParseRequestArmor reads what Armor wrote.
func ParseRequestArmor(text []byte) (Request, error) {
	b, err := unarmor(labelRequest, text, RequestSize)
	if err != nil {
		return Request{}, fmt.Errorf("parse enrolment request: %w", err)
	}
	return ParseRequest(b)
}

// Armor is the certificate as text for a file.
func (c Cert) Armor() []byte { b := c.Bytes(); return armor(labelCert, b[:]) }

// ParseCertArmor reads what Cert.Armor wrote.
func ParseCertArmor(text []byte) (Cert, error) {
	b, err := unarmor(labelCert, text, CertSize)
	if err != nil {
		return Cert{}, fmt.Errorf("parse certificate: %w", err)
	}
	return ParseCert(b)
}

func armor(label string, b []byte) []byte {
	return fmt.Appendf(nil, "-----BEGIN %s-----\n%s\n-----END %s-----\n", label, base64.StdEncoding.EncodeToString(b), label)
}

// unarmor accepts exactly what armor writes for size bytes; an editor's carriage returns and blank space around it are let through.
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
