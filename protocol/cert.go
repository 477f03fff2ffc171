package protocol

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"
)

// CertSize is the length of a certificate in bytes.
const CertSize = 131

// Class says what a certificate's holder may do; a certificate serves one class only.
type Class uint8

// The certificate classes.
const (
	ClassDevice      Class = 1
	ClassCoordinator Class = 2
	ClassAnchor      Class = 3
)

// String is the class's name in the specification.
func (c Class) String() string {
	switch c {
	case ClassDevice:
		return "device"
	case ClassCoordinator:
		return "coordinator"
	case ClassAnchor:
		return "anchor"
	default:
		return fmt.Sprintf("class %d", uint8(c))
	}
}

// Why a certificate is refused, besides ErrBadSignature.
var (
	ErrUnknownAuthority = errors.New("certificate was not issued by the expected enrolment authority")
	ErrExpired          = errors.New("certificate has expired")
	ErrNotYetValid      = errors.New("certificate is not yet valid")
	ErrWrongClass       = errors.New("certificate is of the wrong class")
	ErrWrongKey         = errors.New("certificate names another key")
)

// Cert binds an Ed25519 key to a class for a time: {idpk 32, class 1, not_before 8, not_after 8, quota 2, serial 16, sig 64}, integers
// big-endian (secure aggregation 3.1).
type Cert struct {
	IDPK      [32]byte // Ed25519 public key of the holder
	Class     Class
	NotBefore uint64 // Unix seconds, inclusive
	NotAfter  uint64 // Unix seconds, inclusive
	Quota     uint16 // most rounds while it is valid
	Serial    [16]byte
	Sig       [64]byte // by the enrolment authority
}

// IssueCert returns c signed by the enrolment authority.
func IssueCert(authority ed25519.PrivateKey, c Cert) Cert {
	c.Sig = sign(authority, "cert", c.signed())
	return c
}

// Verify checks that authority issued the certificate for this class and that now (Unix seconds) lies within its dates. Tolerance for
// clocks that differ is the caller's: it may ask again with a shifted now. The error wraps ErrWrongClass, ErrUnknownAuthority,
// ErrNotYetValid or ErrExpired. (A signature by another key and a damaged one look alike: both are ErrUnknownAuthority.)
func (c Cert) Verify(authority ed25519.PublicKey, now uint64, want Class) error {
	if err := verify(authority, "cert", c.signed(), c.Sig); err != nil {
		return fmt.Errorf("verify certificate of %x: %w (%w)", c.IDPK[:4], ErrUnknownAuthority, err)
	}
	switch {
	case c.Class != want:
		return fmt.Errorf("verify certificate of %x: %w: %v, want %v", c.IDPK[:4], ErrWrongClass, c.Class, want)
	case now < c.NotBefore:
		return fmt.Errorf("verify certificate of %x: %w: valid from %s, now %s", c.IDPK[:4], ErrNotYetValid, date(c.NotBefore), date(now))
	case now > c.NotAfter:
		return fmt.Errorf("verify certificate of %x: %w: valid until %s, now %s", c.IDPK[:4], ErrExpired, date(c.NotAfter), date(now))
	}
	return nil
}

// date writes Unix seconds for people, who read these errors.
func date(unix uint64) string {
	const year9999 = 253402300799 // the last that RFC 3339 can write
	if unix > year9999 {
		return fmt.Sprintf("%d s after 1970", unix)
	}
	return time.Unix(int64(unix), 0).UTC().Format(time.RFC3339)
}

// Bytes is the canonical encoding.
func (c Cert) Bytes() [CertSize]byte {
	var b [CertSize]byte
	c.append(b[:0])
	return b
}

// ParseCert reads exactly 131 bytes. It checks no signature; Verify does.
func ParseCert(b []byte) (Cert, error) {
	var c Cert
	r := &reader{b: b}
	c.parse(r)
	if r.err == nil && len(r.b) > 0 {
		r.fail("end", "%d bytes, want %d", len(b), CertSize)
	}
	if r.err != nil {
		return Cert{}, fmt.Errorf("parse certificate: %w", r.err)
	}
	return c, nil
}

func (c *Cert) signed() []byte {
	b := c.append(make([]byte, 0, CertSize))
	return b[:CertSize-64]
}

func (c *Cert) append(dst []byte) []byte {
	dst = append(append(dst, c.IDPK[:]...), byte(c.Class))
	dst = appendU64(dst, c.NotBefore)
	dst = appendU64(dst, c.NotAfter)
	dst = appendU16(dst, c.Quota)
	dst = append(dst, c.Serial[:]...)
	return append(dst, c.Sig[:]...)
}

func (c *Cert) parse(r *reader) {
	r.fixed("cert.idpk", c.IDPK[:])
	c.Class = Class(r.u8("cert.class"))
	c.NotBefore = r.u64("cert.not_before")
	c.NotAfter = r.u64("cert.not_after")
	c.Quota = r.u16("cert.quota")
	r.fixed("cert.serial", c.Serial[:])
	r.fixed("cert.sig", c.Sig[:])
	if r.err != nil {
		return
	}
	if c.Class < ClassDevice || c.Class > ClassAnchor {
		r.fail("cert.class", "%d is not a class", uint8(c.Class))
	}
	if c.NotAfter < c.NotBefore {
		r.fail("cert.not_after", "%d lies before not_before %d", c.NotAfter, c.NotBefore)
	}
}
