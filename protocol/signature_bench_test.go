package protocol_test

import (
	"testing"
	"time"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// The baseline of the hybrid suite is the same work with Ed25519 alone, on the message of a device with 128 neighbours.

func BenchmarkSignHybrid(b *testing.B) {
	m := manyShares()
	hybrid, plain := signerOf("signer", protocol.SigHybrid), signerOf("signer", protocol.SigEd25519)
	against(b, func() { m.Sign(hybrid) }, func() { m.Sign(plain) })
}

func BenchmarkVerifyHybrid(b *testing.B) {
	hybrid, plain := manyShares(), manyShares()
	hybrid.Sign(signerOf("signer", protocol.SigHybrid))
	plain.Sign(signerOf("signer", protocol.SigEd25519))
	check := func(m *protocol.Shares, suite uint16) func() {
		v := verifierOf("signer", suite)
		return func() {
			if err := m.Verify(v); err != nil {
				b.Fatal(err)
			}
		}
	}
	against(b, check(hybrid, protocol.SigHybrid), check(plain, protocol.SigEd25519))
}

// BenchmarkVerifyPeerHybrid is what a device does for each neighbour in R1: certificate and bundle.
func BenchmarkVerifyPeerHybrid(b *testing.B) {
	check := func(list []protocol.Message, hybrid bool) func() {
		m := list[protocol.TypeAdvertise-1].(*protocol.Advertise)
		authority := prototest.AuthorityPQ()
		return func() {
			err := m.Key.Cert.Verify(prototest.AuthorityKey(), prototest.Now, protocol.ClassDevice)
			var pq *protocol.PQPublicKey
			if err == nil && hybrid {
				pq, err = protocol.VerifyPQ(m.Key.Cert, m.Key.CertPQ, authority)
			}
			if err == nil {
				err = m.Key.Verify(m.OpenHash, pq)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	against(b, check(prototest.Messages(), true), check(prototest.PlainMessages(), false))
}

func manyShares() *protocol.Shares {
	return &protocol.Shares{SID: [32]byte{1}, Sealed: make([][80]byte, 128)}
}

// against times run, then base as often.
func against(b *testing.B, run, base func()) {
	for b.Loop() {
		run()
	}
	took := b.Elapsed()
	b.StopTimer()
	start := time.Now()
	for range b.N {
		base()
	}
	b.ReportMetric(float64(took)/float64(time.Since(start)), "x-of-ed25519")
}
