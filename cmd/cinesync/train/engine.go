package train

import (
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/model/graph"
)

// Graphs is the reference engine: the gorgonia graphs of model/graph, which take the same steps many times slower.
type Graphs struct{}

// Trainer is one of a round's model.
func (Graphs) Trainer(s *model.Snapshot) (model.Trainer, error) {
	return graph.NewTrainer(s.Layout, s.Params)
}
