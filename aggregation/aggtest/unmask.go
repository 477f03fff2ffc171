package aggtest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
)

// unmasksRound runs a whole session: five devices mask for each other, one vanishes, and the sum of the four is exact.
func unmasksRound(t *testing.T, open New) {
	const n, d, lost = 5, 10_007, 2
	hash, sid := sha256.Sum256([]byte("open")), sha256.Sum256([]byte("sid"))
	secrets, peers := make([]*aggregation.Secrets, n), make([]aggregation.Peer, n)
	keep := make([][32]byte, n) // m of each, as shares would rebuild it
	for i := range n {
		s, err := aggregation.NewSecrets(rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, "member", i))))
		if err != nil {
			t.Fatal(err)
		}
		public, err := s.Public(hash)
		if err != nil {
			t.Fatal(err)
		}
		state, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		secrets[i], peers[i], keep[i] = s, aggregation.Peer{Index: uint32(i), SPK: public.SPK}, [32]byte(state)
	}
	acc, want := open(t, d), make(reference, d)
	var terms []aggregation.Term
	for i, s := range secrets {
		if i == lost {
			continue
		}
		x := make([]uint32, d)
		plain := stream(t, fmt.Sprint("update", i), 4*d)
		for j := range x {
			x[j] = binary.LittleEndian.Uint32(plain[4*j:])
		}
		want.add(plain)
		others := append(append([]aggregation.Peer(nil), peers[:i]...), peers[i+1:]...)
		if err := s.Mask(x, hash, sid, uint32(i), others); err != nil {
			t.Fatal(err)
		}
		add(t, acc, aggregation.AppendWords(nil, x))
		terms = append(terms, aggregation.Term{Key: [16]byte(aggregation.SelfMaskKey(s.B(), sid)), Negative: true})
		key, plus, err := aggregation.PairMaskKey(keep[lost], hash, sid, lost, peers[i])
		if err != nil {
			t.Fatal(err)
		}
		terms = append(terms, aggregation.Term{Key: [16]byte(key), Negative: !plus})
	}
	mask(t, acc, terms...)
	want.equals(t, acc)
}
