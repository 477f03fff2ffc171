package quic

import (
	"context"

	quicgo "github.com/quic-go/quic-go"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/stream"
	"github.com/cinesync/cinesync/protocol/tlsid"
)

// conn is one connection: a stream.Conn over the one stream of a QUIC connection.
type conn struct {
	*stream.Conn
	qc    *quicgo.Conn
	bytes *quicgo.Stream // set by opened
}

// link is the QUIC connection under a stream.Conn.
type link struct {
	e  *endpoint
	qc *quicgo.Conn
}

// Context ends with the connection.
func (l link) Context() context.Context { return l.qc.Context() }

// End sends a close frame, which carries code and detail.
func (l link) End(code protocol.Code, detail string) {
	_ = l.qc.CloseWithError(quicgo.ApplicationErrorCode(code), clip(detail))
}

// Explain sorts quic-go's errors.
func (l link) Explain(err error) error { return l.e.explain(err) }

func newConn(e *endpoint, qc *quicgo.Conn) (*conn, error) {
	cert, err := tlsid.PeerCert(qc.ConnectionState().TLS) // VerifyConnection has accepted it
	if err != nil {
		return nil, err
	}
	return &conn{Conn: stream.New(&e.stream, link{e, qc}, cert), qc: qc}, nil
}

// opened makes the stream known.
func (c *conn) opened(s *quicgo.Stream, accepted bool) {
	c.bytes = s
	c.Open(s, accepted)
}

// clip keeps a close reason well within one packet.
func clip(s string) string {
	const most = 512
	if len(s) <= most {
		return s
	}
	return s[:most]
}
