package prototest

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/cinesync/cinesync/protocol"
)

// bothWays moves more than any window holds in each direction at the same time: neither may wait for the other.
func bothWays(t *testing.T, p *parties) {
	const n = 20
	p.speak(t)
	var wg sync.WaitGroup
	for _, way := range [][2]protocol.Conn{{p.client, p.server}, {p.server, p.client}} {
		from, to := way[0], way[1]
		wg.Go(func() {
			for i := range uint64(n) {
				if err := from.Send(p.ctx, &protocol.Chunk{Offset: i, Data: pattern(protocol.ChunkSize)}); err != nil {
					t.Errorf("send chunk %d: %v", i, err)
					return
				}
			}
		})
		wg.Go(func() {
			for i := range uint64(n) {
				m, err := to.Recv(p.ctx)
				if err != nil {
					t.Errorf("receive chunk %d: %v", i, err)
					return
				}
				if c, ok := m.(*protocol.Chunk); !ok || c.Offset != i || !bytes.Equal(c.Data, pattern(protocol.ChunkSize)) {
					t.Errorf("chunk %d arrived changed or out of order", i)
					return
				}
			}
		})
	}
	wg.Wait()
}

// abandoned gives up a send that waits for the peer. The peer gets the messages before it, whole and in order, and then the end: a hang-up or
// the word that the connection is lost, never a part of a frame.
func abandoned(t *testing.T, p *parties) {
	p.speak(t)
	ctx, cancel := context.WithCancel(p.ctx)
	sent := make(chan uint64, 1000)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for i := range uint64(cap(sent)) {
			if err := p.client.Send(ctx, &protocol.Chunk{Offset: i, Data: pattern(protocol.ChunkSize)}); err != nil {
				return
			}
			sent <- i
		}
	}()
	if got := p.recv(t, p.server).(*protocol.Chunk).Offset; got != 0 {
		t.Fatalf("chunk %d came first", got)
	}
	cancel()
	<-gone
	close(sent)
	closed := make(chan error, 1)
	go func() { closed <- p.client.Close(protocol.CodeOK, "") }()
	for next := uint64(1); ; next++ {
		m, err := p.server.Recv(p.ctx)
		if err != nil {
			var hung *protocol.HangUpError
			if !errors.Is(err, protocol.ErrLost) && !errors.As(err, &hung) {
				t.Errorf("the connection ends with %v, want a hang-up or ErrLost", err)
			} else if hung != nil && hung.Code != protocol.CodeShutdown && hung.Code != protocol.CodeOK {
				t.Errorf("the connection ends with %v: a sender that gives up accuses nobody", err)
			}
			break
		}
		if c, ok := m.(*protocol.Chunk); !ok || c.Offset != next || !bytes.Equal(c.Data, pattern(protocol.ChunkSize)) {
			t.Fatalf("message %d arrived changed or out of order", next)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// closeFirst ends a connection on which the dialling side has never spoken.
func closeFirst(t *testing.T, p *parties) {
	done := make(chan error, 1)
	go func() { done <- p.client.Close(protocol.CodeShutdown, "changed my mind") }()
	_, err := p.server.Recv(p.ctx)
	wantHangUp(t, err, protocol.CodeShutdown, "changed my mind", 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// crowd holds many connections open, lets all speak at once, and bounds what they hold when they are quiet again.
func crowd(t *testing.T, open Open) {
	const n = 200
	const most = 512 << 10 // of memory for both ends of one connection
	before := heap()
	all := make([]*parties, n)
	for i := range all {
		all[i] = start(t, open)
		all[i].speak(t) // a connection without a message would be ended while the rest are opened
	}
	var wg sync.WaitGroup
	for i, p := range all {
		wg.Go(func() {
			if err := p.client.Send(p.ctx, &protocol.Chunk{Offset: uint64(i), Data: pattern(20 << 10)}); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		})
		wg.Go(func() {
			m, err := p.server.Recv(p.ctx)
			if err != nil {
				t.Errorf("connection %d: %v", i, err)
				return
			}
			if err := p.server.Send(p.ctx, &protocol.InputState{Offset: m.(*protocol.Chunk).Offset}); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i, p := range all {
		if got := p.recv(t, p.client).(*protocol.InputState).Offset; got != uint64(i) {
			t.Errorf("connection %d got the answer of %d", i, got)
		}
	}
	if held := heap() - before; held > n*most {
		t.Errorf("%d connections hold %d KiB each, want at most %d", n, held/n>>10, most>>10)
	} else {
		t.Logf("%d connections hold %d KiB each", n, held/n>>10)
	}
	for _, p := range all {
		wg.Go(func() {
			if err := p.client.Close(protocol.CodeOK, ""); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			_, err := p.server.Recv(p.ctx)
			var hung *protocol.HangUpError
			if !errors.As(err, &hung) || hung.Code != protocol.CodeOK {
				t.Errorf("the server receives %v, want a hang-up", err)
			}
		})
	}
	wg.Wait()
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
