package audit

import "fmt"

const (
	// MaxReceiptFile is the largest receipt file in bytes.
	MaxReceiptFile = 1 << 20
	// MaxReceiptTrees is the most checkpoints of one receipt file.
	MaxReceiptTrees = 40

	receiptTitle  = "cinesync receipt 1\n"
	maxHybridCert = 4 << 10
	maxReceipt    = 4 << 10
)

// ReceiptFile is what a device keeps of a round that its vector was summed in, so that anybody can check it later: S's signed word that
// it has the vector, and the way from there to a RoundClose in the log (docs/spec/log.md §10).
type ReceiptFile struct {
	Coordinator []byte // S's certificate as it was shown, with its second half where there is one; at most 4 KB
	Receipt     []byte // the body of S's receipt message; at most 4 KB
	Trees       []ReceiptTree
	Survivors   ProvedEntry // of the device's cohort
	Close       ProvedEntry // the round's RoundClose
	InputIndex  uint32      // the vector's leaf under inputs_root
	InputProof  [][32]byte  // its path; at most 64
}

// ReceiptTree is one state of the log, which extends the one before it. There are 1 to MaxReceiptTrees: those that the device was shown
// from the Survivors on.
type ReceiptTree struct {
	Checkpoint  []byte     // cosigned, where there are witnesses; at most MaxCheckpoint bytes
	Consistency [][32]byte // from the tree before; empty for the first; at most 64
}

// ProvedEntry is a log entry with its path in one of the trees.
type ProvedEntry struct {
	Tree  uint32 // number of the ReceiptTree, from 0
	Index uint64
	Entry []byte // at most MaxEntry bytes
	Proof [][32]byte
}

func (e *ProvedEntry) fields(c *codec) {
	c.u32(&e.Tree)
	c.u64(&e.Index)
	c.bytes("entry", &e.Entry, MaxEntry)
	c.path(&e.Proof)
}

func (f *ReceiptFile) fields(c *codec) {
	c.bytes("certificate", &f.Coordinator, maxHybridCert)
	c.bytes("receipt", &f.Receipt, maxReceipt)
	n := c.list(len(f.Trees), 8)
	if c.err == nil && (n < 1 || n > MaxReceiptTrees) {
		c.err = fmt.Errorf("%d trees, want 1 to %d", n, MaxReceiptTrees)
	}
	if c.err != nil {
		return
	}
	if c.reading {
		f.Trees = make([]ReceiptTree, n)
	}
	for i := range f.Trees {
		c.bytes("checkpoint", &f.Trees[i].Checkpoint, MaxCheckpoint)
		c.path(&f.Trees[i].Consistency)
	}
	f.Survivors.fields(c)
	f.Close.fields(c)
	c.u32(&f.InputIndex)
	c.path(&f.InputProof)
}

// Append appends the file's canonical bytes: a line of text that names the format, then the fields in order. A file whose parts are
// beyond their limits is an error.
func (f *ReceiptFile) Append(dst []byte) ([]byte, error) {
	c := codec{out: append(dst, receiptTitle...)}
	f.fields(&c)
	if c.err == nil && len(c.out)-len(dst) > MaxReceiptFile {
		c.err = fmt.Errorf("%d bytes, at most %d are allowed", len(c.out)-len(dst), MaxReceiptFile)
	}
	if c.err != nil {
		return nil, fmt.Errorf("write receipt file: %w", c.err)
	}
	return c.out, nil
}

// ParseReceiptFile reads a receipt file strictly: what it accepts, Append writes again as the same bytes. It verifies nothing.
func ParseReceiptFile(b []byte) (*ReceiptFile, error) {
	if len(b) > MaxReceiptFile {
		return nil, fmt.Errorf("parse receipt file: %d bytes, at most %d are allowed", len(b), MaxReceiptFile)
	}
	if len(b) < len(receiptTitle) || string(b[:len(receiptTitle)]) != receiptTitle {
		return nil, fmt.Errorf("parse receipt file: it does not begin with the line %q", receiptTitle[:len(receiptTitle)-1])
	}
	f := new(ReceiptFile)
	c := codec{in: b[len(receiptTitle):], reading: true}
	f.fields(&c)
	if c.err != nil {
		return nil, fmt.Errorf("parse receipt file: %w", c.err)
	}
	if len(c.in) != 0 {
		return nil, fmt.Errorf("parse receipt file: %d bytes follow the last field", len(c.in))
	}
	return f, nil
}
