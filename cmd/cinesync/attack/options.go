package attack

import (
	"fmt"

	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/privacy/empirical"
	"github.com/cinesync/cinesync/sim/canary"
)

// Options are an audit's flags.
type Options struct {
	Seed     uint64
	Canaries int    // devices of the simulated federation, each a canary
	Rounds   int    // over which a canary keeps its coin
	People   int    // who a model is trained on, or not, each on a coin
	Data     string // a MovieLens folder; empty: invented households
	// Progress hears what is under way. It may be nil.
	Progress func(what string, done, all int)
}

// What the flags are when nobody sets them.
const (
	DefaultCanaries = 512
	DefaultRounds   = 2
	DefaultPeople   = 300
)

// Delta is the δ of every claim, that of the shipped policy's figure.
const Delta = 1e-6

// Z is the noise multiplier of the shipped policy, and trainingRounds as many of its rounds as a device's ledger pays for.
const (
	Z              = 2
	trainingRounds = 8
)

const leastPeople, mostPeople = 64, 2000

// Check says which flag is wrong, and refuses an audit that could not refute its claim whatever it saw.
func (o *Options) Check() error {
	switch {
	case o.Canaries < canary.LeastCanaries || o.Canaries > canary.MostCanaries:
		return fmt.Errorf("--canaries is %d: want %d to %d", o.Canaries, canary.LeastCanaries, canary.MostCanaries)
	case o.Rounds < 1 || o.Rounds > canary.MostRounds:
		return fmt.Errorf("--rounds is %d: want 1 to %d, which is what a device's ledger pays for", o.Rounds, canary.MostRounds)
	case o.People < leastPeople || o.People > mostPeople:
		return fmt.Errorf("--people is %d: want %d to %d", o.People, leastPeople, mostPeople)
	}
	most, err := empirical.EpsilonLower(o.Canaries, o.Canaries, o.Canaries, Delta, canary.Significance/float64(len(empirical.Ladder(o.Canaries))))
	if err != nil {
		return err
	}
	claim, _, err := privacy.Epsilon(float64(o.Rounds)/(2*Z*Z), Delta)
	if err != nil {
		return err
	}
	if most <= claim {
		return fmt.Errorf("--rounds is %d: that claims ε = %.2f, and %d canaries prove at most %.2f even without any noise: ask for fewer rounds or more --canaries",
			o.Rounds, claim, o.Canaries, most)
	}
	return nil
}
