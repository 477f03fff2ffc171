package protocol_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// purse is a Budget that remembers.
type purse struct {
	left  int
	taken int // not given back
	calls int
}

var errEmpty = errors.New("purse is empty")

func (p *purse) Take(n int) error {
	p.calls++
	if n > p.left {
		return errEmpty
	}
	p.left -= n
	p.taken += n
	return nil
}

func (p *purse) Give(n int) { p.left += n; p.taken -= n }

func TestHeadersThatAreRefused(t *testing.T) {
	good := []byte("CS\x02\x01\x00\x00\x00\x00\x00\x00\x00\x30")
	with := func(at int, b ...byte) (h [protocol.HeaderSize]byte) {
		copy(h[:], good)
		copy(h[at:], b)
		return h
	}
	if h, err := protocol.ParseHeader(with(0)); err != nil || h != (protocol.Header{Type: protocol.TypeHello, Length: 48}) {
		t.Fatalf("the good header reads as %v, %v", h, err)
	}
	for _, c := range []struct {
		name string
		head [protocol.HeaderSize]byte
		want error
		code protocol.Code
		text string
	}{
		{"first byte", with(0, 'X'), protocol.ErrVersion, protocol.CodeWrongVersion, "magic"},
		{"second byte", with(1, 's'), protocol.ErrVersion, protocol.CodeWrongVersion, "magic"},
		{"version 0", with(2, 0), protocol.ErrVersion, protocol.CodeWrongVersion, "version 0, this program speaks 2"},
		{"version 1", with(2, 1), protocol.ErrVersion, protocol.CodeWrongVersion, "version 1, this program speaks 2"},
		{"version 3", with(2, 3), protocol.ErrVersion, protocol.CodeWrongVersion, "version 3, this program speaks 2"},
		{"type 0", with(3, 0), protocol.ErrMalformed, protocol.CodeMalformed, "type 0"},
		{"type 22", with(3, 22), protocol.ErrMalformed, protocol.CodeMalformed, "type 22"},
		{"first flag", with(4, 0x80), protocol.ErrMalformed, protocol.CodeMalformed, "flags"},
		{"last flag", with(7, 1), protocol.ErrMalformed, protocol.CodeMalformed, "flags"},
		{"one byte too many", with(8, 0, 1, 0, 1), protocol.ErrTooLarge, protocol.CodeTooLarge, "hello of 65537 bytes, at most 65536"},
		{"all the bytes there are", with(8, 0xff, 0xff, 0xff, 0xff), protocol.ErrTooLarge, protocol.CodeTooLarge, "4294967295 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &purse{left: 1 << 40}
			var err error
			if took := allocated(func() { _, err = protocol.ReadMessage(io.MultiReader(bytes.NewReader(c.head[:]), neverRead{t}), p) }); took > 8<<10 {
				t.Errorf("%d bytes of memory taken for a header that is refused", took)
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || protocol.CodeOf(err) != c.code {
				t.Errorf("error %v with code %v, want %v with %q", err, protocol.CodeOf(err), c.want, c.text)
			}
			if p.calls > 0 {
				t.Error("the budget was asked for a frame that its header refuses")
			}
		})
	}
}

type neverRead struct{ t *testing.T }

func (n neverRead) Read([]byte) (int, error) {
	n.t.Error("the body of a refused header is read")
	return 0, io.EOF
}

func TestBodyIsReservedBeforeItIsRead(t *testing.T) {
	frame, err := protocol.AppendFrame(nil, &protocol.Chunk{Data: make([]byte, 1000)})
	if err != nil {
		t.Fatal(err)
	}
	head, body := frame[:protocol.HeaderSize], frame[protocol.HeaderSize:]
	poor := &purse{left: len(body) - 1}
	if _, err := protocol.ReadMessage(io.MultiReader(bytes.NewReader(head), neverRead{t}), poor); !errors.Is(err, errEmpty) {
		t.Errorf("a frame beyond the budget: %v, want errEmpty", err)
	}
	rich := &purse{left: len(body)}
	m, err := protocol.ReadMessage(bytes.NewReader(frame), rich)
	if err != nil || rich.taken != len(body) {
		t.Errorf("message %v, %v with %d bytes held; want it with %d held", m, err, rich.taken, len(body))
	}
	for n := protocol.HeaderSize; n < len(frame); n += 100 {
		p := &purse{left: len(body)}
		if _, err := protocol.ReadMessage(bytes.NewReader(frame[:n]), p); !errors.Is(err, io.ErrUnexpectedEOF) || p.taken != 0 {
			t.Errorf("a stream that ends after %d bytes: %v with %d held, want an unexpected end and nothing held", n, err, p.taken)
		}
	}
	bad := append([]byte(nil), frame...)
	bad[protocol.HeaderSize+40] = 0xff // the length of data
	p := &purse{left: len(body)}
	if _, err := protocol.ReadMessage(bytes.NewReader(bad), p); !errors.Is(err, protocol.ErrTooLarge) || p.taken != 0 {
		t.Errorf("a frame that does not parse: %v with %d held", err, p.taken)
	}
}

func TestEndBetweenFramesIsAPlainEOF(t *testing.T) {
	if _, err := protocol.ReadMessage(strings.NewReader(""), nil); err != io.EOF {
		t.Errorf("an empty stream: %v, want io.EOF itself", err)
	}
	if _, err := protocol.ReadMessage(strings.NewReader("CS"), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a stream that ends in a header: %v", err)
	}
}

// stutter passes one byte on and fails, again and again, as a stream with a deadline does.
type stutter struct {
	r    io.Reader
	fail bool
}

var errNotNow = errors.New("not now")

func (s *stutter) Read(b []byte) (int, error) {
	if s.fail = !s.fail; s.fail {
		return 0, errNotNow
	}
	return s.r.Read(b[:min(1, len(b))])
}

func TestReaderGoesOnAfterErrorsThatPass(t *testing.T) {
	var stream []byte
	for _, m := range prototest.Messages() {
		var err error
		if stream, err = protocol.AppendFrame(stream, m); err != nil {
			t.Fatal(err)
		}
	}
	p := &purse{left: 1 << 30}
	r := protocol.Reader{R: &stutter{r: bytes.NewReader(stream)}, Budget: p}
	for _, want := range prototest.Messages() {
		var got protocol.Message
		err := errNotNow
		for errors.Is(err, errNotNow) {
			got, err = r.Next()
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-sent +read):\n%s", want.Type(), diff)
		}
		if r.Started() || p.taken != len(want.Append(nil)) || r.Size() != p.taken {
			t.Errorf("%v: started %v, %d bytes held, size %d", want.Type(), r.Started(), p.taken, r.Size())
		}
		p.Give(r.Size())
	}
	if p.taken != 0 {
		t.Errorf("%d bytes held at the end", p.taken)
	}
}

func TestWriteMessageWritesOnceOrNotAtAll(t *testing.T) {
	var w counting
	if err := protocol.WriteMessage(&w, prototest.Messages()[0]); err != nil || w.calls != 1 {
		t.Errorf("%d writes, %v; want one", w.calls, err)
	}
	w = counting{}
	big := &protocol.Chunk{Data: make([]byte, protocol.MaxData)}
	if err := protocol.WriteMessage(&w, big); !errors.Is(err, protocol.ErrTooLarge) || w.calls != 0 {
		t.Errorf("an oversize message: %d writes, %v", w.calls, err)
	}
	if b, err := protocol.AppendFrame([]byte("before"), big); err == nil || string(b) != "before" {
		t.Errorf("a refused message leaves %q in the buffer", b[:min(10, len(b))])
	}
	broken := iotest.ErrReader(errNotNow)
	if err := protocol.WriteMessage(writerOf{broken}, prototest.Messages()[0]); !errors.Is(err, errNotNow) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type counting struct{ calls int }

func (c *counting) Write(b []byte) (int, error) { c.calls++; return len(b), nil }

type writerOf struct{ r io.Reader }

func (w writerOf) Write(b []byte) (int, error) { return w.r.Read(b) }
