package quic

import (
	"context"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
	inmemory "github.com/cinesync/cinesync/protocol/memory"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// The baseline of both benchmarks is the same exchange over protocol/memory, which encodes and parses every message too.

// BenchmarkCheckIn is a device that dials, says hello, hears welcome and hangs up.
func BenchmarkCheckIn(b *testing.B) {
	l := listen(b, coordinatorConfig())
	checkIn := func(client, server protocol.Conn) {
		exchange(b, client, server, &protocol.Hello{})
		exchange(b, server, client, &protocol.Welcome{})
		hangUp(b, client, server)
	}
	cfg := deviceConfig()
	device, coordinator := prototest.Device().Cert, prototest.Coordinator().Cert
	versus(b, func() { checkIn(connect(b, l, cfg)) }, func() { checkIn(inmemory.Pair(device, coordinator)) })
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checkins/s")
}

// BenchmarkUpload moves a vector of 4 MB in chunks over a connection that is up.
func BenchmarkUpload(b *testing.B) {
	const chunks = 4 << 20 / protocol.ChunkSize
	chunk := &protocol.Chunk{Data: make([]byte, protocol.ChunkSize)}
	upload := func(client, server protocol.Conn) {
		sent := make(chan error, 1)
		go func() {
			for range chunks {
				if err := client.Send(context.Background(), chunk); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for range chunks {
			if _, err := server.Recv(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
		if err := <-sent; err != nil {
			b.Fatal(err)
		}
	}
	client, server := connect(b, listen(b, coordinatorConfig()), deviceConfig())
	defer hangUp(b, client, server)
	near, far := inmemory.Pair(prototest.Device().Cert, prototest.Coordinator().Cert)
	b.SetBytes(chunks * protocol.ChunkSize)
	versus(b, func() { upload(client, server) }, func() { upload(near, far) })
}

// versus times run, then base as often.
func versus(b *testing.B, run, base func()) {
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	took := b.Elapsed()
	b.StopTimer()
	start := time.Now()
	for range b.N {
		base()
	}
	b.ReportMetric(float64(took)/float64(time.Since(start)), "x-of-memory")
}

func exchange(b *testing.B, from, to protocol.Conn, m protocol.Message) {
	if err := from.Send(context.Background(), m); err != nil {
		b.Fatal(err)
	}
	if _, err := to.Recv(context.Background()); err != nil {
		b.Fatal(err)
	}
}
