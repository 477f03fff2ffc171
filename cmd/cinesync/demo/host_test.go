package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/coordinator"
)

func lines(t testing.TB, events ...coordinator.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, e := range events {
		if err := json.NewEncoder(&b).Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func someEvents() []coordinator.Event {
	return []coordinator.Event{{Kind: "listening", Address: "127.0.0.1:1"}, phase(1, "recruit"), recovered(1, "keys", "resumed"),
		{Kind: "round", Round: 1, Outcome: "done", U1: 3, U2: 3, U3: 2, Millis: []int{1, 2, 3, 4, 5}, Members: []string{strings.Repeat("ab", 32)}}, {Kind: "done"}}
}

func TestEventsAreReadUntilTheFirstBadLine(t *testing.T) {
	good := string(lines(t, someEvents()...))
	stop := errors.New("enough")
	for name, c := range map[string]struct {
		text string
		read int
		want string
	}{
		"all":                     {good, 5, ""},
		"nothing":                 {"", 0, ""},
		"no newline at the end":   {strings.TrimSuffix(good, "\n"), 5, ""},
		"cut in the last line":    {good[:len(good)-5], 4, "coordinator process said"},
		"a line of another kind":  {good + "panic: no\n" + good, 5, `said "panic: no"`},
		"no object":               {"null\n", 0, "it names no event"},
		"an object without event": {`{"round":1}` + "\n", 0, "it names no event"},
		"a number as event":       {`{"event":1}` + "\n", 0, "coordinator process said"},
		"a line without end":      {good + strings.Repeat("x", maxLine+1), 5, "token too long"},
	} {
		read := 0
		err := readEvents(strings.NewReader(c.text), func(coordinator.Event) error { read++; return nil })
		if read != c.read || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d events, %v, want %d and %q", name, read, err, c.read, c.want)
		}
	}
	read := 0
	if err := readEvents(strings.NewReader(good), func(coordinator.Event) error { read++; return stop }); !errors.Is(err, stop) || read != 1 {
		t.Errorf("told to stop: %v after %d events", err, read)
	}
}

// FuzzReadEvents: no panic, and what is read is read again from its own encoding.
func FuzzReadEvents(f *testing.F) {
	f.Add(lines(f, someEvents()...))
	f.Add([]byte("{\"event\":\"round\",\"u1\":-1}\nnull\n"))
	f.Add([]byte("{\"event\":\"phase\",\"round\":18446744073709551615,\"phase\":\"\xff\"}\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var events []coordinator.Event
		keep := func(e coordinator.Event) error { events = append(events, e); return nil }
		readEvents(bytes.NewReader(b), keep)
		text := lines(t, events...)
		events = nil
		if err := readEvents(bytes.NewReader(text), keep); err != nil || !bytes.Equal(lines(t, events...), text) {
			t.Fatalf("%q read again: %v, %+v", text, err, events)
		}
		for _, e := range events {
			if e.Kind == "" {
				t.Fatalf("an event without a kind: %+v", e)
			}
		}
	})
}
