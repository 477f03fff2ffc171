package prototest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/protocol"
)

// Open makes one connection of the transport under test: client belongs to Device and dialled, server belongs to Coordinator and accepted.
// It arranges for cleaning up with t.Cleanup.
type Open func(t *testing.T) (client, server protocol.Conn)

// Run checks that a transport keeps the promises of protocol.Conn.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, p *parties)
	}{
		{"PeersAreCertified", peers},
		{"EveryMessageArrivesUnchanged", everyMessage},
		{"MessagesKeepTheirOrder", order},
		{"LargestMessagesArrive", largest},
		{"OversizeIsRefusedByTheSender", oversize},
		{"EveryHangUpCodeArrives", nil},
		{"HangUpComesAfterTheMessagesBeforeIt", hangUpLast},
		{"SentHangUpIsTheOneThatCounts", sentHangUp},
		{"CancelledRecvLosesNothing", cancelRecv},
		{"CancelledSendReturns", cancelSend},
		{"SendersDoNotMix", senders},
		{"CloseUnblocksRecv", closeUnblocks},
		{"CloseTwiceIsNoError", closeTwice},
		{"NothingGoesOutAfterClose", afterClose},
		{"BothDirectionsRunAtOnce", bothWays},
		{"AbandonedFrameIsNeverSeen", abandoned},
		{"PeerThatOnlyClosesIsHeard", closeFirst},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.run == nil {
				everyCode(t, open)
				return
			}
			c.run(t, start(t, open))
		})
	}
	t.Run("TwoHundredConnectionsAtOnce", func(t *testing.T) { crowd(t, open) })
}

// parties are the two ends and a context that ends before the test binary would.
type parties struct {
	ctx            context.Context
	client, server protocol.Conn
}

func start(t *testing.T, open Open) *parties {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	client, server := open(t)
	return &parties{ctx: ctx, client: client, server: server}
}

func (p *parties) send(t *testing.T, c protocol.Conn, m protocol.Message) {
	t.Helper()
	if err := c.Send(p.ctx, m); err != nil {
		t.Fatalf("send %v: %v", m.Type(), err)
	}
}

func (p *parties) recv(t *testing.T, c protocol.Conn) protocol.Message {
	t.Helper()
	m, err := c.Recv(p.ctx)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return m
}

func peers(t *testing.T, p *parties) {
	if got, want := p.client.Peer(), Coordinator().Cert; got != want {
		t.Errorf("the client's peer is %x, want the coordinator %x", got.Bytes(), want.Bytes())
	}
	if got, want := p.server.Peer(), Device().Cert; got != want {
		t.Errorf("the server's peer is %x, want the device %x", got.Bytes(), want.Bytes())
	}
}

func everyMessage(t *testing.T, p *parties) {
	for _, m := range Messages() {
		if m.Type() == protocol.TypeHangUp {
			continue // ends the connection; has tests of its own
		}
		p.send(t, p.client, m)
		if diff := cmp.Diff(m.Append(nil), p.recv(t, p.server).Append(nil)); diff != "" {
			t.Errorf("%v to the server (-sent +received):\n%s", m.Type(), diff)
		}
		p.send(t, p.server, m)
		if diff := cmp.Diff(m.Append(nil), p.recv(t, p.client).Append(nil)); diff != "" {
			t.Errorf("%v to the client (-sent +received):\n%s", m.Type(), diff)
		}
	}
}

func order(t *testing.T, p *parties) {
	const n = 200
	sent := make(chan error, 1)
	go func() {
		for i := range uint64(n) {
			if err := p.client.Send(p.ctx, &protocol.Hello{Round: i}); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range uint64(n) {
		if got := p.recv(t, p.server).(*protocol.Hello).Round; got != i {
			t.Fatalf("message %d came as number %d", got, i)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func largest(t *testing.T, p *parties) {
	chunk := &protocol.Chunk{SID: hash("sid"), Data: pattern(protocol.ChunkSize)}
	shares := &protocol.Shares{SID: hash("sid"), Sealed: make([][80]byte, protocol.MaxRoster),
		ShareCTs: make([][protocol.CiphertextSize]byte, (protocol.MaxRosterBundle-32-4-80*protocol.MaxRoster-4-4-64-4)/protocol.CiphertextSize)}
	for i := range shares.Sealed {
		shares.Sealed[i][0] = byte(i)
	}
	for _, m := range []protocol.Message{chunk, shares, chunk} {
		sent := make(chan error, 1)
		go func() { sent <- p.client.Send(p.ctx, m) }()
		got := p.recv(t, p.server)
		if !bytes.Equal(got.Append(nil), m.Append(nil)) {
			t.Errorf("%v of %d bytes arrived changed", m.Type(), len(m.Append(nil)))
		}
		if err := <-sent; err != nil {
			t.Errorf("send %v: %v", m.Type(), err)
		}
	}
}

func oversize(t *testing.T, p *parties) {
	big := &protocol.Chunk{Data: make([]byte, protocol.MaxData)}
	if err := p.client.Send(p.ctx, big); !errors.Is(err, protocol.ErrTooLarge) {
		t.Errorf("a chunk of %d bytes: %v, want ErrTooLarge", len(big.Data), err)
	}
	p.send(t, p.client, &protocol.Hello{Round: 7}) // the connection lives on
	if got := p.recv(t, p.server).(*protocol.Hello).Round; got != 7 {
		t.Errorf("round %d after the refused message, want 7", got)
	}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

func senders(t *testing.T, p *parties) {
	const each, n = 20, 8
	var wg sync.WaitGroup
	for i := range uint64(n) {
		wg.Go(func() {
			for seq := range uint64(each) {
				m := &protocol.Chunk{SID: [32]byte{byte(i)}, Offset: seq, Data: bytes.Repeat([]byte{byte(i)}, 3000)}
				if err := p.client.Send(p.ctx, m); err != nil {
					t.Errorf("sender %d: %v", i, err)
					return
				}
			}
		})
	}
	var next [n]uint64
	for range each * n {
		m := p.recv(t, p.server).(*protocol.Chunk)
		i := m.SID[0]
		if m.Offset != next[i] || !bytes.Equal(m.Data, bytes.Repeat([]byte{i}, 3000)) {
			t.Fatalf("sender %d: message %d came, want %d whole", i, m.Offset, next[i])
		}
		next[i]++
	}
	wg.Wait()
}
