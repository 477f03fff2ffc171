package protocol

import (
	"errors"
	"testing"
)

// TestWithEvidenceCopies wants the message that was given to stay as it is, and every kind that has room to carry it.
func TestWithEvidenceCopies(t *testing.T) {
	ev := Evidence{Checkpoint: []byte("tree"), OldSize: 7}
	for _, m := range []Message{&Welcome{}, &Offer{}, &Roster{}, &Survivors{}, &Close{}} {
		before := string(m.Append(nil))
		if got := string(WithEvidence(m, ev).Append(nil)); got == before {
			t.Errorf("%T: the evidence is not in it", m)
		}
		if after := string(m.Append(nil)); after != before {
			t.Errorf("%T: the message itself was changed", m)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a chunk carried evidence")
		}
	}()
	WithEvidence(&Chunk{}, ev)
}

func TestWhatCannotFailStopsTheProgram(t *testing.T) {
	must(nil)
	defer func() {
		if recover() == nil {
			t.Error("an error was passed over")
		}
	}()
	must(errors.New("it failed"))
}
