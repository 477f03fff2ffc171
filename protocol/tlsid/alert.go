package tlsid

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// Alerts of RFC 8446 §6 that we send and understand.
const (
	AlertBadCertificate      tls.AlertError = 42
	alertUnsupported         tls.AlertError = 43
	alertRevoked             tls.AlertError = 44
	alertExpired             tls.AlertError = 45
	alertUnknown             tls.AlertError = 46
	alertUnknownCA           tls.AlertError = 48
	AlertAccessDenied        tls.AlertError = 49
	alertProtocolVersion     tls.AlertError = 70
	AlertCertificateRequired tls.AlertError = 116
	AlertNoALPN              tls.AlertError = 120
)

// alertFor is the alert that tells the peer why its certificate is refused.
func alertFor(err error) tls.AlertError {
	switch {
	case errors.Is(err, protocol.ErrExpired), errors.Is(err, protocol.ErrNotYetValid):
		return alertExpired
	case errors.Is(err, protocol.ErrUnknownAuthority):
		return alertUnknownCA
	case errors.Is(err, protocol.ErrWrongClass):
		return alertUnsupported
	case errors.Is(err, protocol.ErrWrongKey):
		return AlertAccessDenied
	case errors.Is(err, protocol.ErrVersion):
		return AlertNoALPN
	default:
		return AlertBadCertificate
	}
}

// Alerted says what an alert of the peer means for the person who runs this side: a *protocol.HangUpError, or protocol.ErrLost.
func (p *Party) Alerted(alert tls.AlertError) error {
	own := p.Identity.Cert
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
	case AlertAccessDenied:
		detail = "the peer expects another key than the one of this certificate; check the key it has pinned"
	case AlertBadCertificate, alertUnknown, AlertCertificateRequired:
		detail = fmt.Sprintf("the peer refuses this %v's certificate; enrol again", own.Class)
	case AlertNoALPN, alertProtocolVersion:
		code, detail = protocol.CodeWrongVersion, "the peer does not speak "+ALPN+"; check the address, and update the older side"
	default:
		return fmt.Errorf("%w: tls alert %d from the peer (%v)", protocol.ErrLost, uint8(alert), alert)
	}
	return &protocol.HangUpError{Code: code, Detail: detail}
}

// Refusal is what a peer is told, in a hang-up, whose certificate this side refused for err: what the alert would have said.
func Refusal(peer protocol.Cert, err error) *protocol.HangUpError {
	if peer.Class == 0 && !errors.Is(err, protocol.ErrVersion) { // no certificate was found to speak of
		return &protocol.HangUpError{Code: protocol.CodeUnauthorised, Detail: "the certificate in this side's TLS leaf is refused: " + err.Error()}
	}
	var hung *protocol.HangUpError
	told := (&Party{Identity: protocol.Identity{Cert: peer}}).Alerted(alertFor(err))
	if !errors.As(told, &hung) {
		panic(fmt.Sprintf("tlsid: a refusal without a hang-up: %v", told)) // alertFor gives none that Alerted does not know
	}
	return hung
}

func date(unix uint64) string {
	return time.Unix(int64(min(unix, 1<<40)), 0).UTC().Format(time.RFC3339)
}
