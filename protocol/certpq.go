package protocol

import "fmt"

// A hybrid certificate is Cert ‖ {ML-DSA-44 public key 1312, sig_E2 2420}: sig_E2 is by the authority's ML-DSA key over the certificate's
// 67 signed bytes ‖ the public key, under the label "cert" (secure aggregation 14.1).

// IssuePQ is the second half of c, for the holder's ML-DSA key, signed by the enrolment authority.
func IssuePQ(authority *PQPrivateKey, c Cert, key *PQPublicKey) []byte {
	b := append(make([]byte, 0, CertPQSize), key.Bytes()...)
	return append(b, signPQ(authority, labelled("cert", append(c.signed(), b...)))...)
}

// VerifyPQ checks that the authority's ML-DSA key signed c with this second half, and returns the holder's ML-DSA key. What c itself says is
// checked with Cert.Verify. The error wraps ErrSuite where there is no second half, ErrUnknownAuthority where it is not the authority's.
func VerifyPQ(c Cert, certPQ []byte, authority *PQPublicKey) (*PQPublicKey, error) {
	if len(certPQ) != CertPQSize {
		return nil, fmt.Errorf("verify hybrid certificate of %x: %w: second half of %d bytes, want %d", c.IDPK[:4], ErrSuite, len(certPQ), CertPQSize)
	}
	if authority == nil {
		return nil, fmt.Errorf("verify hybrid certificate of %x: %w: no ML-DSA key of the authority is known", c.IDPK[:4], ErrUnknownAuthority)
	}
	signed := append(c.signed(), certPQ[:PQKeySize]...)
	if err := verifyPQ(authority, "cert", signed, certPQ[PQKeySize:]); err != nil {
		return nil, fmt.Errorf("verify hybrid certificate of %x: %w (%w)", c.IDPK[:4], ErrUnknownAuthority, err)
	}
	return ParsePQKey(certPQ[:PQKeySize])
}
