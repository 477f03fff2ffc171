package memory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/memory"
	"github.com/cinesync/cinesync/protocol/prototest"
)

func TestPairConforms(t *testing.T) {
	prototest.Run(t, func(t *testing.T) (client, server protocol.Conn) {
		return memory.Pair(prototest.Device().Cert, prototest.Coordinator().Cert)
	})
}

func TestNetworkConforms(t *testing.T) {
	prototest.Run(t, func(t *testing.T) (client, server protocol.Conn) {
		return connect(t, &memory.Network{})
	})
}

func connect(t *testing.T, n *memory.Network) (client, server protocol.Conn) {
	t.Helper()
	l, err := n.Listen("coordinator", prototest.Coordinator().Cert)
	if err != nil {
		t.Fatal(err)
	}
	client, err = n.Dial(t.Context(), "coordinator", prototest.Device().Cert)
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestCutBreaksBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &memory.Network{}
		client, server := connect(t, n)
		got := make(chan error, 1)
		go func() {
			_, err := server.Recv(t.Context())
			got <- err
		}()
		synctest.Wait()
		if hit := n.Cut(prototest.Device().Cert.IDPK); hit != 1 {
			t.Fatalf("cut %d connections, want 1", hit)
		}
		if err := <-got; !errors.Is(err, protocol.ErrLost) {
			t.Errorf("server receives %v, want ErrLost", err)
		}
		if _, err := client.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) {
			t.Errorf("client receives %v, want ErrLost", err)
		}
		if err := client.Send(t.Context(), &protocol.Hello{}); !errors.Is(err, protocol.ErrLost) {
			t.Errorf("client sends with %v, want ErrLost", err)
		}
		if hit := n.CutAll(); hit != 0 {
			t.Errorf("%d connections left after the cut", hit)
		}
	})
}

func TestDroppedConnectionIsFoundLostAfterIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		n := &memory.Network{Judge: func(from, _ protocol.Cert, _ protocol.Message) memory.Fate {
			if sent++; from.Class == protocol.ClassDevice && sent == 2 {
				return memory.Drop
			}
			return memory.Deliver
		}}
		client, server := connect(t, n)
		for i := range uint64(3) { // the second message and all after it vanish
			if err := client.Send(t.Context(), &protocol.Hello{Round: i}); err != nil {
				t.Fatal(err)
			}
		}
		if m, err := server.Recv(t.Context()); err != nil || m.(*protocol.Hello).Round != 0 {
			t.Fatalf("first message %v, %v", m, err)
		}
		start := time.Now()
		if m, err := server.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) {
			t.Fatalf("received %v, %v, want ErrLost", m, err)
		}
		if waited := time.Since(start); waited != memory.Idle {
			t.Errorf("found lost after %v, want %v", waited, memory.Idle)
		}
	})
}

func TestJudgeCutsOnOneMessage(t *testing.T) {
	n := &memory.Network{Judge: func(_, _ protocol.Cert, m protocol.Message) memory.Fate {
		if m.Type() == protocol.TypeReceipt {
			return memory.Cut
		}
		return memory.Deliver
	}}
	client, server := connect(t, n)
	if err := server.Send(t.Context(), &protocol.Welcome{}); err != nil {
		t.Fatal(err)
	}
	if err := server.Send(t.Context(), &protocol.Receipt{}); !errors.Is(err, protocol.ErrLost) {
		t.Errorf("send of the cut message: %v, want ErrLost", err)
	}
	if _, err := client.Recv(t.Context()); !errors.Is(err, protocol.ErrLost) {
		t.Errorf("client receives %v, want ErrLost", err)
	}
}

func TestNamesAreTakenOnceAndGivenBack(t *testing.T) {
	n := &memory.Network{}
	if _, err := n.Dial(t.Context(), "s", prototest.Device().Cert); !errors.Is(err, memory.ErrRefused) {
		t.Errorf("dial of nobody: %v, want ErrRefused", err)
	}
	l, err := n.Listen("s", prototest.Coordinator().Cert)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Listen("s", prototest.Coordinator().Cert); err == nil {
		t.Error("a name was taken twice")
	}
	waiting, err := n.Dial(t.Context(), "s", prototest.Device().Cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var hung *protocol.HangUpError
	if _, err := waiting.Recv(t.Context()); !errors.As(err, &hung) || hung.Code != protocol.CodeShutdown {
		t.Errorf("a connection nobody accepted ends with %v, want a shutdown", err)
	}
	if _, err := l.Accept(context.Background()); !errors.Is(err, protocol.ErrClosed) {
		t.Errorf("accept after close: %v, want ErrClosed", err)
	}
	if _, err := n.Listen("s", prototest.Coordinator().Cert); err != nil {
		t.Errorf("the name was not given back: %v", err)
	}
}

func TestQuietConnectionStaysUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t, &memory.Network{})
		prototest.Quiet(t, client, server)
	})
}
