package aggregation

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"testing"
)

// source is a reproducible stream of bytes: tests want the same secrets on every run.
func source(name string) io.Reader { return rand.NewChaCha8(sha256.Sum256([]byte(name))) }

func newSecrets(t testing.TB, name string) *Secrets {
	t.Helper()
	s, err := NewSecrets(source(name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func id(name string) [32]byte { return sha256.Sum256([]byte(name)) }

// words is a vector of uniform words.
func words(name string, d int) []uint32 {
	b := make([]byte, 4*d)
	if _, err := io.ReadFull(source(name), b); err != nil {
		panic(err)
	}
	v := make([]uint32, d)
	for i := range v {
		v[i] = uint32(b[4*i]) | uint32(b[4*i+1])<<8 | uint32(b[4*i+2])<<16 | uint32(b[4*i+3])<<24
	}
	return v
}

// federation is everybody's half of one session, in one place.
type federation struct {
	n, t, d   int
	suite     Suite
	open, sid [32]byte
	ring      *Ring
	secrets   []*Secrets
	public    []Public
	x, y      [][]uint32
	m, b      []map[int]Share // by owner, then holder
}

// newFederation runs a session up to the masked vectors, with the members in away gone before they sealed their shares.
func newFederation(t testing.TB, n, k, threshold, d int, away map[int]bool) *federation {
	t.Helper()
	return newFederationIn(t, plain, n, k, threshold, d, away)
}

func newFederationIn(t testing.TB, suite Suite, n, k, threshold, d int, away map[int]bool) *federation {
	t.Helper()
	f := &federation{n: n, t: threshold, d: d, suite: suite, open: id("open"), m: make([]map[int]Share, n), b: make([]map[int]Share, n),
		x: make([][]uint32, n), y: make([][]uint32, n)}
	seed := GraphSeed(f.open, id("roster"))
	f.sid = SessionID(f.open, id("roster"), seed, 0)
	var err error
	if f.ring, err = NewRing(n, 1, k, seed); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		s := newSecrets(t, string(rune('A'+i)))
		p, err := s.Public(f.open, f.suite.Kex)
		if err != nil {
			t.Fatal(err)
		}
		f.secrets, f.public = append(f.secrets, s), append(f.public, p)
	}
	for i := range n {
		if !away[i] {
			f.contribute(t, i, away)
		}
	}
	return f
}

// contribute shares i's secrets and masks its vector with every neighbour that is there.
func (f *federation) contribute(t testing.TB, i int, away map[int]bool) {
	t.Helper()
	var xs []uint32
	var peers []PeerKey
	for _, j := range f.ring.Neighbours(i) {
		xs = append(xs, f.ring.ShareX(j))
		if !away[j] {
			peers = append(peers, f.peer(i, j))
		}
	}
	m, b, err := f.secrets[i].Split(f.t, xs, source("split"+string(rune('A'+i))))
	if err != nil {
		t.Fatal(err)
	}
	f.m[i], f.b[i] = map[int]Share{}, map[int]Share{}
	for at, j := range f.ring.Neighbours(i) {
		f.m[i][j], f.b[i][j] = m[at], b[at]
	}
	f.x[i] = words("x"+string(rune('A'+i)), f.d)
	f.y[i] = append([]uint32(nil), f.x[i]...)
	if err := f.secrets[i].Mask(f.y[i], f.in(), uint32(i), peers); err != nil {
		t.Fatal(err)
	}
}

// unmask does what the coordinator does with exactly these survivors, from what they may reveal. own says whether survivors
// give their own b, as devices do.
func (f *federation) unmask(survivors map[int]bool, own bool) ([]uint32, error) {
	acc := NewAccumulator(f.suite.Shape(f.d))
	var terms []Term
	for i := range f.n {
		if f.y[i] == nil {
			continue
		}
		if survivors[i] {
			if err := acc.AddVector(AppendWords(nil, f.y[i], f.suite.WordBits)); err != nil {
				return nil, err
			}
			b, err := f.secrets[i].B(), error(nil)
			if !own {
				b, err = f.recover(f.b[i], survivors)
			}
			if err != nil {
				return nil, err
			}
			if !CheckB(b, f.open, f.public[i].BC) {
				return nil, errSealed
			}
			self := SelfMask(f.in(), b)
			self.Negative = true
			terms = append(terms, self)
			continue
		}
		partners := f.partners(i, survivors)
		if len(partners) == 0 {
			continue
		}
		m, err := f.recover(f.m[i], survivors)
		if err != nil {
			return nil, err
		}
		if !CheckM(f.suite.Kex, m, f.open, f.public[i].SPK, f.public[i].KEM) {
			return nil, errSealed
		}
		for k, p := range partners {
			partners[k].MaskCT = f.maskCT(i, int(p.Index))
		}
		pairs, err := PairMasks(f.in(), m, uint32(i), partners...)
		if err != nil {
			return nil, err
		}
		terms = append(terms, pairs...)
	}
	if err := acc.AddMasks(terms); err != nil {
		return nil, err
	}
	return acc.Sum(), nil
}

func (f *federation) recover(held map[int]Share, survivors map[int]bool) ([32]byte, error) {
	var xs []uint32
	var shares []Share
	for j := range f.n {
		if s, ok := held[j]; ok && survivors[j] {
			xs, shares = append(xs, f.ring.ShareX(j)), append(shares, s)
		}
	}
	return Recover(f.t, xs, shares)
}

func (f *federation) partners(i int, survivors map[int]bool) []PeerKey {
	var out []PeerKey
	for _, j := range f.ring.Neighbours(i) {
		if survivors[j] {
			out = append(out, f.peer(i, j))
		}
	}
	return out
}

// plain is the sum that should come out.
func (f *federation) plain(survivors map[int]bool) []uint32 {
	sum := make([]uint32, f.d)
	for i := range f.n {
		if survivors[i] {
			for j, v := range f.x[i] {
				sum[j] += v
			}
		}
	}
	for j := range sum {
		sum[j] = sum[j] << (32 - f.suite.WordBits) >> (32 - f.suite.WordBits)
	}
	return sum
}

// plain is the suite that rounds have unless they ask for another.
var plain = Suite{Kex: KexX25519, PRG: PRGAES128, WordBits: 32}

func within(open, sid [32]byte) Session { return Session{Suite: plain, OpenHash: open, SID: sid} }

func key16(k []byte) (key [32]byte) {
	copy(key[:], k)
	return key
}

func (f *federation) in() Session { return Session{Suite: f.suite, OpenHash: f.open, SID: f.sid} }

// peer is j as i sees it, with the ciphertext that j made for i where j has the lower index.
func (f *federation) peer(i, j int) PeerKey {
	p := PeerKey{Index: uint32(j), SPK: f.public[j].SPK, EPK: f.public[j].EPK, KEM: f.public[j].KEM}
	if j < i {
		p.MaskCT = f.maskCT(i, j)
	}
	return p
}

// maskCT is what the lower index of a pair sent the higher, nil in key agreement 1.
func (f *federation) maskCT(i, j int) []byte {
	low, high := min(i, j), max(i, j)
	if f.suite.Kex != KexXWing {
		return nil
	}
	ct, err := f.secrets[low].MaskCT(f.in(), uint32(low), PeerKey{Index: uint32(high), KEM: f.public[high].KEM})
	if err != nil {
		panic(err)
	}
	return ct
}

// sealTo and openFrom are Seal and Open in the plain suite, written from sealer to receiver.
func sealTo(s *Secrets, epk, sid [32]byte, from, to uint32, m, b Share) (Sealed, error) {
	box, _, err := s.Seal(within(id("open"), sid), from, PeerKey{Index: to, EPK: epk}, m, b, nil)
	return box, err
}

func openFrom(s *Secrets, epk, sid [32]byte, from, to uint32, box Sealed) (m, b Share, err error) {
	return s.Open(within(id("open"), sid), to, PeerKey{Index: from, EPK: epk}, box, nil)
}

// pairTerm is the pair mask key of a member with a neighbour.
func pairTerm(in Session, m [32]byte, own uint32, peer PeerKey) ([32]byte, error) {
	q := newMaskSecrets(in.Suite.Kex, m, in.OpenHash)
	defer q.zero()
	return q.pairKey(in, own, peer)
}
