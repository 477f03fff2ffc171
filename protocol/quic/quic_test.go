package quic

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
	"github.com/cinesync/cinesync/protocol/tlsid"
)

func now() time.Time { return time.Unix(prototest.Now, 0) }

func deviceConfig() Config {
	return Config{Identity: prototest.Device(), Authority: prototest.AuthorityKey(), PeerClass: protocol.ClassCoordinator,
		PeerKey: prototest.Public(prototest.Coordinator().Key), Now: now}
}

func coordinatorConfig() Config {
	return Config{Identity: prototest.Coordinator(), Authority: prototest.AuthorityKey(), PeerClass: protocol.ClassDevice, Now: now}
}

func listen(t testing.TB, cfg Config) *Listener {
	t.Helper()
	l, err := Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func connect(t testing.TB, l *Listener, cfg Config) (client, server protocol.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := Dial(ctx, l.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestQUICConforms(t *testing.T) {
	l := listen(t, coordinatorConfig())
	prototest.Run(t, func(t *testing.T) (client, server protocol.Conn) { return connect(t, l, deviceConfig()) })
}

func TestMemoryIsGivenBack(t *testing.T) {
	l := listen(t, coordinatorConfig())
	client, server := connect(t, l, deviceConfig())
	for range 3 {
		sent := make(chan error, 1) // a chunk is larger than the first window: Send returns once the server reads
		go func() { sent <- client.Send(t.Context(), &protocol.Chunk{Data: make([]byte, protocol.ChunkSize)}) }()
		if _, err := server.Recv(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	held := l.e.cfg.Memory - l.e.stream.Memory.Free()
	if want := int64(protocol.ChunkSize + 44); held != want {
		t.Errorf("%d bytes held while one chunk is handled, want %d", held, want)
	}
	closed := make(chan error, 1)
	go func() { closed <- client.Close(protocol.CodeOK, "") }()
	if _, err := server.Recv(t.Context()); err == nil {
		t.Error("a message after the hang-up")
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := l.e.stream.Memory.Take(t.Context(), nil, lim.MemoryWait, int(l.e.cfg.Memory)); err != nil { // all of it, or wait until the test times out
		t.Error(err)
	}
}

func TestDeviceWithBadCertificateIsToldWhy(t *testing.T) {
	l := listen(t, coordinatorConfig())
	other := prototest.Key("another authority")
	cert := prototest.Device().Cert
	expired := cert
	expired.NotAfter = prototest.Now - uint64(tlsid.Skew/time.Second) - 1
	early := cert
	early.NotBefore = prototest.Now + uint64(tlsid.Skew/time.Second) + 1
	for _, c := range []struct {
		name      string
		cert      protocol.Cert
		authority []byte
		code      protocol.Code
		text      string
	}{
		{"unknown authority", protocol.IssueCert(other, cert), prototest.Public(other), protocol.CodeUnauthorised, "does not know the authority"},
		{"expired", protocol.IssueCert(prototest.Authority(), expired), prototest.AuthorityKey(), protocol.CodeExpired, "renew it"},
		{"not yet valid", protocol.IssueCert(prototest.Authority(), early), prototest.AuthorityKey(), protocol.CodeExpired, "clock"},
		{"wrong class", prototest.Identity("device", protocol.ClassAnchor).Cert, prototest.AuthorityKey(), protocol.CodeUnauthorised, "class anchor"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := deviceConfig()
			cfg.Identity.Cert = c.cert
			e, err := newEndpointOf(cfg, c.authority)
			if err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, l, e, c.code, c.text)
		})
	}
}

// newEndpointOf makes a device whose own certificate is of one authority and which believes the coordinator's, of prototest's.
func newEndpointOf(cfg Config, own []byte) (*endpoint, error) {
	believed := cfg.Authority
	cfg.Authority = own
	e, err := newEndpoint(cfg)
	if err == nil {
		e.party.Authority = believed
	}
	return e, err
}

func wantRefusal(t *testing.T, l *Listener, e *endpoint, code protocol.Code, text string) {
	t.Helper()
	pc := socket(t)
	c, err := e.dial(t.Context(), pc, l.Addr())
	if err == nil {
		_, err = c.Recv(t.Context())
	}
	var hung *protocol.HangUpError
	if !errors.As(err, &hung) || hung.Code != code || !strings.Contains(hung.Detail, text) {
		t.Errorf("the device is told %v, want code %v and a text with %q", err, code, text)
	}
}

func TestDialRefusesTheWrongCoordinator(t *testing.T) {
	l := listen(t, coordinatorConfig())
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   error
	}{
		{"another key is pinned", func(c *Config) { c.PeerKey = prototest.Public(prototest.Key("someone")) }, protocol.ErrWrongKey},
		{"another class is wanted", func(c *Config) { c.PeerClass = protocol.ClassAnchor }, protocol.ErrWrongClass},
		{"its certificate has expired", func(c *Config) { c.Now = func() time.Time { return time.Unix(prototest.NotAfter+301, 0) } }, protocol.ErrExpired},
		{"its certificate is not valid yet", func(c *Config) { c.Now = func() time.Time { return time.Unix(prototest.NotBefore-301, 0) } },
			protocol.ErrNotYetValid},
		{"another authority is believed", func(c *Config) {
			other := prototest.Key("another authority")
			c.Authority, c.Identity.Cert = prototest.Public(other), protocol.IssueCert(other, c.Identity.Cert)
		}, protocol.ErrUnknownAuthority},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := deviceConfig()
			c.change(&cfg)
			if _, err := Dial(t.Context(), l.Addr().String(), cfg); !errors.Is(err, c.want) {
				t.Errorf("dial: %v, want %v", err, c.want)
			}
		})
	}
}

func TestClocksMayDifferByFiveMinutes(t *testing.T) {
	l := listen(t, coordinatorConfig())
	for _, at := range []int64{prototest.NotBefore - 300, prototest.NotAfter + 300} {
		cfg := deviceConfig()
		cfg.Now = func() time.Time { return time.Unix(at, 0) }
		c, err := Dial(t.Context(), l.Addr().String(), cfg)
		if err != nil {
			t.Errorf("at %d: %v", at, err)
			continue
		}
		server, err := l.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hangUp(t, c, server)
	}
}

func TestConfigMixUpsAreToldBeforeAnythingOpens(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"key of another certificate": func(c *Config) { c.Identity.Key = prototest.Key("x") },
		"no key":                     func(c *Config) { c.Identity.Key = nil },
		"no authority":               func(c *Config) { c.Authority = nil },
		"short pin":                  func(c *Config) { c.PeerKey = c.PeerKey[:5] },
		"no class":                   func(c *Config) { c.PeerClass = 0 },
		"certificate of others":      func(c *Config) { c.Authority = prototest.Public(prototest.Key("x")) },
		"no memory":                  func(c *Config) { c.Memory = 5 },
	} {
		cfg := deviceConfig()
		change(&cfg)
		if _, err := Listen("127.0.0.1:0", cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAddressesThatDoNotOpenAreExplained(t *testing.T) {
	l := listen(t, coordinatorConfig())
	_, err := Listen(l.Addr().String(), coordinatorConfig())
	for _, want := range []string{"listen on " + l.Addr().String(), "in use by another program; stop that program, choose another port"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("listening twice: %v, want %q in it", err, want)
		}
	}
	for addr, want := range map[string]string{"192.0.2.1:0": "does not have that address", "127.0.0.1": "missing port", "127.0.0.1:99999": "invalid port"} {
		if _, err := Listen(addr, coordinatorConfig()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), addr) {
			t.Errorf("listen on %s: %v, want %q in it", addr, err, want)
		}
	}
}

func TestDialOfNobodySaysWhatToCheck(t *testing.T) {
	_, err := Dial(t.Context(), "127.0.0.1", deviceConfig())
	if err == nil || !strings.Contains(err.Error(), "host:port") {
		t.Errorf("an address without a port: %v", err)
	}
}

func TestListenerCloseEndsItsConnections(t *testing.T) {
	l, err := Listen("127.0.0.1:0", coordinatorConfig())
	if err != nil {
		t.Fatal(err)
	}
	client, server := connect(t, l, deviceConfig())
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var hung *protocol.HangUpError
	if _, err := client.Recv(t.Context()); !errors.As(err, &hung) || hung.Code != protocol.CodeShutdown {
		t.Errorf("client: %v, want a shutdown", err)
	}
	if _, err := server.Recv(t.Context()); !errors.Is(err, protocol.ErrClosed) {
		t.Errorf("server: %v, want ErrClosed", err)
	}
	if _, err := l.Accept(t.Context()); !errors.Is(err, protocol.ErrClosed) {
		t.Errorf("accept: %v, want ErrClosed", err)
	}
	again, err := Listen(addr, coordinatorConfig()) // the port is free again
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func socket(t testing.TB) *net.UDPConn {
	t.Helper()
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}
