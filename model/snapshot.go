package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Snapshot is one version of a model: the only thing that learning hands to serving (design: architecture 5).
//
// The file:
//
//	magic "CSMODEL\n"          8 bytes
//	format version             u32, 1 or 2
//	length of the layout       u32
//	SHA-256 of the layout      32 bytes, the layout hash
//	layout                     family, width, ages of channels, tensors (name, shape, clip-group factor), title ids; see Layout
//	tensors in layout order    raw little-endian float32 (version 1) or halves (version 2), nothing after them
type Snapshot struct {
	Layout Layout
	Params []float32 // Layout.Size of them, tensor after tensor
	Half   bool      // the file stores halves, and every parameter is one: see InHalves
}

const (
	magic          = "CSMODEL\n"
	formatFloats   = 1
	formatHalves   = 2
	headerBytes    = len(magic) + 4 + 4 + 32
	maxLayoutBytes = MaxItems*(4+MaxIDBytes) + 1<<16
	layoutVersion  = 2
)

// Encode gives the file's bytes. It panics when parameters and layout do not fit each other, or one is not a half where all should be,
// which New, Parse and InHalves rule out.
func (s *Snapshot) Encode() []byte {
	if err := s.Layout.checkParams(s.Params); err != nil {
		panic("model: encode snapshot: " + err.Error())
	}
	layout := s.Layout.append(nil)
	hash := sha256.Sum256(layout)
	version, size := uint32(formatFloats), 4
	if s.Half {
		version, size = formatHalves, 2
	}
	b := make([]byte, 0, headerBytes+len(layout)+size*len(s.Params))
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint32(b, version)
	b = binary.BigEndian.AppendUint32(b, uint32(len(layout)))
	b = append(b, hash[:]...)
	b = append(b, layout...)
	if s.Half {
		return appendHalves(b, s.Params)
	}
	return appendFloats(b, s.Params)
}

// Hash is the SHA-256 of the whole file: the model hash that the log names.
func (s *Snapshot) Hash() [32]byte { return sha256.Sum256(s.Encode()) }

// Parse reads a snapshot file. It is strict: what it accepts encodes to the same bytes again; truncated, longer, damaged and
// non-finite files are refused with the place named. No announced size takes memory before it is checked against limits and the
// bytes that are really there.
func Parse(b []byte) (*Snapshot, error) {
	s, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("parse snapshot: %w", err)
	}
	return s, nil
}

func parse(b []byte) (*Snapshot, error) {
	c := &cursor{b: b}
	if got := string(c.take(len(magic), "magic")); c.err == nil && got != magic {
		return nil, fmt.Errorf("this is not a model file: it starts with %q", got)
	}
	version := c.u32("format version")
	if c.err == nil && version != formatFloats && version != formatHalves {
		return nil, fmt.Errorf("format version %d; this program reads %d and %d: update it", version, formatFloats, formatHalves)
	}
	n := c.u32("layout length")
	if c.err == nil && int64(n) > int64(maxLayoutBytes) {
		return nil, fmt.Errorf("layout length %d is over %d", n, maxLayoutBytes)
	}
	hash := c.take(32, "layout hash")
	section := c.take(int(n), "layout")
	if c.err != nil {
		return nil, c.err
	}
	if sum := sha256.Sum256(section); !bytes.Equal(sum[:], hash) {
		return nil, fmt.Errorf("the layout section does not match its hash; fetch the file again")
	}
	l, err := parseLayout(section)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Layout: l, Half: version == formatHalves}
	if s.Half {
		s.Params = c.halves(l.Size(), "tensors")
	} else {
		s.Params = c.floats(l.Size(), "tensors")
	}
	return s, c.end("snapshot")
}

// append writes the layout section.
func (l Layout) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, layoutVersion)
	b = appendString(b, l.Family)
	b = binary.BigEndian.AppendUint32(b, uint32(l.Dim))
	b = binary.BigEndian.AppendUint32(b, uint32(len(l.Ages)))
	for _, a := range l.Ages {
		b = appendFloat(b, a)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(l.Tensors)))
	for _, t := range l.Tensors {
		b = appendString(b, t.Name)
		b = binary.BigEndian.AppendUint32(b, uint32(len(t.Shape)))
		for _, s := range t.Shape {
			b = binary.BigEndian.AppendUint32(b, uint32(s))
		}
		b = appendFloat(b, t.Group)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(l.Items)))
	for _, id := range l.Items {
		b = appendString(b, id)
	}
	return b
}

func parseLayout(b []byte) (Layout, error) {
	c := &cursor{b: b}
	if v := c.u16("layout version"); c.err == nil && v != layoutVersion {
		return Layout{}, fmt.Errorf("layout version %d; this program reads %d: update it", v, layoutVersion)
	}
	l := Layout{Family: c.text(maxNameBytes, "family"), Dim: int(c.u32("width"))}
	for range c.count(maxAges, 4, "channels") {
		l.Ages = append(l.Ages, c.float("age"))
	}
	tensors := c.count(maxTensors, 16, "tensors")
	for range tensors {
		t := Tensor{Name: c.text(maxNameBytes, "tensor name")}
		for range c.count(maxRank, 4, "axes of tensor "+t.Name) {
			t.Shape = append(t.Shape, int(c.u32("shape")))
		}
		t.Group = c.float("clip-group factor")
		l.Tensors = append(l.Tensors, t)
	}
	items := c.count(MaxItems, 5, "titles")
	if items > 0 {
		l.Items = make([]string, 0, items)
	}
	for range items {
		l.Items = append(l.Items, c.text(MaxIDBytes, "title id"))
	}
	if err := c.end("layout"); err != nil {
		return Layout{}, err
	}
	return l, l.Validate()
}

// Tensors says where in a snapshot file the tensors begin and how many bytes each parameter has there, 2 or 4. It looks at the header
// alone; Parse checks the rest.
func Tensors(file []byte) (at, width int, err error) {
	if len(file) < headerBytes || string(file[:len(magic)]) != magic {
		return 0, 0, errors.New("this is not a model file")
	}
	switch v := binary.BigEndian.Uint32(file[len(magic):]); v {
	case formatFloats:
		width = 4
	case formatHalves:
		width = 2
	default:
		return 0, 0, fmt.Errorf("format version %d; this program reads %d and %d: update it", v, formatFloats, formatHalves)
	}
	n := int64(binary.BigEndian.Uint32(file[len(magic)+4:]))
	if n > int64(len(file)-headerBytes) {
		return 0, 0, fmt.Errorf("layout of %d bytes is announced, %d are left", n, len(file)-headerBytes)
	}
	return headerBytes + int(n), width, nil
}
