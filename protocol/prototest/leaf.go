package prototest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"

	"github.com/cinesync/cinesync/protocol/tlsid"
)

// Leaf is a TLS leaf of key that carries these values in extensions of tlsid's: none, one that is no certificate, two of them.
func Leaf(t testing.TB, key ed25519.PrivateKey, values ...[]byte) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	for _, v := range values {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: tlsid.OID(), Value: v})
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
