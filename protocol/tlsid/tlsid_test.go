package tlsid_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"time"

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

// TestRefusalsSayTheSameByAlertAndInWords refuses a certificate for each reason, and has the alert that crypto/tls would send explained on the
// other side.
func TestRefusalsSayTheSameByAlertAndInWords(t *testing.T) {
	cert := prototest.Device().Cert
	other := prototest.Key("another authority")
	expired := cert
	expired.NotAfter = prototest.NotBefore
	for _, c := range []struct {
		name  string
		cert  protocol.Cert
		class protocol.Class
		pin   []byte
		want  error
		alert tls.AlertError
		code  protocol.Code
		text  string
	}{
		{"another authority", protocol.IssueCert(other, cert), protocol.ClassDevice, nil, protocol.ErrUnknownAuthority, 48, protocol.CodeUnauthorised, "does not know the authority"},
		{"expired", protocol.IssueCert(prototest.Authority(), expired), protocol.ClassDevice, nil, protocol.ErrExpired, 45, protocol.CodeExpired, "renew it"},
		{"another class", cert, protocol.ClassAnchor, nil, protocol.ErrWrongClass, 43, protocol.CodeUnauthorised, "class device"},
		{"another key is pinned", cert, protocol.ClassDevice, prototest.AuthorityKey(), protocol.ErrWrongKey, 49, protocol.CodeUnauthorised, "another key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := tlsid.Party{Identity: prototest.Coordinator(), Authority: prototest.AuthorityKey(), PeerClass: c.class, PeerKey: c.pin,
				Now: func() time.Time { return time.Unix(prototest.Now, 0) }}
			if err := p.Check(); err != nil {
				t.Fatal(err)
			}
			leaf, err := tlsid.Leaf(protocol.Identity{Key: prototest.Key("device"), Cert: c.cert})
			if err != nil {
				t.Fatal(err)
			}
			x, err := x509.ParseCertificate(leaf.Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			err = p.Verify(tls.ConnectionState{NegotiatedProtocol: tlsid.ALPN, PeerCertificates: []*x509.Certificate{x}})
			var alert tls.AlertError
			if !errors.Is(err, c.want) || !errors.As(err, &alert) || alert != c.alert {
				t.Fatalf("refused with %v and alert %d, want %v and %d", err, alert, c.want, c.alert)
			}
			inWords := tlsid.Refusal(c.cert, err)
			var byAlert *protocol.HangUpError
			if told := (&tlsid.Party{Identity: protocol.Identity{Cert: c.cert}}).Alerted(alert); !errors.As(told, &byAlert) || *byAlert != *inWords {
				t.Errorf("by alert %v, in words %v", told, inWords)
			}
			if inWords.Code != c.code || !strings.Contains(inWords.Detail, c.text) {
				t.Errorf("told %v, want %v with %q", inWords, c.code, c.text)
			}
		})
	}
}

func TestEveryAlertIsExplained(t *testing.T) {
	p := &tlsid.Party{Identity: prototest.Device()}
	hungUp := 0
	for a := range 256 {
		err := p.Alerted(tls.AlertError(a))
		var hung *protocol.HangUpError
		switch {
		case errors.As(err, &hung) && (hung.Code == protocol.CodeOK || hung.Detail == ""):
			t.Errorf("alert %d: %v", a, err)
		case hung != nil:
			hungUp++
		case !errors.Is(err, protocol.ErrLost):
			t.Errorf("alert %d: %v, want ErrLost", a, err)
		}
	}
	if hungUp != 10 {
		t.Errorf("%d alerts are refusals, want 10", hungUp)
	}
}
