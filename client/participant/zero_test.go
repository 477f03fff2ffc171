package participant

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/protocol"
)

// TestSaveThatIsReplacedInItsStepIsCleared: of several in one step the last one counts, and nobody sees the others.
func TestSaveThatIsReplacedInItsStepIsCleared(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "receipt")
	var out Output
	d.machine.save(&out)
	first := out.Save
	d.machine.save(&out)
	if !blank(first) || blank(out.Save) {
		t.Error("a save that another took the place of is not cleared")
	}
	second := out.Save
	d.machine.giveUp(&Refused{Why: F15Malformed}, &out)
	if !blank(second) || blank(out.Save) {
		t.Error("a save that a refusal took the place of is not cleared")
	}
}

func blank(b []byte) bool { return !slices.ContainsFunc(b, func(v byte) bool { return v != 0 }) }

// TestHeldAnswerHasOneCopy: in mode SM the answer waits for confirmations in the saved state, and the message it was is empty.
func TestHeldAnswerHasOneCopy(t *testing.T) {
	for _, sig := range []uint16{protocol.SigEd25519, protocol.SigHybrid} {
		h := newHonest(t, 8)
		h.mode, h.sig = aggregation.ModeSM, sig
		d := newDevice(t, h)
		for _, s := range stages[:slices.Index(stages, "survivors")+1] {
			d.step(h, d.event(h, s))
		}
		reveal := bytes.Clone(d.machine.st.Reveal)
		if len(reveal) == 0 {
			t.Fatal("no answer is held")
		}
		d.step(h, d.event(h, "confirmed"))
		if got := lastOf[*protocol.Reveal](d).Append(nil); !bytes.Equal(got, reveal) {
			t.Error("what is sent is not what was held")
		}
		if n := bytes.Count(d.disk, reveal[:64]); n != 1 {
			t.Errorf("the answer is saved %d times", n)
		}
	}
}

// TestRevealIsEncodedInOnePiece: a buffer that is too short stays empty, or it would be left behind with shares in it.
func TestRevealIsEncodedInOnePiece(t *testing.T) {
	for n := range 12 {
		r := &protocol.Reveal{HasOwn: 1, SelfShares: make([]protocol.PeerShare, n), PairShares: make([]protocol.PeerShare, n/3), SigPQ: make([]byte, 24*(n%2))}
		for _, b := range [][]byte{r.SID[:], r.OwnB[:], r.Sig[:], r.SigPQ} {
			for i := range b {
				b[i] = 7
			}
		}
		size := len(r.Append(nil))
		for short := range size {
			buf := make([]byte, short)
			if r.Append(buf[:0]); !blank(buf) {
				t.Fatalf("%d shares: a buffer of %d bytes was written to, %d are needed", n, short, size)
			}
		}
	}
}

// TestSavedBulkOfAnyLengthIsRead: what is announced must be there before memory is taken, and neighbours lie in one piece.
func TestSavedBulkOfAnyLengthIsRead(t *testing.T) {
	h := newHonest(t, 8)
	d := newDevice(t, h)
	d.play(h, "survivors")
	whole := d.machine.st.appendBulk(nil)
	if len(whole) != d.machine.st.bulkSize() {
		t.Fatalf("%d bytes of bulk, %d were counted", len(whole), d.machine.st.bulkSize())
	}
	var s session
	if err := s.parseBulk(whole); err != nil || !bytes.Equal(s.appendBulk(nil), whole) || cap(s.Neighbours) != len(s.Neighbours) {
		t.Fatalf("%d neighbours in room for %d: %v", len(s.Neighbours), cap(s.Neighbours), err)
	}
	for n := range len(whole) {
		if err := new(session).parseBulk(whole[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken", n, len(whole))
		}
	}
	at := len(whole) - 7*(neighbourSize+8) - 4
	huge := append(slices.Clone(whole[:at]), 0xff, 0xff, 0xff, 0xff)
	if err := new(session).parseBulk(huge); err == nil {
		t.Error("2^32-1 neighbours were taken")
	}
}

// TestEarlierVersionsKeepWhatOutlivesARound: their sessions had secrets in the JSON, and are over.
func TestEarlierVersionsKeepWhatOutlivesARound(t *testing.T) {
	for version := oldVersion; version <= stateVersion; version++ {
		head := fmt.Appendf(nil, `{"Version":%d,"TreeSize":7,"TreeRoot":"%s","Shunned":"%[2]s","Signed":5,"Phase":3,"Session":{"Secrets":"AAAA"}}`, version, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
		var s state
		err := s.load(sealed(append(appendCount(nil, len(head)), head...)))
		if version == stateVersion {
			if err == nil {
				t.Error("a session without its bulk was taken")
			}
		} else if err != nil || s.Phase != idle || s.TreeSize != 7 || s.Signed != 5 || s.Secrets != nil {
			t.Errorf("version %d: %+v, %v", version, s, err)
		}
	}
}

// TestEarlierVersionsRoundIsErased: what is over in memory must not stay on the disk, and S may be gone for ever.
func TestEarlierVersionsRoundIsErased(t *testing.T) {
	for version := oldVersion; version < stateVersion; version++ {
		h := newHonest(t, 8)
		d := newDevice(t, h)
		head := fmt.Appendf(nil, `{"Version":%d,"TreeSize":7,"TreeRoot":"%s","Shunned":"%[2]s","Signed":5,"Phase":3,"Session":{"Secrets":"AAAA"}}`, version, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
		d.disk = sealed(append(appendCount(nil, len(head)), head...))
		d.boot()
		if wait, ok := d.machine.Due(h.now); !ok || wait > 0 {
			t.Errorf("version %d: a step is due in %v (%v)", version, wait, ok)
		}
		out := d.step(h, Event{})
		if signed, err := Signed(d.disk); !out.Erase || out.Save == nil || err != nil || signed != 5 || bytes.Contains(d.disk, []byte("Session")) {
			t.Errorf("version %d: erased %v, signed %d, %v", version, out.Erase, signed, err)
		}
		if _, ok := d.machine.Due(h.now); ok {
			t.Errorf("version %d: there is still something to do", version)
		}
	}
}
