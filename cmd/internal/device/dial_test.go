package device

import (
	"crypto/ed25519"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/quic"
	"github.com/cinesync/cinesync/protocol/tcp"
)

// certified is a party of authority 2 with the key of this seed.
func certified(key byte, class protocol.Class) protocol.Identity {
	secret := func(b byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(append(make([]byte, 31), b)) }
	holder := secret(key)
	return protocol.Identity{Key: holder, Cert: protocol.IssueCert(secret(2), protocol.Cert{IDPK: [32]byte(holder[32:]), Class: class,
		NotAfter: uint64(time.Now().Add(time.Hour).Unix()), Quota: 1})}
}

// coordinators listens over TCP as coordinator 1, and over QUIC as the one of seed quicKey, 0 for nobody.
func coordinators(t *testing.T, quicKey byte) (*Config, *tcp.Listener) {
	t.Helper()
	authority := certified(2, protocol.ClassAnchor).Key.Public().(ed25519.PublicKey)
	l, err := tcp.Listen("127.0.0.1:0", tcp.Config{Identity: certified(1, protocol.ClassCoordinator), Authority: authority, PeerClass: protocol.ClassDevice})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	if quicKey > 0 {
		q, err := quic.ListenOn(silent, quic.Config{Identity: certified(quicKey, protocol.ClassCoordinator), Authority: authority, PeerClass: protocol.ClassDevice})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = q.Close() })
	}
	cfg := New(silent.LocalAddr().String(), protocol.Verifier{Ed: certified(1, protocol.ClassCoordinator).Key.Public().(ed25519.PublicKey)},
		protocol.Verifier{Ed: authority}, pub(3), "x/log", "balanced")
	return cfg, l
}

// TestTCPIsDialledWhereQUICFindsNobody waits as long as a device does for an answer over UDP, in all cases at once.
func TestTCPIsDialledWhereQUICFindsNobody(t *testing.T) {
	for name, tcpToo := range map[string]bool{"over TCP": true, "no address for TCP": false, "nobody anywhere": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, l := coordinators(t, 0)
			id := certified(7, protocol.ClassDevice)
			switch {
			case tcpToo:
				cfg.AddressTCP = l.Addr().String()
			case name == "nobody anywhere":
				cfg.AddressTCP = "127.0.0.1:1"
			}
			conn, err := cfg.dial(t.Context(), id, Hooks{})
			if !tcpToo {
				if !errors.Is(err, protocol.ErrLost) || strings.Contains(err.Error(), "over TCP") != (cfg.AddressTCP != "") {
					t.Errorf("%v, %v; want ErrLost, and a word about TCP where it was tried", conn, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := conn.Peer().IDPK, certified(1, protocol.ClassCoordinator).Cert.IDPK; got != want {
				t.Errorf("it is connected to %x, want %x", got, want)
			}
			if server, err := l.Accept(t.Context()); err != nil || server.Peer().IDPK != id.Cert.IDPK {
				t.Errorf("the coordinator accepts %v", err)
			}
		})
	}
}

// TestTCPIsNotDialledAroundAnAnswer: a coordinator that is there and is the wrong one is not a reason to look elsewhere.
func TestTCPIsNotDialledAroundAnAnswer(t *testing.T) {
	cfg, _ := coordinators(t, 5)
	cfg.AddressTCP = "127.0.0.1:1"
	if _, err := cfg.dial(t.Context(), certified(7, protocol.ClassDevice), Hooks{}); !errors.Is(err, protocol.ErrWrongKey) || strings.Contains(err.Error(), "over TCP") {
		t.Errorf("dial: %v, want ErrWrongKey and no word about TCP", err)
	}
}

func TestQUICIsDialledFirst(t *testing.T) {
	cfg, _ := coordinators(t, 1)
	cfg.AddressTCP = "127.0.0.1:1" // nobody is there
	conn, err := cfg.dial(t.Context(), certified(7, protocol.ClassDevice), Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(protocol.CodeOK, ""); err != nil {
		t.Error(err)
	}
}
