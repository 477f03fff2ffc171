package protocol

import (
	"context"
	"errors"
)

var (
	// ErrClosed is what Send and Recv return after Close on this side.
	ErrClosed = errors.New("connection is closed on this side")
	// ErrLost means that the peer or the path to it is gone without a hang-up: connect again and go on where the messages stopped.
	ErrLost = errors.New("connection lost")
)

// Conn carries messages between two parties that have proved who they are. Send may be called by several goroutines, beside one
// that calls Recv.
type Conn interface {
	// Send hands a message to the connection; when it returns, the bytes are on their way but perhaps not there. A context
	// that ends while a frame is half written leaves the connection unusable.
	Send(ctx context.Context, m Message) error
	// Recv returns the next message. After the peer's hang-up it returns a *HangUpError, always the same. A context that
	// ends loses nothing: the next Recv goes on. The message is the caller's until its next Recv at least.
	Recv(ctx context.Context) (Message, error)
	// Close hangs up: it tells the peer why, waits a bounded time for that to arrive, and frees everything. Closing again does nothing.
	Close(code Code, detail string) error
	// Peer is the other side's certificate, which was verified when the connection was made.
	Peer() Cert
}
