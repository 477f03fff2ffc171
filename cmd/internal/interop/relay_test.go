package interop

import (
	"context"
	"io"
	"net"
	"sync/atomic"
)

// relay stands between one client and the coordinator. It cuts a connection short once so many bytes came from the coordinator: the first
// after cuts[0], the next after cuts[1], and those behind never.
type relay struct {
	net.Listener
	to   string
	cuts []int64
	cut  atomic.Int32 // connections that were cut
}

// newRelay listens on loopback and relays until ctx ends.
func newRelay(ctx context.Context, to string, cuts ...int64) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{Listener: l, to: to, cuts: cuts}
	context.AfterFunc(ctx, func() { l.Close() })
	go r.serve(ctx)
	return r, nil
}

func (r *relay) serve(ctx context.Context) {
	for i := 0; ; i++ {
		down, err := r.Accept()
		if err != nil {
			return
		}
		var d net.Dialer
		up, err := d.DialContext(ctx, "tcp", r.to)
		if err != nil {
			down.Close()
			continue
		}
		var from io.Reader = up
		if i < len(r.cuts) {
			from = io.LimitReader(up, r.cuts[i])
		}
		end := func() { down.Close(); up.Close() }
		stop := context.AfterFunc(ctx, end)
		go func() { io.Copy(up, down); end() }()
		go func() {
			if n, _ := io.Copy(down, from); i < len(r.cuts) && n == r.cuts[i] {
				r.cut.Add(1)
			}
			stop()
			end()
		}()
	}
}
