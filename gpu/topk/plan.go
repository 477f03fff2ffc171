package topk

// Sizes that the kernels share (gpu/kernels/topk.cu).
const (
	tile     = 64   // titles
	threads  = 256  // of a block
	most     = 4096 // candidates of a query, keys of a block
	lanesOf  = 4    // threads that share a query, in a block of the scan
	onEach   = 2    // blocks of the scan on a processor
	maxDim   = 256  // of a vector on tensor cores; wider ones are scored in float64 alone
	pass     = 1024 // queries that are worked on together
	maxSlots = 2048 // groups of the sample, of a query
)

// plan is how a table is looked at by a device: sizes alone.
type plan struct {
	titles, dim, tiles int
	width              int // of the kernel, 32 to 256; 0: without tensor cores
	rows               int // queries of a block of the scan
	staged             int // hits that a thread of the scan keeps
	stages, shared     int // of the scan's ring, and bytes of its shared memory
	blocks             int // of a scan, along the titles

	every, sampled, sampleBlocks, together, slots int // the sample: tiles, and how many a group has
}

func newPlan(titles, dim, processors, shared int) plan {
	p := plan{titles: titles, dim: dim, tiles: (titles + tile - 1) / tile}
	if dim > maxDim {
		return p
	}
	p.width = 32
	for p.width < dim {
		p.width *= 2
	}
	p.rows, p.staged = 256, 34
	if p.width > 64 { // their halves fill the registers
		p.rows, p.staged = 128, 16
	}
	for p.stages = 4; p.stages > 2 && p.sharedBytes() > shared/onEach-1<<10; {
		p.stages--
	}
	if p.shared = p.sharedBytes(); p.shared > shared {
		p.width = 0
		return p
	}
	p.blocks = min(onEach*processors, p.tiles)
	p.every = min(max(p.tiles/2048, 1), 8) // on an H100 more candidates cost more than a larger sample, up to there
	p.sampled = (p.tiles + p.every - 1) / p.every
	p.sampleBlocks = min(onEach*processors, p.sampled, maxSlots/lanesOf)
	own := (p.sampled + p.sampleBlocks - 1) / p.sampleBlocks
	for p.together = 1; p.slotsOf(own) > maxSlots; p.together++ {
	}
	p.slots = p.slotsOf(own)
	return p
}

// slotsOf is the groups of a query, where a block has own tiles of the sample.
func (p plan) slotsOf(own int) int {
	return (own + p.together - 1) / p.together * p.sampleBlocks * lanesOf
}

func (p plan) sharedBytes() int { return p.stages*p.tileBytes() + p.rows*20 + threads*p.staged*8 }

// tileBytes is a tile in half precision.
func (p plan) tileBytes() int { return p.width * tile * 2 }

// steps is the 16s in a vector.
func (p plan) steps() int { return p.width / 16 }

// padded is a number of queries up to whole blocks of the scan.
func (p plan) padded(queries int) int {
	if p.width == 0 {
		return queries
	}
	return (queries + p.rows - 1) / p.rows * p.rows
}

// queries is how many one pass takes, where each may bring a mask of its own or where none does.
func (p plan) queries(masks bool) int {
	const room = 64 << 20
	if !masks {
		return pass
	}
	return min(pass, max(1, room/(8*p.tiles)))
}
