package prototest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/protocol"
)

// speak sends one message each way, so that both ends are known to be up.
func (p *parties) speak(t *testing.T) {
	t.Helper()
	p.send(t, p.client, &protocol.Hello{Round: 1})
	p.recv(t, p.server)
	p.send(t, p.server, &protocol.Welcome{Round: 1})
	p.recv(t, p.client)
}

func everyCode(t *testing.T, open Open) {
	for code := protocol.CodeOK; !strings.HasPrefix(code.String(), "code "); code++ {
		t.Run(code.String(), func(t *testing.T) {
			p := start(t, open)
			p.speak(t)
			closing, waiting := p.server, p.client
			if code%2 == 1 {
				closing, waiting = p.client, p.server
			}
			detail := "why " + code.String()
			done := make(chan error, 1)
			go func() { done <- closing.Close(code, detail) }()
			for range 2 { // the same answer however often one asks
				_, err := waiting.Recv(p.ctx)
				wantHangUp(t, err, code, detail, 0)
			}
			if err := <-done; err != nil {
				t.Errorf("close: %v", err)
			}
			err := waiting.Send(p.ctx, &protocol.Hello{})
			wantHangUp(t, err, code, detail, 0)
		})
	}
}

func wantHangUp(t *testing.T, err error, code protocol.Code, detail string, retry uint32) {
	t.Helper()
	var hung *protocol.HangUpError
	if !errors.As(err, &hung) {
		t.Fatalf("error %v, want a HangUpError with code %v", err, code)
	}
	if want := (protocol.HangUpError{Code: code, Detail: detail, RetryAfter: retry}); *hung != want {
		t.Fatalf("hang-up %+v, want %+v", *hung, want)
	}
}

func hangUpLast(t *testing.T, p *parties) {
	const n = 5
	p.send(t, p.client, &protocol.Hello{})
	p.recv(t, p.server)
	done := make(chan error, 1)
	go func() {
		for i := range uint64(n) {
			if err := p.server.Send(p.ctx, &protocol.InputState{Offset: i}); err != nil {
				done <- err
				return
			}
		}
		done <- p.server.Close(protocol.CodeShutdown, "enough")
	}()
	for i := range uint64(n) {
		if got := p.recv(t, p.client).(*protocol.InputState).Offset; got != i {
			t.Fatalf("message %d, want %d", got, i)
		}
	}
	_, err := p.client.Recv(p.ctx)
	wantHangUp(t, err, protocol.CodeShutdown, "enough", 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func sentHangUp(t *testing.T, p *parties) {
	p.speak(t)
	done := make(chan error, 1)
	go func() {
		err := p.server.Send(p.ctx, &protocol.HangUp{Code: protocol.CodeBusy, Detail: "later", RetryAfter: 90})
		done <- errors.Join(err, p.server.Close(protocol.CodeOK, ""))
	}()
	_, err := p.client.Recv(p.ctx)
	wantHangUp(t, err, protocol.CodeBusy, "later", 90)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func cancelRecv(t *testing.T, p *parties) {
	p.speak(t)
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	if _, err := p.server.Recv(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("receive with an ended context: %v", err)
	}
	waiting, stop := context.WithCancel(p.ctx)
	got := make(chan error, 1)
	go func() {
		_, err := p.server.Recv(waiting)
		got <- err
	}()
	stop()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("receive while its context ends: %v", err)
	}
	p.send(t, p.client, &protocol.Hello{Round: 5})
	if got := p.recv(t, p.server).(*protocol.Hello).Round; got != 5 {
		t.Errorf("round %d after a cancelled receive, want 5", got)
	}
}

func cancelSend(t *testing.T, p *parties) {
	p.speak(t)
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	if err := p.client.Send(ended, &protocol.Hello{}); !errors.Is(err, context.Canceled) {
		t.Errorf("send with an ended context: %v", err)
	}
	p.send(t, p.client, &protocol.Hello{Round: 6}) // nothing had been written, so the connection lives
	if got := p.recv(t, p.server).(*protocol.Hello).Round; got != 6 {
		t.Errorf("round %d after a cancelled send, want 6", got)
	}
	waiting, stop := context.WithCancel(p.ctx)
	got := make(chan error, 1)
	go func() {
		for { // the server does not read, so one of these must block
			if err := p.client.Send(waiting, &protocol.Chunk{Data: pattern(protocol.ChunkSize)}); err != nil {
				got <- err
				return
			}
		}
	}()
	stop()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("send while its context ends: %v", err)
	}
}

func closeUnblocks(t *testing.T, p *parties) {
	p.speak(t)
	got := make(chan error, 1)
	go func() {
		_, err := p.client.Recv(p.ctx)
		got <- err
	}()
	done := make(chan error, 1)
	go func() { done <- p.client.Close(protocol.CodeOK, "") }()
	if err := <-got; !errors.Is(err, protocol.ErrClosed) {
		t.Errorf("receive while this side closes: %v, want ErrClosed", err)
	}
	_, err := p.server.Recv(p.ctx)
	wantHangUp(t, err, protocol.CodeOK, "", 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func closeTwice(t *testing.T, p *parties) {
	p.speak(t)
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- p.client.Close(protocol.CodeOK, "bye") }()
	}
	_, err := p.server.Recv(p.ctx)
	wantHangUp(t, err, protocol.CodeOK, "bye", 0)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func afterClose(t *testing.T, p *parties) {
	p.speak(t)
	done := make(chan error, 1)
	go func() { done <- p.client.Close(protocol.CodeOK, "") }()
	_, err := p.server.Recv(p.ctx)
	wantHangUp(t, err, protocol.CodeOK, "", 0)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := p.client.Send(p.ctx, &protocol.Hello{}); !errors.Is(err, protocol.ErrClosed) {
		t.Errorf("send after close: %v, want ErrClosed", err)
	}
	if _, err := p.client.Recv(p.ctx); !errors.Is(err, protocol.ErrClosed) {
		t.Errorf("receive after close: %v, want ErrClosed", err)
	}
}
