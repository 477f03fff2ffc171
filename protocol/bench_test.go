package protocol_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// The baseline of both benchmarks is a copy of the body, which no encoding can do without: into a buffer that is used again where the frame is
// encoded into one, into fresh memory where the message lives on in it.

func BenchmarkEncode(b *testing.B) {
	for _, m := range benchmarked() {
		b.Run(m.Type().String(), func(b *testing.B) {
			var buf []byte
			compare(b, m, true, func() {
				var err error
				if buf, err = protocol.AppendFrame(buf[:0], m); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, m := range benchmarked() {
		b.Run(m.Type().String(), func(b *testing.B) {
			frame, err := protocol.AppendFrame(nil, m)
			if err != nil {
				b.Fatal(err)
			}
			r := bytes.NewReader(nil)
			compare(b, m, false, func() {
				r.Reset(frame)
				if _, err := protocol.ReadMessage(r, nil); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

func benchmarked() []protocol.Message {
	all := prototest.Messages()
	roster := all[protocol.TypeRoster-1].(*protocol.Roster)
	for len(roster.Peers) < 128 {
		roster.Peers = append(roster.Peers, roster.Peers[0])
	}
	return []protocol.Message{all[protocol.TypeHello-1], roster, &protocol.Chunk{Data: make([]byte, protocol.ChunkSize)}}
}

func compare(b *testing.B, m protocol.Message, again bool, run func()) {
	body := m.Append(nil)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	took := b.Elapsed()
	b.StopTimer()
	sink := bytes.Clone(body)
	start := time.Now()
	for range b.N {
		if again {
			copy(sink, body)
		} else {
			sink = bytes.Clone(body)
		}
	}
	copied := time.Since(start)
	if !bytes.Equal(sink, body) {
		b.Fatal("the copy differs")
	}
	b.ReportMetric(float64(took)/float64(copied), "x-of-copy")
}
