package protocol

// Limits of docs/spec/protocol.md §3. Every list and string in a message has one, and each is checked before memory is taken.
const (
	HeaderSize = 12 // bytes of a frame header

	MaxControl      = 64 << 10        // body of a control message: hello, advertise, input header, receipt and the like
	MaxBundle       = 1 << 20         // body of a message that carries log entries or share answers
	MaxRosterBundle = 8 << 20         // body of a message that carries something of every neighbour: keys, sealed shares, signatures
	ChunkSize       = 256 << 10       // bytes of one upload chunk or of one part of a model or delta; every one but the last is full
	MaxData         = ChunkSize + 256 // body of a chunk or a part of a model or delta: the data and the fields around it

	MaxEntry      = 4 << 10    // one log entry
	MaxCheckpoint = 8 << 10    // one signed checkpoint with its cosignatures
	MaxCode       = 16 << 10   // canonical bytes of the local function
	MaxHeader     = MaxControl // an input header that comes back in Welcome
	MaxProof      = 64         // hashes of one inclusion or consistency proof
	MaxEntries    = 4096       // log entries of one message
	MaxRoster     = 16384      // members of a round
	MaxBitmap     = MaxRoster / 8
	MaxChunks     = 2000 // chunks of one vector: 524 MB
	MaxDetail     = 1024 // bytes of a hang-up's text
)

// Limit is the largest body, in bytes, that a frame of type t may announce; 0 for a type that does not exist.
func Limit(t Type) int {
	switch t {
	case TypeHello, TypeModelGet, TypeAdvertise, TypeInput, TypeInputState, TypeReceipt, TypeHangUp, TypeConfirm, TypeDeltaGet:
		return MaxControl
	case TypeWelcome, TypeOffer, TypeSurvivors, TypeReveal, TypeClose:
		return MaxBundle
	case TypeRoster, TypeShares, TypeDelivery, TypeConfirmed:
		return MaxRosterBundle
	case TypeModelPart, TypeDeltaPart, TypeChunk:
		return MaxData
	default:
		return 0
	}
}
