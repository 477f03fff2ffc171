package participant

import (
	"testing"

	"github.com/cinesync/cinesync/protocol"
)

// TestReceiptThatWasLostComesLater: the connection broke before it came, and S gives it again with the next step.
func TestReceiptThatWasLostComesLater(t *testing.T) {
	h := newHonest(t, 5)
	d := newDevice(t, h)
	d.play(h, "delivery")
	d.step(h, d.event(h, "state"))
	receipt := h.receipt(lastOf[*protocol.Input](d))
	d.step(h, d.event(h, "survivors"))
	d.step(h, Event{Msg: receipt})
	d.step(h, d.event(h, "close"))
	if d.refused != nil || d.closed == nil || !d.closed.Counted || d.closed.Receipt == nil {
		t.Errorf("refused %v, closed %+v", d.refused, d.closed)
	}
}
