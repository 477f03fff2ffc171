package accel

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/cinesync/cinesync/gpu"
)

// What --gpu may be beside the index of a GPU.
const (
	Auto = "auto" // the GPUs that there are
	Off  = "off"  // the CPU alone
)

// Usage is the help of --gpu on a command where GPUs do this, such as "expands masks".
func Usage(does string) string {
	return "which GPU " + does + ": auto (what there is), off, or an index (see cinesync gpu info)"
}

// Accel is what does a program's heavy work: GPUs, or none, which stands for the CPU.
type Accel struct {
	devices []*gpu.Device
	say     Say
	last    []func() error // what is closed before the devices
}

// Say takes a line for people: Info tells what does the work, Warn that the CPU had to take something over. It may be called from any
// goroutine.
type Say func(level slog.Level, line string)

// Check says whether choice can be a --gpu, before anything is opened.
func Check(choice string) error {
	if choice == Auto || choice == Off {
		return nil
	}
	if n, err := strconv.Atoi(choice); err != nil || n < 0 {
		return fmt.Errorf("--gpu is %q: want auto, off or the index of a GPU", choice)
	}
	return nil
}

// Open opens the GPUs of a choice. say gets a line now, and whenever the CPU has to take something over.
func Open(choice string, say Say) (*Accel, error) {
	return atMost(math.MaxInt, choice, say)
}

// OpenOne is Open for a program that has work for one GPU: auto takes the first that will do, and leaves the others to others.
func OpenOne(choice string, say Say) (*Accel, error) { return atMost(1, choice, say) }

func atMost(most int, choice string, say Say) (*Accel, error) {
	if err := Check(choice); err != nil {
		return nil, err
	}
	a := &Accel{say: func(level slog.Level, line string) { say(level, strings.ReplaceAll(line, "\n", "; ")) }} // joined errors have a line each
	switch choice {
	case Off:
		return a, nil
	case Auto:
		a.openAuto(most)
		return a, nil
	}
	index, err := strconv.Atoi(choice)
	if err != nil {
		return nil, fmt.Errorf("--gpu is %q: %w", choice, err)
	}
	d, err := gpu.Open(index, gpu.Options{})
	if err != nil {
		return nil, fmt.Errorf("--gpu %d: %w (see `cinesync gpu info`; --gpu auto takes what there is)", index, err)
	}
	a.devices = []*gpu.Device{d}
	a.say(slog.LevelInfo, "gpu: "+a.Name())
	return a, nil
}

// openAuto opens the GPUs that will do, some at most. That there is none is no error here.
func (a *Accel) openAuto(most int) {
	n, err := gpu.Count()
	for i := 0; i < n && len(a.devices) < most; i++ {
		d, failed := gpu.Open(i, gpu.Options{})
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		a.devices = append(a.devices, d)
	}
	switch {
	case len(a.devices) > 0:
		a.say(slog.LevelInfo, "gpu: "+a.Name())
	case err != nil:
		a.say(slog.LevelInfo, fmt.Sprintf("gpu: none, the CPU does the work (%v)", err))
	}
}

// Name is what does the work: the GPU's name, with how many there are, or cpu.
func (a *Accel) Name() string {
	switch len(a.devices) {
	case 0:
		return "cpu"
	case 1:
		return a.devices[0].Info().Name
	}
	return fmt.Sprintf("%d × %s", len(a.devices), a.devices[0].Info().Name)
}

// Devices are the GPUs, by index.
func (a *Accel) Devices() []*gpu.Device { return a.devices }

// Close closes them, and what was made of them. None of it is in use any more.
func (a *Accel) Close() error {
	var errs []error
	for _, last := range a.last {
		if err := last(); !errors.Is(err, gpu.ErrLost) { // a dead context need not die well
			errs = append(errs, err)
		}
	}
	for _, d := range a.devices {
		errs = append(errs, d.Close())
	}
	a.devices, a.last = nil, nil
	return errors.Join(errs...)
}
