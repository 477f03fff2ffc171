package strictjson

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestObject(t *testing.T) {
	for _, c := range []struct {
		in, want, err string
	}{
		{in: `{}`},
		{in: ` {"a":1,"A":"x","b":[{"c":null}]} `, want: `a=1 A="x" b=[{"c":null}]`},
		{in: ``, err: "text ends inside the object"},
		{in: `[1]`, err: "a JSON object is wanted"},
		{in: `null`, err: "a JSON object is wanted"},
		{in: `{"a":1`, err: "text ends inside the object"},
		{in: `{"a"`, err: "text ends inside the object"},
		{in: `{"a":}`, err: "invalid character"},
		{in: `{a:1}`, err: "invalid character"},
		{in: `{"a":1,"a":2}`, err: `field "a" stands there twice`},
		{in: `{"a":1} {}`, err: "text follows the object"},
		{in: `{"a":1}}`, err: "text follows the object"},
		{in: "{\"a\":\"\xff\"}", err: "text is not UTF-8"},
	} {
		var got []string
		err := Object([]byte(c.in), func(name string, value json.RawMessage) error {
			got = append(got, name+"="+string(value))
			return nil
		})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got error %v, want %q", c.in, err, c.err)
			}
			continue
		}
		if diff := cmp.Diff(c.want, strings.Join(got, " ")); err != nil || diff != "" {
			t.Errorf("%s: error %v, fields %s", c.in, err, diff)
		}
	}
}

func FuzzObject(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"a":{"b":[1,2]},"c":"\u00e9"}`, `{"a":1,"a":2}`, `[`, `{"a":1}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		err := Object(b, func(string, json.RawMessage) error { n++; return nil })
		var whole map[string]json.RawMessage
		if err == nil && (json.Unmarshal(b, &whole) != nil || len(whole) != n) {
			t.Fatalf("%q: %d fields were walked, encoding/json sees %d", b, n, len(whole))
		}
	})
}
