package train

import (
	"github.com/cinesync/cinesync/gpu"
)

// What a block of train_round takes: so many words of so many members.
const (
	wordsABlock   = 2048
	membersABlock = 16
)

// finish queues what follows the training of a chunk, for every family: norm and clip, rounding with the members' coins, the sum. A
// rounding that is beyond the bound is taken off again, and job.again does that member here.
func (t *Trainer) finish(j *job, c *chunk) error {
	members, words, stride, runs := uint32(c.members()), uint32(j.words), uint32(j.stride), uint32(len(j.runs))
	block := gpu.Dim{X: 256}
	if err := t.work.Launch(t.measure, gpu.Dim{X: c.members()}, block, 0,
		members, words, stride, runs, j.grid.C, j.runsOnDevice, j.updates, c.at["coins"], c.at["members"]); err != nil {
		return err
	}
	grid := gpu.Dim{X: (j.words + wordsABlock - 1) / wordsABlock, Y: (c.members() + membersABlock - 1) / membersABlock}
	unit := float32(j.grid.Scale()) * (1 << 16)
	for taking := range uint32(2) {
		if err := t.work.Launch(t.round, grid, block, 0,
			members, words, stride, runs, unit, j.grid.XMax, taking, j.whole, j.runsOnDevice, j.updates, c.at["status"], c.at["members"], j.total); err != nil {
			return err
		}
	}
	return nil
}
