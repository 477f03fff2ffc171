package operate

import (
	"context"
	"errors"
	"time"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/quic"
	"github.com/cinesync/cinesync/protocol/tcp"
)

// listeners are the coordinator's ways in: QUIC, and TCP where the configuration has an address for it. Who came by which makes no difference
// behind them.
type listeners struct {
	quic *quic.Listener
	tcp  *tcp.Listener // nil: off
	came chan accepted
}

type accepted struct {
	conn protocol.Conn
	err  error
}

func listen(cfg *Config, keys *keys) (*listeners, error) {
	q, err := quic.Listen(cfg.Listen, quic.Config{Identity: keys.identity, Authority: keys.authority.Ed, PeerClass: protocol.ClassDevice, Now: time.Now})
	if err != nil {
		return nil, err
	}
	l := &listeners{quic: q, came: make(chan accepted)}
	if cfg.ListenTCP == "" {
		return l, nil
	}
	l.tcp, err = tcp.Listen(cfg.ListenTCP, tcp.Config{Identity: keys.identity, Authority: keys.authority.Ed, PeerClass: protocol.ClassDevice, Now: time.Now})
	if err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return l, nil
}

// pump hands on what one listener accepts, until ctx or the listener ends.
func (l *listeners) pump(ctx context.Context, from coordinator.Listener) {
	for {
		conn, err := from.Accept(ctx)
		select {
		case l.came <- accepted{conn, err}:
		case <-ctx.Done():
			if conn != nil {
				conn.Close(protocol.CodeShutdown, "the coordinator stops; reconnect later")
			}
			return
		}
		if err != nil {
			return
		}
	}
}

// start pumps until the function it gives is called.
func (l *listeners) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	from := []coordinator.Listener{l.quic}
	if l.tcp != nil {
		from = append(from, l.tcp)
	}
	for _, f := range from {
		go func() { l.pump(ctx, f); done <- struct{}{} }()
	}
	return func() {
		cancel()
		for range from {
			<-done
		}
	}
}

// Accept gives the next connection of either.
func (l *listeners) Accept(ctx context.Context) (protocol.Conn, error) {
	select {
	case a := <-l.came:
		return a.conn, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listeners) addresses() (overQUIC, overTCP string) {
	if l.tcp != nil {
		overTCP = l.tcp.Addr().String()
	}
	return l.quic.Addr().String(), overTCP
}

// Close ends both.
func (l *listeners) Close() error {
	err := l.quic.Close()
	if l.tcp != nil {
		err = errors.Join(err, l.tcp.Close())
	}
	return err
}
