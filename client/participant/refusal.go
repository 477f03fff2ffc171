package participant

import (
	"errors"
	"fmt"
)

// Refusal is a reason for which a device does not take part. The specification's section 12, the tests and the device's
// page walk the same list.
type Refusal uint8

// The refusals in the specification's order.
const (
	None              Refusal = iota
	F01BadProof               // log proof or checkpoint signature fails, or the tree is older than one already seen
	F02RivalEntry             // an earlier Roster or Survivors for the same round exists
	F03BelowFloor             // the offer is weaker than the device's own policy
	F04WrongModel             // the received model is not the one in the log
	F05UnknownCode            // the local function is not compiled in, or layout or length do not match it
	F06BadCertificate         // a neighbour's certificate is invalid, expired or of the wrong class
	F07BadKey                 // a signature fails, two keys are equal, a key has low order, the own entry is altered
	F08WrongGraph             // the neighbours delivered are not those derived from the seed
	F09TooFew                 // fewer than t neighbours' shares can be opened
	F10Budget                 // ledger, participation count or separation would be exceeded
	F11Stale                  // the round was joined before, or its number is below one already seen
	F12ThinSurvivors          // too few survivors by the device's own count
	F13SurvivorsLie           // the survivor set contradicts its record or what the device did
	F14AskedTwice             // a second, different question for the same session
	F15Malformed              // lengths, ranges, unknown fields
	F16Clock                  // times run backwards or differ from the device's clock by more than 24 h
	F17NoConsent              // the purpose is off, or the question is not in the log, expired or changed
)

// Refusals lists every reason, for tests and for the device's page.
func Refusals() []Refusal {
	var out []Refusal
	for r := F01BadProof; r <= F17NoConsent; r++ {
		out = append(out, r)
	}
	return out
}

func (r Refusal) String() string {
	names := [...]string{"none", "F01 bad_proof", "F02 rival_entry", "F03 below_floor", "F04 wrong_model", "F05 unknown_code", "F06 bad_certificate",
		"F07 bad_key", "F08 wrong_graph", "F09 too_few", "F10 budget", "F11 stale", "F12 thin_survivors", "F13 survivors_lie", "F14 asked_twice",
		"F15 malformed", "F16 clock", "F17 no_consent"}
	if int(r) < len(names) {
		return names[r]
	}
	return "unknown refusal"
}

// Refused is the error of a device that does not go on with a round.
type Refused struct {
	Why    Refusal
	Detail string
}

// Error names the reason and what was found; a device that sits out by itself has no reason of the list.
func (e *Refused) Error() string {
	if e.Why == None {
		return e.Detail
	}
	return fmt.Sprintf("refused (%s): %s", e.Why, e.Detail)
}

// sitOut is the error of a device that cannot go on by itself: a full disk, or a vector that changed on it. It is nobody's lie.
func sitOut(err error) error {
	return &Refused{Why: None, Detail: "this device sits the round out: " + err.Error()}
}

// because gives an error its reason, unless it has one.
func because(why Refusal, err error) error {
	var has *Refused
	if errors.As(err, &has) {
		return err
	}
	return &Refused{Why: why, Detail: err.Error()}
}

func refuse(why Refusal, format string, args ...any) error {
	return &Refused{Why: why, Detail: fmt.Sprintf(format, args...)}
}
