package tcp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
	"github.com/cinesync/cinesync/protocol/stream"
	"github.com/cinesync/cinesync/protocol/tlsid"
)

// outsider is the TLS settings of somebody who checks nothing.
func outsider(certs ...tls.Certificate) *tls.Config {
	return &tls.Config{NextProtos: []string{tlsid.ALPN}, Certificates: certs, InsecureSkipVerify: true, ServerName: "x"}
}

// device is the device's own leaf.
func device(t *testing.T) tls.Certificate {
	t.Helper()
	c, err := tlsid.Leaf(prototest.Device())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// raw is a device that writes what it likes.
func raw(t *testing.T, l *Listener) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", l.Addr().String(), outsider(device(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.NetConn().Close() })
	return c
}

func accept(t *testing.T, l *Listener) protocol.Conn {
	t.Helper()
	c, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lastWord reads frames until the end and returns the hang-up among them.
func lastWord(t *testing.T, r io.Reader) *protocol.HangUp {
	t.Helper()
	for {
		m, err := protocol.ReadMessage(r, nil)
		if err != nil {
			t.Errorf("the connection ended without a hang-up: %v", err)
			return &protocol.HangUp{}
		}
		if h, ok := m.(*protocol.HangUp); ok {
			return h
		}
	}
}

// quick is a listener's configuration whose waits end within a test.
func quick(change func(*Config)) Config {
	cfg := coordinatorConfig()
	limits := stream.Defaults()
	limits.Linger = 200 * time.Millisecond
	cfg.limits = &limits
	change(&cfg)
	return cfg
}

func TestBytesThatAreNoFramesEndTheConnectionWithTheirCode(t *testing.T) {
	for _, c := range []struct {
		name, bytes string
		code        protocol.Code
		want        error
		text        string
	}{
		{"another protocol", "GET / HTTP/1.1\r\n", protocol.CodeWrongVersion, protocol.ErrVersion, "magic"},
		{"another version", "CS\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00", protocol.CodeWrongVersion, protocol.ErrVersion, "version 1"},
		{"no type", "CS\x02\x63\x00\x00\x00\x00\x00\x00\x00\x00", protocol.CodeMalformed, protocol.ErrMalformed, "type 99"},
		{"flags", "CS\x02\x01\x00\x00\x00\x01\x00\x00\x00\x30", protocol.CodeMalformed, protocol.ErrMalformed, "flags"},
		{"four gigabytes", "CS\x02\x0c\x00\x00\x00\x00\xff\xff\xff\xff", protocol.CodeTooLarge, protocol.ErrTooLarge, "4294967295 bytes"},
		{"a body that does not parse", "CS\x02\x01\x00\x00\x00\x00\x00\x00\x00\x01x", protocol.CodeMalformed, protocol.ErrMalformed, "field tree_size"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t, coordinatorConfig())
			client := raw(t, l)
			server := accept(t, l)
			if _, err := client.Write([]byte(c.bytes)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the same word however often one asks
				if _, err := server.Recv(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("the server receives %v, want %v", err, c.want)
				}
			}
			if err := server.Send(t.Context(), &protocol.Welcome{}); !errors.Is(err, c.want) {
				t.Errorf("the server sends with %v, want %v", err, c.want)
			}
			if h := lastWord(t, client); h.Code != c.code || !strings.Contains(h.Detail, c.text) {
				t.Errorf("told %v %q, want %v with %q", h.Code, h.Detail, c.code, c.text)
			}
			if err := l.e.stream.Memory.Take(t.Context(), nil, time.Minute, int(l.e.cfg.Memory)); err != nil {
				t.Errorf("memory was not given back: %v", err)
			}
		})
	}
}

func TestOutsidersAreRefused(t *testing.T) {
	l := listen(t, coordinatorConfig())
	good, cert := device(t), prototest.Device().Cert.Bytes()
	old := outsider(good)
	old.MaxVersion = tls.VersionTLS12
	other := outsider(good)
	other.NextProtos = []string{"h3"}
	silent := outsider(good)
	silent.NextProtos = nil
	twice := tls.Certificate{Certificate: [][]byte{good.Certificate[0], good.Certificate[0]}, PrivateKey: good.PrivateKey}
	for name, c := range map[string]struct {
		conf  *tls.Config
		alert tls.AlertError // 0: a hang-up tells it
		code  protocol.Code
	}{
		"no certificate":           {outsider(), tlsid.AlertCertificateRequired, 0},
		"another protocol":         {other, tlsid.AlertNoALPN, 0},
		"an old TLS":               {old, 70, 0},
		"no protocol":              {silent, 0, protocol.CodeWrongVersion},
		"a plain X.509 one":        {outsider(prototest.Leaf(t, prototest.Key("device"))), 0, protocol.CodeUnauthorised},
		"another party's":          {outsider(prototest.Leaf(t, prototest.Key("thief"), cert[:])), 0, protocol.CodeUnauthorised},
		"half a certificate":       {outsider(prototest.Leaf(t, prototest.Key("device"), cert[:70])), 0, protocol.CodeUnauthorised},
		"two certificates in line": {outsider(twice), 0, protocol.CodeUnauthorised},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := tls.Dial("tcp", l.Addr().String(), c.conf)
			if err == nil {
				defer conn.Close()
				if c.alert == 0 {
					if h := lastWord(t, conn); h.Code != c.code {
						t.Errorf("told %v %q, want %v", h.Code, h.Detail, c.code)
					}
					return
				}
				_, err = conn.Read(make([]byte, 1))
			}
			if got, ok := remoteAlert(err); !ok || got != c.alert {
				t.Errorf("told %v, want alert %d", err, uint8(c.alert))
			}
		})
	}
	nobodyCame(t, l)
}

// TestStrangersWithoutTLSAreDropped sends what no TLS server understands, or nothing at all.
func TestStrangersWithoutTLSAreDropped(t *testing.T) {
	l := listen(t, quick(func(c *Config) { c.handshake = 50 * time.Millisecond }))
	for name, text := range map[string]string{"HTTP": "GET / HTTP/1.1\r\n\r\n", "silence": "", "half a hello": "\x16\x03\x01\x02\x00\x01"} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, syscall.ECONNRESET) { // returns once the listener closes
				t.Error(err)
			}
		})
	}
	nobodyCame(t, l)
	emptied(t, l)
}

// emptied waits until the gate counts nobody: connections leave it as their sockets close.
func emptied(t *testing.T, l *Listener) {
	t.Helper()
	for conns, networks := l.gate.Inside(); conns+networks > 0; conns, networks = l.gate.Inside() {
		select {
		case <-t.Context().Done():
			t.Fatalf("%d connections of %d networks still count", conns, networks)
		case <-time.After(time.Millisecond):
		}
	}
}

// TestListenerCloseEndsHandshakes closes while a stranger has said half a hello.
func TestListenerCloseEndsHandshakes(t *testing.T) {
	l, err := Listen("127.0.0.1:0", coordinatorConfig())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("\x16\x03\x01")); err != nil {
		t.Fatal(err)
	}
	for conns, _ := l.gate.Inside(); conns == 0; conns, _ = l.gate.Inside() {
		<-time.After(time.Millisecond)
	}
	if err := l.Close(); err != nil { // and not only after the handshake's time
		t.Error(err)
	}
	emptied(t, l)
}

// tickets counts the sessions that a listener offers for later.
type tickets struct{ put atomic.Int32 }

func (*tickets) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (s *tickets) Put(string, *tls.ClientSessionState)      { s.put.Add(1) }

func TestListenerIssuesNoTickets(t *testing.T) {
	l := listen(t, coordinatorConfig())
	conf := outsider(device(t))
	cache := &tickets{}
	conf.ClientSessionCache = cache
	client, err := tls.Dial("tcp", l.Addr().String(), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server := accept(t, l)
	if err := server.Send(t.Context(), &protocol.Welcome{}); err != nil {
		t.Fatal(err)
	}
	if _, err := protocol.ReadMessage(client, nil); err != nil { // a ticket would have come before this
		t.Fatal(err)
	}
	if n := cache.put.Load(); n != 0 {
		t.Errorf("%d session tickets came", n)
	}
}
