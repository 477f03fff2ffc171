package demo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/serve/catalog"
)

// Run makes a folder, a coordinator and its devices, runs the rounds, measures, audits, and reports.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	began := time.Now()
	s, err := prepare(ctx, &o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.federate(ctx); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("stopped; the folder %s keeps what was recorded: %w", s.folder.dir, err)
	}
	report, err := s.report(ctx)
	if err != nil {
		return nil, err
	}
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}

// show is one running demo.
type show struct {
	o       *Options
	folder  *folder
	world   *world
	judge   *judge
	faults  *faults
	given   *contributions
	devices []*device
	host    host
	screen  *screen
	// bounds of what the devices of this machine do at once
	training, dialling room
	rounds             []Round
	up                 int64
	down               int64
	last               [32]byte // the newest published model
}

func prepare(ctx context.Context, o *Options) (*show, error) {
	w, err := makeWorld(o)
	if err != nil {
		return nil, err
	}
	o.Devices = len(w.people)
	start, err := w.start(o.Task)
	if err != nil {
		return nil, err
	}
	f, err := makeFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	if err := f.makeCoordinator(o, w, start, listen); err != nil {
		return nil, err
	}
	s := &show{o: o, folder: f, world: w, faults: newFaults(o.Seed, o.Devices, o.Drop), given: newContributions(), screen: newScreen(o),
		training: make(room, runtime.GOMAXPROCS(0)), dialling: make(room, 8*runtime.GOMAXPROCS(0))}
	if s.judge, err = newJudge(w, start, o.Seed); err != nil {
		return nil, err
	}
	s.host = inside{f.path("coordinator")}
	if o.Crash {
		s.host = newKiller(f.path("coordinator"), o.Program, o.Stderr)
	}
	s.screen.say("folder %s, %d devices, %d titles, %d parameters, task %s", f.dir, o.Devices, len(w.titles), start.Layout.Size(), o.Task)
	if err := s.makeDevices(ctx, listen); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *show) makeDevices(ctx context.Context, address string) error {
	titles := map[string]catalog.Title{}
	for _, t := range s.world.titles {
		titles[t.ID] = t
	}
	group, making := errgroup.WithContext(ctx)
	group.SetLimit(4)
	var made atomic.Int32
	for i, p := range s.world.people {
		group.Go(func() error {
			err := s.folder.makeDevice(making, i, p, titles, address, s.o.Rounds)
			s.screen.progress("device folders", int(made.Add(1)), len(s.world.people))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range s.world.people {
		d, err := s.open(ctx, i)
		if d != nil {
			s.devices = append(s.devices, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *show) close() {
	for _, d := range s.devices {
		d.Close()
	}
}

// federate runs coordinator and devices until the task is done.
func (s *show) federate(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(running)
	for _, d := range s.devices {
		group.Go(func() error { return d.door.Run(running) })
	}
	group.Go(func() error {
		return s.host.run(running, func(e coordinator.Event) {
			s.on(e)
			if e.Kind == "done" {
				go s.finish(running, stop)
			}
		})
	})
	err := group.Wait()
	s.screen.done()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// finish lets the first device fetch the last model, and stops everybody.
func (s *show) finish(ctx context.Context, stop func()) {
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if s.last != ([32]byte{}) {
		s.devices[0].await(ctx, s.last)
	}
}

// on follows the coordinator's events.
func (s *show) on(e coordinator.Event) {
	switch e.Kind {
	case "phase":
		s.faults.begin(e.Round)
		s.screen.phase(e)
	case "recovered":
		s.screen.say("coordinator killed in phase %s of round %d: %s %s", e.Phase, e.Round, e.Outcome, e.Reason)
	case "round":
		s.faults.begin(e.Round)
		s.roundOver(e)
		s.faults.end()
	}
}

func (s *show) roundOver(e coordinator.Event) {
	r := Round{Round: e.Round, Outcome: e.Outcome, Reason: reason(e), Roster: e.U1, Included: e.U3, DroppedIn: s.faults.vanished(), Phases: map[string]int{}}
	for i, name := range []string{"keys", "shares", "inputs", "unmask", "settle"} {
		if i < len(e.Millis) {
			r.Phases[name] = e.Millis[i]
		}
	}
	var up, down int64
	for _, d := range s.devices {
		u, v := d.door.Traffic()
		up, down = up+u, down+v
	}
	n := int64(len(s.devices))
	r.BytesUp, r.BytesDown = (up-s.up)/n, (down-s.down)/n
	s.up, s.down = up, down
	r.Dropped = e.U1 - e.U3 + r.DroppedIn["unmask"]
	vectors := s.given.take(e.Round)
	if e.Outcome == "done" {
		if raw, err := hex.DecodeString(e.Model); err == nil && len(raw) == 32 {
			s.last = [32]byte(raw)
		}
		ok, err := sumOK(e, vectors)
		if err == nil {
			r.SumOK = ok
			err = s.judge.score(s.folder.path("coordinator", "models", e.Serve+".snapshot"))
		}
		if err != nil {
			s.screen.say("round %d: %v", e.Round, err)
		}
		r.HR10 = round4(s.judge.hr10)
	}
	s.rounds = append(s.rounds, r)
	s.screen.round(r, s.judge, verify(os.DirFS(s.folder.dir)).Epsilon)
}

func (s *show) report(ctx context.Context) (*Report, error) {
	r := &Report{Dir: s.folder.dir, Task: s.o.Task, Devices: len(s.devices), Parameters: s.judge.parameters, Rounds: s.rounds, Promise: promise,
		Metrics: Metrics{HR10: round4(s.judge.hr10), NDCG10: round4(s.judge.ndcg10), PopularityHR10: round4(s.judge.popularity), StartHR10: round4(s.judge.start)}}
	if k, ok := s.host.(*killer); ok {
		r.Crashes = k.crashes
		if missed := k.missed(); len(missed) > 0 {
			return nil, fmt.Errorf("no kill landed in phases %v: run more rounds", missed)
		}
	}
	plain, err := s.withoutPrivacy(ctx)
	s.screen.done()
	if err != nil {
		return nil, err
	}
	r.Metrics.NoNoiseHR10 = round4(plain.HR10)
	verdict := verify(os.DirFS(s.folder.dir))
	r.Audit = Audit{OK: verdict.OK, Entries: verdict.Entries}
	r.Epsilon, r.Delta = verdict.Epsilon, verdict.Delta
	r.Claim = fmt.Sprintf("for one device's whole history over all rounds, towards a coordinator that follows the protocol and controls at most %g %% of each roster, without amplification",
		float64(verdict.GammaBP)/100)
	list, err := s.devices[0].Client.Recommend(ctx, 10)
	if err != nil {
		return nil, fmt.Errorf("recommend on the first device: %w", err)
	}
	names := map[string]string{}
	for _, t := range s.world.titles {
		names[t.ID] = fmt.Sprintf("%s (%d)", t.Title, t.Year)
	}
	for _, v := range list {
		r.Recommendations = append(r.Recommendations, Recommendation{ID: v.ID, Title: names[v.ID], Score: v.Score})
	}
	return r, nil
}

// round4 cuts a share to the digits that mean something.
func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }
