package demo

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinesync/cinesync/cmd/cinesync/operate"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/serve/catalog"
)

// Run makes a folder, a coordinator and its devices, runs the rounds, measures, audits, and reports.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	began := time.Now()
	s := newShow(&o)
	defer s.close()
	if err := s.prepare(ctx); err != nil {
		return nil, s.stopped(err)
	}
	if err := s.federate(ctx); err != nil {
		return nil, s.stopped(err)
	}
	report, err := s.report(ctx)
	if err != nil {
		return nil, s.stopped(err)
	}
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}

// show is one running demo.
type show struct {
	o         *Options
	folder    *folder // nil until it is made
	ready     bool    // everything in it is made
	world     *world
	judge     *judge
	faults    *faults
	given     *contributions
	devices   []*device
	host      host
	witnessAt string // where the witness answers
	kills     *kills // nil without --crash
	screen    *screen
	// bounds of what the devices of this machine do at once
	training, dialling room
	recruiting         recruiting
	rounds             []Round
	up                 int64
	down               int64
	last               [32]byte // the newest published model
	unmeasured         error    // the first published model that could not be scored
}

func newShow(o *Options) *show {
	return &show{o: o, faults: newFaults(o.Seed, o.Devices, o.Drop), given: newContributions(), screen: newScreen(o),
		training: make(room, runtime.GOMAXPROCS(0)), dialling: make(room, 8*runtime.GOMAXPROCS(0))}
}

// prepare makes everything. What can be found wrong before the folder is there, is.
func (s *show) prepare(ctx context.Context) error {
	o := s.o
	if o.HTTP != "" {
		if err := operate.TryHTTP(o.HTTP); err != nil {
			return err
		}
	}
	var err error
	if s.world, err = makeWorld(o); err != nil {
		return err
	}
	start, err := s.world.start(o.Task)
	if err != nil {
		return err
	}
	if s.judge, err = newJudge(s.world, start, o.Seed); err != nil {
		return err
	}
	if s.folder, err = makeFolder(o.Dir); err != nil {
		return err
	}
	listen, err := freePort()
	if err != nil {
		return err
	}
	if s.witnessAt, err = freeTCP(); err != nil {
		return err
	}
	if err := s.folder.makeCoordinator(o, s.world, start, listen, s.witnessAt); err != nil {
		return err
	}
	s.host = inside{s.folder.path("coordinator")}
	if o.Crash {
		s.kills = newKills()
		s.host = &killer{dir: s.folder.path("coordinator"), program: o.Program, stderr: o.Stderr, kills: s.kills}
	}
	s.screen.begin(o, s.folder.dir, len(s.world.titles), start.Layout.Size())
	if err := s.makeDevices(ctx, listen); err != nil {
		return err
	}
	s.ready = true
	return nil
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
			err := s.folder.makeDevice(making, i, p, titles, address, s.o)
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

// stopped turns the error of a demo that was told to stop into what is left of it; any other it leaves as it is.
func (s *show) stopped(err error) error {
	switch {
	case !errors.Is(err, context.Canceled):
		return err
	case s.folder == nil:
		return errors.New("stopped before anything was made")
	case !s.ready:
		return fmt.Errorf("stopped before the first round; the folder %s is not whole: remove it", s.folder.dir)
	default:
		return fmt.Errorf("stopped; the folder %s keeps what was recorded", s.folder.dir)
	}
}

// federate runs coordinator and devices until the task is done.
func (s *show) federate(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(running)
	ready := make(chan struct{})
	group.Go(func() error { return s.witness(running, ready) })
	select {
	case <-ready:
	case <-running.Done():
	}
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
	if err == nil || errors.Is(err, context.Canceled) {
		return ctx.Err() // the demo's own stop is no error
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
