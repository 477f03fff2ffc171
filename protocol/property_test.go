package protocol_test

import (
	"bytes"
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
			whole(rt, &s.SigPQ, protocol.PQSigSize)
		case *protocol.KeyBundle:
			whole(rt, &s.KEM, protocol.KEMKeysSize)
			whole(rt, &s.CertPQ, protocol.CertPQSize)
			whole(rt, &s.SigPQ, protocol.PQSigSize)
		case *protocol.Shares:
			whole(rt, &s.SigPQ, protocol.PQSigSize)
		case *protocol.Input:
			whole(rt, &s.SigPQ, protocol.PQSigSize)
		case *protocol.Receipt:
			whole(rt, &s.SigPQ, protocol.PQSigSize)
		case *protocol.Confirm:
			whole(rt, &s.SigPQ, protocol.PQSigSize)
		case *protocol.PeerConfirm:
			whole(rt, &s.SigPQ, protocol.PQSigSize)
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
		reflect.Copy(v, reflect.ValueOf(noise(rt, v.Len())))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(rt, "u") & (1<<v.Type().Bits() - 1))
	case reflect.String:
		v.SetString(rapid.StringN(0, 100, protocol.MaxDetail).Draw(rt, "text"))
	default:
		panic(fmt.Sprintf("no filling for %v", v.Type()))
	}
}

// whole makes a field that is empty or has n bytes.
func whole(rt *rapid.T, field *[]byte, n int) {
	if *field = nil; rapid.Bool().Draw(rt, "hybrid") {
		*field = noise(rt, n)
	}
}

// noise is n bytes that depend on few draws where n is large.
func noise(rt *rapid.T, n int) []byte {
	drawn := min(n, 80)
	b := rapid.SliceOfN(rapid.Byte(), drawn, drawn).Draw(rt, "bytes")
	for len(b) < n {
		b = append(b, b...)
	}
	return b[:n]
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
