package participant

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// The coordinator's side in miniature: everything it sends is true, until a test's hook alters it before it is signed. That
// is what a dishonest coordinator can do: it signs whatever it likes.

const testOrigin = "test.cinesync/demo"

func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("participant test " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func testStream(name string) io.Reader { return privacy.NewStream(sha256.Sum256([]byte(name))) }

// testFloor stands between the shipped policies, so that every limit of a floor can be undercut.
func testFloor() Floor {
	return Floor{Name: "test", NMin: 5, GammaBP: 500, DeltaBP: 6000, Lambda: 40, ZNum: 1, ZDen: 2, MaxC: 10, P: 8, B: 1,
		Ceiling: 64 << 40, Period: month, Modes: []aggregation.Mode{aggregation.ModeSH},
		SeedKinds: []uint16{seedPlain}, Suites: Suites{Kex: []uint16{1}, PRG: []uint16{1}, Sig: []uint16{1}}, WordBits: []uint16{32}, Code: codeNames(), Purposes: []string{TrainingQuestion}}
}

var (
	testCode   = append([]byte{0, 0, 0, 9}, "two-tower\x00\x00\x00\x01parameters"...)
	testLayout = sha256.Sum256([]byte("layout"))
)

const testD = 48

// member is another device, or the place of the one under test.
type member struct {
	key     ed25519.PrivateKey
	cert    protocol.Cert
	secrets *aggregation.Secrets
	bundle  protocol.KeyBundle
	shares  map[int][2]aggregation.Share // what it gave whom: m, b
}

// hooks alter what the coordinator says, just before it is signed or sent.
type hooks struct {
	policy    func(*audit.PolicyChange)
	question  func(*audit.Question)
	open      func(*audit.RoundOpen)
	offer     func(*protocol.Offer)
	member    func(i int, k *protocol.KeyBundle, key *ed25519.PrivateKey)
	roster    func(*audit.Roster)
	before    func(*honest) // before the roster is logged
	rosterMsg func(*protocol.Roster)
	delivery  func(*protocol.Delivery)
	receipt   func(*protocol.Receipt)
	between   func(*honest) // before the survivors are logged
	lost      []int         // members that vanish after sharing
	absent    []int         // members whose shares do not come
	survivors func(*audit.Survivors)
	bitmap    func([]byte)
	survMsg   func(*protocol.Survivors)
	confirm   func(i int, c *protocol.Confirm, key *protocol.Signer)
	confirmed func(*protocol.Confirmed)
	note      func([]byte) []byte // every checkpoint
	close     func(*audit.RoundClose)
	closeMsg  func(*protocol.Close)
	evidence  func(*protocol.Evidence)
}

// honest is the coordinator's side of one device's rounds.
type honest struct {
	t                    testing.TB
	n, own               int // roster size, the device's place
	d                    int // words of a vector
	cInt                 uint32
	mode                 aggregation.Mode
	kex, prg, sig        uint16
	wordBits             uint16
	cohorts              uint32
	cohort               int // the device's
	seedNote             []byte
	survHashes           [][32]byte           // of every cohort
	witnesses            []ed25519.PrivateKey // that cosign every checkpoint, if any
	policy               audit.WitnessPolicy
	clocks               []time.Duration // of the witnesses, beside now
	authority, key       ed25519.PrivateKey
	logKey, sealKey      ed25519.PrivateKey
	log                  *audit.Log
	entries              [][]byte
	seen                 uint64 // the tree the device was shown last
	now                  time.Time
	round                uint64
	code                 []byte
	hooks                hooks
	policyAt, questionAt uint64
	openAt, rosterAt     uint64
	open                 audit.RoundOpen
	openHash, rosterHash [32]byte
	sid                  [32]byte
	members              []*member
	ring                 *aggregation.Ring
	degree               aggregation.Degree
	leaves               [][]byte
	count                int
	inputLeaves          [][]byte
	inputAt              int
	yHash                [32]byte
}

func newHonest(t testing.TB, n int) *honest {
	h := &honest{t: t, n: n, own: min(2, n-1), d: testD, cInt: 80, mode: aggregation.ModeSH, kex: aggregation.KexX25519, prg: aggregation.PRGAES128,
		sig: protocol.SigEd25519, wordBits: 32, cohorts: 1, authority: testKey("authority"), key: testKey("coordinator"), logKey: testKey("log"),
		log: audit.NewLog(), now: time.Unix(1_800_000_000, 0), code: testCode}
	h.sealKey = h.key
	return h
}

func (h *honest) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *honest) cert(name string, class protocol.Class) (ed25519.PrivateKey, protocol.Cert) {
	key := testKey(name)
	c := protocol.Cert{Class: class, NotBefore: uint64(h.now.Add(-time.Hour).Unix()), NotAfter: uint64(h.now.Add(1000 * time.Hour).Unix()), Quota: 10}
	copy(c.IDPK[:], public(key))
	return key, protocol.IssueCert(h.authority, c)
}

// signer signs in the round's suite.
func (h *honest) signer(key ed25519.PrivateKey) protocol.Signer {
	return protocol.Identity{Key: key}.Signer(h.sig)
}

func (h *honest) certPQ(c protocol.Cert, key ed25519.PrivateKey) []byte {
	_, authority := protocol.MLDSAKey(h.authority)
	pub, _ := protocol.MLDSAKey(key)
	return protocol.IssuePQ(authority, c, pub)
}

// offer logs the terms, the first time, and the next round.
func (h *honest) offer() *protocol.Offer {
	h.t.Helper()
	cInt := h.cInt
	sigma := uint64(cInt) * uint64(cInt) / 2
	codeHash := sha256.Sum256(h.code)
	if h.round == 0 {
		p := &audit.PolicyChange{CeilingUnits: 64 << 40, PeriodSeconds: month, P: 8, B: 1, NMin: 5, GammaBP: 500, DeltaBP: 6000}
		q := &audit.Question{ID: TrainingQuestion, Version: 1, Purpose: "better recommendations", Kind: 1, LayoutHash: testLayout, D: uint32(h.d),
			C: math.Float32bits(2), CInt: cInt, SigmaTotSq: sigma, NMin: 5, P: 8, B: 1, ShareBP: 10000, Expiry: uint64(h.now.Add(time.Hour).Unix()),
			CodeHash: codeHash, Result: "the next model"}
		apply(h.hooks.policy, p)
		apply(h.hooks.question, q)
		h.policyAt, h.questionAt = h.seal(p), h.seal(q)
	}
	h.round++
	units, err := privacy.Charge(cInt, sigma)
	h.must(err)
	h.open = audit.RoundOpen{Round: h.round, OpenedAt: uint64(h.now.Unix()), Question: h.hash(h.questionAt), ModelIn: testModel(), CodeHash: codeHash,
		LayoutHash: testLayout, D: uint32(h.d), WordBits: h.wordBits, XMax: h.xMax(), Kex: h.kex, PRG: h.prg, Sig: h.sig,
		Mode: uint16(h.mode), SeedKind: h.seedKind(),
		GammaBP: 500, DeltaBP: 6000, Lambda: 40, Eta: 10, NTarget: uint32(h.n), NMin: 5, Cohorts: h.cohorts, C: math.Float32bits(2), CInt: cInt,
		SigmaTotSq: sigma, RhoUnits: uint64(units), P: 8, B: 1, WitnessPolicy: h.policy.ID(), Deadlines: [5]uint32{10, 20, 30, 40, 50}}
	switch h.mode {
	case aggregation.ModeSM:
		h.open.DeltaBP = 4000 // beyond 42.5 % the mode has no answer
	case aggregation.ModeW:
		h.open.DeltaBP, h.open.Lambda = 3000, 80
	}
	apply(h.hooks.open, &h.open)
	h.openAt = h.seal(&h.open)
	h.openHash = h.hash(h.openAt)
	msg := &protocol.Offer{Code: slices.Clone(h.code), ModelSize: 4, Evidence: h.prove(h.policyAt, h.questionAt, h.openAt)}
	apply(h.hooks.offer, msg)
	return msg
}

// xMax is C_int in 32-bit words, and half of it in narrower ones.
func (h *honest) xMax() uint32 {
	if h.wordBits == 32 {
		return h.cInt
	}
	return h.cInt / 2
}

func (h *honest) seedKind() uint16 {
	kind, _ := seedOf(h.mode)
	return kind
}

func testModel() [32]byte { return sha256.Sum256([]byte("the model file")) }

func apply[T any](f func(*T), v *T) {
	if f != nil {
		f(v)
	}
}

// advertised makes everyone else's keys and freezes the roster.
func (h *honest) advertised(adv *protocol.Advertise) *protocol.Roster {
	h.t.Helper()
	h.members, h.leaves = nil, nil
	for i := range h.n {
		m := &member{bundle: adv.Key, shares: map[int][2]aggregation.Share{}}
		if i != h.own {
			m.key, m.cert = h.cert(fmt.Sprintf("member %d", i), protocol.ClassDevice)
			var err error
			m.secrets, err = aggregation.NewSecrets(testStream(fmt.Sprintf("secrets %d %d", h.round, i)))
			h.must(err)
			pub, err := m.secrets.Public(h.openHash, h.kex)
			h.must(err)
			m.bundle = protocol.KeyBundle{Cert: m.cert, SPK: pub.SPK, EPK: pub.EPK, BC: pub.BC, KEM: pub.KEM}
			if h.sig == protocol.SigHybrid {
				m.bundle.CertPQ = h.certPQ(m.cert, m.key)
			}
			if h.hooks.member != nil {
				h.hooks.member(i, &m.bundle, &m.key)
			}
			if m.key != nil {
				m.bundle.Sign(h.signer(m.key), h.openHash)
			}
		} else if h.hooks.member != nil {
			h.hooks.member(i, &m.bundle, &m.key)
		}
		h.members = append(h.members, m)
		h.leaves = append(h.leaves, rosterLeaf(uint32(i), m.bundle))
	}
	return h.roster()
}

func (h *honest) roster() *protocol.Roster {
	h.t.Helper()
	o := &h.open
	var err error
	h.degree, err = aggregation.FindDegree(aggregation.GraphParams{N: h.n, GammaBP: int(o.GammaBP), DeltaBP: int(o.DeltaBP), Lambda: int(o.Lambda),
		Eta: int(o.Eta), Mode: aggregation.Mode(o.Mode), Cohorts: int(o.Cohorts)})
	h.must(err)
	rec := &audit.Roster{Open: h.openHash, N: uint32(h.n), K: uint32(h.degree.K), T: uint32(h.degree.T), Root: audit.MerkleRoot(h.leaves)}
	if h.hooks.before != nil {
		h.hooks.before(h)
	}
	apply(h.hooks.roster, rec)
	h.rosterAt = h.seal(rec)
	h.rosterHash = h.hash(h.rosterAt)
	h.seedNote = h.checkpoint(h.log.Size())
	return h.rosterMsg()
}

// rosterMsg is what the device is sent, again and again if need be.
func (h *honest) rosterMsg() *protocol.Roster {
	h.t.Helper()
	seed := h.seed()
	var err error
	h.ring, err = aggregation.NewRing(h.n, int(h.cohorts), h.degree.K, seed)
	h.must(err)
	h.cohort = h.ring.Cohort(h.own)
	h.sid = aggregation.SessionID(h.openHash, h.rosterHash, seed, uint32(h.cohort))
	msg := &protocol.Roster{OpenHash: h.openHash, Index: uint32(h.own), Evidence: h.prove(h.span(h.openAt+1, h.rosterAt)...)}
	for _, i := range append([]int{h.own}, h.ring.Neighbours(h.own)...) {
		msg.Peers = append(msg.Peers, protocol.PeerKeys{Index: uint32(i), Key: h.members[i].bundle, Proof: audit.MerkleProof(h.leaves, i)})
	}
	if h.mode == aggregation.ModeW {
		msg.SeedCheckpoint = h.seedNote
		msg.SeedProof, err = h.log.Inclusion(h.rosterAt, h.rosterAt+1)
		h.must(err)
	}
	apply(h.hooks.rosterMsg, msg)
	return msg
}

// seed is of the roster, and in mode W of what the witnesses signed once the roster was in the log.
func (h *honest) seed() [32]byte {
	h.t.Helper()
	if h.mode != aggregation.ModeW {
		return aggregation.GraphSeed(h.openHash, h.rosterHash)
	}
	c, err := h.policy.Open(testOrigin, public(h.logKey), h.seedNote)
	if err != nil { // a hook took the signatures away
		return aggregation.GraphSeed(h.openHash, h.rosterHash)
	}
	return aggregation.GraphSeed(h.openHash, h.rosterHash, c.Cosigs...)
}

// delivery hands the device what its neighbours sealed for it.
func (h *honest) delivery() *protocol.Delivery {
	h.t.Helper()
	neighbours := h.ring.Neighbours(h.own)
	msg := &protocol.Delivery{SID: h.sid, Present: make([]byte, (len(neighbours)+7)/8)}
	for at, i := range neighbours {
		if slices.Contains(h.hooks.absent, i) {
			continue
		}
		msg.Present[at/8] |= 1 << (at % 8)
		h.sealFor(i, msg)
	}
	apply(h.hooks.delivery, msg)
	return msg
}

// sealFor is what member i makes for the device.
func (h *honest) sealFor(i int, msg *protocol.Delivery) {
	h.t.Helper()
	m := h.members[i]
	var xs []uint32
	for _, j := range h.ring.Neighbours(i) {
		xs = append(xs, h.ring.ShareX(j))
	}
	ms, bs, err := m.secrets.Split(h.degree.T, xs, testStream(fmt.Sprintf("split %d %d", h.round, i)))
	h.must(err)
	at := slices.Index(h.ring.Neighbours(i), h.own)
	m.shares[h.own] = [2]aggregation.Share{ms[at], bs[at]}
	peer, hybrid := h.peer(h.own), h.kex == aggregation.KexXWing
	if hybrid && i < h.own {
		peer.MaskCT, err = m.secrets.MaskCT(h.session(), uint32(i), peer)
		h.must(err)
		msg.MaskCTs = append(msg.MaskCTs, [protocol.CiphertextSize]byte(peer.MaskCT))
	}
	box, ct, err := m.secrets.Seal(h.session(), uint32(i), peer, ms[at], bs[at], testStream(fmt.Sprintf("coins %d %d", h.round, i)))
	h.must(err)
	msg.Sealed = append(msg.Sealed, box)
	if hybrid {
		msg.ShareCTs = append(msg.ShareCTs, [protocol.CiphertextSize]byte(ct))
	}
}

func (h *honest) session() aggregation.Session {
	return aggregation.Session{Suite: aggregation.Suite{Kex: h.open.Kex, PRG: h.open.PRG, WordBits: h.open.WordBits}, OpenHash: h.openHash, SID: h.sid}
}

func (h *honest) peer(i int) aggregation.PeerKey {
	k := h.members[i].bundle
	return aggregation.PeerKey{Index: uint32(i), SPK: k.SPK, EPK: k.EPK, KEM: k.KEM}
}

func (h *honest) receipt(in *protocol.Input) *protocol.Receipt {
	h.yHash = in.YHash
	msg := &protocol.Receipt{SID: h.sid, Index: uint32(h.own), YHash: in.YHash}
	msg.Sign(h.signer(h.key))
	apply(h.hooks.receipt, msg)
	return msg
}

// survivors freezes the sets of all cohorts: everyone but the lost and the absent.
func (h *honest) survivors() *protocol.Survivors {
	h.t.Helper()
	h.survHashes = nil
	var bitmap []byte
	var own uint64
	for c := range int(h.cohorts) {
		leaves, marked := h.marked(c)
		if c == h.cohort {
			bitmap, h.inputLeaves, h.count = marked, leaves, len(leaves)
			if h.hooks.bitmap != nil {
				h.hooks.bitmap(bitmap)
			}
		}
		rec := &audit.Survivors{Open: h.openHash, Roster: h.rosterHash, Cohort: uint32(c), SID: aggregation.SessionID(h.openHash, h.rosterHash, h.seed(), uint32(c)),
			Count: uint32(len(leaves)), BitmapHash: sha256.Sum256(marked), InputsRoot: audit.MerkleRoot(leaves)}
		if c == h.cohort {
			if h.hooks.between != nil {
				h.hooks.between(h)
			}
			apply(h.hooks.survivors, rec)
		}
		at := h.seal(rec)
		h.survHashes = append(h.survHashes, h.hash(at))
		if c == h.cohort {
			own = at
		}
	}
	msg := &protocol.Survivors{SID: h.sid, Bitmap: bitmap, Evidence: h.prove(h.span(h.rosterAt+1, own)...)}
	apply(h.hooks.survMsg, msg)
	return msg
}

// marked are a cohort's survivors.
func (h *honest) marked(cohort int) (leaves [][]byte, bitmap []byte) {
	bitmap = make([]byte, (h.n+7)/8)
	for _, i := range h.ring.Members(cohort) {
		if slices.Contains(h.hooks.lost, i) || slices.Contains(h.hooks.absent, i) {
			continue
		}
		bitmap[i/8] |= 1 << (i % 8)
		y := h.yHash
		if i != h.own {
			y = sha256.Sum256(fmt.Appendf(nil, "vector %d", i))
		} else {
			h.inputAt = len(leaves)
		}
		leaves = append(leaves, append(binary.BigEndian.AppendUint32(nil, uint32(i)), y[:]...))
	}
	return leaves, bitmap
}

// confirmed relays the neighbours' signatures on the survivors, but for those of the lost.
func (h *honest) confirmed(c *protocol.Confirm) *protocol.Confirmed {
	h.t.Helper()
	msg := &protocol.Confirmed{SID: h.sid, Digest: c.Digest}
	for _, i := range h.ring.Neighbours(h.own) {
		if slices.Contains(h.hooks.lost, i) || slices.Contains(h.hooks.absent, i) {
			continue
		}
		said, signer := &protocol.Confirm{SID: h.sid, Digest: c.Digest}, h.signer(h.members[i].key)
		if h.hooks.confirm != nil {
			h.hooks.confirm(i, said, &signer)
		}
		said.Sign(signer)
		msg.Digest = said.Digest
		msg.Confirms = append(msg.Confirms, protocol.PeerConfirm{Index: uint32(i), Sig: said.Sig, SigPQ: said.SigPQ})
	}
	apply(h.hooks.confirmed, msg)
	return msg
}

// close publishes the round.
func (h *honest) close() *protocol.Close {
	h.t.Helper()
	if h.survHashes == nil {
		h.survHashes = make([][32]byte, h.cohorts)
	}
	rec := &audit.RoundClose{Open: h.openHash, Roster: h.rosterHash, Survivors: slices.Clone(h.survHashes), SumHash: make([][32]byte, len(h.survHashes)), ModelOut: sha256.Sum256([]byte("the next model"))}
	apply(h.hooks.close, rec)
	at := h.seal(rec)
	msg := &protocol.Close{OpenHash: h.openHash, Evidence: h.prove(at), InputIndex: uint32(h.inputAt)}
	if h.inputLeaves != nil {
		msg.InputProof = audit.MerkleProof(h.inputLeaves, h.inputAt)
	}
	apply(h.hooks.closeMsg, msg)
	return msg
}

func (h *honest) abort() *protocol.Close {
	h.t.Helper()
	at := h.seal(&audit.Abort{Open: h.openHash, Detail: "too few came"})
	return &protocol.Close{OpenHash: h.openHash, Evidence: h.prove(at)}
}
