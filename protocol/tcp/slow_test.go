package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/stream"
)

func TestFirstFrameMustComeInTime(t *testing.T) {
	for name, begun := range map[string]string{"silence": "", "part of a header": "CS\x02\x01", "part of a body": "CS\x02\x01\x00\x00\x00\x00\x00\x00\x00\x30half"} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, quick(func(c *Config) { c.limits.FirstFrame = 50 * time.Millisecond }))
			client := raw(t, l)
			server := accept(t, l)
			if _, err := client.Write([]byte(begun)); err != nil {
				t.Fatal(err)
			}
			if _, err := server.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) {
				t.Errorf("the server receives %v, want ErrLost", err)
			}
			if h := lastWord(t, client); h.Code != protocol.CodeTimeout || !strings.Contains(h.Detail, "the first within 5 s") {
				t.Errorf("told %v %q", h.Code, h.Detail)
			}
		})
	}
}

func TestFrameThatHasBegunMustKeepComing(t *testing.T) {
	l := listen(t, quick(func(c *Config) { c.limits.RateWindow = 50 * time.Millisecond }))
	client := raw(t, l)
	server := accept(t, l)
	if err := protocol.WriteMessage(client, &protocol.Hello{}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Recv(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("CS\x02\x0c\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat("x", 1000))); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) || !strings.Contains(err.Error(), "slower than 1 KiB/s") {
		t.Errorf("the server receives %v, want ErrLost", err)
	}
	if h := lastWord(t, client); h.Code != protocol.CodeTimeout {
		t.Errorf("told %v %q", h.Code, h.Detail)
	}
	if err := l.e.stream.Memory.Take(t.Context(), nil, time.Minute, int(l.e.cfg.Memory)); err != nil {
		t.Errorf("the frame's memory was not given back: %v", err)
	}
}

func TestPeerThatNeverReadsIsGivenUp(t *testing.T) {
	l := listen(t, quick(func(c *Config) { c.limits.Stall = 100 * time.Millisecond }))
	raw(t, l)
	server := accept(t, l)
	for {
		if err := server.Send(context.Background(), &protocol.ModelPart{Data: make([]byte, protocol.ChunkSize)}); err != nil {
			if !errors.Is(err, protocol.ErrLost) || !strings.Contains(err.Error(), "took no bytes") {
				t.Errorf("send: %v, want ErrLost", err)
			}
			break
		}
	}
	if _, err := server.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) {
		t.Errorf("receive: %v, want ErrLost", err)
	}
	if err := server.Close(protocol.CodeOK, ""); err != nil { // returns although the peer reads nothing
		t.Error(err)
	}
	emptied(t, l)
}

// TestPeersThatGoWithoutAWordAreLost ends the socket in each way that TCP has.
func TestPeersThatGoWithoutAWordAreLost(t *testing.T) {
	for name, leave := range map[string]func(c *tls.Conn) error{
		"TLS closed":            (*tls.Conn).Close,
		"TLS closed one way":    (*tls.Conn).CloseWrite,
		"socket closed":         func(c *tls.Conn) error { return c.NetConn().Close() },
		"socket closed by half": func(c *tls.Conn) error { return c.NetConn().(*net.TCPConn).CloseWrite() },
		"socket reset": func(c *tls.Conn) error {
			s := c.NetConn().(*net.TCPConn)
			return errors.Join(s.SetLinger(0), s.Close())
		},
		"bytes that are not TLS": func(c *tls.Conn) error {
			_, err := c.NetConn().Write([]byte(strings.Repeat("x", 100)))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, quick(func(*Config) {}))
			client := raw(t, l)
			server := accept(t, l)
			if err := protocol.WriteMessage(client, &protocol.Hello{}); err != nil {
				t.Fatal(err)
			}
			if _, err := server.Recv(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := leave(client); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := server.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) {
					t.Errorf("the server receives %v, want ErrLost", err)
				}
			}
			if err := server.Send(t.Context(), &protocol.Welcome{}); !errors.Is(err, protocol.ErrLost) {
				t.Errorf("the server sends with %v, want ErrLost", err)
			}
			if err := server.Close(protocol.CodeOK, ""); err != nil {
				t.Error(err)
			}
			emptied(t, l)
		})
	}
}

func TestFullListener(t *testing.T) {
	t.Run("too many connections", func(t *testing.T) {
		l := listen(t, quick(func(c *Config) { c.MaxConns = 1 }))
		client, server := connect(t, l, deviceConfig())
		if _, err := Dial(t.Context(), l.Addr().String(), deviceConfig()); !errors.Is(err, protocol.ErrLost) || !strings.Contains(err.Error(), "no room") {
			t.Errorf("dial: %v, want ErrLost and a word about room", err)
		}
		hangUp(t, client, server)
		emptied(t, l)
		client, server = connect(t, l, deviceConfig())
		hangUp(t, client, server)
	})
	t.Run("nobody accepts", func(t *testing.T) {
		l := listen(t, quick(func(*Config) {}))
		_, server := connect(t, l, deviceConfig())
		for len(l.queue) < cap(l.queue) {
			l.queue <- server.(*stream.Conn)
		}
		c, err := Dial(t.Context(), l.Addr().String(), deviceConfig())
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Recv(t.Context())
		wantCode(t, err, protocol.CodeBusy, "wait to be served")
		var hung *protocol.HangUpError
		if errors.As(err, &hung) && hung.RetryAfter != stream.BusyRetry {
			t.Errorf("it may come back after %d s, want %d", hung.RetryAfter, stream.BusyRetry)
		}
	})
	t.Run("no memory for a frame", func(t *testing.T) {
		l := listen(t, quick(func(c *Config) { c.Memory, c.limits.MemoryWait = protocol.MaxRosterBundle, 50*time.Millisecond }))
		client, server := connect(t, l, deviceConfig())
		pass(t, client, server, &protocol.Hello{})
		if err := l.e.stream.Memory.Take(t.Context(), nil, 0, int(l.e.stream.Memory.Free())); err != nil { // others' messages
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		go func() { sent <- client.Send(t.Context(), &protocol.Chunk{Data: make([]byte, 1000)}) }()
		if _, err := server.Recv(t.Context()); !errors.Is(err, stream.ErrNoMemory) {
			t.Errorf("the server receives %v, want ErrNoMemory", err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		_, err := client.Recv(t.Context())
		wantCode(t, err, protocol.CodeBusy, "no memory is free")
	})
}
