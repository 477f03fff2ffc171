package round

import (
	"bytes"
	"testing"

	"github.com/cinesync/cinesync/protocol"
)

func sampleEvents() []Event {
	return []Event{
		{Kind: Started},
		{Kind: Restarted},
		{Kind: Connected, From: [32]byte{1}},
		{Kind: Message, From: [32]byte{2}, Msg: &protocol.Shares{SID: [32]byte{3}, Sealed: [][80]byte{{4}}}},
		{Kind: Uploaded, From: [32]byte{5}, Hash: [32]byte{6}},
		{Kind: Logged, Hash: [32]byte{7}, Index: 1 << 40},
		{Kind: Settled, Sums: [][32]byte{{8}, {9}}, Model: [32]byte{9}, Serve: [32]byte{10}},
		{Kind: Logged, Hash: [32]byte{7}, Index: 3, Note: []byte("log\n3\n")},
		{Kind: Unsettled, Why: BadReveals, Detail: "no 5 of those tried fit"},
	}
}

func TestEventSurvivesTheJournal(t *testing.T) {
	for _, e := range sampleEvents() {
		b := e.Append(nil)
		got, err := ParseEvent(b)
		if err != nil {
			t.Fatalf("kind %d: %v", e.Kind, err)
		}
		if again := got.Append(nil); !bytes.Equal(again, b) {
			t.Errorf("kind %d: read back as other bytes", e.Kind)
		}
	}
}

func TestJournalRefusesEveryCutAndEveryExtraByte(t *testing.T) {
	for _, e := range sampleEvents() {
		b := e.Append(nil)
		for n := range b {
			if _, err := ParseEvent(b[:n]); err == nil {
				t.Errorf("kind %d: the first %d of %d bytes were accepted", e.Kind, n, len(b))
			}
		}
		if _, err := ParseEvent(append(bytes.Clone(b), 0)); err == nil {
			t.Errorf("kind %d: an extra byte was accepted", e.Kind)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, e := range sampleEvents() {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEvent(b)
		if err == nil && !bytes.Equal(e.Append(nil), b) {
			t.Fatal("accepted bytes re-encode differently")
		}
	})
}
