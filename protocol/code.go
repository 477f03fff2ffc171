package protocol

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Code says why a connection ends; it travels in HangUp and as QUIC's application error code.
type Code uint16

// The hang-up codes. A number is never given a second meaning.
const (
	CodeOK           Code = 0  // nothing more to say
	CodeMalformed    Code = 1  // bytes that do not parse
	CodeTooLarge     Code = 2  // a length over its limit
	CodeWrongVersion Code = 3  // not this protocol version
	CodeUnexpected   Code = 4  // a valid message at the wrong time
	CodeUnauthorised Code = 5  // certificate refused: authority, class or key
	CodeExpired      Code = 6  // certificate outside its dates
	CodeStale        Code = 7  // the round is over
	CodeLate         Code = 8  // the phase is closed
	CodeConflict     Code = 9  // same key, other bytes
	CodeNoSuchModel  Code = 10 // no model with this hash
	CodeBusy         Code = 11 // no room; see RetryAfter
	CodeShutdown     Code = 12 // this side stops
	CodeInternal     Code = 13 // this side is at fault
	CodeTimeout      Code = 14 // silent or slow for too long
)

var codeNames = [...]string{
	CodeOK: "ok", CodeMalformed: "malformed", CodeTooLarge: "too-large", CodeWrongVersion: "wrong-version",
	CodeUnexpected: "unexpected", CodeUnauthorised: "unauthorised", CodeExpired: "expired", CodeStale: "stale", CodeLate: "late",
	CodeConflict: "conflict", CodeNoSuchModel: "no-such-model", CodeBusy: "busy", CodeShutdown: "shutdown",
	CodeInternal: "internal", CodeTimeout: "timeout",
}

// String is the code's name in the specification.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("code %d", uint16(c))
}

// HangUpError is what Recv and Send return once the peer has hung up.
type HangUpError struct {
	Code       Code
	Detail     string
	RetryAfter uint32 // seconds, 0 for no wish
}

// Error gives the code and the peer's words.
func (e *HangUpError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("peer hung up (%v)", e.Code)
	}
	return fmt.Sprintf("peer hung up (%v): %s", e.Code, e.Detail)
}

// CodeOf is the code to hang up with after err came out of reading a message or checking a certificate; CodeInternal when
// the error is not the peer's doing.
func CodeOf(err error) Code {
	var hung *HangUpError
	switch {
	case err == nil:
		return CodeOK
	case errors.As(err, &hung):
		return hung.Code
	case errors.Is(err, ErrVersion):
		return CodeWrongVersion
	case errors.Is(err, ErrTooLarge):
		return CodeTooLarge
	case errors.Is(err, ErrExpired), errors.Is(err, ErrNotYetValid):
		return CodeExpired
	case errors.Is(err, ErrUnknownAuthority), errors.Is(err, ErrWrongClass), errors.Is(err, ErrWrongKey), errors.Is(err, ErrBadSignature),
		errors.Is(err, ErrSuite):
		return CodeUnauthorised
	case errors.Is(err, ErrMalformed):
		return CodeMalformed
	default:
		return CodeInternal
	}
}

// cleanDetail makes a text fit a hang-up: valid UTF-8, at most MaxDetail bytes, cut between characters.
func cleanDetail(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= MaxDetail {
		return s
	}
	n := MaxDetail
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
