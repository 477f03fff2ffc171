package model

import (
	"fmt"

	"github.com/cinesync/cinesync/model/kernel"
)

// crossEntropy turns scores into the gradient of the targets' mean loss under a softmax, in place, and returns that loss.
// Targets are places in s.
func crossEntropy(s []float32, targets []int) float64 {
	share := 1 / float32(len(targets))
	var loss float64
	for _, t := range targets {
		loss -= float64(s[t]) * float64(share)
	}
	loss += kernel.Softmax(s)
	for _, t := range targets {
		s[t] -= share
	}
	return loss
}

// checkTraining says whether a history can be trained on by a local function.
func checkTraining(layout Layout, params []float32, history []Example, l Local) error {
	if err := checkHistory(layout, params, history); err != nil {
		return err
	}
	if l.Name != layout.Family {
		return fmt.Errorf("local function %q on a model of family %q", l.Name, layout.Family)
	}
	if len(history) < 2 {
		return fmt.Errorf("a history of %d known titles: at least 2 are needed to learn what follows what", len(history))
	}
	if err := l.check(); err != nil {
		return err
	}
	return checkScores(layout, l)
}

// maxScores is how many scores a step may hold at once, 512 MiB.
const maxScores = 1 << 27

// checkScores bounds the memory of a step: a score for each cut and title and, for NCF, a likelihood in each of its steps there and one on
// the way back.
func checkScores(layout Layout, l Local) error {
	each := 1
	if layout.Family == NCFFamily {
		each += len(layout.Ages) + 1
	}
	if n := each * int(l.Cuts) * len(layout.Items); n > maxScores {
		return fmt.Errorf("%d cuts of %d titles in family %q hold %d scores at once, at most %d: ask for fewer cuts", l.Cuts, len(layout.Items), layout.Family, n, maxScores)
	}
	return nil
}

func checkHistory(layout Layout, params []float32, history []Example) error {
	if err := layout.checkParams(params); err != nil {
		return err
	}
	if len(history) == 0 {
		return fmt.Errorf("nothing is known of this person: the history is empty")
	}
	for _, e := range history {
		if e.Item < 0 || e.Item >= len(layout.Items) {
			return fmt.Errorf("item %d of %d", e.Item, len(layout.Items))
		}
	}
	return nil
}

// CheckTraining says whether a history can be trained on by a local function. Every engine asks it first.
func CheckTraining(layout Layout, params []float32, history []Example, l Local) error {
	return checkTraining(layout, params, history, l)
}
