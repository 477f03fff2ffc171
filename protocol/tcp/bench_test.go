package tcp

import (
	"context"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
	inmemory "github.com/cinesync/cinesync/protocol/memory"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// BenchmarkUpload moves a vector of 4 MB in chunks over a connection that is up. Its baseline is the same over protocol/memory, which encodes
// and parses every message too.
func BenchmarkUpload(b *testing.B) {
	const chunks = 4 << 20 / protocol.ChunkSize
	chunk := &protocol.Chunk{Data: make([]byte, protocol.ChunkSize)}
	upload := func(client, server protocol.Conn) {
		sent := make(chan error, 1)
		go func() {
			var err error
			for i := 0; i < chunks && err == nil; i++ {
				err = client.Send(context.Background(), chunk)
			}
			sent <- err
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
	b.ReportAllocs()
	for b.Loop() {
		upload(client, server)
	}
	took := b.Elapsed()
	b.StopTimer()
	start := time.Now()
	for range b.N {
		upload(near, far)
	}
	b.ReportMetric(float64(took)/float64(time.Since(start)), "x-of-memory")
}
