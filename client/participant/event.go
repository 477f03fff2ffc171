package participant

import (
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
)

// Event is one thing that happened to the device.
type Event struct {
	Connected bool             // a connection to S is open
	Msg       protocol.Message // S sent this
	Model     *ModelReady
	Trained   *Trained
	More      bool // what was to be sent is sent, and the output before said More
	Late      bool // what was to be sent was ready too late for the moments in After, and is lost
}

// ModelReady says that the file named by Fetch is on the device; Hash was computed from its bytes. Or, with Refused, why it is not.
type ModelReady struct {
	Hash    [32]byte
	Refused string
}

// Trained is the answer of the local function: the update (clip-group factors applied), and the layout it was made on.
type Trained struct {
	OpenHash   [32]byte
	LayoutHash [32]byte
	Update     Vector
	Err        error // the device cannot answer (for one, an empty history); it sits the round out
}

// Output is what one step asks of the door, obeyed in field order.
type Output struct {
	// Save, if not nil, is the machine's state; Entry, if not nil, is a charge or begins a ledger period; Outbox what will leave. All
	// are durable in one transaction BEFORE anything below happens. Save holds secrets and is the caller's own: clear it once it is
	// durable.
	Save   []byte
	Entry  *privacy.Entry
	Outbox *Outbox
	// Sync says that the transaction must outlive a power cut too, not only the process: a charge, or an answer that is given
	// once. What else is lost in one costs this device its place in the round, and nothing more.
	Sync bool
	// Erase says that the save dropped something that must not stay on the disk, side files included: a session's secrets.
	Erase bool
	// Fetch and Train are slow; their answers come back as events.
	Fetch *Fetch
	Train *Train
	// Send goes to S in order. It may be lost: the machine sends the same bytes again.
	Send []protocol.Message
	// After is when Send may begin. Until its Moment nothing else that anybody outside could notice may be done either, also if it is
	// too late to send anything: no message is taken from the connection, and nobody is hung up on.
	After Hold
	// More asks for an Event of that name once Send is done: there is more to send, and no memory for all of it.
	More bool
	// Noised, set with Entry, is the quantised, noised vector before its mask, until Drop. It stays on the device.
	Noised Noised
	// Drop asks to overwrite and remove the scratch's files but those of Machine.Files, once the save is durable.
	Drop bool
	// Refused ends this device's part in the round; HangUp says whether the connection should be dropped too.
	Refused *Refused
	HangUp  *protocol.HangUp
	// Missed tells the device's owner of a round that goes on without this device, through nobody's lie. It may come with a refusal.
	Missed *Missed
	// Closed tells how a round ended.
	Closed *Closed
}

// Missed is a round that the device accepted and has no part in: one of the two sides was too slow.
type Missed struct {
	Round  uint64
	Detail string
}

// Outbox is one journal row of what leaves the device: the spec's R2 for a round.
type Outbox struct {
	OpenHash [32]byte
	Question string
	Purpose  string
	Bytes    int64
	Digest   [32]byte
	Units    privacy.Units
	Round    uint64
	Receipt  []byte
}

// Fetch asks for a model by content address.
type Fetch struct {
	Hash [32]byte
	Size uint64
}

// Train asks for the local function to run on the model that was fetched.
type Train struct {
	OpenHash [32]byte
	Model    [32]byte
	Code     []byte
	Round    uint64
	Deadline time.Time // of phase Keys
}

// Closed is how a round ended for this device.
type Closed struct {
	Round    uint64
	OpenHash [32]byte
	Aborted  bool
	Reason   string
	Model    [32]byte // the published model, when not aborted
	Serve    [32]byte
	Counted  bool // this device's vector is in the sum, proved by inputs_root
	// Receipt is the proof of that, without S's certificate; nil where a part of it never came.
	Receipt *audit.ReceiptFile
}
