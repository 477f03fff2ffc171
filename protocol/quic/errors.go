package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/cinesync/cinesync/protocol"
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
	var stream *quicgo.StreamError
	switch {
	case errors.As(err, &app) && app.Remote:
		return &protocol.HangUpError{Code: protocol.Code(min(app.ErrorCode, 1<<16-1)), Detail: app.ErrorMessage, RetryAfter: retryAfter(app.ErrorCode)}
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
	case errors.As(err, &stream), err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the peer ended the stream without a hang-up", protocol.ErrLost)
	default:
		return err
	}
}

func noAnswer() error {
	return fmt.Errorf("%w: no answer; is the coordinator running, and does the path let UDP through", protocol.ErrLost)
}

// retryAfter stands in for the time that a close frame, unlike a hang-up, has no field for.
func retryAfter(code quicgo.ApplicationErrorCode) uint32 {
	if code == quicgo.ApplicationErrorCode(protocol.CodeBusy) {
		return busyRetry
	}
	return 0
}

// refused explains a QUIC transport error that the peer sent; codes from 0x100 on carry a TLS alert (RFC 9001 §4.8).
func (e *endpoint) refused(err *quicgo.TransportError) error {
	const crypto = 0x100
	if err.ErrorCode >= crypto && err.ErrorCode < crypto+256 {
		return e.alerted(tls.AlertError(err.ErrorCode - crypto))
	}
	if err.ErrorCode == quicgo.ConnectionRefused {
		return &protocol.HangUpError{Code: protocol.CodeBusy, Detail: "the peer takes no new connections now; try again later", RetryAfter: busyRetry}
	}
	return fmt.Errorf("%w: %w", protocol.ErrLost, err)
}

// alerted says what a TLS alert of the peer means for the person who runs this side.
func (e *endpoint) alerted(alert tls.AlertError) error {
	own := e.cfg.Identity.Cert
	code, detail := protocol.CodeUnauthorised, ""
	switch alert {
	case alertExpired:
		code = protocol.CodeExpired
		detail = fmt.Sprintf("the peer says that this %v's certificate is outside its dates (%s to %s); renew it with the enrolment authority, "+
			"or set the clock that is wrong", own.Class, date(own.NotBefore), date(own.NotAfter))
	case alertRevoked:
		detail = fmt.Sprintf("this %v's certificate was revoked; ask the enrolment authority for a new one", own.Class)
	case alertUnknownCA:
		detail = fmt.Sprintf("the peer does not know the authority that issued this %v's certificate; enrol with the authority that the peer trusts",
			own.Class)
	case alertUnsupported:
		detail = fmt.Sprintf("the peer does not accept a certificate of class %v here; enrol for the right class", own.Class)
	case alertAccessDenied:
		detail = "the peer expects another key than the one of this certificate; check the key it has pinned"
	case alertBadCertificate, alertUnknown, alertCertificateRequired:
		detail = fmt.Sprintf("the peer refuses this %v's certificate; enrol again", own.Class)
	case alertNoALPN, alertProtocolVersion:
		code, detail = protocol.CodeWrongVersion, "the peer does not speak "+alpn+"; check the address, and update the older side"
	default:
		return fmt.Errorf("%w: tls alert %d from the peer (%v)", protocol.ErrLost, uint8(alert), alert)
	}
	return &protocol.HangUpError{Code: code, Detail: detail}
}

func date(unix uint64) string {
	return time.Unix(int64(min(unix, 1<<40)), 0).UTC().Format(time.RFC3339)
}

// timedOut says whether err comes from a stream deadline, not from the connection's idle timer.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// because prefers the context's word when a deadline was moved for its sake.
func because(ctx context.Context, err error) error {
	if timedOut(err) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
