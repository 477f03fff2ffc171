package round

import (
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
	Logged                       // the entry whose leaf hash is Hash lies in the log at Index
	Ticked                       // time passed
	Settled                      // the Settle work ended well; Sum, Model and Serve are its hashes
	Unsettled                    // the Settle work could not be done, for Why
)

// Event is one thing that happened, in the order in which the driver handled it. The journal holds events.
type Event struct {
	Kind              Kind
	From              [32]byte // identity key of a device
	Msg               protocol.Message
	Hash              [32]byte
	Index             uint64
	Sum, Model, Serve [32]byte
	Why               Reason
	Detail            string
}

// Append writes the event's canonical bytes: kind u8, from 32, hash 32, index u64, sum 32, model 32, serve 32, why u16,
// u32-prefixed detail, message type u8 (0 = none), u32-prefixed message body.
func (e Event) Append(dst []byte) []byte {
	dst = append(dst, byte(e.Kind))
	dst = append(dst, e.From[:]...)
	dst = append(dst, e.Hash[:]...)
	dst = binary.BigEndian.AppendUint64(dst, e.Index)
	dst = append(dst, e.Sum[:]...)
	dst = append(dst, e.Model[:]...)
	dst = append(dst, e.Serve[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(e.Why))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.Detail)))
	dst = append(dst, e.Detail...)
	if e.Msg == nil {
		return append(dst, 0, 0, 0, 0, 0)
	}
	body := e.Msg.Append(nil)
	dst = append(dst, byte(e.Msg.Type()))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)))
	return append(dst, body...)
}

const eventFixed = 1 + 32 + 32 + 8 + 3*32 + 2 + 4

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
	take(e.Sum[:])
	take(e.Model[:])
	take(e.Serve[:])
	e.Why = Reason(binary.BigEndian.Uint16(rest))
	n := uint64(binary.BigEndian.Uint32(rest[2:]))
	rest = rest[6:]
	if uint64(len(rest)) < n+5 {
		return e, fmt.Errorf("parse journal event: detail of %d bytes in the %d that are left", n, len(rest))
	}
	e.Detail = string(rest[:n])
	rest = rest[n:]
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
