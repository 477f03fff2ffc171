package prototest

import (
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// Quiet checks that a connection on which nobody speaks for ten minutes still carries a message each way. It runs inside a synctest bubble,
// where ten minutes are no time.
func Quiet(t *testing.T, client, server protocol.Conn) {
	t.Helper()
	p := &parties{ctx: t.Context(), client: client, server: server}
	for round := range uint64(2) {
		<-time.After(10 * time.Minute)
		p.send(t, client, &protocol.Hello{Round: round})
		if got := p.recv(t, server).(*protocol.Hello).Round; got != round {
			t.Errorf("round %d after the quiet, want %d", got, round)
		}
		<-time.After(10 * time.Minute)
		p.send(t, server, &protocol.Welcome{Round: round})
		if got := p.recv(t, client).(*protocol.Welcome).Round; got != round {
			t.Errorf("round %d after the quiet, want %d", got, round)
		}
	}
}
