package masks

import (
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
)

// kernel is a kernel of masks.cu, and what its launches need.
type kernel struct {
	name    string
	threads int // of a block
	blocks  int // that a processor holds at once
	shared  int // bytes of dynamic shared memory
	block   int // bytes of the cipher's block
	batch   int // keys that a warp readies at a time
}

// kernelOf finds the kernel of a shape that Validate accepts. The numbers are those of masks.cu.
func kernelOf(s aggregation.Shape) kernel {
	const table = 64 << 10
	ready := func(threads, batch, stride int) int { return threads / 32 * batch * stride * 4 }
	switch s.PRG {
	case aggregation.PRGAES128:
		return kernel{fmt.Sprintf("masks_aes128_%d", s.WordBits), 512, 1, table + ready(512, 8, 48), 16, 8}
	case aggregation.PRGAES256:
		return kernel{fmt.Sprintf("masks_aes256_%d", s.WordBits), 512, 1, table + ready(512, 8, 64), 16, 8}
	}
	blocks := 3
	if s.WordBits == 32 {
		blocks = 4
	}
	return kernel{fmt.Sprintf("masks_chacha20_%d", s.WordBits), 256, blocks, ready(256, 16, 24), 64, 16}
}

const (
	// tileBytes is how much of a keystream a warp has to do with at a time.
	tileBytes = 2048
	// pieceWords is what pieces of a vector are multiples of, but for the last: whole tiles, and whole words, whatever those have.
	pieceWords = 4096
	// batchTerms is how many keys are on a device at once: 1.2 MB of them.
	batchTerms = 1 << 15
	// launchBytes is how much keystream a launch makes at most, a second or two of work: systems end kernels that last.
	launchBytes = 1 << 40
	// longest run of keys that a warp adds up before it touches the vector.
	longestRun = 64
)

// perItem is how many keys a warp takes at a time: many, so that the vector is touched seldom, but not so many that warps have nothing
// to do. warps is how many run at once.
func (k kernel) perItem(keystream, terms, warps int) int {
	tiles := (keystream + tileBytes - 1) / tileBytes
	per := terms * tiles / (4 * warps)
	return min(max(per/k.batch*k.batch, k.batch), longestRun)
}

// launchTerms is how many keys a launch takes, of so many bytes of keystream each.
func launchTerms(keystream int) int {
	return int(min(max(launchBytes/int64(keystream), longestRun), batchTerms))
}

// part is what device i of n takes of a list.
func part[T any](list []T, i, n int) []T { return list[len(list)*i/n : len(list)*(i+1)/n] }

// half is a smaller piece of a vector than so many words, or 0 where it would be too small to be worth it.
func half(words int) int {
	const least = 16 * pieceWords
	if words <= least {
		return 0
	}
	return (words/2 + pieceWords - 1) / pieceWords * pieceWords
}
