package protocol_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cinesync/cinesync/protocol"
)

func TestEveryCodeHasItsNumberAndName(t *testing.T) {
	names := []string{"ok", "malformed", "too-large", "wrong-version", "unexpected", "unauthorised", "expired", "stale", "late", "conflict",
		"no-such-model", "busy", "shutdown", "internal", "timeout"}
	for i, want := range names {
		if got := protocol.Code(i).String(); got != want {
			t.Errorf("code %d is %q, want %q", i, got, want)
		}
	}
	for _, c := range []protocol.Code{protocol.Code(len(names)), 1<<16 - 1} { // a newer peer may know more
		if got, want := c.String(), fmt.Sprintf("code %d", c); got != want {
			t.Errorf("unknown code is %q, want %q", got, want)
		}
		m, err := protocol.Parse(protocol.TypeHangUp, (&protocol.HangUp{Code: c}).Append(nil))
		if err != nil || m.(*protocol.HangUp).Code != c {
			t.Errorf("a hang-up with an unknown code reads as %v, %v", m, err)
		}
	}
}

func TestErrorsBecomeCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want protocol.Code
	}{
		{nil, protocol.CodeOK},
		{protocol.ErrMalformed, protocol.CodeMalformed},
		{protocol.ErrTooLarge, protocol.CodeTooLarge},
		{protocol.ErrVersion, protocol.CodeWrongVersion},
		{protocol.ErrUnknownAuthority, protocol.CodeUnauthorised},
		{protocol.ErrWrongClass, protocol.CodeUnauthorised},
		{protocol.ErrWrongKey, protocol.CodeUnauthorised},
		{protocol.ErrBadSignature, protocol.CodeUnauthorised},
		{protocol.ErrExpired, protocol.CodeExpired},
		{protocol.ErrNotYetValid, protocol.CodeExpired},
		{&protocol.HangUpError{Code: protocol.CodeStale}, protocol.CodeStale},
		{protocol.ErrLost, protocol.CodeInternal},
		{io.ErrUnexpectedEOF, protocol.CodeInternal},
	} {
		if got := protocol.CodeOf(c.err); got != c.want {
			t.Errorf("%v becomes %v, want %v", c.err, got, c.want)
		}
		if c.err != nil {
			if got := protocol.CodeOf(fmt.Errorf("while testing: %w", c.err)); got != c.want {
				t.Errorf("%v in words becomes %v, want %v", c.err, got, c.want)
			}
		}
	}
}

func TestHangUpErrorSpeaks(t *testing.T) {
	for _, c := range []struct {
		err  protocol.HangUpError
		want string
	}{
		{protocol.HangUpError{Code: protocol.CodeBusy, Detail: "come back later", RetryAfter: 5}, "peer hung up (busy): come back later"},
		{protocol.HangUpError{Code: protocol.CodeOK}, "peer hung up (ok)"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestHangUpCanAlwaysBeSent(t *testing.T) {
	for _, detail := range []string{"", "short", strings.Repeat("x", protocol.MaxDetail), strings.Repeat("x", protocol.MaxDetail+1),
		strings.Repeat("é", protocol.MaxDetail), "xy" + strings.Repeat("語", protocol.MaxDetail), "bad \xff\xfe bytes", strings.Repeat("\xff", 3*protocol.MaxDetail)} {
		sent := &protocol.HangUp{Code: protocol.CodeInternal, Detail: detail}
		m, err := protocol.Parse(protocol.TypeHangUp, sent.Append(nil))
		if err != nil {
			t.Errorf("a detail of %d bytes: %v", len(detail), err)
			continue
		}
		got := m.(*protocol.HangUp).Detail
		if !utf8.ValidString(got) || len(got) > protocol.MaxDetail || len(got) < min(len(detail), protocol.MaxDetail-3) && utf8.ValidString(detail) {
			t.Errorf("a detail of %d bytes arrives with %d", len(detail), len(got))
		}
		if utf8.ValidString(detail) && !strings.HasPrefix(detail, got) {
			t.Errorf("%q arrives as %q", detail, got)
		}
	}
}

func TestTypesAndClassesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for typ := range 256 {
		name := protocol.Type(typ).String()
		if known := protocol.Limit(protocol.Type(typ)) > 0; name == "" || seen[name] || known == strings.HasPrefix(name, "type ") {
			t.Errorf("type %d is called %q", typ, name)
		}
		seen[name] = true
	}
	for class, want := range []string{"class 0", "device", "coordinator", "anchor", "class 4"} {
		if got := protocol.Class(class).String(); got != want {
			t.Errorf("class %d is called %q, want %q", class, got, want)
		}
	}
}

func TestErrorsNameTheFieldAndTheValue(t *testing.T) {
	body := (&protocol.Hello{}).Append(nil)
	_, err := protocol.Parse(protocol.TypeHello, body[:10])
	if want := "parse hello: field round: malformed: 8 bytes wanted, 2 left"; err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
	if errors.Is(err, protocol.ErrTooLarge) {
		t.Error("a short body counts as too large")
	}
}
