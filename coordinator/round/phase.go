package round

// Phase is where a round stands. The zero value is Recruit: offers are out and nobody has answered.
type Phase uint8

// The phases in order. Done and Failed are final.
const (
	Recruit  Phase = iota // offers are out, devices train
	Keys                  // R0: advertised keys are collected until the roster is frozen
	Shares                // R1: the roster is logged, sealed shares are collected
	Inputs                // R2: shares are forwarded, masked vectors are collected
	Unmask                // R3: the survivors are logged, share answers are collected
	Settling              // the sum is computed, the model stepped and published
	Done                  // RoundClose is in the log
	Failed                // Abort is in the log
)

func (p Phase) String() string {
	switch p {
	case Recruit:
		return "recruit"
	case Keys:
		return "keys"
	case Shares:
		return "shares"
	case Inputs:
		return "inputs"
	case Unmask:
		return "unmask"
	case Settling:
		return "settle"
	case Done:
		return "done"
	case Failed:
		return "failed"
	}
	return "unknown phase"
}

// Over reports whether the phase is final.
func (p Phase) Over() bool { return p == Done || p == Failed }

// Standing is one member's place in the round: one enum, never several booleans.
type Standing uint8

// A member moves down this list and never up; Dropped keeps the reason beside it.
const (
	Advertised Standing = iota // R0 accepted
	Listed                     // in U1, on the roster
	Shared                     // in U2, its sealed shares are durable
	Sent                       // its masked vector is durable and it has a receipt
	Included                   // in U3
	Confirmed                  // mode SM: its signature on the set is durable
	Answered                   // its reveal is durable
	Dropped                    // out of this round, for a Drop reason
)

func (s Standing) String() string {
	switch s {
	case Advertised:
		return "advertised"
	case Listed:
		return "listed"
	case Shared:
		return "shared"
	case Sent:
		return "sent"
	case Included:
		return "included"
	case Confirmed:
		return "confirmed"
	case Answered:
		return "answered"
	case Dropped:
		return "dropped"
	}
	return "unknown standing"
}

// Reason says why a member dropped or a round was aborted. It is written to the log as its number.
type Reason uint16

// Reasons of drops and aborts.
const (
	NoReason       Reason = iota
	NoShares              // no sealed shares by the end of phase Shares
	NoInput               // no complete masked vector by the end of phase Inputs
	BadCiphertext         // a neighbour could not open what this member sealed
	Complains             // said that more than an eighth of its neighbours' shares do not open
	FewNeighbours         // fewer than t neighbours among the survivors
	TooFewMembers         // abort: fewer than n_min devices advertised keys
	TooFewShares          // abort: too few members after phase Shares
	TooFewInputs          // abort: too few survivors
	TooFewReveals         // abort: a secret could not be rebuilt by the deadline
	BadReveals            // abort: the shares of a secret do not fit its commitment
	LostInputs            // abort: a receipted vector is missing or altered
	SettleFailed          // abort: the sum could not be turned into a model
	DeadlinePassed        // abort: the coordinator was away beyond the phase's deadline
	Cancelled             // abort: the operator stopped the coordinator for good
	NotCosigned           // abort: the witnesses did not sign the roster in time
)

func (r Reason) String() string {
	names := [...]string{"none", "no shares", "no input", "bad ciphertext", "complains", "few neighbours", "too few members",
		"too few shares", "too few inputs", "too few reveals", "bad reveals", "lost inputs", "settle failed", "deadline passed", "cancelled", "not cosigned"}
	if int(r) < len(names) {
		return names[r]
	}
	return "unknown reason"
}
