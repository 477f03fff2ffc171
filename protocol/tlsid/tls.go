package tlsid

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// OID marks the X.509 extension that carries the 131-byte certificate. It lies under the enterprise number that RFC 5612 keeps for
// examples, which nobody else can be assigned; no other program reads it, because the ALPN decides who does.
func OID() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 67, 83, 1}
}

// Leaf is a self-signed X.509 certificate of the identity's key: a wrapper that TLS understands around the certificate that counts. Its own
// dates say nothing.
func Leaf(id protocol.Identity) (tls.Certificate, error) {
	cert := id.Cert.Bytes()
	template := &x509.Certificate{
		SerialNumber:    new(big.Int).SetBytes(append([]byte{1}, id.Cert.Serial[:]...)),
		Subject:         pkix.Name{CommonName: "cinesync " + id.Cert.Class.String()},
		NotBefore:       time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:        time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280 §4.1.2.5: no expiration of its own
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: OID(), Value: cert[:]}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, id.Key.Public(), id.Key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make tls certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: id.Key}, nil
}

// Config serves both sides; it is never changed. InsecureSkipVerify turns the chain of names off, which there is none of. The peer is not
// checked in it: set VerifyConnection to Party.Verify, or call that after the handshake. No session is resumed, since there are no tickets.
func (p *Party) Config() (*tls.Config, error) {
	cert, err := Leaf(p.Identity)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		MaxVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{cert},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true,
		ServerName:             "cinesync.invalid", // tells a listener on the path nothing
		NextProtos:             []string{ALPN},
		SessionTicketsDisabled: true,
	}, nil
}

// Verify checks a finished handshake's peer, as tls.Config.VerifyConnection. The error carries the alert that says why: it is all that the
// other side learns of it, where the TLS stack passes it on.
func (p *Party) Verify(s tls.ConnectionState) error {
	cert, err := PeerCert(s)
	if err == nil {
		err = p.CheckPeer(cert)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w%.0w", err, alertFor(err))
}

// PeerCert takes the certificate out of the other side's leaf, and checks that TLS has proved the key that it names.
func PeerCert(s tls.ConnectionState) (protocol.Cert, error) {
	if s.NegotiatedProtocol != ALPN {
		return protocol.Cert{}, fmt.Errorf("%w: protocol %q, want %q", protocol.ErrVersion, s.NegotiatedProtocol, ALPN)
	}
	if len(s.PeerCertificates) != 1 {
		return protocol.Cert{}, fmt.Errorf("%w: %d tls certificates, want one", protocol.ErrMalformed, len(s.PeerCertificates))
	}
	key, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != ed25519.PublicKeySize {
		return protocol.Cert{}, fmt.Errorf("%w: tls key is not ed25519", protocol.ErrMalformed)
	}
	var found [][]byte
	for _, x := range s.PeerCertificates[0].Extensions {
		if x.Id.Equal(OID()) {
			found = append(found, x.Value)
		}
	}
	if len(found) != 1 {
		return protocol.Cert{}, fmt.Errorf("%w: %d cinesync extensions in the tls certificate, want one", protocol.ErrMalformed, len(found))
	}
	cert, err := protocol.ParseCert(found[0])
	if err != nil {
		return protocol.Cert{}, err
	}
	if [32]byte(key) != cert.IDPK {
		return protocol.Cert{}, fmt.Errorf("%w: it names %x, tls proved %x", protocol.ErrWrongKey, cert.IDPK[:4], key[:4])
	}
	return cert, nil
}
