package protocol

import "fmt"

// Type says which message a frame carries; its numbers are those of docs/spec/protocol.md §4.
type Type uint8

// The message types. A number is never given a second meaning.
const (
	TypeHello      Type = 1
	TypeWelcome    Type = 2
	TypeOffer      Type = 3
	TypeModelGet   Type = 4
	TypeModelPart  Type = 5
	TypeAdvertise  Type = 6
	TypeRoster     Type = 7
	TypeShares     Type = 8
	TypeDelivery   Type = 9
	TypeInput      Type = 10
	TypeInputState Type = 11
	TypeChunk      Type = 12
	TypeReceipt    Type = 13
	TypeSurvivors  Type = 14
	TypeReveal     Type = 15
	TypeClose      Type = 16
	TypeHangUp     Type = 17
	TypeConfirm    Type = 18
	TypeConfirmed  Type = 19
	TypeDeltaGet   Type = 20
	TypeDeltaPart  Type = 21
)

// String is the message's name in the specification.
func (t Type) String() string {
	if int(t) < len(typeNames) && t > 0 {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

var typeNames = [...]string{
	TypeHello: "hello", TypeWelcome: "welcome", TypeOffer: "offer", TypeModelGet: "model-get", TypeModelPart: "model-part",
	TypeAdvertise: "advertise", TypeRoster: "roster", TypeShares: "shares", TypeDelivery: "delivery", TypeInput: "input",
	TypeInputState: "input-state", TypeChunk: "chunk", TypeReceipt: "receipt", TypeSurvivors: "survivors", TypeReveal: "reveal",
	TypeClose: "close", TypeHangUp: "hang-up", TypeConfirm: "confirm", TypeConfirmed: "confirmed",
	TypeDeltaGet: "delta-get", TypeDeltaPart: "delta-part",
}

// Message is one of the structs of this package, as a pointer.
type Message interface {
	Type() Type
	// Append adds the message's canonical body (the frame's bytes after the header) to dst.
	Append(dst []byte) []byte
}

// parser is the other half of a Message, kept inside the package: it fills the struct from a body.
type parser interface {
	Message
	parse(r *reader)
}

// blank is an empty message of type t, nil for a type that does not exist.
func blank(t Type) parser {
	switch t {
	case TypeHello:
		return &Hello{}
	case TypeWelcome:
		return &Welcome{}
	case TypeOffer:
		return &Offer{}
	case TypeModelGet:
		return &ModelGet{}
	case TypeModelPart:
		return &ModelPart{}
	case TypeAdvertise:
		return &Advertise{}
	case TypeRoster:
		return &Roster{}
	case TypeShares:
		return &Shares{}
	case TypeDelivery:
		return &Delivery{}
	case TypeInput:
		return &Input{}
	case TypeInputState:
		return &InputState{}
	case TypeChunk:
		return &Chunk{}
	case TypeReceipt:
		return &Receipt{}
	case TypeSurvivors:
		return &Survivors{}
	case TypeReveal:
		return &Reveal{}
	case TypeClose:
		return &Close{}
	case TypeHangUp:
		return &HangUp{}
	case TypeConfirm:
		return &Confirm{}
	case TypeConfirmed:
		return &Confirmed{}
	case TypeDeltaGet:
		return &DeltaGet{}
	case TypeDeltaPart:
		return &DeltaPart{}
	default:
		return nil
	}
}

// Parse reads the body of a message of type t. It accepts canonical bytes only; an empty list or byte string comes back as nil.
// Byte strings of the message point into body, which must not change afterwards. Errors wrap ErrMalformed or ErrTooLarge.
func Parse(t Type, body []byte) (Message, error) {
	m := blank(t)
	if m == nil {
		return nil, fmt.Errorf("parse message: %w: %v is not a type of version %d", ErrMalformed, t, Version)
	}
	if len(body) > Limit(t) {
		return nil, fmt.Errorf("parse %v: %w: %d bytes, at most %d", t, ErrTooLarge, len(body), Limit(t))
	}
	r := &reader{b: body}
	m.parse(r)
	if r.err == nil && len(r.b) > 0 {
		r.fail("end", "%d bytes follow the last field", len(r.b))
	}
	if r.err != nil {
		return nil, fmt.Errorf("parse %v: %w", t, r.err)
	}
	return m, nil
}
