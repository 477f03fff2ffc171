package demo

import (
	"encoding/hex"
	"fmt"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
)

// sumOK recomputes a round's sum in the plain: the coordinator's aggregate must be exactly the sum of what the included
// devices had before their masks.
func sumOK(e coordinator.Event, vectors map[[32]byte][]uint32) (bool, error) {
	var sum []uint32
	for _, text := range e.Members {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != 32 {
			return false, fmt.Errorf("round %d: member %q is not an identity key", e.Round, text)
		}
		v := vectors[[32]byte(raw)]
		if v == nil {
			return false, nil // included, and never charged: the worst that could happen
		}
		if sum == nil {
			sum = make([]uint32, len(v))
		}
		aggregation.Add(sum, v)
	}
	hash := aggregation.SumHash(aggregation.Signed(sum))
	return hex.EncodeToString(hash[:]) == e.Sum, nil
}
