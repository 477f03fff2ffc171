package protocol_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// anyMessage is a message of any type with random fields that its encoding allows.
func anyMessage(rt *rapid.T) protocol.Message {
	kinds := prototest.Messages()
	m := reflect.New(reflect.TypeOf(rapid.SampledFrom(kinds).Draw(rt, "kind")).Elem())
	fill(rt, m.Elem())
	return m.Interface().(protocol.Message)
}

func fill(rt *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rt, v.Field(i))
		}
		switch s := v.Addr().Interface().(type) { // what the encoding does not allow
		case *protocol.Cert:
			s.Class = s.Class%3 + 1
			s.NotBefore, s.NotAfter = min(s.NotBefore, s.NotAfter), max(s.NotBefore, s.NotAfter)
		case *protocol.Reveal:
			if s.HasOwn %= 2; s.HasOwn == 0 {
				s.OwnB = [32]byte{}
			}
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 5).Draw(rt, "n")
		if n == 0 {
			return // a list without elements is nil
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(rt, v.Index(i))
		}
	case reflect.Array:
		b := rapid.SliceOfN(rapid.Byte(), v.Len(), v.Len()).Draw(rt, "bytes")
		reflect.Copy(v, reflect.ValueOf(b))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(rt, "u") & (1<<v.Type().Bits() - 1))
	case reflect.String:
		v.SetString(rapid.StringN(0, 100, protocol.MaxDetail).Draw(rt, "text"))
	default:
		panic(fmt.Sprintf("no filling for %v", v.Type()))
	}
}

func TestEveryMessageComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := anyMessage(rt)
		body := want.Append(nil)
		got, err := protocol.Parse(want.Type(), body)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("(-sent +read):\n%s", diff)
		}
		fields, err := protocol.Fields(want.Type(), body)
		if err != nil {
			rt.Fatal(err)
		}
		var joined []byte
		for _, f := range fields {
			joined = append(joined, f.Bytes...)
		}
		if !bytes.Equal(joined, body) {
			rt.Fatal("the fields do not make up the body")
		}
		if after := want.Append([]byte("before")); !bytes.Equal(after, append([]byte("before"), body...)) {
			rt.Fatal("Append changes what was there before")
		}
	})
}

// signed is what every signed message of the protocol offers.
type signed interface {
	protocol.Message
	Sign(ed25519.PrivateKey)
	Verify(ed25519.PublicKey) error
}

func TestSignaturesHoldEveryByte(t *testing.T) {
	key := prototest.Key("signer")
	found := 0
	for _, m := range prototest.Messages() {
		s, ok := m.(signed)
		if !ok {
			continue
		}
		found++
		s.Sign(key)
		if err := s.Verify(prototest.Public(key)); err != nil {
			t.Errorf("%v: %v", s.Type(), err)
		}
		if err := s.Verify(prototest.Public(prototest.Key("other"))); !errors.Is(err, protocol.ErrBadSignature) {
			t.Errorf("%v under another key: %v", s.Type(), err)
		}
		if err := s.Verify(nil); !errors.Is(err, protocol.ErrBadSignature) {
			t.Errorf("%v under no key: %v", s.Type(), err)
		}
		body := s.Append(nil)
		for i := range body {
			bad := bytes.Clone(body)
			bad[i] ^= 1
			got, err := protocol.Parse(s.Type(), bad)
			if err != nil {
				continue
			}
			if err := got.(signed).Verify(prototest.Public(key)); !errors.Is(err, protocol.ErrBadSignature) {
				t.Errorf("%v with byte %d changed: %v", s.Type(), i, err)
			}
		}
	}
	if want := 4; found != want { // shares, input, receipt, reveal
		t.Errorf("%d signed messages, want %d", found, want)
	}
}

// TestSignedBytesAreThoseOfTheSpecification pins the labels: label, zero byte, then the body before its signature.
func TestSignedBytesAreThoseOfTheSpecification(t *testing.T) {
	key := prototest.Key("signer")
	for _, m := range prototest.Messages() {
		if s, ok := m.(signed); ok {
			s.Sign(key)
			body := s.Append(nil)
			cut := len(body) - 64
			if !ed25519.Verify(prototest.Public(key), append([]byte("cinesync/csa1/"+s.Type().String()+"\x00"), body[:cut]...), body[cut:]) {
				t.Errorf("%v is not signed under its label", s.Type())
			}
		}
	}
	cert := prototest.Device().Cert.Bytes()
	if !ed25519.Verify(prototest.AuthorityKey(), append([]byte("cinesync/csa1/cert\x00"), cert[:67]...), cert[67:]) {
		t.Error("the certificate is not signed under its label")
	}
	q := request(t)
	b := q.Bytes()
	if !ed25519.Verify(q.IDPK[:], append([]byte("cinesync/csa1/request\x00"), b[:49]...), b[49:]) {
		t.Error("the request is not signed under its label")
	}
}

func TestKeyBundleIsBoundToItsRound(t *testing.T) {
	dev := prototest.Device()
	k := protocol.KeyBundle{Cert: dev.Cert, SPK: [32]byte{1}, EPK: [32]byte{2}, BC: [32]byte{3}}
	round := [32]byte{9}
	k.Sign(dev.Key, round)
	if err := k.Verify(round); err != nil {
		t.Fatal(err)
	}
	if err := k.Verify([32]byte{8}); !errors.Is(err, protocol.ErrBadSignature) {
		t.Errorf("in another round: %v", err)
	}
	b := k.Bytes()
	if !ed25519.Verify(prototest.Public(dev.Key), append([]byte("cinesync/csa1/advertise\x00"), append(round[:], b[:227]...)...), b[227:]) {
		t.Error("the bundle is not signed under its label")
	}
	for i := range b {
		bad := b
		bad[i] ^= 1
		if got, err := protocol.ParseKeyBundle(bad[:]); err == nil && got.Verify(round) == nil {
			t.Errorf("byte %d may be changed", i)
		}
	}
	for _, n := range []int{0, protocol.KeyBundleSize - 1, protocol.KeyBundleSize + 1} {
		if _, err := protocol.ParseKeyBundle(append(b[:], 0)[:n]); !errors.Is(err, protocol.ErrMalformed) {
			t.Errorf("a bundle of %d bytes: %v", n, err)
		}
	}
	forged := k
	forged.Sign(prototest.Key("other"), round)
	if err := forged.Verify(round); !errors.Is(err, protocol.ErrBadSignature) {
		t.Errorf("signed by another key than the certificate's: %v", err)
	}
}
