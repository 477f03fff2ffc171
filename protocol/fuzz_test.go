package protocol_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// FuzzParse checks that what is accepted re-encodes to the same bytes, that nothing panics, and that memory is bounded by the body's length.
func FuzzParse(f *testing.F) {
	for _, m := range prototest.Messages() {
		f.Add(byte(m.Type()), m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		var m protocol.Message
		var err error
		const most = 4 // an entry of 16 bytes takes 56 of memory
		if took := allocated(func() { m, err = protocol.Parse(protocol.Type(typ), body) }); took > most*len(body)+64<<10 {
			t.Errorf("%d bytes of memory taken for a body of %d", took, len(body))
		}
		if err != nil {
			if m != nil || !errors.Is(err, protocol.ErrMalformed) && !errors.Is(err, protocol.ErrTooLarge) {
				t.Errorf("message %v with error %v", m, err)
			}
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, body) {
			t.Errorf("%v: %x re-encodes to %x", m.Type(), body, again)
		}
	})
}

// FuzzReadFrame reads a stream of frames at once and byte by byte, which must give the same messages and hold the same memory.
func FuzzReadFrame(f *testing.F) {
	var all []byte
	for _, m := range prototest.Messages() {
		frame, err := protocol.AppendFrame(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
		all = append(all, frame...)
	}
	f.Add(all)
	f.Add(all[:100])
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := drain(t, bytes.NewReader(stream))
		slow := drain(t, iotest.OneByteReader(bytes.NewReader(stream)))
		if !bytes.Equal(whole, slow) {
			t.Errorf("%x read at once, %x byte by byte", whole, slow)
		}
		if !bytes.HasPrefix(stream, whole) {
			t.Errorf("the messages of %x re-encode to %x", stream, whole)
		}
	})
}

// drain reads messages until an error and returns their frames.
func drain(t *testing.T, r io.Reader) []byte {
	const most = 2 << 20
	p := &purse{left: most}
	var frames []byte
	for {
		m, err := protocol.ReadMessage(r, p)
		if err != nil {
			if p.taken != 0 {
				t.Errorf("%d bytes held after %v", p.taken, err)
			}
			return frames
		}
		if frames, err = protocol.AppendFrame(frames, m); err != nil {
			t.Errorf("%v was read but cannot be written: %v", m.Type(), err)
		}
		p.Give(p.taken)
	}
}

func FuzzParseCert(f *testing.F) {
	for _, id := range []protocol.Identity{prototest.Device(), prototest.Coordinator(), prototest.Identity("a", protocol.ClassAnchor)} {
		b := id.Cert.Bytes()
		f.Add(b[:])
		f.Add(b[:50])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := protocol.ParseCert(b)
		if err != nil {
			return
		}
		if again := c.Bytes(); !bytes.Equal(again[:], b) {
			t.Errorf("%x re-encodes to %x", b, again)
		}
		if c.Verify(prototest.AuthorityKey(), prototest.Now, protocol.ClassDevice) == nil && c != prototest.Device().Cert {
			t.Errorf("a forged certificate passes: %x", b)
		}
		if got, second, err := protocol.ParseCertArmor(protocol.ArmorCert(c, nil)); err != nil || got != c || second != nil {
			t.Errorf("its text reads as %v, %v", got, err)
		}
	})
}

// FuzzParseHybridCert reads the text of both halves; a second half that passes is the authority's.
func FuzzParseHybridCert(f *testing.F) {
	id := prototest.Hybrid(prototest.Device())
	f.Add(protocol.ArmorCert(id.Cert, id.CertPQ))
	f.Add(protocol.ArmorCert(id.Cert, nil))
	f.Add(protocol.ArmorCert(id.Cert, id.CertPQ[1:]))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, second, err := protocol.ParseCertArmor(text)
		if err != nil {
			if !errors.Is(err, protocol.ErrMalformed) && !errors.Is(err, protocol.ErrTooLarge) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		plain := bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		if again := protocol.ArmorCert(c, second); !bytes.Equal(bytes.TrimSpace(again), plain) {
			t.Errorf("%q is written back as %q", text, again)
		}
		if _, err := protocol.VerifyPQ(c, second, prototest.AuthorityPQ()); err == nil && (c != id.Cert || !bytes.Equal(second, id.CertPQ)) {
			t.Errorf("a forged certificate passes: %q", text)
		}
	})
}

// FuzzParseKeyBundle: what is taken has one encoding, and one that verifies is the device's.
func FuzzParseKeyBundle(f *testing.F) {
	round := prototest.Messages()[protocol.TypeAdvertise-1].(*protocol.Advertise)
	pq, _ := protocol.MLDSAKey(prototest.Key("device"))
	for _, list := range [][]protocol.Message{prototest.Messages(), prototest.PlainMessages()} {
		f.Add(list[protocol.TypeAdvertise-1].(*protocol.Advertise).Key.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := protocol.ParseKeyBundle(b)
		if err != nil {
			return
		}
		if again := k.Bytes(); !bytes.Equal(again, b) {
			t.Errorf("%x re-encodes to %x", b, again)
		}
		if k.Verify(round.OpenHash, pq) == nil && k.Cert.IDPK == round.Key.Cert.IDPK && !bytes.Equal(b, round.Key.Bytes()) {
			t.Errorf("a forged bundle passes: %x", b)
		}
	})
}

func FuzzParseRequestArmor(f *testing.F) {
	q := request(f)
	f.Add(q.Armor())
	f.Add(bytes.ReplaceAll(q.Armor(), []byte("\n"), []byte("\r\n")))
	f.Add(protocol.ArmorCert(prototest.Device().Cert, nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := protocol.ParseRequestArmor(text)
		if err != nil {
			if !errors.Is(err, protocol.ErrMalformed) && !errors.Is(err, protocol.ErrTooLarge) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		plain := bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		if again := q.Armor(); !bytes.Equal(bytes.TrimSpace(again), plain) {
			t.Errorf("%q is written back as %q", text, again)
		}
	})
}
