package quic

import (
	"crypto/ed25519"
	"crypto/tls"
	"fmt"
	"time"

	quicgo "github.com/quic-go/quic-go"

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

	// A packet this often on a quiet connection; negative for none. 0 means 15 s where it was dialled and none where it was accepted: the device
	// holds a connection while a round needs it and no longer, so it is the device that keeps it open.
	KeepAlive time.Duration
	Idle      time.Duration // a connection without any packet for this long is lost; 0 means 30 s

	// The rest matters to listeners only.

	MaxConns      int   // most connections at once; 0 means 20000
	MaxPerNetwork int   // most from one /24 (IPv4) or /56 (IPv6), loopback excepted; 0 means 1024
	Memory        int64 // most bytes of frames being read or handled, over all connections; 0 means 64 MiB, least 8 MiB
	Windows       int64 // most bytes that peers may send ahead beyond each connection's first 64 KiB; 0 means 256 MiB
}

// Settings of the endpoint, beside stream.Defaults (docs/spec/protocol.md §8).
const (
	handshakeTimeout = 3 * time.Second  // without a packet, before the handshake is done
	keepAlive        = 15 * time.Second // of a connection that was dialled

	firstWindow     = 64 << 10 // what an accepted peer may send before anything of it is read
	maxStreamWindow = 1 << 20
	maxConnWindow   = 2 << 20

	acceptQueue = 1024 // connections waiting for Accept; more are told that the listener is busy
	retryAbove  = 200  // new connections a second above which an address must prove itself first
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
	return &endpoint{cfg: cfg, party: party, stream: stream.Endpoint{Limits: stream.Defaults(), Memory: stream.NewMemory(cfg.Memory)}}, nil
}

func (c *Config) setDefaults() {
	if c.Idle == 0 {
		c.Idle = 30 * time.Second
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
	if c.Windows == 0 {
		c.Windows = 256 << 20
	}
}

// transport is quic-go's configuration, with the side's own keep-alive; it is made once and never changed.
func (e *endpoint) transport(alive time.Duration) *quicgo.Config {
	if e.cfg.KeepAlive != 0 {
		alive = max(e.cfg.KeepAlive, 0)
	}
	return &quicgo.Config{
		HandshakeIdleTimeout:           handshakeTimeout,
		MaxIdleTimeout:                 e.cfg.Idle,
		KeepAlivePeriod:                alive,
		InitialStreamReceiveWindow:     firstWindow,
		MaxStreamReceiveWindow:         maxStreamWindow,
		InitialConnectionReceiveWindow: firstWindow,
		MaxConnectionReceiveWindow:     maxConnWindow,
		MaxIncomingUniStreams:          -1,
		RequireStreamCreditRelease:     true,
		Allow0RTT:                      false,
	}
}

// tlsConfig has each handshake check its peer.
func (e *endpoint) tlsConfig() (*tls.Config, error) {
	conf, err := e.party.Config()
	if err != nil {
		return nil, err
	}
	conf.VerifyConnection = e.party.Verify
	return conf, nil
}
