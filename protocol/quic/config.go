package quic

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/cinesync/cinesync/protocol"
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
	Memory        int64 // most bytes of frames being read or handled, over all connections; 0 means 64 MiB, least 1 MiB
	Windows       int64 // most bytes that peers may send ahead beyond each connection's first 64 KiB; 0 means 256 MiB
}

// Settings of the endpoint (design: reliability 6; docs/spec/protocol.md §8).
const (
	alpn = "cinesync/2"

	skew             = 5 * time.Minute  // tolerance of certificate dates
	handshakeTimeout = 3 * time.Second  // without a packet, before the handshake is done
	firstFrame       = 5 * time.Second  // for the stream to open, and then for its first frame
	keepAlive        = 15 * time.Second // of a connection that was dialled
	linger           = time.Second      // for a hang-up to arrive
	rateWindow       = 10 * time.Second // each of these must bring minRate bytes of a frame that has begun
	minRate          = 10 << 10         // 1 KiB/s
	stall            = 30 * time.Second // each piece of a frame must leave within it: 1 KiB/s too
	piece            = 32 << 10
	memoryWait       = 10 * time.Second // for memory to hold a frame; well below stall, since the peer's Send waits for it
	busyRetry        = 60               // seconds that a busy peer is left alone when it named none

	firstWindow     = 64 << 10 // what an accepted peer may send before anything of it is read
	maxStreamWindow = 1 << 20
	maxConnWindow   = 2 << 20

	acceptQueue = 1024 // connections waiting for Accept; more are told that the listener is busy
	retryAbove  = 200  // new connections a second above which an address must prove itself first
)

// endpoint is what all connections of one Dial or Listen share.
type endpoint struct {
	cfg    Config
	memory *memory
	frames sync.Pool // of *[]byte, the buffers that frames are encoded into
}

func newEndpoint(cfg Config) (*endpoint, error) {
	if err := cfg.Identity.Check(); err != nil {
		return nil, err
	}
	if len(cfg.Authority) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("authority key of %d bytes, want %d", len(cfg.Authority), ed25519.PublicKeySize)
	}
	if n := len(cfg.PeerKey); n != 0 && n != ed25519.PublicKeySize {
		return nil, fmt.Errorf("pinned peer key of %d bytes, want %d", n, ed25519.PublicKeySize)
	}
	if cfg.PeerClass < protocol.ClassDevice || cfg.PeerClass > protocol.ClassAnchor {
		return nil, fmt.Errorf("peer class %d is not a class", uint8(cfg.PeerClass))
	}
	// Dates are the peer's to judge: a clock that is wrong here must not decide. The rest is a mix-up of files, better told at once.
	own := cfg.Identity.Cert
	if err := own.Verify(cfg.Authority, own.NotBefore, own.Class); err != nil {
		return nil, fmt.Errorf("own certificate: %w; ask the enrolment authority that this installation trusts for one", err)
	}
	cfg.setDefaults()
	if cfg.Memory < protocol.MaxRosterBundle {
		return nil, fmt.Errorf("memory for frames of %d bytes, want at least %d", cfg.Memory, protocol.MaxRosterBundle)
	}
	return &endpoint{cfg: cfg, memory: newMemory(cfg.Memory)}, nil
}

func (c *Config) setDefaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
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

// checkPeer verifies the other side's certificate, with tolerance for clocks that differ.
func (e *endpoint) checkPeer(c protocol.Cert) error {
	now := e.cfg.Now()
	err := c.Verify(e.cfg.Authority, unix(now), e.cfg.PeerClass)
	switch {
	case errors.Is(err, protocol.ErrNotYetValid):
		err = c.Verify(e.cfg.Authority, unix(now.Add(skew)), e.cfg.PeerClass)
	case errors.Is(err, protocol.ErrExpired):
		err = c.Verify(e.cfg.Authority, unix(now.Add(-skew)), e.cfg.PeerClass)
	}
	if err != nil {
		return err
	}
	if len(e.cfg.PeerKey) > 0 && [32]byte(e.cfg.PeerKey) != c.IDPK {
		return fmt.Errorf("%w: %x, pinned is %x; was the coordinator replaced", protocol.ErrWrongKey, c.IDPK[:4], e.cfg.PeerKey[:4])
	}
	return nil
}

func unix(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }
