package door_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/coordinator/round"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/memory"
)

// rig is a coordinator for one device under test: the real round machine, everything around it in memory, and three other
// devices that answer at once. It runs in a synctest bubble.
type rig struct {
	t         *testing.T
	net       memory.Network
	authority ed25519.PrivateKey
	s         protocol.Identity
	logKey    ed25519.PrivateKey
	dev       protocol.Identity
	d         int
	listener  *memory.Listener

	mu       sync.Mutex // guards everything below
	log      *audit.Log
	entries  [][]byte
	context  []uint64
	question [32]byte
	machine  *round.Machine
	number   uint64
	files    map[[32]byte][]byte // models
	model    [32]byte
	spool    map[[32]byte][]byte
	tree     map[[32]byte]uint64
	others   map[[32]byte]*other
	queue    []func()
	conn     protocol.Conn // of the device
	header   []byte        // its last, for Welcome
	got      []protocol.Message
	results  chan *round.Result
	// meet sees each message of the device first; false loses it and breaks the connection.
	meet func(protocol.Message) bool
	// tamper may change a model file's part.
	tamper func(*protocol.ModelPart)
	// delta may change a part of a delta; nil: there are none.
	delta func(*protocol.DeltaPart)
	// claims, if not 0, is the model file's size in offers.
	claims uint64
	greet  func(protocol.Conn) bool // sees each new connection first; false keeps it from the round
}

// other is a member that does its part at once.
type other struct {
	id      [32]byte
	machine *participant.Machine
	ledger  *privacy.Ledger
}

const origin = "door.test/demo"

func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("door test " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func stream(name string) io.Reader { return privacy.NewStream(sha256.Sum256([]byte(name))) }

func (r *rig) identity(name string, class protocol.Class) protocol.Identity {
	k := key(name)
	c := protocol.Cert{Class: class, NotBefore: uint64(time.Now().Add(-time.Hour).Unix()), NotAfter: uint64(time.Now().Add(1000 * time.Hour).Unix()), Quota: 100}
	copy(c.IDPK[:], public(k))
	c.Serial = [16]byte(c.IDPK[:16])
	return protocol.Identity{Key: k, Cert: protocol.IssueCert(r.authority, c)}
}

// newRig makes a coordinator whose vectors have d words and whose first model has size bytes.
func newRig(t *testing.T, d, size int) *rig {
	r := &rig{t: t, d: d, authority: key("authority"), logKey: key("log"), log: audit.NewLog(), files: map[[32]byte][]byte{},
		tree: map[[32]byte]uint64{}, others: map[[32]byte]*other{}, results: make(chan *round.Result, 16)}
	r.s, r.dev = r.identity("coordinator", protocol.ClassCoordinator), r.identity("device", protocol.ClassDevice)
	r.model = r.file(bytes.Repeat([]byte("model "), size/6+1)[:size])
	cInt, sigma := r.terms()
	codeHash := sha256.Sum256(code)
	for _, rec := range []audit.Record{
		&audit.PolicyChange{CeilingUnits: 1 << 60, PeriodSeconds: audit.MinPeriodSeconds, P: 100, B: 1, NMin: 3, DeltaBP: 6000},
		&audit.Question{ID: "train", Version: 1, Purpose: "test the door", Kind: 1, LayoutHash: layout, D: uint32(d), C: math.Float32bits(1), CInt: cInt,
			SigmaTotSq: sigma, NMin: 3, P: 100, B: 1, ShareBP: 10000, Expiry: uint64(time.Now().Add(1000 * time.Hour).Unix()), CodeHash: codeHash},
	} {
		r.context = append(r.context, r.seal(rec))
	}
	r.question = audit.LeafHash(r.entries[1])
	for i := range 3 {
		id := r.identity(fmt.Sprintf("other %d", i), protocol.ClassDevice)
		o := &other{id: id.Cert.IDPK, ledger: privacy.NewLedger(participant.Demo(100).Limits())}
		var err error
		if o.machine, err = participant.New(r.participant(id, fmt.Sprintf("other %d", i)), o.ledger, nil); err != nil {
			t.Fatal(err)
		}
		r.others[o.id] = o
	}
	r.away(false)
	t.Cleanup(func() { r.away(true) })
	return r
}

// away stops listening, or listens.
func (r *rig) away(gone bool) {
	if gone {
		if r.listener != nil {
			r.listener.Close()
			r.listener = nil
		}
		return
	}
	l, err := r.net.Listen("s", r.s.Cert)
	if err != nil {
		r.t.Fatal(err)
	}
	r.listener = l
	go func() {
		for {
			conn, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			go r.serve(conn)
		}
	}()
}

var (
	code   = append([]byte{0, 0, 0, 9}, "two-tower\x00\x00\x00\x01"...)
	layout = sha256.Sum256([]byte("layout"))
)

func (r *rig) terms() (uint32, uint64) {
	c := uint64(math.Ceil(8*math.Sqrt(float64(r.d)))) + 20
	return uint32(c), c * c / 2
}

func (r *rig) participant(id protocol.Identity, random string) participant.Config {
	return participant.Config{Key: id.Key, Cert: id.Cert, Authority: public(r.authority), Coordinator: public(r.s.Key), LogOrigin: origin,
		LogKey: public(r.logKey), Floor: participant.Demo(100), Random: stream(random), Scratch: participant.NewMemory()}
}

func (r *rig) file(b []byte) [32]byte {
	h := sha256.Sum256(b)
	r.files[h] = b
	return h
}

func (r *rig) seal(rec audit.Record) uint64 {
	entry, err := audit.Seal(r.s.Key, rec)
	if err != nil {
		r.t.Error(err)
	}
	return r.append(entry)
}

func (r *rig) append(entry []byte) uint64 {
	r.entries = append(r.entries, entry)
	return r.log.Append(entry)
}

// open opens the next round and offers it to everybody.
func (r *rig) open() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number++
	cInt, sigma := r.terms()
	units, err := privacy.Charge(cInt, sigma)
	if err != nil {
		r.t.Error(err)
	}
	rec := &audit.RoundOpen{Round: r.number, OpenedAt: uint64(time.Now().Unix()), Question: r.question, ModelIn: r.model, CodeHash: sha256.Sum256(code),
		LayoutHash: layout, D: uint32(r.d), WordBits: 32, XMax: cInt, Kex: 1, PRG: 1, Sig: 1, Mode: uint16(aggregation.ModeSH), SeedKind: 3, DeltaBP: 6000,
		Lambda: 40, Eta: 10, NTarget: 4, NMin: 3, Cohorts: 1, C: math.Float32bits(1), CInt: cInt, SigmaTotSq: sigma, RhoUnits: uint64(units), P: 100, B: 1,
		Deadlines: [5]uint32{3000, 3010, 3100, 3150, 3200}}
	index := r.seal(rec)
	r.machine = round.New(round.Config{Open: *rec, Entry: r.entries[index], Index: index, Context: r.context, Code: code,
		ModelSize: cmp.Or(r.claims, uint64(len(r.files[r.model]))), Authority: public(r.authority), Key: r.s.Key, Grace: 20 * time.Second, RhoCumBound: r.number * uint64(units)})
	r.spool = map[[32]byte][]byte{}
	r.step(round.Event{Kind: round.Started})
	for id := range r.others {
		r.step(round.Event{Kind: round.Connected, From: id})
	}
	if r.conn != nil {
		r.step(round.Event{Kind: round.Connected, From: r.dev.Cert.IDPK})
	}
	r.drain()
}

func (r *rig) drain() {
	for len(r.queue) > 0 {
		next := r.queue[0]
		r.queue = r.queue[1:]
		next()
	}
}

// step lets the round machine handle an event, and obeys it.
func (r *rig) step(e round.Event) {
	if r.machine == nil {
		return
	}
	m := r.machine
	out := m.Step(time.Now(), e)
	for _, f := range out.Facts {
		index := r.append(f.Entry)
		r.queue = append(r.queue, func() { r.step(round.Event{Kind: round.Logged, Hash: audit.LeafHash(f.Entry), Index: index}) })
	}
	if out.Work != nil {
		fold := round.NewFold(out.Work.Suite.Shape(out.Work.D), aggregation.NewAccumulator(out.Work.Suite.Shape(out.Work.D)))
		if err := fold.Complete(out.Work.Cohorts[0].Survivors, func(id [32]byte) ([]byte, error) { return r.spool[id], nil }); err != nil {
			r.t.Errorf("fold: %v", err)
		}
		sum, err := round.Settle(out.Work, 0, fold)
		if err != nil {
			r.t.Errorf("settle: %v", err)
		}
		next := r.file(bytes.Repeat(fmt.Appendf(nil, "model after round %d ", r.number), 20_000))
		r.queue = append(r.queue, func() {
			r.step(round.Event{Kind: round.Settled, Sums: [][32]byte{aggregation.SumHash(aggregation.Signed(sum, out.Work.Suite.WordBits))}, Model: next})
		})
	}
	for _, s := range out.Send {
		r.deliver(s)
	}
	if out.Result != nil {
		if out.Result.Phase == round.Done {
			r.model = out.Result.Model
		}
		r.results <- out.Result
		return
	}
	if next := m.Next(); !next.IsZero() {
		time.AfterFunc(max(0, time.Until(next)), func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.machine == m && !m.Next().IsZero() && !time.Now().Before(m.Next()) {
				r.step(round.Event{Kind: round.Ticked})
				r.drain()
			}
		})
	}
}

func (r *rig) deliver(s round.Send) {
	msg := s.Msg
	if _, ok := msg.(*protocol.InputState); ok {
		msg = &protocol.InputState{SID: r.machine.SID(s.To), Offset: uint64(len(r.spool[s.To]))}
	}
	if s.Prove != nil {
		msg = r.prove(s.To, msg, s.Prove)
	}
	if o := r.others[s.To]; o != nil {
		r.queue = append(r.queue, func() { o.step(r, participant.Event{Msg: msg}) })
	} else if r.conn != nil {
		if h, ok := msg.(*protocol.HangUp); ok {
			r.conn.Close(h.Code, h.Detail)
		} else {
			_ = r.conn.Send(context.Background(), msg) // a lost one is sent again
		}
	}
}

func (r *rig) prove(to [32]byte, m protocol.Message, indexes []uint64) protocol.Message {
	size, old := r.log.Size(), r.tree[to]
	note, err := audit.SignCheckpoint(origin, r.logKey, size, r.log.Root(size))
	if err != nil {
		r.t.Error(err)
	}
	ev := protocol.Evidence{Checkpoint: note, OldSize: old}
	if old > 0 && old < size {
		ev.Consistency, _ = r.log.Consistency(old, size)
	}
	for _, i := range indexes {
		proof, _ := r.log.Inclusion(i, size)
		ev.Entries = append(ev.Entries, protocol.Logged{Index: i, Entry: r.entries[i], Proof: proof})
	}
	r.tree[to] = size
	return protocol.WithEvidence(m, ev)
}

// serve is one connection of the device.
func (r *rig) serve(conn protocol.Conn) {
	defer conn.Close(protocol.CodeOK, "")
	if r.greet != nil && !r.greet(conn) {
		return
	}
	id := conn.Peer().IDPK
	for {
		m, err := conn.Recv(r.t.Context())
		r.mu.Lock()
		if err == nil {
			r.got = append(r.got, m)
			if r.meet != nil && !r.meet(m) {
				r.net.Cut(id)
				err = protocol.ErrLost
			}
		}
		if err != nil {
			if r.conn == conn {
				r.conn = nil
				r.step(round.Event{Kind: round.Disconnected, From: id})
				r.drain()
			}
			r.mu.Unlock()
			return
		}
		if _, ok := m.(*protocol.Hello); ok {
			r.conn = conn
		}
		r.from(id, m)
		r.drain()
		r.mu.Unlock()
	}
}

// from handles a member's message.
func (r *rig) from(id [32]byte, m protocol.Message) {
	switch m := m.(type) {
	case *protocol.Hello:
		r.tree[id] = m.TreeSize
		r.deliver(round.Send{To: id, Msg: &protocol.Welcome{LastHeader: r.header}, Prove: []uint64{}})
		r.step(round.Event{Kind: round.Connected, From: id})
	case *protocol.ModelGet:
		file := r.files[m.Hash]
		if m.Offset > uint64(len(file)) {
			r.t.Errorf("offset %d in a file of %d bytes", m.Offset, len(file))
			return
		}
		p := &protocol.ModelPart{Hash: m.Hash, Offset: m.Offset, Total: uint64(len(file)), Data: file[m.Offset:min(uint64(len(file)), m.Offset+protocol.ChunkSize)]}
		if r.tamper != nil {
			p.Data = bytes.Clone(p.Data)
			r.tamper(p)
		}
		r.deliver(round.Send{To: id, Msg: p})
	case *protocol.DeltaGet:
		r.deliver(round.Send{To: id, Msg: r.deltaPart(m)})
	case *protocol.Chunk:
		r.chunk(id, m)
	default:
		r.step(round.Event{Kind: round.Message, From: id, Msg: m})
	}
}

// deltaPart answers with a part of the file without its last byte: that is what a delta of these tests is.
func (r *rig) deltaPart(m *protocol.DeltaGet) *protocol.DeltaPart {
	p := &protocol.DeltaPart{Base: m.Base, Hash: m.Hash}
	if r.delta == nil || r.files[m.Base] == nil {
		return p
	}
	file := r.files[m.Hash]
	p.Offset, p.Total = m.Offset, uint64(len(file)-1)
	p.Data = bytes.Clone(file[m.Offset:min(p.Total, m.Offset+protocol.ChunkSize)])
	r.delta(p)
	return p
}

func (r *rig) chunk(id [32]byte, m *protocol.Chunk) {
	h := r.machine.Header(id)
	if h == nil || m.SID != r.machine.SID(id) || m.Offset != uint64(len(r.spool[id])) {
		return
	}
	r.spool[id] = append(r.spool[id], m.Data...)
	if uint64(len(r.spool[id])) == h.Length {
		r.step(round.Event{Kind: round.Uploaded, From: id, Hash: sha256.Sum256(r.spool[id])})
		return
	}
	r.deliver(round.Send{To: id, Msg: &protocol.InputState{SID: m.SID, Offset: uint64(len(r.spool[id]))}})
}

func (o *other) step(r *rig, e participant.Event) {
	out := o.machine.Step(time.Now(), e)
	if out.Entry != nil {
		if err := o.ledger.Apply(*out.Entry); err != nil {
			r.t.Error(err)
		}
	}
	if out.Refused != nil {
		r.t.Errorf("another member refuses: %v", out.Refused)
	}
	for _, m := range out.Send {
		r.queue = append(r.queue, func() { r.from(o.id, m) })
	}
	if out.More {
		o.step(r, participant.Event{More: true})
	}
	if out.Fetch != nil {
		o.step(r, participant.Event{Model: &participant.ModelReady{Hash: out.Fetch.Hash}})
	}
	if out.Train != nil {
		o.step(r, participant.Event{Trained: &participant.Trained{OpenHash: out.Train.OpenHash, LayoutHash: layout, Update: participant.Floats(make([]float32, r.d))}})
	}
}
