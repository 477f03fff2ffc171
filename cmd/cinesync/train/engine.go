package train

import (
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/graph"
)

// Graphs is the reference engine: gradients by the gorgonia graphs of model/graph. It draws the same samples from the same generator as
// the hand-written engine and takes the same steps, hundreds of times slower.
type Graphs struct{}

// Trainer is one of a round's model.
func (Graphs) Trainer(s *model.Snapshot) (model.Trainer, error) {
	return graph.NewTrainer(s.Layout, s.Params)
}
