package participant

import (
	"io"

	"github.com/cinesync/cinesync/aggregation"
)

// until aggregation streams
func quantiseStream(g aggregation.Grid, read func(block []float32, from int) error, write func(block []int32, from int) error, coins io.Reader) error {
	v := make([]float32, g.D)
	if err := blocks(g.D, func(from, to int) error { return read(v[from:to], from) }); err != nil {
		return err
	}
	x, err := g.Quantise(v, coins)
	clear(v)
	if err != nil {
		return err
	}
	defer clear(x)
	return blocks(g.D, func(from, to int) error { return write(x[from:to], from) })
}

func maskWhole(s *aggregation.Secrets, st *state, y []uint32) error {
	var peers []aggregation.Peer
	for _, q := range st.Neighbours {
		if q.Masked {
			peers = append(peers, aggregation.Peer{Index: q.Index, SPK: q.SPK})
		}
	}
	return s.Mask(y, st.OpenHash, st.SID, st.Index, peers)
}

func graphSeed(open, roster [32]byte, cosigs [][]byte) ([32]byte, error) {
	if cosigs != nil {
		return [32]byte{}, refuse(F03BelowFloor, "a seed of cosignatures is not derived yet")
	}
	return aggregation.GraphSeed(open, roster), nil
}
