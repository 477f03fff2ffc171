package tlsid_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
	"github.com/cinesync/cinesync/protocol/tlsid"
)

func TestLeafMustCarryTheCertificateOfItsKey(t *testing.T) {
	key, cert := prototest.Key("device"), prototest.Device().Cert
	b := cert.Bytes()
	parse := func(c tls.Certificate) []*x509.Certificate {
		x, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return []*x509.Certificate{x}
	}
	own, err := tlsid.Leaf(prototest.Device())
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		state tls.ConnectionState
		want  error
	}{
		{"as made", tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN, PeerCertificates: parse(own)}, nil},
		{"wrapped by hand", tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN, PeerCertificates: parse(prototest.Leaf(t, key, b[:]))}, nil},
		{"no protocol", tls.ConnectionState{PeerCertificates: parse(own)}, protocol.ErrVersion},
		{"no leaf", tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN}, protocol.ErrMalformed},
		{"two leaves", tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN, PeerCertificates: append(parse(own), parse(own)...)}, protocol.ErrMalformed},
		{"no extension", tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN, PeerCertificates: parse(prototest.Leaf(t, key))}, protocol.ErrMalformed},
		{"short extension", tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN, PeerCertificates: parse(prototest.Leaf(t, key, b[:130]))}, protocol.ErrMalformed},
		{"another key", tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN, PeerCertificates: parse(prototest.Leaf(t, prototest.Key("thief"), b[:]))}, protocol.ErrWrongKey},
		{"a key of another kind", tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN, PeerCertificates: []*x509.Certificate{{PublicKey: curve.Public()}}}, protocol.ErrMalformed},
		{"extension twice", tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN, PeerCertificates: []*x509.Certificate{{PublicKey: key.Public(),
			Extensions: []pkix.Extension{{Id: tlsid.OID(), Value: b[:]}, {Id: tlsid.OID(), Value: b[:]}}}}}, protocol.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := tlsid.PeerCert(c.state)
			if !errors.Is(err, c.want) || c.want == nil && (err != nil || got != cert) {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}
