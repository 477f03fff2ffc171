package demo

import (
	"encoding/hex"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
)

// sumOK recomputes a round's sum in the plain: the coordinator's aggregate must be exactly the sum of what the included
// devices had before their masks, each counted once.
func sumOK(e coordinator.Event, vectors map[[32]byte][]uint32) (bool, error) {
	var sum []uint32
	counted := map[[32]byte]bool{}
	for _, text := range e.Members {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != 32 {
			return false, fmt.Errorf("round %d: member %q is not an identity key", e.Round, text)
		}
		id := [32]byte(raw)
		v := vectors[id]
		if v == nil || counted[id] {
			return false, nil // included, and never charged for it, or charged once: the worst that could happen
		}
		counted[id] = true
		if sum == nil {
			sum = make([]uint32, len(v))
		}
		aggregation.Add(sum, v)
	}
	if sum == nil {
		return false, nil // a sum of nobody
	}
	hash := aggregation.SumHash(aggregation.Signed(sum, 32))
	return hex.EncodeToString(hash[:]) == e.Sum, nil
}
