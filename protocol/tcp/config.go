package tcp

import (
	"crypto/ed25519"
	"fmt"
	"net"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/stream"
	"github.com/cinesync/cinesync/protocol/tlsid"
)

// Config describes one party. Identity, Authority and PeerClass must be set; everything else has a default.
type Config struct {
	Identity  protocol.Identity // this side's key and certificate
	Authority ed25519.PublicKey // whose certificates are believed
	PeerClass protocol.Class    // what the other side must be
	PeerKey   ed25519.PublicKey // pinned key of the other side, empty for any that Authority certified

	Now func() time.Time // the clock that certificate dates are compared with, ±5 minutes; nil means time.Now

	KeepAlive time.Duration // a quiet connection is probed this often, and lost after three probes without an answer; 0 means 15 s, negative never

	// The rest matters to listeners only.

	MaxConns      int   // most connections at once, handshakes included; 0 means 20000
	MaxPerNetwork int   // most from one /24 (IPv4) or /56 (IPv6), loopback excepted; 0 means 1024
	Memory        int64 // most bytes of frames being read or handled, over all connections; 0 means 64 MiB, least 8 MiB

	handshake time.Duration // most that a handshake takes, connecting included; 0 means 6 s
	limits    *stream.Limits
}

const (
	connectTimeout = 3 * time.Second
	acceptQueue    = 1024 // connections waiting for Accept; more are told that the listener is busy
)

// endpoint is what all connections of one Dial or Listen share.
type endpoint struct {
	cfg    Config
	party  tlsid.Party
	stream stream.Endpoint
}

func newEndpoint(cfg Config) (*endpoint, error) {
	party := tlsid.Party{Identity: cfg.Identity, Authority: cfg.Authority, PeerClass: cfg.PeerClass, PeerKey: cfg.PeerKey, Now: cfg.Now}
	if err := party.Check(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	if cfg.Memory < protocol.MaxRosterBundle {
		return nil, fmt.Errorf("memory for frames of %d bytes, want at least %d", cfg.Memory, protocol.MaxRosterBundle)
	}
	return &endpoint{cfg: cfg, party: party, stream: stream.Endpoint{Limits: *cfg.limits, Memory: stream.NewMemory(cfg.Memory), Mute: true}}, nil
}

func (c *Config) setDefaults() {
	if c.KeepAlive == 0 {
		c.KeepAlive = 15 * time.Second
	}
	if c.MaxConns == 0 {
		c.MaxConns = 20000
	}
	if c.MaxPerNetwork == 0 {
		c.MaxPerNetwork = 1024
	}
	if c.Memory == 0 {
		c.Memory = 64 << 20
	}
	if c.handshake == 0 {
		c.handshake = 6 * time.Second
	}
	if c.limits == nil {
		limits := stream.Defaults()
		c.limits = &limits
	}
}

// probes is the system's keep-alive: what quic does with packets of its own.
func (c *Config) probes() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: c.KeepAlive > 0, Idle: c.KeepAlive, Interval: max(c.KeepAlive/3, time.Second), Count: 3}
}
