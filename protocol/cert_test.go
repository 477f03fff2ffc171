package protocol_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

func TestCertificateIsVerified(t *testing.T) {
	good := prototest.Device().Cert
	reissue := func(change func(*protocol.Cert)) protocol.Cert {
		c := good
		change(&c)
		return protocol.IssueCert(prototest.Authority(), c)
	}
	tampered := func(change func(*protocol.Cert)) protocol.Cert {
		c := good
		change(&c)
		return c
	}
	for _, c := range []struct {
		name string
		cert protocol.Cert
		now  uint64
		want error // nil: it must pass
		code protocol.Code
	}{
		{"as issued", good, prototest.Now, nil, protocol.CodeOK},
		{"first second", good, prototest.NotBefore, nil, protocol.CodeOK},
		{"last second", good, prototest.NotAfter, nil, protocol.CodeOK},
		{"a certificate of one second", reissue(func(c *protocol.Cert) { c.NotBefore, c.NotAfter = 5, 5 }), 5, nil, protocol.CodeOK},
		{"until the end of time", reissue(func(c *protocol.Cert) { c.NotAfter = math.MaxUint64 }), math.MaxUint64, nil, protocol.CodeOK},
		{"one second early", good, prototest.NotBefore - 1, protocol.ErrNotYetValid, protocol.CodeExpired},
		{"one second late", good, prototest.NotAfter + 1, protocol.ErrExpired, protocol.CodeExpired},
		{"coordinator's class", reissue(func(c *protocol.Cert) { c.Class = protocol.ClassCoordinator }), prototest.Now, protocol.ErrWrongClass, protocol.CodeUnauthorised},
		{"anchor's class", reissue(func(c *protocol.Cert) { c.Class = protocol.ClassAnchor }), prototest.Now, protocol.ErrWrongClass, protocol.CodeUnauthorised},
		{"expired and of another class", reissue(func(c *protocol.Cert) { c.Class, c.NotAfter = protocol.ClassAnchor, prototest.NotBefore }), prototest.Now,
			protocol.ErrWrongClass, protocol.CodeUnauthorised},
		{"another authority", protocol.IssueCert(prototest.Key("other"), good), prototest.Now, protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
		{"signed by its own holder", protocol.IssueCert(prototest.Device().Key, good), prototest.Now, protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
		{"no signature", tampered(func(c *protocol.Cert) { c.Sig = [64]byte{} }), prototest.Now, protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
		{"key exchanged", tampered(func(c *protocol.Cert) { c.IDPK[0]++ }), prototest.Now, protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
		{"class raised", tampered(func(c *protocol.Cert) { c.Class = protocol.ClassCoordinator }), prototest.Now, protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
		{"start moved", tampered(func(c *protocol.Cert) { c.NotBefore-- }), prototest.Now, protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
		{"end moved", tampered(func(c *protocol.Cert) { c.NotAfter++ }), prototest.Now, protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
		{"quota raised", tampered(func(c *protocol.Cert) { c.Quota++ }), prototest.Now, protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
		{"serial changed", tampered(func(c *protocol.Cert) { c.Serial[15]++ }), prototest.Now, protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.cert.Verify(prototest.AuthorityKey(), c.now, protocol.ClassDevice)
			if !errors.Is(err, c.want) || c.want == nil && err != nil || protocol.CodeOf(err) != c.code {
				t.Errorf("verify: %v with code %v, want %v with code %v", err, protocol.CodeOf(err), c.want, c.code)
			}
		})
	}
	for now, want := range map[uint64]string{
		prototest.NotBefore - 1: "not yet valid: valid from 2023-11-14T22:13:20Z, now 2023-11-14T22:13:19Z",
		prototest.NotAfter + 1:  "has expired: valid until 2096-10-02T07:06:40Z, now 2096-10-02T07:06:41Z",
		math.MaxUint64:          "valid until 2096-10-02T07:06:40Z, now 18446744073709551615 s after 1970",
	} {
		if err := good.Verify(prototest.AuthorityKey(), now, protocol.ClassDevice); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("at %d: %v, want %q", now, err, want)
		}
	}
	if err := good.Verify(nil, prototest.Now, protocol.ClassDevice); !errors.Is(err, protocol.ErrUnknownAuthority) {
		t.Errorf("no authority key at all: %v", err)
	}
}

func TestCertificateBytesThatAreRefused(t *testing.T) {
	good := prototest.Device().Cert.Bytes()
	with := func(at int, b ...byte) []byte { c := good; copy(c[at:], b); return c[:] }
	for _, c := range []struct {
		name string
		b    []byte
		text string
	}{
		{"nothing", nil, "cert.idpk"},
		{"one byte short", good[:protocol.CertSize-1], "cert.sig"},
		{"one byte more", append(bytes.Clone(good[:]), 0), "132 bytes, want 131"},
		{"class 0", with(32, 0), "cert.class"},
		{"class 4", with(32, 4), "4 is not a class"},
		{"ends before it begins", with(41, 0, 0, 0, 0, 0, 0, 0, 1), "lies before not_before"},
	} {
		if got, err := protocol.ParseCert(c.b); !errors.Is(err, protocol.ErrMalformed) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, %v; want an error with %q", c.name, got, err, c.text)
		}
	}
}

func TestIdentityNeedsTheKeyOfItsCertificate(t *testing.T) {
	if err := prototest.Device().Check(); err != nil {
		t.Error(err)
	}
	if err := (protocol.Identity{Key: prototest.Key("other"), Cert: prototest.Device().Cert}).Check(); !errors.Is(err, protocol.ErrWrongKey) {
		t.Errorf("another key: %v, want ErrWrongKey", err)
	}
	for _, n := range []int{0, 32, 63} {
		if err := (protocol.Identity{Key: prototest.Device().Key[:n], Cert: prototest.Device().Cert}).Check(); err == nil {
			t.Errorf("a key of %d bytes passes", n)
		}
	}
}

func TestIdentityNeedsBothKeysOfItsCertificate(t *testing.T) {
	id := prototest.Hybrid(prototest.Device())
	if err := id.Check(); err != nil {
		t.Error(err)
	}
	other := prototest.Hybrid(prototest.Coordinator()).CertPQ
	for name, second := range map[string][]byte{"another's": other, "cut short": id.CertPQ[:protocol.CertPQSize-1], "one byte": {1}} {
		id.CertPQ = second
		if err := id.Check(); !errors.Is(err, protocol.ErrWrongKey) {
			t.Errorf("a second half that is %s: %v, want ErrWrongKey", name, err)
		}
	}
}

// TestSecondHalfOfCertificateIsVerified forges each part of the hybrid certificate.
func TestSecondHalfOfCertificateIsVerified(t *testing.T) {
	id := prototest.Hybrid(prototest.Device())
	want, _ := protocol.MLDSAKey(id.Key)
	got, err := protocol.VerifyPQ(id.Cert, id.CertPQ, prototest.AuthorityPQ())
	if err != nil || !got.Equal(want) {
		t.Fatalf("%v, %v; want the device's key", got, err)
	}
	if n := len(id.CertPQ) + protocol.CertSize; n != 3863 {
		t.Errorf("a hybrid certificate of %d bytes, want 3863", n)
	}
	flipped := func(at int) []byte { b := bytes.Clone(id.CertPQ); b[at] ^= 1; return b }
	renewed := id.Cert
	renewed.Quota++
	_, stranger := protocol.MLDSAKey(prototest.Key("other"))
	strangerKey, _ := protocol.MLDSAKey(prototest.Key("other"))
	for _, c := range []struct {
		name      string
		cert      protocol.Cert
		second    []byte
		authority *protocol.PQPublicKey
		want      error
	}{
		{"nothing", id.Cert, nil, prototest.AuthorityPQ(), protocol.ErrSuite},
		{"one byte short", id.Cert, id.CertPQ[1:], prototest.AuthorityPQ(), protocol.ErrSuite},
		{"one byte more", id.Cert, append(bytes.Clone(id.CertPQ), 0), prototest.AuthorityPQ(), protocol.ErrSuite},
		{"no authority", id.Cert, id.CertPQ, nil, protocol.ErrUnknownAuthority},
		{"another authority's", id.Cert, protocol.IssuePQ(stranger, id.Cert, want), prototest.AuthorityPQ(), protocol.ErrUnknownAuthority},
		{"under another authority's key", id.Cert, id.CertPQ, strangerKey, protocol.ErrUnknownAuthority},
		{"first bit of the key", id.Cert, flipped(0), prototest.AuthorityPQ(), protocol.ErrUnknownAuthority},
		{"last bit of the key", id.Cert, flipped(protocol.PQKeySize - 1), prototest.AuthorityPQ(), protocol.ErrUnknownAuthority},
		{"first bit of the signature", id.Cert, flipped(protocol.PQKeySize), prototest.AuthorityPQ(), protocol.ErrUnknownAuthority},
		{"last bit of the signature", id.Cert, flipped(protocol.CertPQSize - 1), prototest.AuthorityPQ(), protocol.ErrUnknownAuthority},
		{"of another device", prototest.Identity("b", protocol.ClassDevice).Cert, id.CertPQ, prototest.AuthorityPQ(), protocol.ErrUnknownAuthority},
		{"of the certificate before", protocol.IssueCert(prototest.Authority(), renewed), id.CertPQ, prototest.AuthorityPQ(), protocol.ErrUnknownAuthority},
	} {
		if got, err := protocol.VerifyPQ(c.cert, c.second, c.authority); got != nil || !errors.Is(err, c.want) || protocol.CodeOf(err) != protocol.CodeUnauthorised {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestRequestIsSignedByItsKey(t *testing.T) {
	good := request(t)
	if err := good.Verify(); err != nil {
		t.Fatal(err)
	}
	plain := good
	plain.PQKey, plain.PQSig = nil, nil
	if err := plain.Verify(); err != nil {
		t.Errorf("without its second half: %v", err)
	}
	other, err := protocol.NewRequest(prototest.Key("other"), protocol.ClassDevice, strings.NewReader("a nonce that is fixed"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good.PQSig)
	flipped[0] ^= 1
	for name, change := range map[string]func(*protocol.Request){
		"another key":                      func(q *protocol.Request) { q.IDPK = prototest.Coordinator().Cert.IDPK },
		"another class":                    func(q *protocol.Request) { q.Class = protocol.ClassCoordinator },
		"another nonce":                    func(q *protocol.Request) { q.Nonce[0]++ },
		"a bit flipped":                    func(q *protocol.Request) { q.Sig[0] ^= 1 },
		"no signature":                     func(q *protocol.Request) { q.Sig = [64]byte{} },
		"another ML-DSA key":               func(q *protocol.Request) { q.PQKey = other.PQKey },
		"another's whole second half":      func(q *protocol.Request) { q.PQKey, q.PQSig = other.PQKey, other.PQSig },
		"a bit of the second half flipped": func(q *protocol.Request) { q.PQSig = flipped },
		"no second signature":              func(q *protocol.Request) { q.PQSig = nil },
		"a second signature without a key": func(q *protocol.Request) { q.PQKey = nil },
		"a second key that is too short":   func(q *protocol.Request) { q.PQKey = q.PQKey[1:] },
	} {
		q := good
		change(&q)
		if err := q.Verify(); !errors.Is(err, protocol.ErrBadSignature) {
			t.Errorf("%s: %v, want ErrBadSignature", name, err)
		}
	}
	if _, err := protocol.NewRequest(prototest.Key("x")[:32], protocol.ClassDevice, strings.NewReader("0123456789abcdef")); err == nil {
		t.Error("a request from half a key")
	}
	if _, err := protocol.NewRequest(prototest.Key("x"), protocol.ClassDevice, strings.NewReader("too short")); err == nil {
		t.Error("a request without a whole nonce")
	}
}

func TestRequestBytesThatAreRefused(t *testing.T) {
	q := request(t)
	good := q.Bytes()
	class := func(c byte) []byte { b := bytes.Clone(good); b[32] = c; return b }
	for name, b := range map[string][]byte{"nothing": nil, "short": good[:112], "one of the second half": good[:114], "half of the second half": good[:1425],
		"short by one": good[:3844], "long": append(bytes.Clone(good), 0), "class 0": class(0), "class 4": class(4)} {
		if got, err := protocol.ParseRequest(b); !errors.Is(err, protocol.ErrMalformed) {
			t.Errorf("%s: %v, %v; want ErrMalformed", name, got, err)
		}
	}
}

func TestArmorIsReadBackAndNothingElseIs(t *testing.T) {
	q := request(t)
	good := string(q.Armor())
	plain := q
	plain.PQKey, plain.PQSig = nil, nil
	cert := string(protocol.ArmorCert(prototest.Device().Cert, nil))
	line := strings.Split(good, "\n")[1]
	other := "A"
	if strings.HasPrefix(line, other) {
		other = "B"
	}
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"as written", good, nil},
		{"carriage returns", strings.ReplaceAll(good, "\n", "\r\n"), nil},
		{"blank space around it", "\n\n  " + good + " \n", nil},
		{"no last newline", strings.TrimSpace(good), nil},
		{"without its second half", string(plain.Armor()), nil},
		{"nothing", "", protocol.ErrMalformed},
		{"a certificate", cert, protocol.ErrMalformed},
		{"text before it", "hello\n" + good, protocol.ErrMalformed},
		{"text after it", good + "hello\n", protocol.ErrMalformed},
		{"twice", good + good, protocol.ErrTooLarge},
		{"a short one twice", string(plain.Armor()) + string(plain.Armor()), protocol.ErrMalformed},
		{"cut short", good[:len(good)/2], protocol.ErrMalformed},
		{"no END line", strings.Split(good, "\n-----END")[0], protocol.ErrMalformed},
		{"line broken", strings.Replace(good, line, line[:64]+"\n"+line[64:], 1), protocol.ErrMalformed},
		{"space in the line", strings.Replace(good, line, line[:64]+" "+line[64:], 1), protocol.ErrMalformed},
		{"padding left out", strings.Replace(good, line, strings.TrimRight(line, "="), 1), protocol.ErrMalformed},
		{"not base64", strings.Replace(good, line[:1], "!", 1), protocol.ErrMalformed},
		{"too few bytes", strings.Replace(good, line, "AAAA", 1), protocol.ErrMalformed},
		{"empty line", strings.Replace(good, line, "", 1), protocol.ErrMalformed},
		{"too long", good + strings.Repeat(" ", 8000), protocol.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := q
			if c.text == string(plain.Armor()) {
				q = plain
			}
			got, err := protocol.ParseRequestArmor([]byte(c.text))
			if c.want == nil && (err != nil || !bytes.Equal(got.Bytes(), q.Bytes())) || !errors.Is(err, c.want) {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
	if got, second, err := protocol.ParseCertArmor([]byte(cert)); err != nil || got != prototest.Device().Cert || second != nil {
		t.Errorf("the certificate's own text reads as %v, %x, %v", got, second, err)
	}
	id := prototest.Hybrid(prototest.Device())
	if got, second, err := protocol.ParseCertArmor(protocol.ArmorCert(id.Cert, id.CertPQ)); err != nil || got != id.Cert || !bytes.Equal(second, id.CertPQ) {
		t.Errorf("the hybrid certificate's own text reads as %v, %x, %v", got, second, err)
	}
	for _, n := range []int{1, protocol.PQKeySize, protocol.CertPQSize - 1, protocol.CertPQSize + 1} {
		if _, _, err := protocol.ParseCertArmor(protocol.ArmorCert(id.Cert, make([]byte, n))); !errors.Is(err, protocol.ErrMalformed) {
			t.Errorf("a second half of %d bytes: %v", n, err)
		}
	}
	if _, _, err := protocol.ParseCertArmor([]byte(good)); !errors.Is(err, protocol.ErrMalformed) {
		t.Errorf("a request passes for a certificate: %v", err)
	}
	damaged := strings.Replace(good, line, other+line[1:], 1)
	if got, err := protocol.ParseRequestArmor([]byte(damaged)); err != nil || got.Verify() == nil {
		t.Errorf("a damaged key: %v, %v; want a request that does not verify", got, err)
	}
}
