package train

import (
	"errors"

	"github.com/cinesync/cinesync/model"
)

// Graphs is the reference engine: the gorgonia graphs of model/graph.
type Graphs struct{}

// Trainer is one of a round's model.
func (Graphs) Trainer(*model.Snapshot) (model.Trainer, error) {
	return nil, errors.New("the reference engine does not train yet")
}
