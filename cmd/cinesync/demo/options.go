package demo

import (
	"fmt"
	"io"
)

// Options are the demo's flags.
type Options struct {
	Dir      string  // where everything goes; empty: a fresh folder
	Data     string  // a MovieLens folder; empty: the built-in catalogue and households
	Devices  int     // 0: 24
	Rounds   int     // 0: 20
	Task     string  // two-tower or ncf
	Drop     float64 // exactly this share of the roster vanishes in every round
	Crash    bool    // kill -9 the coordinator once in every phase
	Seed     uint64
	HTTP     string   // address of the platform's API while the demo runs; empty: none
	Program  []string // how to start `cinesync` itself, for Crash
	Stderr   io.Writer
	Terminal bool // Stderr is a terminal: draw a live line
}

// Bounds of what one machine is asked to do.
const (
	maxDevices = 1000
	maxRounds  = 1000
)

// Check fills in the defaults and says which flag is wrong.
func (o *Options) Check() error {
	if o.Devices == 0 {
		o.Devices = 24
	}
	if o.Rounds == 0 {
		o.Rounds = 20
	}
	switch {
	case o.Devices < 3 || o.Devices > maxDevices:
		return fmt.Errorf("--devices is %d: want 3 to %d; fewer than 3 cannot hide in a sum", o.Devices, maxDevices)
	case o.Rounds < 1 || o.Rounds > maxRounds:
		return fmt.Errorf("--rounds is %d: want 1 to %d", o.Rounds, maxRounds)
	case !(o.Drop >= 0 && o.Drop <= 0.4):
		return fmt.Errorf("--drop is %v: want 0 to 0.4; above that no round can rebuild its sum", o.Drop)
	case o.Task != "two-tower" && o.Task != "ncf":
		return fmt.Errorf("--task is %q: want two-tower or ncf", o.Task)
	}
	return nil
}
