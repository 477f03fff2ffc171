package aggtest

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

// unmasksRound runs a whole session: five devices mask for each other, one vanishes, and the sum of the four is exact.
func (b bench) unmasksRound(t *testing.T) {
	const n, d, lost = 5, 10_007, 2
	hash, sid := sha256.Sum256([]byte("open")), sha256.Sum256([]byte("sid"))
	in := aggregation.Session{Suite: b.suite, OpenHash: hash, SID: sid}
	secrets, peers := make([]*aggregation.Secrets, n), make([]aggregation.PeerKey, n)
	keep := make([][32]byte, n) // m of each, as shares would rebuild it
	for i := range n {
		s, err := aggregation.NewSecrets(rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, "member", i))))
		if err != nil {
			t.Fatal(err)
		}
		public, err := s.Public(hash, b.suite.Kex)
		if err != nil {
			t.Fatal(err)
		}
		state, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		secrets[i], peers[i], keep[i] = s, aggregation.PeerKey{Index: uint32(i), SPK: public.SPK}, [32]byte(state[:32])
	}
	acc, want := b.open(t, d)
	var terms []aggregation.Term
	for i, s := range secrets {
		if i == lost {
			continue
		}
		x := make([]uint32, d)
		update := stream(t, fmt.Sprint("update", i), b.bytes(d))
		for j := range x {
			x[j] = want.word(update, j)
		}
		want.add(update)
		others := append(append([]aggregation.PeerKey(nil), peers[:i]...), peers[i+1:]...)
		if err := s.Mask(x, in, uint32(i), others); err != nil {
			t.Fatal(err)
		}
		add(t, acc, aggregation.AppendWords(nil, x, b.suite.WordBits))
		self := aggregation.SelfMask(in, s.B())
		self.Negative = true
		pair, err := aggregation.PairMasks(in, keep[lost], lost, peers[i])
		if err != nil {
			t.Fatal(err)
		}
		terms = append(append(terms, self), pair...)
	}
	mask(t, acc, terms...)
	want.equals(t, acc)
}
