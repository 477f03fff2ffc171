package door_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/protocol"
)

// TestPublishedModelComesAsADelta fetches the first model whole, and the one that its round published as what is new in it; where that is
// not to be had, or is not what it should be, whole too.
func TestPublishedModelComesAsADelta(t *testing.T) {
	const size = 400000 // two parts; what the rig publishes is as long
	for name, c := range map[string]struct {
		delta  func(*protocol.DeltaPart)
		cut    bool // the connection breaks at the second part
		off    bool // the device wants no deltas
		deltas []uint64
		whole  []uint64
	}{
		"delta":                {delta: func(*protocol.DeltaPart) {}, deltas: []uint64{0, 1}},
		"after a cut":          {delta: func(*protocol.DeltaPart) {}, cut: true, deltas: []uint64{0, 1, 1}},
		"device without":       {delta: func(*protocol.DeltaPart) {}, off: true, whole: []uint64{0, 1}},
		"coordinator without":  {deltas: []uint64{0}, whole: []uint64{0, 1}},
		"another byte":         {delta: func(p *protocol.DeltaPart) { p.Data[7] ^= 1 }, deltas: []uint64{0, 1}, whole: []uint64{0, 1}},
		"nothing":              {delta: func(p *protocol.DeltaPart) { p.Data = nil }, deltas: []uint64{0}, whole: []uint64{0, 1}},
		"too much":             {delta: func(p *protocol.DeltaPart) { p.Total = 1 }, deltas: []uint64{0}, whole: []uint64{0, 1}},
		"as long as the model": {delta: func(p *protocol.DeltaPart) { p.Total = size }, deltas: []uint64{0}, whole: []uint64{0, 1}},
		"longer and longer": {delta: func(p *protocol.DeltaPart) { p.Total -= uint64(10 - p.Offset/protocol.ChunkSize) }, deltas: []uint64{0, 1},
			whole: []uint64{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 64, size)
				p := newPhone(t, r)
				r.delta, p.deltas = c.delta, !c.off
				cut := make(chan struct{}, 1)
				r.meet = func(m protocol.Message) bool {
					if g, ok := m.(*protocol.DeltaGet); ok && c.cut && g.Offset > 0 && len(cut) == 0 {
						cut <- struct{}{}
						return false
					}
					return true
				}
				promoted := make(chan struct{})
				p.told = func(e door.Event) {
					if e.Kind == "model" {
						close(promoted)
					}
				}
				p.start()
				r.open()
				if res := r.result(); res.U3 != 4 {
					t.Fatalf("%d vectors were summed", res.U3)
				}
				<-promoted
				synctest.Wait()
				p.close()
				var deltas, whole []uint64
				for _, g := range sentOf[*protocol.DeltaGet](p) {
					if g.Base != p.firstModel() || g.Hash != r.model {
						t.Errorf("asked for a delta from %x to %x", g.Base[:4], g.Hash[:4])
					}
					deltas = append(deltas, g.Offset/protocol.ChunkSize)
				}
				for _, g := range sentOf[*protocol.ModelGet](p) {
					if g.Hash == r.model {
						whole = append(whole, g.Offset/protocol.ChunkSize)
					}
				}
				if !slices.Equal(deltas, c.deltas) || !slices.Equal(whole, c.whole) {
					t.Errorf("asked for parts %v of the delta and %v of the model, want %v and %v", deltas, whole, c.deltas, c.whole)
				}
				if p.models.newest != r.model || len(p.models.whole[r.model]) != size || len(p.models.part) != 0 {
					t.Errorf("the newest model is %x of %d bytes, %d parts are left; want %x", p.models.newest[:4], len(p.models.whole[r.model]), len(p.models.part), r.model[:4])
				}
			})
		})
	}
}
