package round

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cinesync/cinesync/protocol"
)

// Kind says what happened.
type Kind uint8

// The events a round lives on.
const (
	Started      Kind = iota + 1 // the machine was made; offers may go out
	Restarted                    // the coordinator came back after a crash; nobody is connected
	Connected                    // From has an open connection
	Disconnected                 // From has none any more
	Message                      // From sent Msg (Advertise, Shares, Input or Reveal)
	Uploaded                     // the vector that From announced is durable as a whole; Hash is its SHA-256
	Logged                       // the entry whose leaf hash is Hash lies in the log at Index, under the cosigned Note where that was wanted
	Ticked                       // time passed
	Settled                      // the Settle work ended well; Sums of the cohorts, Model and Serve are its hashes
	Unsettled                    // the Settle work could not be done, for Why
)

// Event is one thing that happened, in the order in which the driver handled it. The journal holds events.
type Event struct {
	Kind         Kind
	From         [32]byte // identity key of a device
	Msg          protocol.Message
	Hash         [32]byte
	Index        uint64 // of a log entry; with Unsettled fault u32 ‖ member u32 of whoever is to blame, 0 if nobody is
	Sums         [][32]byte
	Model, Serve [32]byte
	Why          Reason
	Detail       string
	Note         []byte // a checkpoint with its cosignatures
}

// Append writes the event's canonical bytes: kind u8, from 32, hash 32, index u64, model 32, serve 32, why u16, u32-counted
// list of sums of 32, u32-prefixed detail, u32-prefixed note, message type u8 (0 = none), u32-prefixed message body.
func (e Event) Append(dst []byte) []byte {
	dst = append(dst, byte(e.Kind))
	dst = append(dst, e.From[:]...)
	dst = append(dst, e.Hash[:]...)
	dst = binary.BigEndian.AppendUint64(dst, e.Index)
	dst = append(dst, e.Model[:]...)
	dst = append(dst, e.Serve[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(e.Why))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.Sums)))
	for _, s := range e.Sums {
		dst = append(dst, s[:]...)
	}
	dst = prefixed(dst, []byte(e.Detail))
	dst = prefixed(dst, e.Note)
	if e.Msg == nil {
		return append(dst, 0, 0, 0, 0, 0)
	}
	return prefixed(append(dst, byte(e.Msg.Type())), e.Msg.Append(nil))
}

func prefixed(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}

const eventFixed = 1 + 32 + 32 + 8 + 2*32 + 2 + 4

// ParseEvent reads what Append wrote, strictly. The journal is a file, and a file may be damaged.
func ParseEvent(b []byte) (Event, error) {
	var e Event
	if len(b) < eventFixed {
		return e, fmt.Errorf("parse journal event: %d bytes, want at least %d", len(b), eventFixed)
	}
	e.Kind = Kind(b[0])
	if e.Kind < Started || e.Kind > Unsettled {
		return e, fmt.Errorf("parse journal event: kind %d is unknown", b[0])
	}
	rest := b[1:]
	take := func(dst []byte) { copy(dst, rest); rest = rest[len(dst):] }
	take(e.From[:])
	take(e.Hash[:])
	e.Index = binary.BigEndian.Uint64(rest)
	rest = rest[8:]
	take(e.Model[:])
	take(e.Serve[:])
	e.Why = Reason(binary.BigEndian.Uint16(rest))
	n := uint64(binary.BigEndian.Uint32(rest[2:]))
	rest = rest[6:]
	if uint64(len(rest)) < 32*n {
		return e, fmt.Errorf("parse journal event: %d sums in the %d bytes that are left", n, len(rest))
	}
	for range n {
		var sum [32]byte
		take(sum[:])
		e.Sums = append(e.Sums, sum)
	}
	detail, rest, err := cut("detail", rest)
	if err != nil {
		return e, err
	}
	e.Detail = string(detail)
	if e.Note, rest, err = cut("note", rest); err != nil {
		return e, err
	}
	if len(rest) < 5 {
		return e, fmt.Errorf("parse journal event: it ends before its message")
	}
	typ, size := rest[0], uint64(binary.BigEndian.Uint32(rest[1:]))
	rest = rest[5:]
	if uint64(len(rest)) != size {
		return e, fmt.Errorf("parse journal event: message of %d bytes in the %d that are left", size, len(rest))
	}
	if typ == 0 {
		if size != 0 {
			return e, fmt.Errorf("parse journal event: %d bytes behind no message", size)
		}
		return e, nil
	}
	msg, err := protocol.Parse(protocol.Type(typ), rest)
	if err != nil {
		return e, fmt.Errorf("parse journal event: %w", err)
	}
	e.Msg = msg
	return e, nil
}

// cut takes a u32-prefixed field off, nil if it is empty.
func cut(name string, b []byte) (field, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, fmt.Errorf("parse journal event: it ends before its %s", name)
	}
	n := uint64(binary.BigEndian.Uint32(b))
	b = b[4:]
	if uint64(len(b)) < n {
		return nil, nil, fmt.Errorf("parse journal event: %s of %d bytes in the %d that are left", name, n, len(b))
	}
	if n > 0 {
		field = bytes.Clone(b[:n])
	}
	return field, b[n:], nil
}
