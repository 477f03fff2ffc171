package protocol

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Version is the protocol version in every frame header.
const Version = 2

// Budget grants memory for bodies before they are read. Take reserves n bytes or says why it cannot; Give returns them.
type Budget interface {
	Take(n int) error
	Give(n int)
}

// Header is a frame header after its checks.
type Header struct {
	Type   Type
	Length int // bytes of the body, at most Limit(Type)
}

// ParseHeader checks magic, version, type, flags and length of a 12-byte frame header:
//
//	0      2     3     4          8           12
//	| "CS" | ver | typ | flags 0  | length    |   big-endian
func ParseHeader(b [HeaderSize]byte) (Header, error) {
	if b[0] != 'C' || b[1] != 'S' {
		return Header{}, fmt.Errorf("read frame: %w: magic %#x, want \"CS\"", ErrVersion, b[:2])
	}
	if b[2] != Version {
		return Header{}, fmt.Errorf("read frame: %w: version %d, this program speaks %d", ErrVersion, b[2], Version)
	}
	t := Type(b[3])
	limit := Limit(t)
	if limit == 0 {
		return Header{}, fmt.Errorf("read frame: %w: %v is not a type of version %d", ErrMalformed, t, Version)
	}
	if flags := binary.BigEndian.Uint32(b[4:]); flags != 0 {
		return Header{}, fmt.Errorf("read frame: %w: %v with flags %#x, want 0", ErrMalformed, t, flags)
	}
	n := binary.BigEndian.Uint32(b[8:])
	if uint64(n) > uint64(limit) {
		return Header{}, fmt.Errorf("read frame: %w: %v of %d bytes, at most %d", ErrTooLarge, t, n, limit)
	}
	return Header{Type: t, Length: int(n)}, nil
}

// AppendFrame adds m's frame, header and body, to dst. It refuses a body over the type's limit, which the peer would refuse too.
func AppendFrame(dst []byte, m Message) ([]byte, error) {
	t := m.Type()
	start := len(dst)
	dst = append(dst, 'C', 'S', Version, byte(t), 0, 0, 0, 0, 0, 0, 0, 0)
	dst = m.Append(dst)
	n := len(dst) - start - HeaderSize
	if n > Limit(t) {
		return dst[:start], fmt.Errorf("write %v: %w: %d bytes, at most %d", t, ErrTooLarge, n, Limit(t))
	}
	binary.BigEndian.PutUint32(dst[start+8:], uint32(n))
	return dst, nil
}

// WriteMessage writes one frame with one call to w.
func WriteMessage(w io.Writer, m Message) error {
	b, err := AppendFrame(nil, m)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("write %v: %w", m.Type(), err)
	}
	return nil
}

// ReadMessage reads one frame. The body's memory is reserved from budget before it is read and stays reserved when a message comes
// back, because the message lives in it: whoever is done with it gives back its body's length. A nil budget grants everything
// up to the type's limit. io.EOF alone means that the stream ended between frames.
func ReadMessage(r io.Reader, budget Budget) (Message, error) {
	d := Reader{R: r, Budget: budget}
	m, err := d.Next()
	if err != nil {
		d.Drop()
	}
	return m, err
}

// Reader reads frames one after the other. After an error of R that passes, such as a deadline, Next goes on where it stopped.
type Reader struct {
	R      io.Reader
	Budget Budget // may be nil

	head [HeaderSize]byte
	body []byte
	typ  Type
	got  int  // bytes of head, or of body once inBody
	in   bool // the header is checked and the body's memory taken
	size int  // body length of the message that Next returned last
}

// Next returns the next message.
func (d *Reader) Next() (Message, error) {
	if !d.in {
		if err := d.header(); err != nil {
			return nil, err
		}
	}
	if err := d.fill(d.body); err != nil {
		return nil, fmt.Errorf("read %v: body: %w", d.typ, noEOF(err))
	}
	body := d.body
	d.in, d.got, d.body = false, 0, nil
	m, err := Parse(d.typ, body)
	if err != nil {
		d.give(len(body))
		return nil, err
	}
	d.size = len(body)
	return m, nil
}

// Started says whether a part of a frame has been read.
func (d *Reader) Started() bool { return d.in || d.got > 0 }

// Size is the body length of the message that Next returned last: what its owner gives back to the budget.
func (d *Reader) Size() int { return d.size }

// Drop forgets a frame that was read in part and gives its memory back.
func (d *Reader) Drop() {
	if d.in {
		d.give(len(d.body))
	}
	d.in, d.got, d.body = false, 0, nil
}

func (d *Reader) header() error {
	if err := d.fill(d.head[:]); err != nil {
		if d.got == 0 {
			return err // nothing of a frame has come: io.EOF here is a clean end
		}
		return fmt.Errorf("read frame: header: %w", noEOF(err))
	}
	h, err := ParseHeader(d.head)
	if err != nil {
		return err
	}
	if d.Budget != nil {
		if err := d.Budget.Take(h.Length); err != nil {
			return fmt.Errorf("read %v: reserve %d bytes: %w", h.Type, h.Length, err)
		}
	}
	d.in, d.got, d.typ, d.body = true, 0, h.Type, make([]byte, h.Length)
	return nil
}

// fill reads until b is full, counting in d.got so that a later call can go on.
func (d *Reader) fill(b []byte) error {
	for d.got < len(b) {
		n, err := d.R.Read(b[d.got:])
		d.got += n
		if err != nil && d.got < len(b) {
			return err
		}
	}
	return nil
}

func (d *Reader) give(n int) {
	if d.Budget != nil {
		d.Budget.Give(n)
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
