package protocol_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/cloudflare/circl/sign/mldsa/mldsa44"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// signed is what every signed message of the protocol offers.
type signed interface {
	protocol.Message
	Sign(protocol.Signer)
	Verify(protocol.Verifier) error
}

// signedMessages are the signed ones among list.
func signedMessages(t *testing.T, list []protocol.Message) (found []signed) {
	t.Helper()
	for _, m := range list {
		if s, ok := m.(signed); ok {
			found = append(found, s)
		}
	}
	if want := 5; len(found) != want { // shares, input, receipt, reveal, confirm
		t.Fatalf("%d signed messages, want %d", len(found), want)
	}
	return found
}

// signerOf and verifierOf are the two ends of a name's key in a suite.
func signerOf(name string, suite uint16) protocol.Signer {
	return protocol.Identity{Key: prototest.Key(name)}.Signer(suite)
}

func verifierOf(name string, suite uint16) protocol.Verifier {
	return protocol.VerifierOf(prototest.Key(name), suite)
}

// TestSignaturesHoldEveryByte flips a bit of each byte; of the long fields that prototest fills with noise, of some.
func TestSignaturesHoldEveryByte(t *testing.T) {
	for suite, list := range map[uint16][]protocol.Message{protocol.SigEd25519: prototest.PlainMessages(), protocol.SigHybrid: prototest.Messages()} {
		v := verifierOf("signer", suite)
		for _, s := range signedMessages(t, list) {
			s.Sign(signerOf("signer", suite))
			if err := s.Verify(v); err != nil {
				t.Errorf("%v in suite %d: %v", s.Type(), suite, err)
			}
			body := s.Append(nil)
			for i := range body {
				if i > 400 && i < len(body)-40 && i%17 > 0 {
					continue
				}
				bad := bytes.Clone(body)
				bad[i] ^= 1
				got, err := protocol.Parse(s.Type(), bad)
				if err != nil {
					continue
				}
				if err := got.(signed).Verify(v); !errors.Is(err, protocol.ErrBadSignature) {
					t.Errorf("%v in suite %d with byte %d changed: %v", s.Type(), suite, i, err)
				}
			}
		}
	}
}

// TestBothHalvesMustVerify exchanges one half of the signature, or of the key that checks it, and takes halves away or adds one.
func TestBothHalvesMustVerify(t *testing.T) {
	plain, hybrid := signerOf("signer", protocol.SigEd25519), signerOf("signer", protocol.SigHybrid)
	other := signerOf("other", protocol.SigHybrid)
	checkPlain, checkHybrid := verifierOf("signer", protocol.SigEd25519), verifierOf("signer", protocol.SigHybrid)
	checkOther := verifierOf("other", protocol.SigHybrid)
	for _, c := range []struct {
		name   string
		signer protocol.Signer
		check  protocol.Verifier
		want   []error // none: it must pass
	}{
		{"suite 1", plain, checkPlain, nil},
		{"suite 2", hybrid, checkHybrid, nil},
		{"suite 1 where 2 is wanted", plain, checkHybrid, []error{protocol.ErrBadSignature, protocol.ErrSuite}},
		{"suite 2 where 1 is wanted", hybrid, checkPlain, []error{protocol.ErrBadSignature, protocol.ErrSuite}},
		{"Ed25519 half forged", protocol.Signer{Ed: other.Ed, PQ: hybrid.PQ}, checkHybrid, []error{protocol.ErrBadSignature}},
		{"ML-DSA half forged", protocol.Signer{Ed: hybrid.Ed, PQ: other.PQ}, checkHybrid, []error{protocol.ErrBadSignature}},
		{"both forged", other, checkHybrid, []error{protocol.ErrBadSignature}},
		{"under another Ed25519 key", hybrid, protocol.Verifier{Ed: checkOther.Ed, PQ: checkHybrid.PQ}, []error{protocol.ErrBadSignature}},
		{"under another ML-DSA key", hybrid, protocol.Verifier{Ed: checkHybrid.Ed, PQ: checkOther.PQ}, []error{protocol.ErrBadSignature}},
		{"under no key", plain, protocol.Verifier{}, []error{protocol.ErrBadSignature}},
		{"under no Ed25519 key", hybrid, protocol.Verifier{PQ: checkHybrid.PQ}, []error{protocol.ErrBadSignature}},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(kind string, err error) {
				if c.want == nil && err != nil || protocol.CodeOf(err) != protocol.CodeUnauthorised && c.want != nil {
					t.Errorf("%s: %v, want %v", kind, err, c.want)
				}
				for _, want := range c.want {
					if !errors.Is(err, want) {
						t.Errorf("%s: %v, want %v", kind, err, want)
					}
				}
			}
			for _, s := range signedMessages(t, prototest.Messages()) {
				s.Sign(c.signer)
				check(s.Type().String(), s.Verify(c.check))
			}
			confirm := &protocol.Confirm{SID: [32]byte{1}, Digest: [32]byte{2}}
			confirm.Sign(c.signer)
			relayed := &protocol.Confirmed{SID: confirm.SID, Digest: confirm.Digest, Confirms: []protocol.PeerConfirm{{}, {Sig: confirm.Sig, SigPQ: confirm.SigPQ}}}
			check("confirmed", relayed.Verify(1, c.check))
			relayed.Digest[0]++
			if err := relayed.Verify(1, c.check); !errors.Is(err, protocol.ErrBadSignature) {
				t.Errorf("confirmed of another digest: %v", err)
			}
		})
	}
}

// TestSignedBytesAreThoseOfTheSpecification pins the labels: label, zero byte, then the body before its signatures.
func TestSignedBytesAreThoseOfTheSpecification(t *testing.T) {
	v := verifierOf("signer", protocol.SigHybrid)
	for _, s := range signedMessages(t, prototest.Messages()) {
		s.Sign(signerOf("signer", protocol.SigHybrid))
		body := s.Append(nil)
		cut := len(body) - 64 - 4 - protocol.PQSigSize
		said := append([]byte("cinesync/csa1/"+s.Type().String()+"\x00"), body[:cut]...)
		if !ed25519.Verify(v.Ed, said, body[cut:cut+64]) || !mldsa44.Verify(v.PQ, said, nil, body[cut+68:]) {
			t.Errorf("%v is not signed under its label", s.Type())
		}
	}
	cert := prototest.Device().Cert.Bytes()
	if !ed25519.Verify(prototest.AuthorityKey(), append([]byte("cinesync/csa1/cert\x00"), cert[:67]...), cert[67:]) {
		t.Error("the certificate is not signed under its label")
	}
	second := prototest.Hybrid(prototest.Device()).CertPQ
	if !mldsa44.Verify(prototest.AuthorityPQ(), append(append([]byte("cinesync/csa1/cert\x00"), cert[:67]...), second[:1312]...), nil, second[1312:]) {
		t.Error("the certificate's second half is not signed under its label")
	}
	q := request(t)
	b := q.Bytes()
	if !ed25519.Verify(q.IDPK[:], append([]byte("cinesync/csa1/request\x00"), b[:49]...), b[49:113]) {
		t.Error("the request is not signed under its label")
	}
	if pq := verifierOf("device", protocol.SigHybrid).PQ; !mldsa44.Verify(pq, append(append([]byte("cinesync/csa1/request\x00"), b[:49]...), b[113:1425]...), nil, b[1425:]) {
		t.Error("the request's second half is not signed under its label")
	}
}

func TestKeyBundleIsBoundToItsRound(t *testing.T) {
	for suite, size := range map[uint16]int{protocol.SigEd25519: protocol.KeyBundleSize, protocol.SigHybrid: protocol.KeyBundleHybridSize} {
		dev := prototest.Hybrid(prototest.Device())
		k := protocol.KeyBundle{Cert: dev.Cert, SPK: [32]byte{1}, EPK: [32]byte{2}, BC: [32]byte{3}}
		if suite == protocol.SigHybrid {
			k.KEM, k.CertPQ = make([]byte, protocol.KEMKeysSize), dev.CertPQ
		}
		round := [32]byte{9}
		k.Sign(dev.Signer(suite), round)
		v := verifierOf("device", suite)
		if err := k.Verify(round, v.PQ); err != nil {
			t.Fatal(err)
		}
		if err := k.Verify([32]byte{8}, v.PQ); !errors.Is(err, protocol.ErrBadSignature) {
			t.Errorf("in another round: %v", err)
		}
		b := k.Bytes()
		if len(b) != size {
			t.Errorf("%d bytes in suite %d, want %d", len(b), suite, size)
		}
		cut := len(b) - 64 - 4 - len(k.SigPQ)
		said := append([]byte("cinesync/csa1/advertise\x00"), append(round[:], b[:cut]...)...)
		if !ed25519.Verify(v.Ed, said, b[cut:cut+64]) || v.PQ != nil && !mldsa44.Verify(v.PQ, said, nil, b[cut+68:]) {
			t.Error("the bundle is not signed under its label")
		}
		for i := range b {
			if i > 400 && i < len(b)-40 && i%17 > 0 {
				continue
			}
			bad := bytes.Clone(b)
			bad[i] ^= 1
			if got, err := protocol.ParseKeyBundle(bad); err == nil && got.Verify(round, v.PQ) == nil {
				t.Errorf("byte %d may be changed", i)
			}
		}
		for _, n := range []int{0, len(b) - 1, len(b) + 1} {
			if _, err := protocol.ParseKeyBundle(append(bytes.Clone(b), 0)[:n]); !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("a bundle of %d bytes: %v", n, err)
			}
		}
		for name, s := range map[string]protocol.Signer{"another key": signerOf("other", suite), "one half by another key": {Ed: dev.Key, PQ: signerOf("other", 2).PQ}} {
			forged := k
			forged.Sign(s, round)
			if err := forged.Verify(round, v.PQ); !errors.Is(err, protocol.ErrBadSignature) {
				t.Errorf("suite %d, signed by %s: %v", suite, name, err)
			}
		}
	}
}

// TestKeyBundleHasTheFieldsOfItsSuite checks bundles that are signed well and hold a second half too many or too few.
func TestKeyBundleHasTheFieldsOfItsSuite(t *testing.T) {
	dev := prototest.Hybrid(prototest.Device())
	pq, _ := protocol.MLDSAKey(dev.Key)
	for _, c := range []struct {
		name   string
		certPQ []byte
		suite  uint16
		pq     *protocol.PQPublicKey
	}{
		{"second half of the certificate in suite 1", dev.CertPQ, protocol.SigEd25519, nil},
		{"ML-DSA signature in suite 1", nil, protocol.SigHybrid, nil},
		{"no second half of the certificate in suite 2", nil, protocol.SigHybrid, pq},
		{"no ML-DSA signature in suite 2", dev.CertPQ, protocol.SigEd25519, pq},
	} {
		k := protocol.KeyBundle{Cert: dev.Cert, CertPQ: c.certPQ}
		k.Sign(dev.Signer(c.suite), [32]byte{9})
		if err := k.Verify([32]byte{9}, c.pq); !errors.Is(err, protocol.ErrSuite) || !errors.Is(err, protocol.ErrBadSignature) {
			t.Errorf("%s: %v, want ErrSuite", c.name, err)
		}
	}
}

// TestPostQuantumKeyIsDerived pins the ML-DSA key of an identity and the determinism of its signatures.
func TestPostQuantumKeyIsDerived(t *testing.T) {
	pub, key := protocol.MLDSAKey(prototest.Key("device"))
	if got := pub.Bytes(); !bytes.Equal(got, prototest.Hybrid(prototest.Device()).CertPQ[:protocol.PQKeySize]) {
		t.Errorf("the certificate holds another key than %x", got[:8])
	}
	if again, _ := protocol.MLDSAKey(prototest.Key("device")); !again.Equal(pub) {
		t.Error("the same key derives another")
	}
	if other, _ := protocol.MLDSAKey(prototest.Key("other")); other.Equal(pub) {
		t.Error("another key derives the same")
	}
	a, b := &protocol.Confirm{}, &protocol.Confirm{}
	a.Sign(protocol.Signer{Ed: prototest.Key("device"), PQ: key})
	b.Sign(protocol.Signer{Ed: prototest.Key("device"), PQ: key})
	if !bytes.Equal(a.Append(nil), b.Append(nil)) {
		t.Error("a message that is signed again has other bytes")
	}
}
