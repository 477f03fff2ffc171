package aggregation

import "testing"

// TestForeignMaskCiphertextClosesTheBox: a coordinator that puts an encapsulation of its own in place of a member's would know
// the post-quantum half of the pair's mask. It is bound to the member's box, which then does not open.
func TestForeignMaskCiphertextClosesTheBox(t *testing.T) {
	d := newDuo(t)
	box, ct, err := d.a.Seal(d.in, 3, d.toB, Share(d.a.m), Share(d.a.b), source("coins"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.b.Open(d.in, 8, d.pa, box, ct); err != nil {
		t.Fatal(err)
	}
	foreign := d.pa
	if _, foreign.MaskCT, err = encapsulate(d.pb.KEM[:KEMSize/2], make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]PeerKey{"an encapsulation of the coordinator's": foreign, "none": {Index: 3, SPK: d.pa.SPK, EPK: d.pa.EPK, KEM: d.pa.KEM}} {
		if _, _, err := d.b.Open(d.in, 8, p, box, ct); err == nil {
			t.Errorf("the box opens beside %s", name)
		}
	}
}
