package demo

import (
	"fmt"
	"io"
	"net"

	"github.com/cinesync/cinesync/aggregation"
)

// Options are the demo's flags.
type Options struct {
	Dir      string  // where everything goes; empty: a fresh folder
	Data     string  // a MovieLens folder; empty: the built-in catalogue and households
	Devices  int     // DefaultDevices unless asked otherwise
	Rounds   int     // DefaultRounds unless asked otherwise
	Task     string  // two-tower or ncf
	Drop     float64 // exactly this share of the roster vanishes in every round
	Crash    bool    // kill -9 the coordinator once in every phase
	Adapt    bool    // the clip follows the devices' clip bits
	Popular  bool    // one round before training asks what is popular
	Seed     uint64
	HTTP     string   // address of the platform's API while the demo runs; empty: none
	TCP      string   // address on loopback where the coordinator listens over TCP too; empty: none
	Program  []string // how to start `cinesync` itself, for Crash
	Stderr   io.Writer
	Terminal bool // Stderr is a terminal: draw a live line
}

// What the flags are when nobody sets them.
const (
	DefaultDevices = 24
	DefaultRounds  = 20
)

// Bounds of what one machine is asked to do.
const (
	maxDevices = 1000
	maxRounds  = 1000
)

// all is how many rounds there are: those of training, and the one before.
func (o *Options) all() int {
	if o.Popular {
		return o.Rounds + 1
	}
	return o.Rounds
}

// Check says which flag is wrong, and why two that are right alone cannot work together.
func (o *Options) Check() error {
	switch {
	case o.Devices < aggregation.MinDevices || o.Devices > maxDevices:
		return fmt.Errorf("--devices is %d: want %d to %d; fewer than %d cannot hide in a sum", o.Devices, aggregation.MinDevices, maxDevices, aggregation.MinDevices)
	case o.Rounds < 1 || o.Rounds > maxRounds:
		return fmt.Errorf("--rounds is %d: want 1 to %d", o.Rounds, maxRounds)
	case !(o.Drop >= 0 && o.Drop <= 0.4):
		return fmt.Errorf("--drop is %v: want 0 to 0.4; above that no round can rebuild its sum", o.Drop)
	case o.Task != "two-tower" && o.Task != "ncf":
		return fmt.Errorf("--task is %q: want two-tower or ncf", o.Task)
	case o.Crash && o.Rounds < len(phases()):
		return fmt.Errorf("--rounds is %d: --crash wants %d or more, since it kills once in each of %d phases and at most once a round", o.Rounds, len(phases()), len(phases()))
	}
	if o.HTTP != "" {
		if _, _, err := net.SplitHostPort(o.HTTP); err != nil {
			return fmt.Errorf("--http is %q: want host:port, for example 127.0.0.1:8080", o.HTTP)
		}
	}
	if err := o.checkTCP(); err != nil {
		return err
	}
	return o.checkLoss()
}

// checkTCP wants an address that devices of the demo's policy may dial, and that a coordinator which is started again has again.
func (o *Options) checkTCP() error {
	if o.TCP == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(o.TCP)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() || port == "" || port == "0" {
		return fmt.Errorf("--tcp is %q: want a loopback address and a port, for example 127.0.0.1:4748", o.TCP)
	}
	return nil
}

// checkLoss makes sure that a round ends with a sum although everybody who is to vanish does, wherever they do: those who
// stay must be enough to be summed, and, where every device is everyone's neighbour, enough to rebuild the secrets.
func (o *Options) checkLoss() error {
	degree, err := aggregation.FindDegree(aggregation.GraphParams{N: o.Devices, GammaBP: gammaBP, DeltaBP: int(lossBP(o)), Lambda: lambda, Eta: eta,
		Mode: aggregation.ModeW})
	if err != nil {
		return fmt.Errorf("--drop is %v: no round of %d devices can bear that: %w", o.Drop, o.Devices, err)
	}
	least := minMembers(o)
	if degree.K == o.Devices-1 {
		least = max(least, degree.T)
	}
	if lost := vanishing(o.Devices, o.Drop); o.Devices-lost < least {
		return fmt.Errorf("--drop is %v: %d of %d devices would vanish, and %d have to stay in every round: lower --drop, or raise --devices",
			o.Drop, lost, o.Devices, least)
	}
	return nil
}

// Rates that a round is opened for: of devices that the coordinator may control, and the bits of security and completion.
const (
	gammaBP = 500
	lambda  = 80 // the least that a cosigned seed allows
	eta     = 20
)

// vanishing is how many of n devices vanish in every round.
func vanishing(n int, share float64) int { return int(share*float64(n) + 0.5) }

// lossBP is the loss that a round is opened for, in basis points: the planned share and 5 % more, or, where few devices make
// a share uneven, what the planned number of them is of all.
func lossBP(o *Options) uint16 {
	exact := (10000*vanishing(o.Devices, o.Drop) + o.Devices - 1) / o.Devices
	return uint16(min(6000, max(int(10000*o.Drop+500), exact)))
}

// minMembers is the fewest vectors that a sum may have.
func minMembers(o *Options) int {
	return max(aggregation.MinDevices, aggregation.MinSurvivors(o.Devices, int(lossBP(o))))
}

// phases are those of a round, in order.
func phases() []string { return []string{"recruit", "keys", "shares", "inputs", "unmask", "settle"} }
