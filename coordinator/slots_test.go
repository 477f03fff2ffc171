package coordinator

import "testing"

func TestConnectionsOfOneDeviceShareOneSlot(t *testing.T) {
	var all turns
	one, two := [32]byte{1}, [32]byte{2}
	a, leaveA := all.join(one)
	b, leaveB := all.join(one)
	other, leaveOther := all.join(two)
	if a != b || a == other || cap(a) != 1 {
		t.Error("want one slot for each device, shared by its connections")
	}
	leaveA()
	if c, leaveC := all.join(one); c != b {
		t.Error("a connection that ended took the device's slot with it")
	} else {
		leaveC()
	}
	leaveB()
	leaveOther()
	if n := len(all.of); n != 0 {
		t.Errorf("%d devices are remembered, want none", n)
	}
}
