package stream

import (
	"sync"
	"time"

	"github.com/cinesync/cinesync/protocol"
)

// Limits are the waits of a connection (docs/spec/protocol.md §8).
type Limits struct {
	FirstFrame time.Duration // for the first frame of whoever was accepted
	RateWindow time.Duration // each of these must bring MinRate bytes of a frame that has begun
	MinRate    int
	Stall      time.Duration // each piece of a frame must leave within it
	MemoryWait time.Duration // for memory to hold a frame; well below Stall, since the peer's Send waits for it
	Linger     time.Duration // for a hang-up to arrive
}

// Defaults are the limits of the specification.
func Defaults() Limits {
	return Limits{FirstFrame: 5 * time.Second, RateWindow: 10 * time.Second, MinRate: 10 << 10, Stall: 30 * time.Second,
		MemoryWait: 10 * time.Second, Linger: time.Second}
}

// BusyRetry is for how many seconds a busy peer is left alone when it named none.
const BusyRetry = 60

const piece = 32 << 10

// Endpoint is what all connections of one Dial or Listen share.
type Endpoint struct {
	Limits Limits
	Memory *Memory
	// Mute says that the links end without a word: a hang-up is sent before wherever one can be. Such a link also learns only by reading
	// that it is over.
	Mute bool

	frames sync.Pool // of *[]byte, the buffers that frames are encoded into
}

func (e *Endpoint) encode(m protocol.Message) (*[]byte, error) {
	buf, ok := e.frames.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	b, err := protocol.AppendFrame((*buf)[:0], m)
	*buf = b
	return buf, err
}

// recycle keeps buffers of up to a chunk's size; the rare bundle is left to the collector.
func (e *Endpoint) recycle(buf *[]byte) {
	if cap(*buf) <= 2*protocol.ChunkSize {
		e.frames.Put(buf)
	}
}
