package coordinator_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/memory"
	"github.com/cinesync/cinesync/protocol/prototest"
)

const (
	logOrigin = "coordinator.test/demo"
	address   = "coordinator"
)

// world is one coordinator on one disk with its devices, in a bubble with its own time.
type world struct {
	*testing.T
	ctx     context.Context
	net     memory.Network
	disk    *disk
	cfg     coordinator.Config
	coord   protocol.Identity
	logKey  ed25519.PrivateKey
	devices []*device
	signers *witnesses     // nil where there are none
	running sync.WaitGroup // devices
	now     *process

	mu     sync.Mutex
	events []coordinator.Event
	news   chan struct{} // closed and made anew with each event of anybody
	given  map[uint64]map[[32]byte][]uint32
	onTold func(*process, coordinator.Event) // called from that process's loop; may be nil
}

// terms of the tests: four devices of which one may be lost, under the demo's light noise.
type terms struct {
	devices int // 4
	items   int // 5: a vector of a few hundred words
	dim     int
	bases   int
	half    bool // the model's file stores halves
	rounds  int  // 1
	delta   uint16
	mode    aggregation.Mode // SH; mode W comes with witnesses
	sig     uint16           // 1
	task    func(*coordinator.Task)
}

// bubble runs test in a world of its own, with fake time; the bubble fails if a goroutine is left.
func bubble(t *testing.T, o terms, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := newWorld(t, ctx, o)
		defer func() {
			w.halt()
			cancel()
			w.running.Wait()
			w.check()
		}()
		test(w)
	})
}

func newWorld(t *testing.T, ctx context.Context, o terms) *world {
	t.Helper()
	o = o.filled()
	w := &world{T: t, ctx: ctx, disk: newDisk(), news: make(chan struct{}), given: map[uint64]map[[32]byte][]uint32{},
		coord: o.identity("coordinator", protocol.ClassCoordinator), logKey: prototest.Key("log")}
	items := make([]string, o.items)
	features := make([][]float32, o.items)
	for i := range items {
		items[i], features[i] = fmt.Sprintf("movielens:movie:%d", i+1), []float32{float32(i), 1}
	}
	start, err := model.Spec{Family: model.TwoTowerFamily, Dim: o.dim, Half: o.half}.New(items, features)
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = coordinator.Config{Identity: w.coord, Authority: prototest.AuthorityKey(), LogKey: w.logKey, LogOrigin: logOrigin,
		AuthorityPQ: prototest.AuthorityPQ(), Task: o.newTask(t, start.Layout.Size()), Start: start.Encode(), Bases: o.bases}
	if o.mode == aggregation.ModeW {
		w.signers = w.witness()
	}
	for i := range o.devices {
		w.devices = append(w.devices, newDevice(w, i, w.cfg.Task.Local.Words(start.Layout), o))
	}
	return w
}

func (o terms) filled() terms {
	for field, least := range map[*int]int{&o.devices: 4, &o.items: 5, &o.dim: 2, &o.rounds: 1} {
		if *field == 0 {
			*field = least
		}
	}
	if o.delta == 0 {
		o.delta = 3000
	}
	if o.mode == 0 {
		o.mode = aggregation.ModeSH
	}
	if o.sig == 0 {
		o.sig = protocol.SigEd25519
	}
	return o
}

func (o terms) newTask(t *testing.T, d int) coordinator.Task {
	t.Helper()
	local, err := model.DefaultLocal(model.TwoTowerFamily)
	if err != nil {
		t.Fatal(err)
	}
	opt, err := model.DefaultOptimizer(model.TwoTowerFamily)
	if err != nil {
		t.Fatal(err)
	}
	cInt := uint64(math.Ceil(8*math.Sqrt(float64(d)))) + 1
	sigma := (cInt*cInt + 3) / 4
	units, err := privacy.Charge(uint32(cInt), sigma)
	if err != nil {
		t.Fatal(err)
	}
	task := coordinator.Task{Purpose: "Test whole rounds.", Local: local, Optimizer: opt, Rounds: o.rounds, NTarget: uint32(o.devices), NMin: 3,
		GammaBP: 500, DeltaBP: o.delta, Lambda: 80, Eta: 20, Mode: o.mode, Sig: o.sig, C: 1, CInt: uint32(cInt), SigmaTotSq: sigma,
		P: 100, B: 1, Ceiling: units * 100, Period: 30 * 24 * time.Hour, Deadlines: [5]uint32{20, 40, 60, 80, 100},
		Grace: 2 * time.Second, Interval: time.Second, Expiry: 24 * time.Hour}
	if o.task != nil {
		o.task(&task)
	}
	return task
}

// identity is a party whose certificate holds in a bubble's time too.
func identity(name string, class protocol.Class) protocol.Identity {
	id := prototest.Identity(name, class)
	id.Cert.NotBefore = 1
	id.Cert = protocol.IssueCert(prototest.Authority(), id.Cert)
	return id
}

// coordPQ is the coordinator's ML-DSA key.
func (w *world) coordPQ() *protocol.PQPublicKey {
	key, _ := protocol.MLDSAKey(w.coord.Key)
	return key
}

// identity has both halves of its certificate where the suite wants them.
func (o terms) identity(name string, class protocol.Class) protocol.Identity {
	id := identity(name, class)
	if o.sig == protocol.SigHybrid {
		id = prototest.Hybrid(id)
	}
	return id
}

// process is one life of the coordinator.
type process struct {
	disk     *mount
	listener *memory.Listener
	cancel   context.CancelFunc
	ended    chan struct{}
	err      error // of Run, once ended is closed
}

// start starts the coordinator; judge, if not nil, decides what its disk does.
func (w *world) start(judge func(op string) fate) error {
	w.Helper()
	m := &mount{disk: w.disk, judge: judge}
	p := &process{disk: m, ended: make(chan struct{})}
	cfg := w.cfg
	cfg.OnEvent = func(e coordinator.Event) { w.told(p, e) }
	cfg.Models, cfg.LogDir = folder{m, "models", w.disk.models}, folder{m, "log", w.disk.log}
	ctx, cancel := context.WithCancel(w.ctx)
	c, err := coordinator.New(ctx, cfg, store{m})
	if err != nil {
		cancel()
		return err
	}
	l, err := w.net.Listen(address, w.coord.Cert)
	if err != nil {
		w.Fatal(err)
	}
	p.listener, p.cancel = l, cancel
	w.now = p
	go func() {
		defer close(p.ended)
		p.err = c.Run(ctx, l)
	}()
	return nil
}

func (w *world) mustStart() {
	w.Helper()
	if err := w.start(nil); err != nil {
		w.Fatal(err)
	}
}

// halt ends the coordinator as a signal does, and gives what Run returned.
func (w *world) halt() error {
	p := w.now
	if p == nil {
		return nil
	}
	w.now = nil
	p.cancel()
	<-p.ended
	p.listener.Close()
	return p.err
}

// crash ends the coordinator as kill -9 does: nothing that it did not write before is written, nobody gets a word.
func (w *world) crash() {
	w.now.disk.kill()
	w.net.CutAll()
	w.halt() // with an error or without: nobody hears of it
}

// died waits until the coordinator ends by itself and gives its error.
func (w *world) died() error {
	w.Helper()
	p := w.now
	w.wait(p.ended, "the coordinator to end by itself")
	w.net.CutAll()
	return w.halt()
}

// told takes the coordinator's events down.
func (w *world) told(p *process, e coordinator.Event) {
	w.mu.Lock()
	w.events = append(w.events, e)
	w.stir()
	w.mu.Unlock()
	if w.onTold != nil {
		w.onTold(p, e)
	}
}

// stir wakes those who wait for news; the caller holds mu.
func (w *world) stir() {
	close(w.news)
	w.news = make(chan struct{})
}

// patience is fake time, and longer than any round.
const patience = time.Hour

func (w *world) wait(c <-chan struct{}, what string) {
	w.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
		w.Fatalf("waited in vain for %s", what)
	}
}

// until waits until cond holds; it is called under mu, again with each event of anybody.
func (w *world) until(cond func() bool, what string) {
	w.Helper()
	for {
		w.mu.Lock()
		news, ok := w.news, cond()
		w.mu.Unlock()
		if ok {
			return
		}
		w.wait(news, what)
	}
}

// await waits for an event of this kind, from the n-th event on, and gives it with the place after it.
func (w *world) await(kind string, n int) (e coordinator.Event, next int) {
	w.Helper()
	w.until(func() bool {
		for ; n < len(w.events); n++ {
			if w.events[n].Kind == kind {
				e = w.events[n]
				return true
			}
		}
		return false
	}, "event "+kind)
	return e, n + 1
}

// soon is closed once an event of this kind was told.
func (w *world) soon(kind string) <-chan struct{} {
	c := make(chan struct{})
	w.running.Go(func() {
		defer close(c)
		for w.ctx.Err() == nil {
			w.mu.Lock()
			news := w.news
			told := slices.ContainsFunc(w.events, func(e coordinator.Event) bool { return e.Kind == kind })
			w.mu.Unlock()
			if told {
				return
			}
			select {
			case <-news:
			case <-w.ctx.Done():
			}
		}
	})
	return c
}

// pass lets fake time pass.
func (w *world) pass(d time.Duration) { <-time.After(d) }

// phase waits until the round is in this phase.
func (w *world) phase(round uint64, name string) {
	w.Helper()
	for n := 0; ; {
		var e coordinator.Event
		if e, n = w.await("phase", n); e.Round == round && e.Phase == name {
			return
		}
	}
}

// over waits until a round has ended.
func (w *world) over(round uint64) coordinator.Event {
	w.Helper()
	for n := 0; ; {
		var e coordinator.Event
		if e, n = w.await("round", n); e.Round == round {
			return e
		}
	}
}
