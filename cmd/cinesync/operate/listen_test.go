package operate

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/quic"
	"github.com/cinesync/cinesync/protocol/tcp"
)

// enrolled is a device of the tests' authority.
func enrolled(t *testing.T, seed byte) protocol.Identity {
	t.Helper()
	key := ed25519.NewKeyFromSeed(append(make([]byte, 31), seed))
	req, err := protocol.NewRequest(key, protocol.ClassDevice, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, certPQ, err := Sign(authority, req, Enrolled{Days: 1, Quota: 1}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return protocol.Identity{Key: key, Cert: cert, CertPQ: certPQ}
}

// TestDeviceHasOneConnectionWhateverCarriesIt connects over QUIC, then over TCP, then over QUIC: each time the newer one ends the older.
func TestDeviceHasOneConnectionWhateverCarriesIt(t *testing.T) {
	cfg := config()
	cfg.ListenTCP = "127.0.0.1:0"
	dir := made(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	listening, ended := make(chan coordinator.Event, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, dir, Options{OnEvent: func(e coordinator.Event) {
			if e.Kind == "listening" {
				listening <- e
			}
		}})
	}()
	var at coordinator.Event
	select {
	case at = <-listening:
	case err := <-ended:
		t.Fatal(err)
	}
	id := enrolled(t, 9)
	dials := map[bool]func() (protocol.Conn, error){
		false: func() (protocol.Conn, error) {
			return quic.Dial(t.Context(), at.Address, quic.Config{Identity: id, Authority: public(authority), PeerClass: protocol.ClassCoordinator})
		},
		true: func() (protocol.Conn, error) {
			return tcp.Dial(t.Context(), at.TCP, tcp.Config{Identity: id, Authority: public(authority), PeerClass: protocol.ClassCoordinator})
		},
	}
	var older protocol.Conn
	for _, overTCP := range []bool{false, true, false} {
		conn, err := dials[overTCP]()
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Send(t.Context(), &protocol.Hello{}); err != nil {
			t.Fatal(err)
		}
		if m, err := conn.Recv(t.Context()); err != nil || m.Type() != protocol.TypeWelcome {
			t.Fatalf("over TCP %v: %v, %v; want a welcome", overTCP, m, err)
		}
		if older != nil {
			wantEnd(t, older, protocol.CodeConflict)
		}
		older = conn
	}
	cancel()
	wantEnd(t, older, protocol.CodeShutdown)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// wantEnd reads until the connection ends with this code.
func wantEnd(t *testing.T, c protocol.Conn, code protocol.Code) {
	t.Helper()
	for {
		_, err := c.Recv(t.Context())
		if err == nil {
			continue
		}
		var hung *protocol.HangUpError
		if !errors.As(err, &hung) || hung.Code != code {
			t.Errorf("it ends with %v, want %v", err, code)
		}
		return
	}
}

func TestTCPPortInUseNamesTheAddressAndTheNextStep(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := config()
	cfg.ListenTCP = taken.Addr().String()
	refuses(t, made(t, cfg), cfg.ListenTCP, "TCP", "in use", "choose another port")
}
