package aggregation

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/secretsharing"
)

// ratio reports how many times the benchmark's own time per operation the baseline's is, or the other way round: the figure
// is ours over the baseline's, so that less is better. The baseline runs as often as it takes to fill a tenth of a second.
func ratio(b *testing.B, unit string, baseline func()) {
	b.Helper()
	ours := float64(b.Elapsed()) / float64(b.N)
	runs, start := 0, time.Now()
	for runs < 3 || time.Since(start) < 100*time.Millisecond {
		baseline()
		runs++
	}
	b.ReportMetric(ours/(float64(time.Since(start))/float64(runs)), unit)
}

// plainMask is the mask without any of our care: the whole keystream of each key, then a loop.
func plainMask(dst []uint32, stream []byte, keys [][]byte) {
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			panic(err)
		}
		clear(stream)
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(stream, stream)
		for i := range dst {
			dst[i] += binary.LittleEndian.Uint32(stream[4*i:])
		}
	}
}

// benchUpdate is a clipped update without zeros, and a grid for it in 16 bits.
func benchUpdate(d int) (Grid, []float32) {
	update, random := make([]float32, d), rand.New(rand.NewPCG(1, 1))
	for i := range update {
		update[i] = float32((random.Float64()*2 - 1) / math.Sqrt(float64(d)))
	}
	return Grid{C: 1, CInt: 2852, XMax: 50, WordBits: 16, D: d}, update
}

// BenchmarkQuantise rounds in blocks, as a device does. The baseline makes the coins alone, by the standard library.
func BenchmarkQuantise(b *testing.B) {
	const d = 125_370
	g, update := benchUpdate(d)
	read := func(block []float32, from int) error { copy(block, update[from:]); return nil }
	b.SetBytes(4 * d)
	for b.Loop() {
		if err := g.QuantiseStream(read, func([]int32, int) error { return nil }, constant(1)); err != nil {
			b.Fatal(err)
		}
	}
	benchCoins(b, d)
}

// BenchmarkAddQuantised rounds and adds to a sum, as a simulator does.
func BenchmarkAddQuantised(b *testing.B) {
	const d = 125_370
	g, update := benchUpdate(d)
	q, err := NewQuantiser(g)
	if err != nil {
		b.Fatal(err)
	}
	sum := make([]int32, d)
	b.SetBytes(4 * d)
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Add(sum, update, constant(1)); err != nil {
			b.Fatal(err)
		}
	}
	benchCoins(b, d)
}

func benchCoins(b *testing.B, d int) {
	draw, err := keyed{constant(1)}.next()
	if err != nil {
		b.Fatal(err)
	}
	coins, buf := draw.stream(), make([]byte, 4096)
	ratio(b, "x-of-its-coins", func() {
		for left := 2 * d; left > 0; left -= len(buf) {
			coins.XORKeyStream(buf, buf)
		}
	})
}

// BenchmarkMask is the whole of Secrets.Mask on the device, key agreement included. It uses every core, the baseline one.
func BenchmarkMask(b *testing.B) {
	for _, neighbours := range []int{1, 23} {
		for _, d := range []int{1 << 15, 1 << 20} {
			b.Run(fmt.Sprintf("neighbours=%d/d=%d", neighbours, d), func(b *testing.B) {
				s := newSecrets(b, "own")
				var peers []PeerKey
				var keys [][]byte
				for i := range neighbours {
					p, err := newSecrets(b, fmt.Sprint("peer", i)).Public(id("open"), KexX25519)
					if err != nil {
						b.Fatal(err)
					}
					peers = append(peers, PeerKey{Index: uint32(i + 1), SPK: p.SPK})
					keys = append(keys, source16(fmt.Sprint(i)))
				}
				keys = append(keys, source16("self"))
				x := make([]uint32, d)
				b.SetBytes(int64(4 * d * len(keys)))
				for b.Loop() {
					if err := s.Mask(x, within(id("open"), id("sid")), 0, peers); err != nil {
						b.Fatal(err)
					}
				}
				stream := make([]byte, 4*d)
				ratio(b, "x-of-aes-ctr-and-loop", func() { plainMask(x, stream, keys) })
			})
		}
	}
}

// BenchmarkMasker adds the masks of 24 keys block by block, as a device does, on one core: at the size of the shipped tower, and ten
// times that. Allocations are by block and piece, whatever the words in it.
func BenchmarkMasker(b *testing.B) {
	const block = 64 << 10
	for _, d := range []int{125_370, 1_253_700} {
		for _, bits := range []uint16{32, 24, 16} {
			b.Run(fmt.Sprintf("d=%d/bits=%d", d, bits), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // here: b.Run sets it anew
				terms, keys := make([]Term, 24), make([][]byte, 24)
				for i := range terms {
					keys[i] = source16(fmt.Sprint(i))
					terms[i] = Term{Key: key16(keys[i]), Negative: i%2 == 0}
				}
				m, x := NewMasker(Suite{Kex: KexX25519, PRG: PRGAES128, WordBits: bits}, terms), make([]uint32, d)
				b.SetBytes(int64(d * int(bits/8) * len(terms)))
				b.ReportAllocs()
				for b.Loop() {
					for from := 0; from < d; from += block {
						m.Add(x[from:min(d, from+block)], from)
					}
				}
				stream := make([]byte, 4*d)
				ratio(b, "x-of-aes-ctr-and-loop", func() { plainMask(x, stream, keys) })
			})
		}
	}
}

// BenchmarkMaskOneCore is a device's part at the size that the specification names: 2^20 words, 128 neighbours, one core, in
// every generator and word. The baseline is the library's keystream and a plain loop of 32-bit words.
func BenchmarkMaskOneCore(b *testing.B) {
	const d, neighbours = 1 << 20, 128
	var peers []PeerKey
	var keys [][]byte
	for i := range neighbours {
		p, err := newSecrets(b, fmt.Sprint("peer", i)).Public(id("open"), KexX25519)
		if err != nil {
			b.Fatal(err)
		}
		peers = append(peers, PeerKey{Index: uint32(i + 1), SPK: p.SPK})
		keys = append(keys, source16(fmt.Sprint(i)))
	}
	keys = append(keys, source16("self"))
	s, x, stream := newSecrets(b, "own"), make([]uint32, d), make([]byte, 4*d)
	for _, suite := range suites() {
		if suite.Kex != KexX25519 {
			continue
		}
		b.Run(fmt.Sprintf("prg=%d/bits=%d", suite.PRG, suite.WordBits), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // here: b.Run sets it anew
			b.SetBytes(int64(suite.Shape(d).Bytes() * len(keys)))
			for b.Loop() {
				if err := s.Mask(x, Session{Suite: suite, OpenHash: id("open"), SID: id("sid")}, 0, peers); err != nil {
					b.Fatal(err)
				}
			}
			ratio(b, "x-of-aes-ctr-and-loop", func() { plainMask(x, stream, keys) })
		})
	}
}

// BenchmarkSum folds a vector from the wire into the sum, for words of every size; the baseline adds 32-bit words in a plain loop.
func BenchmarkSum(b *testing.B) {
	for _, d := range []int{1 << 15, 1 << 20} {
		for _, bits := range []uint16{32, 24, 16} {
			b.Run(fmt.Sprintf("d=%d/bits=%d", d, bits), func(b *testing.B) {
				shape, wide := Shape{D: d, WordBits: bits, PRG: PRGAES128}, AppendWords(nil, words("y", d), 32)
				acc, y := NewAccumulator(shape), AppendWords(nil, words("y", d), bits)
				b.SetBytes(int64(len(y)))
				for b.Loop() {
					if err := acc.AddVector(y); err != nil {
						b.Fatal(err)
					}
				}
				sum := make([]uint32, d)
				ratio(b, "x-of-plain-loop", func() {
					for i := range sum {
						sum[i] += binary.LittleEndian.Uint32(wide[4*i:])
					}
				})
			})
		}
	}
}

// BenchmarkUnmaskExpansion takes all masks off a sum, on every core, at the sizes that the specification names: one term a survivor,
// and one for each survivor next to a lost member, a tenth of the roster being lost. The baseline is the library's keystream and a
// plain loop, on one core.
func BenchmarkUnmaskExpansion(b *testing.B) {
	for _, c := range []struct{ n, d, k int }{{1000, 100_000, 166}, {128, 1 << 20, 38}} {
		b.Run(fmt.Sprintf("n=%d/d=%d/k=%d", c.n, c.d, c.k), func(b *testing.B) {
			lost := c.n / 10
			terms := make([]Term, c.n-lost+lost*c.k*9/10)
			var keys [][]byte
			for i := range terms {
				terms[i] = Term{Key: key16(source16(fmt.Sprint(i))), Negative: i%2 == 0}
				keys = append(keys, terms[i].Key[:16])
			}
			acc := NewAccumulator(plain.Shape(c.d))
			b.SetBytes(int64(4 * c.d * len(terms)))
			for b.Loop() {
				if err := acc.AddMasks(terms); err != nil {
					b.Fatal(err)
				}
			}
			x, stream := make([]uint32, c.d), make([]byte, 4*c.d)
			ratio(b, "x-of-aes-ctr-and-loop", func() { plainMask(x, stream, keys) })
		})
	}
}

// BenchmarkPairMasks derives what is left of the masks of one lost member with a hundred survivors, half of them above it; the
// baseline is as many X25519 agreements.
func BenchmarkPairMasks(b *testing.B) {
	const survivors = 100
	for _, kex := range []uint16{KexX25519, KexXWing} {
		b.Run(fmt.Sprintf("kex=%d", kex), func(b *testing.B) {
			in := Session{Suite: Suite{Kex: kex, PRG: PRGAES128, WordBits: 32}, OpenHash: id("open"), SID: id("sid")}
			lost := newSecrets(b, "lost")
			public := func(s *Secrets, index uint32) PeerKey {
				p, err := s.Public(in.OpenHash, kex)
				if err != nil {
					b.Fatal(err)
				}
				return PeerKey{Index: index, SPK: p.SPK, EPK: p.EPK, KEM: p.KEM}
			}
			us, peers := public(lost, survivors/2), make([]PeerKey, 0, survivors)
			for i := range uint32(survivors + 1) {
				if i == us.Index {
					continue
				}
				s := newSecrets(b, fmt.Sprint("survivor", i))
				p := public(s, i)
				if kex == KexXWing {
					low, own, high := s, i, us
					if us.Index < i {
						low, own, high = lost, us.Index, p
					}
					ct, err := low.MaskCT(in, own, high)
					if err != nil {
						b.Fatal(err)
					}
					p.MaskCT = ct
				}
				peers = append(peers, p)
			}
			for b.Loop() {
				if _, err := PairMasks(in, lost.m, us.Index, peers...); err != nil {
					b.Fatal(err)
				}
			}
			ratio(b, "x-of-x25519", func() {
				for _, p := range peers {
					if _, err := agree(lost.e, p.SPK); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

type shareSize struct{ n, t int }

func (s shareSize) name() string { return fmt.Sprintf("n=%d/t=%d", s.n, s.t) }

var shareSizes = []shareSize{{24, 13}, {100, 50}, {128, 94}}

func circlShares(b *testing.B, n, t int) []secretsharing.Share {
	b.Helper()
	secret, err := parseScalar(newSecrets(b, "s").m)
	if err != nil {
		b.Fatal(err)
	}
	return secretsharing.New(source("circl"), uint(t-1), secret).Share(uint(n))
}

// BenchmarkShare splits both secrets of a device among its neighbours; the baseline is circl's sharing of two.
func BenchmarkShare(b *testing.B) {
	for _, c := range shareSizes {
		b.Run(c.name(), func(b *testing.B) {
			s, random := newSecrets(b, "s"), source("polynomials")
			xs := make([]uint32, c.n)
			for i := range xs {
				xs[i] = uint32(i + 1)
			}
			for b.Loop() {
				if _, _, err := s.Split(c.t, xs, random); err != nil {
					b.Fatal(err)
				}
			}
			ratio(b, "x-of-circl", func() {
				circlShares(b, c.n, c.t)
				circlShares(b, c.n, c.t)
			})
		})
	}
}

// BenchmarkRecover rebuilds one secret from t shares.
func BenchmarkRecover(b *testing.B) {
	for _, c := range shareSizes {
		b.Run(c.name(), func(b *testing.B) {
			theirs := circlShares(b, c.n, c.t)[c.n-c.t:]
			xs, shares := make([]uint32, c.t), make([]Share, c.t)
			for i := range shares {
				xs[i], shares[i] = uint32(c.n-c.t+i+1), Share(scalarBytes(theirs[i].Value))
			}
			for b.Loop() {
				if _, err := Recover(c.t, xs, shares); err != nil {
					b.Fatal(err)
				}
			}
			ratio(b, "x-of-circl", func() {
				var secret group.Scalar
				secret, err := secretsharing.Recover(uint(c.t-1), theirs)
				if err != nil || secret.IsZero() {
					b.Fatal(err)
				}
			})
		})
	}
}
