package protocol

import "fmt"

// Logged is one log entry with its place in the log.
type Logged struct {
	Index uint64
	Entry []byte     // the signed record: canonical bytes and signature, at most MaxEntry
	Proof [][32]byte // RFC 6962 inclusion proof in the tree of the Evidence's checkpoint
}

// Evidence carries what a device needs to believe log entries: a signed checkpoint, the proof that its tree extends the one the
// device saw last, and entries with their inclusion proofs.
type Evidence struct {
	Checkpoint  []byte     // signed note (C2SP tlog-checkpoint)
	OldSize     uint64     // size of the tree the device named in Hello or was last sent on this connection
	Consistency [][32]byte // RFC 6962 consistency proof from OldSize to the checkpoint's size
	Entries     []Logged
}

// WithEvidence gives a copy of m that carries ev, since one message may go to many devices that have seen different trees.
// It panics for a message that has no room for evidence.
func WithEvidence(m Message, ev Evidence) Message {
	switch m := m.(type) {
	case *Welcome:
		out := *m
		out.Evidence = ev
		return &out
	case *Offer:
		out := *m
		out.Evidence = ev
		return &out
	case *Roster:
		out := *m
		out.Evidence = ev
		return &out
	case *Survivors:
		out := *m
		out.Evidence = ev
		return &out
	case *Close:
		out := *m
		out.Evidence = ev
		return &out
	}
	panic(fmt.Sprintf("protocol: %T carries no evidence", m))
}

func (e *Evidence) append(dst []byte) []byte {
	dst = appendBytes(dst, e.Checkpoint)
	dst = appendU64(dst, e.OldSize)
	dst = appendHashes(dst, e.Consistency)
	dst = appendU32(dst, uint32(len(e.Entries)))
	for i := range e.Entries {
		l := &e.Entries[i]
		dst = appendU64(dst, l.Index)
		dst = appendBytes(dst, l.Entry)
		dst = appendHashes(dst, l.Proof)
	}
	return dst
}

func (e *Evidence) parse(r *reader) {
	e.Checkpoint = r.bytes("checkpoint", MaxCheckpoint)
	e.OldSize = r.u64("old_size")
	e.Consistency = r.hashes("consistency", MaxProof)
	const least = 8 + 4 + 4
	n := r.count("entries", MaxEntries, least)
	if n == 0 {
		return
	}
	e.Entries = make([]Logged, n)
	for i := range e.Entries {
		e.Entries[i] = Logged{Index: r.u64("entry.index"), Entry: r.bytes("entry.bytes", MaxEntry), Proof: r.hashes("entry.proof", MaxProof)}
		if r.err != nil {
			return
		}
	}
}
