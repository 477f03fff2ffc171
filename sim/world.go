package sim

import (
	"container/heap"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// world is one federation with its own time.
type world struct {
	cfg     Config
	rng     *rand.Rand // decides delays, losses, updates; no secrets
	now     time.Time
	agenda  agenda
	planned uint64
	start   time.Time
	out     Outcome

	authority ed25519.PrivateKey
	coord     *coord
	devices   []*device
	byID      map[[32]byte]*device
	oracle    *oracle
	one       float32 // the update that becomes a single 1
	lose      map[Step]int
	restart   map[Step]int
	figures   Figures                                              // of the running round
	study     *Study                                               // an experiment, or nil
	watch     func(*device, participant.Event, participant.Output) // what a device did, for a test that writes it down; or nil
}

// key derives a key pair from the seed.
func (w *world) key(name string, i int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "sim key %d %s %d", w.cfg.Seed, name, i))
	return ed25519.NewKeyFromSeed(seed[:])
}

// stream derives a secret random source from the seed.
func (w *world) stream(name string, i int) io.Reader {
	return privacy.NewStream(sha256.Sum256(fmt.Appendf(nil, "sim stream %d %s %d", w.cfg.Seed, name, i)))
}

func (w *world) cert(key ed25519.PrivateKey, class protocol.Class, serial uint64) protocol.Cert {
	c := protocol.Cert{Class: class, NotBefore: uint64(w.now.Add(-time.Hour).Unix()), NotAfter: uint64(w.now.Add(1000 * time.Hour).Unix()), Quota: 1000}
	copy(c.IDPK[:], key.Public().(ed25519.PublicKey))
	binary.BigEndian.PutUint64(c.Serial[:], serial)
	return protocol.IssueCert(w.authority, c)
}

func newWorld(cfg Config) (*world, error) {
	cfg = cfg.usual()
	w := &world{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 1)), now: time.Unix(1_700_000_000, 0), byID: map[[32]byte]*device{}}
	w.start, w.oracle = w.now, &oracle{w: w}
	cInt, _ := w.terms()
	var err error
	if w.one, err = unit(aggregation.Grid{C: 1, CInt: cInt, XMax: cInt, D: cfg.D}); err != nil {
		return nil, err
	}
	w.authority = w.key("authority", 0)
	if err := w.newCoord(); err != nil {
		return nil, err
	}
	for i := range cfg.Devices {
		if err := w.newDevice(i); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// run handles what is planned until every round has ended.
func (w *world) run() (*Outcome, error) {
	w.after(0, w.coord.openRound)
	for _, d := range w.devices {
		w.after(w.delay(), d.connect)
	}
	for n := 0; len(w.agenda) > 0; n++ {
		if n == w.cfg.events() {
			return &w.out, errors.New("the run does not end: too many events")
		}
		m := heap.Pop(&w.agenda).(moment)
		if m.at.Sub(w.start) > maxTime {
			return &w.out, errors.New("the run does not end: a day has passed")
		}
		w.now = m.at
		if err := m.do(); err != nil {
			return &w.out, err
		}
		if err := w.moment(n + 1); err != nil {
			return &w.out, err
		}
		if len(w.out.Rounds) == w.cfg.Rounds {
			return &w.out, nil
		}
	}
	return &w.out, errors.New("nothing more will happen, and not every round has ended")
}

func (w *world) fact(format string, args ...any) {
	t := w.now.Sub(w.start)
	w.out.Trace = append(w.out.Trace, fmt.Sprintf("%02d.%03d ", int(t.Seconds()), t.Milliseconds()%1000)+fmt.Sprintf(format, args...))
}

// terms are the round's numbers, from the real limits: C_int is at least 8√d, and σ_tot, half of it, gives each device at
// least σ_loc = 4 however many share it.
func (w *world) terms() (cInt uint32, sigmaTotSq uint64) {
	c := uint64(math.Ceil(8*math.Sqrt(float64(max(w.cfg.D, w.cfg.Devices))))) + 1
	switch {
	case w.cfg.Variance > 0:
		return uint32(c), w.cfg.Variance * c * c
	case w.cfg.Shipped && w.cfg.ClipBit: // both together within the policy's z of 2: 1/5 for the vector, 100/64² for the bit
		return uint32(c), 5 * c * c
	case w.cfg.Shipped || w.cfg.ClipBit:
		return uint32(c), 4 * c * c
	}
	return uint32(c), (c*c + 3) / 4
}

const origin = "sim.cinesync/demo"

func (w *world) open(number uint64, prev [32]byte) *audit.RoundOpen {
	cInt, sigma := w.terms()
	bit := w.bitNoise(cInt)
	units, err := privacy.ChargeWithBit(cInt, sigma, (&audit.RoundOpen{XMax: cInt}).BitSize(), bit)
	if err != nil {
		panic(err) // the terms are within their limits
	}
	return &audit.RoundOpen{Round: number, OpenedAt: uint64(w.now.Unix()), PrevRound: prev, Question: w.coord.question, ModelIn: w.coord.model,
		CodeHash: sha256.Sum256(simCode), LayoutHash: simLayout, D: uint32(w.cfg.D), WordBits: w.cfg.Suite.WordBits, XMax: cInt, Kex: w.cfg.Suite.Kex, PRG: w.cfg.Suite.PRG, Sig: w.cfg.Sig,
		Mode: uint16(w.cfg.Mode), SeedKind: w.seedKind(), WitnessPolicy: w.policy().ID(), GammaBP: 500, DeltaBP: uint16(w.cfg.DeltaBP), Lambda: w.lambda(), Eta: 20,
		NTarget: uint32(w.cfg.Devices), NMin: uint32(w.cfg.Min), Cohorts: uint32(w.cfg.Cohorts), C: math.Float32bits(1), CInt: cInt, SigmaTotSq: sigma, SigmaBitSq: bit,
		RhoUnits: uint64(units), P: uint32(w.cfg.Rounds), B: 1, Deadlines: [5]uint32{10, 20, 30, 40, 50}}
}

func (w *world) asks() uint8 {
	if w.cfg.ClipBit {
		return audit.AsksSumBit
	}
	return audit.AsksSum
}

func (w *world) bitNoise(xMax uint32) uint64 {
	if !w.cfg.ClipBit {
		return 0
	}
	sigmaSq, err := privacy.BitNoise(uint32(w.cfg.Min), (&audit.RoundOpen{XMax: xMax}).BitSize())
	if err != nil {
		panic(err) // the terms are within their limits
	}
	return sigmaSq
}

func (w *world) seedKind() uint16 {
	if w.cfg.Mode == aggregation.ModeW {
		return 1
	}
	return 3
}

func (w *world) lambda() uint16 {
	if w.cfg.Mode == aggregation.ModeW {
		return 80
	}
	return 40
}

// simCode is a local function that needs no history: canonical bytes as participant.checkCode reads them.
var simCode = append([]byte{0, 0, 0, 9}, "two-tower\x00\x00\x00\x01"...)

var simLayout = sha256.Sum256([]byte("sim layout"))

func (w *world) floor() participant.Floor {
	if w.cfg.Shipped {
		return participant.Balanced()
	}
	return participant.Demo(uint32(w.cfg.Rounds))
}
