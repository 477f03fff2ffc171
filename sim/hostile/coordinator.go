package hostile

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
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

const (
	origin = "hostile.cinesync/log"
	clip   = 2
	month  = 30 * 24 * 3600
)

var (
	layout = sha256.Sum256([]byte("hostile layout"))
	code   = append([]byte{0, 0, 0, 9}, "two-tower\x00\x00\x00\x01"...)
)

// Scene is who takes part and what the rounds promise.
type Scene struct {
	Devices  int // honest ones
	Invented int // members that the coordinator made up and holds certificates for
	Mode     aggregation.Mode
	D        int    // length of the vectors
	CInt     uint32 // at least 8√d
	Kex      uint16 // 0: X25519 alone; with X-Wing a scene has no invented members
	NMin     uint32
	GammaBP  uint16
	DeltaBP  uint16
	Rounds   uint32 // participations that policy and floor allow
}

func (sc Scene) kex() uint16 { return max(sc.Kex, aggregation.KexX25519) }

// sigmaTotSq is the noise of a round: z = σ_tot / C_int is a little over 2, the shipped floor.
func (sc Scene) sigmaTotSq() uint64 { return 4*uint64(sc.CInt)*uint64(sc.CInt) + 1 }

// Plain is n honest devices whose vectors have d words.
func Plain(n, d int, mode aggregation.Mode) Scene {
	sc := scene(n, mode)
	sc.D, sc.CInt = d, uint32(8*math.Ceil(math.Sqrt(float64(d))))
	return sc
}

// scene is n honest devices in a complete graph, where up to 30 % may be lost.
func scene(n int, mode aggregation.Mode) Scene {
	return Scene{Devices: n, Mode: mode, D: 64, CInt: 80, NMin: uint32(max(3, n-n*3/10)), GammaBP: 500, DeltaBP: 3000, Rounds: 8}
}

// Coordinator is S without scruples: it holds its keys, the log's key and its own members' secrets, and signs what it likes.
// It does not hold the enrolment authority's key or a witness's; where a test gives it certificates or cosignatures, the test
// says why it could have them.
type Coordinator struct {
	t         testing.TB
	Scene     Scene
	authority ed25519.PrivateKey // E's; used to set the scene, and where a test lets E err
	key       ed25519.PrivateKey
	now       time.Time
	Log       *Ledger // the log that everybody sees
	Devices   []*Device
	Invented  []*Puppet
	Witnesses []*Witness // of mode W
	Policy    audit.WitnessPolicy
	// witnessClock is added to the time that witnesses sign, in seconds.
	witnessClock int64
	round        uint64
	prev         [32]byte
	served       func(d *Device, hash [32]byte) [32]byte // the hash of the file that a device gets for a model
	update       func(d *Device) []float32
	policy       uint64 // its place in the log
	question     uint64
	roundsDone   []*Round
}

// Ledger is one log of the coordinator's. An honest one has one; a liar may have two that share a beginning.
type Ledger struct {
	tree    *audit.Log
	entries [][]byte
}

// NewCoordinator sets the scene: keys, certificates, a log with policy and question, devices that pin them.
func NewCoordinator(t testing.TB, sc Scene) *Coordinator {
	t.Helper()
	s := &Coordinator{t: t, Scene: sc, authority: keyOf("authority"), key: keyOf("coordinator"), now: time.Unix(1_800_000_000, 0),
		Log: &Ledger{tree: audit.NewLog()}, served: func(_ *Device, h [32]byte) [32]byte { return h },
		update: func(d *Device) []float32 { return unit(sc.D, d.place()) }}
	s.Witnesses, s.Policy = newWitnesses(sc.Mode)
	s.policy = s.seal(s.Log, &audit.PolicyChange{CeilingUnits: 1 << 62, PeriodSeconds: month, P: sc.Rounds, B: 1, NMin: sc.NMin, GammaBP: sc.GammaBP, DeltaBP: sc.DeltaBP})
	s.question = s.seal(s.Log, &audit.Question{ID: participant.TrainingQuestion, Version: 1, Purpose: "better recommendations", Kind: 1, LayoutHash: layout,
		D: uint32(sc.D), C: math.Float32bits(clip), CInt: sc.CInt, SigmaTotSq: sc.sigmaTotSq(), NMin: sc.NMin, P: sc.Rounds, B: 1, ShareBP: 10000,
		Expiry: uint64(s.now.Add(1000 * time.Hour).Unix()), CodeHash: sha256.Sum256(code), Result: "the next model"})
	for i := range sc.Devices {
		s.Devices = append(s.Devices, s.newDevice(fmt.Sprintf("device %d", i)))
	}
	for i := range sc.Invented {
		s.Invented = append(s.Invented, s.invent(fmt.Sprintf("invented %d", i), s.authority))
	}
	return s
}

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("hostile key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func streamOf(name string) io.Reader {
	return privacy.NewStream(sha256.Sum256([]byte("hostile stream " + name)))
}

// certOf is a certificate by an authority, which need not be E.
func (s *Coordinator) certOf(key, authority ed25519.PrivateKey, change func(*protocol.Cert)) protocol.Cert {
	c := protocol.Cert{Class: protocol.ClassDevice, NotBefore: uint64(s.now.Add(-time.Hour).Unix()), NotAfter: uint64(s.now.Add(1000 * time.Hour).Unix()), Quota: 1000}
	copy(c.IDPK[:], publicOf(key))
	copy(c.Serial[:], c.IDPK[:])
	if change != nil {
		change(&c)
	}
	return protocol.IssueCert(authority, c)
}

func (s *Coordinator) newDevice(name string) *Device {
	s.t.Helper()
	key := keyOf(name)
	d := &Device{t: s.t, s: s, Name: name, scratch: participant.NewMemory(), Truth: map[[32]byte][]uint32{}}
	d.cfg = participant.Config{Key: key, Cert: s.certOf(key, s.authority, nil), Authority: publicOf(s.authority), Coordinator: publicOf(s.key),
		LogOrigin: origin, LogKey: publicOf(keyOf("log")), Witnesses: s.Policy, Floor: s.floor(), Random: streamOf(name), Scratch: d.scratch}
	d.boot()
	return d
}

// floor is what the devices pin: just what the scene's honest rounds offer, so that every weakening is below it.
func (s *Coordinator) floor() participant.Floor {
	f := participant.Balanced()
	f.Name, f.NMin, f.GammaBP, f.DeltaBP = "hostile", s.Scene.NMin, s.Scene.GammaBP, s.Scene.DeltaBP
	f.P, f.MaxC, f.Modes, f.Ceiling = s.Scene.Rounds, clip, []aggregation.Mode{s.Scene.Mode}, 1<<62
	f.SeedKinds, f.MaxCohorts = []uint16{1, 3}, 1
	f.Lambda = lambda(s.Scene.Mode)
	return f
}

func lambda(mode aggregation.Mode) uint16 {
	if mode == aggregation.ModeW {
		return 80
	}
	return 40
}

// place is the coordinate that a device's update is about: its own.
func (d *Device) place() int { return slices.Index(d.s.Devices, d) % d.s.Scene.D }

func unit(d, at int) []float32 {
	u := make([]float32, d)
	u[at] = 1
	return u
}

func (s *Coordinator) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// seal appends a record that S signs.
func (s *Coordinator) seal(l *Ledger, r audit.Record) uint64 {
	s.t.Helper()
	entry, err := audit.Seal(s.key, r)
	s.must(err)
	l.entries = append(l.entries, entry)
	return l.tree.Append(entry)
}

// fork is a second log that agrees with l up to here.
func (l *Ledger) fork() *Ledger {
	f := &Ledger{tree: audit.NewLog()}
	for _, e := range l.entries {
		f.tree.Append(e)
		f.entries = append(f.entries, e)
	}
	return f
}

func (l *Ledger) hash(i uint64) [32]byte { return audit.LeafHash(l.entries[i]) }

// prove shows a device entries of a log, and that it only grew.
func (s *Coordinator) prove(d *Device, l *Ledger, indexes ...uint64) protocol.Evidence {
	s.t.Helper()
	size := l.tree.Size()
	note, err := s.checkpoint(l)
	s.must(err)
	ev := protocol.Evidence{Checkpoint: note, OldSize: d.seen}
	if d.seen > 0 && d.seen < size {
		ev.Consistency, err = l.tree.Consistency(d.seen, size)
		s.must(err)
	}
	for _, i := range indexes {
		proof, err := l.tree.Inclusion(i, size)
		s.must(err)
		ev.Entries = append(ev.Entries, protocol.Logged{Index: i, Entry: l.entries[i], Proof: proof})
	}
	d.seen = size
	return ev
}

func span(from, to uint64) []uint64 {
	var out []uint64
	for i := from; i <= to; i++ {
		out = append(out, i)
	}
	return out
}

func inputLeaf(i int, y []byte) []byte {
	h := sha256.Sum256(y)
	return append(binary.BigEndian.AppendUint32(nil, uint32(i)), h[:]...)
}
