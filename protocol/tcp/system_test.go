package tcp

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// TestDialOfOneThatIsNoCoordinator meets listeners that take the connection and do not go on with it.
func TestDialOfOneThatIsNoCoordinator(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(net.Conn) error
		want   string
	}{
		"silence":       {func(net.Conn) error { return nil }, "no answer; is the coordinator running"},
		"closes":        {func(c net.Conn) error { return c.Close() }, "closed before the handshake was done"},
		"talks nothing": {func(c net.Conn) error { _, err := c.Write([]byte("SSH-2.0-x\r\n")); return err }, "does not look like a TLS handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			answered := make(chan error, 1)
			go func() {
				conn, err := l.Accept()
				if err == nil {
					err = c.answer(conn)
				}
				answered <- err
			}()
			cfg := deviceConfig()
			if name == "silence" {
				cfg.handshake = 100 * time.Millisecond
			}
			if _, err := Dial(t.Context(), l.Addr().String(), cfg); !errors.Is(err, protocol.ErrLost) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("dial: %v, want ErrLost with %q", err, c.want)
			}
			if err := <-answered; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestErrorsOfTheSystemAreSorted(t *testing.T) {
	e, err := newEndpoint(deviceConfig())
	if err != nil {
		t.Fatal(err)
	}
	remote := func(text string) error { return &net.OpError{Op: "remote error", Err: errors.New(text)} }
	for _, c := range []struct {
		err, want error
		text      string
	}{
		{io.EOF, protocol.ErrLost, "without a hang-up"},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, protocol.ErrLost, "without a hang-up"},
		{&net.OpError{Op: "write", Err: syscall.EPIPE}, protocol.ErrLost, "without a hang-up"},
		{&net.OpError{Op: "read", Err: syscall.ETIMEDOUT}, protocol.ErrLost, "does not answer any more"},
		{&net.OpError{Op: "read", Err: net.ErrClosed}, protocol.ErrClosed, ""},
		{errors.New("something else"), protocol.ErrLost, "something else"},
		{remote("tls: internal error"), protocol.ErrLost, "tls alert 80 from the peer"},
		{remote("no name of an alert"), protocol.ErrLost, "no name of an alert"},
	} {
		if got := e.explain(c.err); !errors.Is(got, c.want) || !strings.Contains(got.Error(), c.text) {
			t.Errorf("%v is explained as %v, want %v with %q", c.err, got, c.want, c.text)
		}
	}
	wantCode(t, e.explain(remote("tls: expired certificate")), protocol.CodeExpired, "renew it")
	wantCode(t, e.explain(remote("tls: certificate required")), protocol.CodeUnauthorised, "enrol again")
}

func TestQuietConnectionsAreProbed(t *testing.T) {
	for alive, want := range map[time.Duration]net.KeepAliveConfig{
		0:                {Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
		time.Second:      {Enable: true, Idle: time.Second, Interval: time.Second, Count: 3},
		-1 * time.Second: {Enable: false, Idle: -time.Second, Interval: time.Second, Count: 3},
	} {
		cfg := Config{KeepAlive: alive}
		cfg.setDefaults()
		if got := cfg.probes(); got != want {
			t.Errorf("KeepAlive %v: %+v, want %+v", alive, got, want)
		}
	}
}
