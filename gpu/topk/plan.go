package topk

// Sizes that the kernels share (gpu/kernels/topk.cu).
const (
	tile     = 64   // titles
	threads  = 256  // of a block
	scanners = 512  // threads of a block of the scan
	most     = 4096 // candidates of a query, keys of a block
	staged   = 2048 // hits that a block keeps in shared memory
	maxDim   = 256  // of a vector on tensor cores; wider ones are scored in float64 alone
	pass     = 1024 // queries that are worked on together
	maxSlots = 2048 // groups of the sample, of a query
)

// plan is how a table is looked at by a device: sizes alone.
type plan struct {
	titles, dim, tiles int
	width              int // of the kernel, 32 to 256; 0: dim is beyond maxDim
	rows               int // queries of a block of the scan
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
	p.rows = 256
	if p.width > 64 { // their halves fill the registers
		p.rows = 128
	}
	for p.stages = 4; p.stages > 2 && p.sharedBytes() > shared; {
		p.stages--
	}
	p.shared = p.sharedBytes()
	p.blocks = min(processors, p.tiles)
	p.every = min(max(p.tiles/256, 1), 8)
	p.sampled = (p.tiles + p.every - 1) / p.every
	p.sampleBlocks = min(processors, p.sampled, maxSlots/8)
	own := (p.sampled + p.sampleBlocks - 1) / p.sampleBlocks
	for p.together = 1; p.slotsOf(own) > maxSlots; p.together++ {
	}
	p.slots = p.slotsOf(own)
	return p
}

// slotsOf is the groups of a query, where a block has own tiles of the sample.
func (p plan) slotsOf(own int) int { return (own + p.together - 1) / p.together * p.sampleBlocks * 8 }

func (p plan) sharedBytes() int { return p.stages*p.tileBytes() + p.rows*20 + 16 + staged*8 }

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

// together is how many queries one pass takes, when each may bring a mask of its own.
func (p plan) queries(masks bool) int {
	const room = 256 << 20
	if !masks {
		return pass
	}
	return min(pass, max(1, room/(8*p.tiles)))
}
