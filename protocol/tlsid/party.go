package tlsid

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// ALPN names the protocol and its version in the handshake.
const ALPN = "cinesync/2"

// Skew is the tolerance of certificate dates.
const Skew = 5 * time.Minute

// Party is one side, and what it wants of the other.
type Party struct {
	Identity  protocol.Identity // this side's key and certificate
	Authority ed25519.PublicKey // whose certificates are believed
	PeerClass protocol.Class    // what the other side must be
	PeerKey   ed25519.PublicKey // pinned key of the other side, empty for any that Authority certified
	Now       func() time.Time  // the clock that certificate dates are compared with; nil means time.Now
}

// Check finds mix-ups of files and settings, which are better told at once.
func (p *Party) Check() error {
	if err := p.Identity.Check(); err != nil {
		return err
	}
	if len(p.Authority) != ed25519.PublicKeySize {
		return fmt.Errorf("authority key of %d bytes, want %d", len(p.Authority), ed25519.PublicKeySize)
	}
	if n := len(p.PeerKey); n != 0 && n != ed25519.PublicKeySize {
		return fmt.Errorf("pinned peer key of %d bytes, want %d", n, ed25519.PublicKeySize)
	}
	if p.PeerClass < protocol.ClassDevice || p.PeerClass > protocol.ClassAnchor {
		return fmt.Errorf("peer class %d is not a class", uint8(p.PeerClass))
	}
	// Dates are the peer's to judge: a clock that is wrong here must not decide.
	own := p.Identity.Cert
	if err := own.Verify(p.Authority, own.NotBefore, own.Class); err != nil {
		return fmt.Errorf("own certificate: %w; ask the enrolment authority that this installation trusts for one", err)
	}
	return nil
}

// CheckPeer verifies the other side's certificate, with tolerance for clocks that differ.
func (p *Party) CheckPeer(c protocol.Cert) error {
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	err := c.Verify(p.Authority, unix(now()), p.PeerClass)
	switch {
	case errors.Is(err, protocol.ErrNotYetValid):
		err = c.Verify(p.Authority, unix(now().Add(Skew)), p.PeerClass)
	case errors.Is(err, protocol.ErrExpired):
		err = c.Verify(p.Authority, unix(now().Add(-Skew)), p.PeerClass)
	}
	if err != nil {
		return err
	}
	if len(p.PeerKey) > 0 && [32]byte(p.PeerKey) != c.IDPK {
		return fmt.Errorf("%w: %x, pinned is %x; was the coordinator replaced", protocol.ErrWrongKey, c.IDPK[:4], p.PeerKey[:4])
	}
	return nil
}

func unix(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }
