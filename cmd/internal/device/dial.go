package device

import (
	"context"
	"errors"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/quic"
	"github.com/cinesync/cinesync/protocol/tcp"
)

// dial connects to the coordinator over QUIC and, where that finds nobody and the configuration has an address for it, over TCP. A coordinator
// that answered has said all there is to say: what it refuses is not tried again by the other way.
func (c *Config) dial(ctx context.Context, id protocol.Identity, h Hooks) (protocol.Conn, error) {
	conn, err := quic.Dial(ctx, c.Address, quic.Config{Identity: id, Authority: c.authority.Ed, PeerClass: protocol.ClassCoordinator, PeerKey: c.coordinator.Ed,
		KeepAlive: h.KeepAlive, Idle: h.Idle})
	if err == nil || c.AddressTCP == "" || ctx.Err() != nil || protocol.CodeOf(err) != protocol.CodeInternal {
		return conn, err
	}
	other, errTCP := tcp.Dial(ctx, c.AddressTCP, tcp.Config{Identity: id, Authority: c.authority.Ed, PeerClass: protocol.ClassCoordinator, PeerKey: c.coordinator.Ed,
		KeepAlive: h.KeepAlive})
	if errTCP != nil {
		return nil, errors.Join(err, errTCP)
	}
	return other, nil
}
