package quic

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"

	quicgo "github.com/quic-go/quic-go"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/stream"
)

// explain turns what quic-go says about a connection into one of three: the peer hung up or refused us (*HangUpError), the connection is
// lost (ErrLost), or this side closed it (ErrClosed). Anything else is passed on.
func (e *endpoint) explain(err error) error {
	var app *quicgo.ApplicationError
	var transport *quicgo.TransportError
	var reset *quicgo.StatelessResetError
	var idle *quicgo.IdleTimeoutError
	var handshake *quicgo.HandshakeTimeoutError
	var version *quicgo.VersionNegotiationError
	var broken *quicgo.StreamError
	switch {
	case errors.As(err, &app) && app.Remote:
		return &protocol.HangUpError{Code: protocol.Code(min(app.ErrorCode, 1<<16-1)), Detail: app.ErrorMessage, RetryAfter: stream.RetryAfter(protocol.Code(min(app.ErrorCode, 1<<16-1)))}
	case errors.As(err, &app):
		return protocol.ErrClosed
	case errors.As(err, &transport) && transport.Remote:
		return e.refused(transport)
	case errors.As(err, &reset):
		return fmt.Errorf("%w: the peer was restarted and does not know this connection", protocol.ErrLost)
	case errors.As(err, &idle):
		return fmt.Errorf("%w: nothing came for %v", protocol.ErrLost, e.cfg.Idle)
	case errors.As(err, &handshake):
		return noAnswer()
	case errors.As(err, &version):
		return fmt.Errorf("%w: %w", protocol.ErrVersion, err)
	case errors.As(err, &broken), err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the peer ended the stream without a hang-up", protocol.ErrLost)
	default:
		return err
	}
}

func noAnswer() error {
	return fmt.Errorf("%w: no answer; is the coordinator running, and does the path let UDP through", protocol.ErrLost)
}

// refused explains a QUIC transport error that the peer sent; codes from 0x100 on carry a TLS alert (RFC 9001 §4.8).
func (e *endpoint) refused(err *quicgo.TransportError) error {
	const crypto = 0x100
	if err.ErrorCode >= crypto && err.ErrorCode < crypto+256 {
		return e.party.Alerted(tls.AlertError(err.ErrorCode - crypto))
	}
	if err.ErrorCode == quicgo.ConnectionRefused {
		return &protocol.HangUpError{Code: protocol.CodeBusy, Detail: "the peer takes no new connections now; try again later", RetryAfter: stream.BusyRetry}
	}
	return fmt.Errorf("%w: %w", protocol.ErrLost, err)
}
