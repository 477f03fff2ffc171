package audit

import (
	"encoding/binary"
	"fmt"
)

// codec writes the fields it visits, or reads them. Integers are big-endian of fixed width, byte strings and lists stand behind a u32
// length, and nothing is optional. After the first error every read does nothing; what was written then is not to be used.
type codec struct {
	out     []byte // written so far
	in      []byte // still to read
	reading bool
	err     error
}

func (c *codec) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if len(c.in) < n {
		c.err = fmt.Errorf("%d bytes are left where a field of %d is due", len(c.in), n)
		return nil
	}
	b := c.in[:n]
	c.in = c.in[n:]
	return b
}

func (c *codec) u16(v *uint16) {
	if !c.reading {
		c.out = binary.BigEndian.AppendUint16(c.out, *v)
	} else if b := c.take(2); b != nil {
		*v = binary.BigEndian.Uint16(b)
	}
}

func (c *codec) u32(v *uint32) {
	if !c.reading {
		c.out = binary.BigEndian.AppendUint32(c.out, *v)
	} else if b := c.take(4); b != nil {
		*v = binary.BigEndian.Uint32(b)
	}
}

func (c *codec) u64(v *uint64) {
	if !c.reading {
		c.out = binary.BigEndian.AppendUint64(c.out, *v)
	} else if b := c.take(8); b != nil {
		*v = binary.BigEndian.Uint64(b)
	}
}

func (c *codec) u8(v *uint8) {
	if !c.reading {
		c.out = append(c.out, *v)
	} else if b := c.take(1); b != nil {
		*v = b[0]
	}
}

func (c *codec) hash(v *[32]byte) {
	if !c.reading {
		c.out = append(c.out, v[:]...)
	} else if b := c.take(32); b != nil {
		*v = [32]byte(b)
	}
}

// hashes visits a list of 1 to most hashes.
func (c *codec) hashes(v *[][32]byte, most int) {
	n := c.list(len(*v), 32)
	if c.err == nil && (n < 1 || n > most) {
		c.err = fmt.Errorf("a list of %d hashes, want 1 to %d", n, most)
	}
	if c.err != nil {
		return
	}
	if c.reading {
		*v = make([][32]byte, n)
	}
	for i := range *v {
		c.hash(&(*v)[i])
	}
}

// path visits a Merkle proof: a list of at most 64 hashes.
func (c *codec) path(v *[][32]byte) {
	n := c.list(len(*v), 32)
	if c.err == nil && n > maxPath {
		c.err = fmt.Errorf("a proof of %d hashes, at most %d are allowed", n, maxPath)
	}
	if c.err != nil {
		return
	}
	if c.reading && n > 0 {
		*v = make([][32]byte, n)
	}
	for i := range *v {
		c.hash(&(*v)[i])
	}
}

const maxPath = 64 // the depth of a tree of 2^64

// bytes visits a byte string of at most limit bytes.
func (c *codec) bytes(name string, v *[]byte, limit int) {
	n := uint32(len(*v))
	c.u32(&n)
	if c.err == nil && uint64(n) > uint64(limit) {
		c.err = fmt.Errorf("the %s has %d bytes, at most %d are allowed", name, n, limit)
	}
	if c.err != nil {
		return
	}
	if !c.reading {
		c.out = append(c.out, *v...)
	} else if b := c.take(int(n)); b != nil {
		*v = append([]byte{}, b...)
	}
}

func (c *codec) text(v *string) {
	n := uint32(len(*v))
	c.u32(&n)
	if !c.reading {
		c.out = append(c.out, *v...)
	} else if c.err == nil && uint64(n) > uint64(len(c.in)) {
		c.err = fmt.Errorf("%d bytes are left where a string of %d is due", len(c.in), n)
	} else if b := c.take(int(n)); b != nil {
		*v = string(b)
	}
}

// list visits the count of a list whose elements take size bytes each, and says how many there are. The count is held against the
// bytes that are left before memory is taken.
func (c *codec) list(n int, size int) int {
	count := uint32(n)
	c.u32(&count)
	if !c.reading {
		return n
	}
	if c.err != nil {
		return 0
	}
	if uint64(count)*uint64(size) > uint64(len(c.in)) {
		c.err = fmt.Errorf("%d bytes are left where a list of %d elements is due", len(c.in), count)
		return 0
	}
	return int(count)
}
