package round

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
)

// settling is a plan of n members of whom every lossEvery-th is lost between shares and vector, in a graph of mode W. Vectors play no
// part: only masks are left when the reveals are in.
func settling(b *testing.B, n, d, lossEvery int, s aggregation.Suite, own bool) *Plan {
	b.Helper()
	degree, err := aggregation.FindDegree(aggregation.GraphParams{N: n, GammaBP: 500, DeltaBP: 1000, Lambda: 80, Eta: 20, Mode: aggregation.ModeW})
	if err != nil {
		b.Fatal(err)
	}
	ring, err := aggregation.NewRing(n, 1, degree.K, [32]byte{1})
	if err != nil {
		b.Fatal(err)
	}
	p := &Plan{D: d, Suite: s, OpenHash: [32]byte{2}, T: degree.T, Cohorts: make([]Part, 1)}
	part := &p.Cohorts[0]
	part.SID = [32]byte{3}
	random := rand.NewChaCha8([32]byte{4})
	secrets, publics := make([]*aggregation.Secrets, n), make([]aggregation.Public, n)
	for i := range n {
		if secrets[i], err = aggregation.NewSecrets(random); err != nil {
			b.Fatal(err)
		}
		if publics[i], err = secrets[i].Public(p.OpenHash, s.Kex); err != nil {
			b.Fatal(err)
		}
	}
	lost := func(i int) bool { return i%lossEvery == lossEvery-1 }
	for i := range n {
		var holders []int
		for _, q := range ring.Neighbours(i) {
			if !lost(q) {
				holders = append(holders, q)
			}
		}
		xs := make([]uint32, len(holders))
		for k, q := range holders {
			xs[k] = ring.ShareX(q)
		}
		m, bs, err := secrets[i].Split(degree.T, xs, random)
		if err != nil {
			b.Fatal(err)
		}
		if !lost(i) {
			v := Survivor{Index: uint32(i), BC: publics[i].BC, Xs: xs, Shares: bs}
			v.ID[0], v.ID[1] = byte(i), byte(i>>8)
			if own {
				secret := secrets[i].B()
				v.Own = &secret
			}
			part.Survivors = append(part.Survivors, v)
			continue
		}
		l := Lost{Index: uint32(i), SPK: publics[i].SPK, KEM: publics[i].KEM, Xs: xs, Shares: m}
		for _, q := range holders {
			l.Partners = append(l.Partners, aggregation.PeerKey{Index: uint32(q), SPK: publics[q].SPK, EPK: publics[q].EPK, KEM: publics[q].KEM})
		}
		part.Lost = append(part.Lost, l)
	}
	return p
}

// terms counts the masks of a plan.
func terms(p *Plan) int {
	n := len(p.Cohorts[0].Survivors)
	for _, l := range p.Cohorts[0].Lost {
		n += len(l.Partners)
	}
	return n
}

// BenchmarkUnmask is what is left to do when the last reveal is in: rebuild the secrets of the lost, derive every key, take every mask
// off. Survivors answered with their own secret, as they do, but for one case in which all are rebuilt from shares. The baseline is the
// keystream alone, from crypto/aes on all cores, added to nothing.
func BenchmarkUnmask(b *testing.B) {
	aes128 := aggregation.Suite{Kex: aggregation.KexX25519, PRG: aggregation.PRGAES128, WordBits: 32}
	for _, c := range []struct {
		n, d, lossEvery int
		own             bool
	}{
		{1000, 100_000, 10, true}, {1000, 100_000, 20, true}, {500, 100_000, 10, true}, {1000, 100_000, 10, false}, {128, 1_000_000, 10, true},
	} {
		b.Run(fmt.Sprintf("devices=%d/d=%d/lost=%d/own=%v", c.n, c.d, c.n/c.lossEvery, c.own), func(b *testing.B) {
			plan := settling(b, c.n, c.d, c.lossEvery, aes128, c.own)
			for b.Loop() {
				f := NewFold(plan.Suite.Shape(c.d), aggregation.NewAccumulator(plan.Suite.Shape(c.d)))
				for _, s := range plan.Cohorts[0].Survivors {
					f.held[s.ID] = s.YHash // of vectors that are all zero
				}
				if _, err := Settle(plan, 0, f); err != nil {
					b.Fatal(err)
				}
			}
			ours := float64(b.Elapsed()) / float64(b.N)
			masks := terms(plan)
			b.ReportMetric(float64(masks), "masks")
			b.ReportMetric(ours/1e9, "s/op")
			b.ReportMetric(ours/float64(masks)/float64(c.d), "ns/word")
			// A twentieth of the keystream is enough to time it.
			sample := max(masks/20, 2*runtime.GOMAXPROCS(0))
			b.ReportMetric(ours/float64(masks)/(float64(keystream(sample, 4*c.d))/float64(sample)), "x-of-aes-ctr")
		})
	}
}

// keystream makes so many AES-128-CTR streams of size bytes on all cores.
func keystream(n, size int) time.Duration {
	start, cores := time.Now(), runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for core := range cores {
		all.Go(func() {
			buf := make([]byte, 16<<10)
			for i := core; i < n; i += cores {
				key := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
				block, err := aes.NewCipher(key[:16])
				if err != nil {
					panic(err)
				}
				ctr := cipher.NewCTR(block, make([]byte, aes.BlockSize))
				for left := size; left > 0; left -= len(buf) {
					part := buf[:min(left, len(buf))]
					ctr.XORKeyStream(part, part)
				}
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

// BenchmarkFoldOnArrival is what a device waits for after the last reveal, with the vectors folded before; the baseline is the same
// with the vectors folded only then.
func BenchmarkFoldOnArrival(b *testing.B) {
	const n, d = 100, 100_000
	w := newWorld(b, settings{n: n, d: d, delta: 1000}).revealAll()
	var fold, settle time.Duration
	runs := 0
	for b.Loop() {
		plan, f := w.m.Pending(), w.newFold()
		start := time.Now()
		if err := f.Complete(plan.Cohorts[0].Survivors, w.read); err != nil {
			b.Fatal(err)
		}
		fold += time.Since(start)
		start = time.Now()
		if _, err := Settle(plan, 0, f); err != nil {
			b.Fatal(err)
		}
		settle += time.Since(start)
		runs++
	}
	b.ReportMetric(float64(settle.Microseconds())/1000/float64(runs), "settle-ms/op")
	b.ReportMetric(float64(fold.Microseconds())/1000/float64(runs), "fold-ms/op")
	b.ReportMetric(float64(settle)/float64(settle+fold), "x-of-folding-late")
}
