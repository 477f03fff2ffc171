package tcp

import (
	"context"
	"errors"
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

func pass(t testing.TB, from, to protocol.Conn, m protocol.Message) {
	t.Helper()
	sent := make(chan error, 1)
	go func() { sent <- from.Send(t.Context(), m) }()
	if _, err := to.Recv(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// hangUp closes a connection whose other side listens.
func hangUp(t testing.TB, client, server protocol.Conn) {
	t.Helper()
	closed := make(chan error, 1)
	go func() { closed <- client.Close(protocol.CodeOK, "") }()
	_, err := server.Recv(context.Background())
	wantCode(t, err, protocol.CodeOK, "")
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func wantCode(t testing.TB, err error, code protocol.Code, text string) {
	t.Helper()
	var hung *protocol.HangUpError
	if !errors.As(err, &hung) || hung.Code != code || !strings.Contains(hung.Detail, text) {
		t.Errorf("error %v, want a hang-up with code %v and %q", err, code, text)
	}
}

func TestTCPConforms(t *testing.T) {
	l := listen(t, coordinatorConfig())
	prototest.Run(t, func(t *testing.T) (client, server protocol.Conn) { return connect(t, l, deviceConfig()) })
}

func TestMemoryIsGivenBack(t *testing.T) {
	l := listen(t, coordinatorConfig())
	client, server := connect(t, l, deviceConfig())
	for range 3 {
		pass(t, client, server, &protocol.Chunk{Data: make([]byte, protocol.ChunkSize)})
	}
	if held, want := l.e.cfg.Memory-l.e.stream.Memory.Free(), int64(protocol.ChunkSize+44); held != want {
		t.Errorf("%d bytes held while one chunk is handled, want %d", held, want)
	}
	hangUp(t, client, server)
	if err := l.e.stream.Memory.Take(t.Context(), nil, time.Minute, int(l.e.cfg.Memory)); err != nil {
		t.Error(err)
	}
}

// TestDeviceWithBadCertificateIsToldWhy: crypto/tls has one alert for all of these, so the reason comes in a hang-up.
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
			cfg.Identity.Cert, cfg.Authority = c.cert, c.authority
			e, err := newEndpoint(cfg)
			if err != nil {
				t.Fatal(err)
			}
			e.party.Authority = prototest.AuthorityKey() // whom it believes, which is another than its own
			device, err := e.dial(t.Context(), l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, err = device.Recv(t.Context())
			wantCode(t, err, c.code, c.text)
		})
	}
	nobodyCame(t, l)
}

// nobodyCame fails if a connection waits to be accepted.
func nobodyCame(t *testing.T, l *Listener) {
	t.Helper()
	if n := len(l.queue); n > 0 {
		t.Errorf("%d connections came through", n)
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
	nobodyCame(t, l)
}

func TestConfigMixUpsAreToldBeforeAnythingOpens(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"key of another certificate": func(c *Config) { c.Identity.Key = prototest.Key("x") },
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
		if _, err := Dial(t.Context(), "127.0.0.1:1", cfg); err == nil || errors.Is(err, protocol.ErrLost) {
			t.Errorf("%s: dial: %v", name, err)
		}
	}
}

func TestAddressesThatDoNotOpenAreExplained(t *testing.T) {
	l := listen(t, coordinatorConfig())
	_, err := Listen(l.Addr().String(), coordinatorConfig())
	for _, want := range []string{"listen on TCP " + l.Addr().String(), "in use by another program; stop that program, choose another port"} {
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
	if _, err := Dial(t.Context(), "127.0.0.1", deviceConfig()); err == nil || !strings.Contains(err.Error(), "missing port") {
		t.Errorf("an address without a port: %v", err)
	}
	l, err := Listen("127.0.0.1:0", coordinatorConfig())
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), addr, deviceConfig()); !errors.Is(err, protocol.ErrLost) || !strings.Contains(err.Error(), "does it listen on TCP") {
		t.Errorf("a port where nobody listens: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ended, addr, deviceConfig()); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestListenerCloseEndsItsConnections(t *testing.T) {
	l, err := Listen("127.0.0.1:0", coordinatorConfig())
	if err != nil {
		t.Fatal(err)
	}
	client, server := connect(t, l, deviceConfig())
	addr := l.Addr().String()
	told := make(chan error, 1)
	go func() {
		_, err := client.Recv(context.Background())
		told <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-told, protocol.CodeShutdown, "reconnect later")
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
	if err := errors.Join(again.Close(), again.Close()); err != nil {
		t.Error(err)
	}
}
