package attack

import (
	"errors"
	"fmt"
	"sort"

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

// LeastBound is what the bound without noise has to pass, whatever is claimed (privacy specification, 13.5).
const LeastBound = 3

// Check says which flag is wrong, and refuses an audit that could not show what it must, whatever it saw.
func (o *Options) Check() error {
	switch {
	case o.Canaries < 1 || o.Canaries > canary.MostCanaries:
		return fmt.Errorf("--canaries is %d: want up to %d", o.Canaries, canary.MostCanaries)
	case o.Rounds < 1 || o.Rounds > canary.MostRounds:
		return fmt.Errorf("--rounds is %d: want 1 to %d, which is what a device's ledger pays for", o.Rounds, canary.MostRounds)
	case o.People < leastPeople || o.People > mostPeople:
		return fmt.Errorf("--people is %d: want %d to %d", o.People, leastPeople, mostPeople)
	}
	claim, _, err := privacy.Epsilon(float64(o.Rounds)/(2*Z*Z), Delta)
	if err != nil {
		return err
	}
	most, err := provable(o.Canaries)
	if err != nil || most > max(claim, LeastBound) {
		return err
	}
	wanted := fmt.Sprintf("%d canaries prove at most ε = %.2f even without any noise, and --rounds %d claims %.2f, with at least %d to be passed",
		o.Canaries, most, o.Rounds, claim, LeastBound)
	least, err := leastCanaries(max(claim, LeastBound))
	switch {
	case err != nil:
		return err
	case least > canary.MostCanaries:
		return fmt.Errorf("--rounds is %d: %s: ask for fewer rounds", o.Rounds, wanted)
	}
	return fmt.Errorf("--canaries is %d: %s: ask for --canaries %d or more", o.Canaries, wanted, least)
}

// provable is the bound where every guess is right.
func provable(canaries int) (float64, error) {
	return empirical.EpsilonLower(canaries, canaries, canaries, Delta, canary.Significance/float64(len(empirical.Ladder(canaries))))
}

// leastCanaries is the fewest with which more than eps can be proved; more than an audit may have where none can.
func leastCanaries(eps float64) (int, error) {
	var wrong error
	more := sort.Search(canary.MostCanaries-canary.LeastCanaries+1, func(i int) bool {
		most, err := provable(canary.LeastCanaries + i)
		wrong = errors.Join(wrong, err)
		return most > eps
	})
	return canary.LeastCanaries + more, wrong
}
