package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	quicgo "github.com/quic-go/quic-go"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
	"github.com/cinesync/cinesync/protocol/tlsid"
)

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
			client, server := connect(t, l, deviceConfig())
			if _, err := raw(t, client).Write([]byte(c.bytes)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the same word however often one asks
				if _, err := server.Recv(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("the server receives %v, want %v", err, c.want)
				}
			}
			_, err := client.Recv(t.Context())
			wantCode(t, err, c.code, c.text)
			if err := l.e.stream.Memory.Take(t.Context(), nil, lim.MemoryWait, int(l.e.cfg.Memory)); err != nil {
				t.Errorf("memory was not given back: %v", err)
			}
		})
	}
}

func TestListenerGrantsOneStreamAndNoOther(t *testing.T) {
	l := listen(t, coordinatorConfig())
	client, server := connect(t, l, deviceConfig())
	pass(t, client, server, &protocol.Hello{})
	qc := client.(*dialled).qc
	if _, err := qc.OpenStream(); err == nil {
		t.Error("the device opens a second stream")
	}
	if _, err := qc.OpenUniStream(); err == nil {
		t.Error("the device opens a unidirectional stream")
	}
	if _, err := server.(*conn).qc.OpenStream(); err == nil {
		t.Error("the coordinator opens a stream of its own")
	}
	if err := qc.SendDatagram([]byte("x")); err == nil {
		t.Error("datagrams pass")
	}
}

// outsider dials l with any TLS configuration and returns what it is told.
func outsider(t *testing.T, l *Listener, conf *tls.Config) error {
	t.Helper()
	tr := &quicgo.Transport{Conn: socket(t)}
	defer func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}()
	conf.InsecureSkipVerify = true
	qc, err := tr.Dial(t.Context(), l.Addr(), conf, nil)
	if err != nil {
		return err
	}
	defer func() { _ = qc.CloseWithError(0, "") }()
	_, err = qc.AcceptStream(t.Context())
	return err
}

func TestOutsidersAreRefusedInTheHandshake(t *testing.T) {
	l := listen(t, coordinatorConfig())
	good, err := tlsid.Leaf(prototest.Device())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan error, 1)
	go func() {
		_, err := l.Accept(ctx)
		accepted <- err
	}()
	for name, c := range map[string]struct {
		conf  *tls.Config
		alert tls.AlertError
	}{
		"no certificate":           {&tls.Config{NextProtos: []string{tlsid.ALPN}}, tlsid.AlertCertificateRequired},
		"another protocol":         {&tls.Config{NextProtos: []string{"h3"}, Certificates: []tls.Certificate{good}}, tlsid.AlertNoALPN},
		"no protocol":              {&tls.Config{Certificates: []tls.Certificate{good}}, tlsid.AlertNoALPN},
		"a plain X.509 one":        {&tls.Config{NextProtos: []string{tlsid.ALPN}, Certificates: []tls.Certificate{prototest.Leaf(t, prototest.Key("device"))}}, tlsid.AlertBadCertificate},
		"another party's":          {&tls.Config{NextProtos: []string{tlsid.ALPN}, Certificates: []tls.Certificate{stolen(t)}}, tlsid.AlertAccessDenied},
		"two certificates in line": {&tls.Config{NextProtos: []string{tlsid.ALPN}, Certificates: []tls.Certificate{{Certificate: [][]byte{good.Certificate[0], good.Certificate[0]}, PrivateKey: good.PrivateKey}}}, tlsid.AlertBadCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			err := outsider(t, l, c.conf)
			var told *quicgo.TransportError
			if !errors.As(err, &told) || told.ErrorCode != quicgo.TransportErrorCode(0x100+uint64(c.alert)) {
				t.Errorf("it is told %v, want alert %d", err, uint8(c.alert))
			}
		})
	}
	cancel()
	if err := <-accepted; !errors.Is(err, context.Canceled) {
		t.Errorf("accept: %v; an outsider came through", err)
	}
}

// stolen is a leaf of another key around the device's certificate.
func stolen(t *testing.T) tls.Certificate {
	t.Helper()
	c, err := tlsid.Leaf(protocol.Identity{Key: prototest.Key("thief"), Cert: prototest.Device().Cert})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tickets counts the sessions that a listener offers for later.
type tickets struct{ put atomic.Int32 }

func (*tickets) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (s *tickets) Put(string, *tls.ClientSessionState)      { s.put.Add(1) }

func TestListenerIssuesNoTickets(t *testing.T) {
	l := listen(t, coordinatorConfig())
	good, err := tlsid.Leaf(prototest.Device())
	if err != nil {
		t.Fatal(err)
	}
	cache := &tickets{}
	conf := &tls.Config{NextProtos: []string{tlsid.ALPN}, Certificates: []tls.Certificate{good}, ClientSessionCache: cache, InsecureSkipVerify: true, ServerName: "x"}
	tr := &quicgo.Transport{Conn: socket(t)}
	qc, err := tr.Dial(t.Context(), l.Addr(), conf, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := qc.OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := protocol.WriteMessage(s, &protocol.Hello{}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Recv(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Send(t.Context(), &protocol.Welcome{}); err != nil {
		t.Fatal(err)
	}
	if _, err := protocol.ReadMessage(s, nil); err != nil { // a ticket would have come before this
		t.Fatal(err)
	}
	if n := cache.put.Load(); n != 0 {
		t.Errorf("%d session tickets came", n)
	}
	if err := errors.Join(qc.CloseWithError(0, ""), tr.Close()); err != nil {
		t.Error(err)
	}
}

func TestFullListenerSaysBusy(t *testing.T) {
	t.Run("too many connections", func(t *testing.T) {
		cfg := coordinatorConfig()
		cfg.MaxConns = 1
		l := listen(t, cfg)
		client, server := connect(t, l, deviceConfig())
		_, err := Dial(t.Context(), l.Addr().String(), deviceConfig())
		wantCode(t, err, protocol.CodeBusy, "try again later")
		hangUp(t, client, server)
	})
	t.Run("nobody accepts", func(t *testing.T) {
		l := listen(t, coordinatorConfig())
		_, server := connect(t, l, deviceConfig())
		for len(l.queue) < cap(l.queue) {
			l.queue <- server.(*conn)
		}
		c, err := Dial(t.Context(), l.Addr().String(), deviceConfig())
		if err == nil { // the word comes after the handshake, perhaps before Dial returns
			_, err = c.Recv(t.Context())
		}
		wantCode(t, err, protocol.CodeBusy, "wait to be served")
	})
}

func TestRestartedListenerResetsOldConnectionsThatSpeak(t *testing.T) {
	simulate(t, coordinatorConfig(), func(t *testing.T, w *world) {
		client, server := w.connect(deviceConfig())
		w.speak(client, server)
		w.router.losing(dark) // as if killed: its last packets go nowhere
		if err := w.listener.Close(); err != nil {
			t.Fatal(err)
		}
		w.router.losing(nil)
		again, err := ListenOn(w.listener.transport.Conn, coordinatorConfig())
		if err != nil {
			t.Fatal(err)
		}
		w.listener, w.device = again, w.spare
		within(t, 0, slack, func() { // a keep-alive alone is too short for a reset to answer it (RFC 9000 §10.3)
			if err := client.Send(t.Context(), &protocol.Hello{}); err != nil {
				t.Error(err)
			}
			if _, err := client.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) || !strings.Contains(err.Error(), "restarted") {
				t.Errorf("the device receives %v, want ErrLost because of a restart", err)
			}
		})
		w.speak(w.connect(deviceConfig()))
	})
}
