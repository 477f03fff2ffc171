package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const testTime = testStart + 7

// witnesses are n witnesses with fixed keys, of which quorum have to sign.
func witnesses(n, quorum int) WitnessPolicy {
	p := WitnessPolicy{Quorum: quorum}
	for i := range n {
		p.Witnesses = append(p.Witnesses, Witness{Name: "witness.example/w" + string(rune('1'+i)), Key: public(testKey(byte(20 + i)))})
	}
	return p
}

// vouched is a checkpoint with the cosignatures of the named witnesses, made by hand: the log's line and theirs in the order given.
func vouched(t testing.TB, p WitnessPolicy, by ...int) []byte {
	t.Helper()
	msg, err := SignCheckpoint(testOrigin, testKey(9), 259, h(0xab))
	if err != nil {
		t.Fatal(err)
	}
	out := msg
	for _, i := range by {
		out = append(out, cosigned(t, p, i, msg, testTime+uint64(i))...)
	}
	return out
}

func cosigned(t testing.TB, p WitnessPolicy, i int, msg []byte, time uint64) []byte {
	t.Helper()
	line, err := Cosign(p.Witnesses[i].Name, testKey(byte(20+i)), msg, time)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestCosignedGolden(t *testing.T) {
	p := witnesses(3, 2)
	msg := vouched(t, p, 0, 2)
	golden(t, "testdata/cosigned.golden", msg)
	golden(t, "testdata/policy.golden", p.Text())
	c, err := p.Open(testOrigin, public(testKey(9)), msg)
	if err != nil {
		t.Fatal(err)
	}
	if c.Checkpoint != (Checkpoint{259, h(0xab)}) || !bytes.Equal(c.Note, msg) || c.Time != testTime || len(c.Cosigs) != 2 {
		t.Errorf("read back %+v", c)
	}
	if want := []string{p.Witnesses[0].Name, p.Witnesses[2].Name}; !slices.Equal(c.Names, want) {
		t.Errorf("signed by %v, want %v", c.Names, want)
	}
	for i, raw := range c.Cosigs {
		line := strings.Split(string(msg), "\n")[5+i]
		if _, b64, _ := strings.Cut(line[len("— "):], " "); b64 != base64.StdEncoding.EncodeToString(raw) {
			t.Errorf("cosignature %d is %x, its line says %s", i, raw, line)
		}
	}
}

// TestCosignatureBytes makes a cosignature from the words of C2SP tlog-cosignature, without the code under test.
func TestCosignatureBytes(t *testing.T) {
	p := witnesses(1, 1)
	msg := vouched(t, p, 0)
	c, err := p.Open(testOrigin, public(testKey(9)), msg)
	if err != nil {
		t.Fatal(err)
	}
	text := string(msg[:bytes.Index(msg, []byte("\n\n"))+1])
	signed := "cosignature/v1\ntime 1700000007\n" + text
	if sig := c.Cosigs[0][12:]; !ed25519.Verify(public(testKey(20)), []byte(signed), sig) {
		t.Errorf("the signature %x is not over %q", sig, signed)
	}
	if got := c.Cosigs[0][4:12]; !bytes.Equal(got, []byte{0, 0, 0, 0, 0x65, 0x53, 0xf1, 0x07}) {
		t.Errorf("time bytes %x", got)
	}
}

func TestOpenCosignedRefusesEveryChangedByte(t *testing.T) {
	p := witnesses(2, 2)
	msg := vouched(t, p, 0, 1)
	for i := range msg {
		for bit := range 8 {
			bad := bytes.Clone(msg)
			bad[i] ^= 1 << bit
			if _, err := p.Open(testOrigin, public(testKey(9)), bad); err == nil {
				t.Fatalf("byte %d, bit %d: accepted\n%s", i, bit, bad)
			}
		}
	}
}

func TestOpenCosignedIsStrict(t *testing.T) {
	p := witnesses(3, 2)
	plain := vouched(t, p)
	good := vouched(t, p, 0, 1)
	line := func(i int, time uint64) []byte { return cosigned(t, p, i, plain, time) }
	forged := func(edit func(raw []byte)) []byte {
		c, err := parseCosignature(string(line(1, testTime)))
		if err != nil {
			t.Fatal(err)
		}
		edit(c.raw[:])
		return []byte(c.line())
	}
	stranger, err := Cosign("witness.example/w9", testKey(29), plain, testTime)
	if err != nil {
		t.Fatal(err)
	}
	impostor, err := Cosign(p.Witnesses[1].Name, testKey(29), plain, testTime)
	if err != nil {
		t.Fatal(err)
	}
	logTwice := bytes.SplitAfter(plain, []byte("\n\n"))[1]
	for _, tt := range []struct {
		name, want string
		msg        []byte
	}{
		{"no cosignature", "0 cosignatures", plain},
		{"below the quorum", "the quorum is 2", vouched(t, p, 1)},
		{"one witness twice", "twice", vouched(t, p, 0, 0)},
		{"one witness twice, at two times", "twice", slices.Concat(plain, line(0, 5), line(0, 6))},
		{"another order", "order", vouched(t, p, 1, 0)},
		{"a further witness out of order", "order", vouched(t, p, 0, 2, 1)},
		{"a stranger", "no witness", slices.Concat(good, stranger)},
		{"a known name and another key", "the policy names", slices.Concat(plain, line(0, testTime), impostor)},
		{"another key id", "the policy names", slices.Concat(plain, line(0, testTime), forged(func(raw []byte) { raw[0] ^= 1 }))},
		{"another time than was signed", "does not verify", slices.Concat(plain, line(0, testTime), forged(func(raw []byte) { raw[11] ^= 1 }))},
		{"time zero", "has the time 0", slices.Concat(plain, line(0, testTime), forged(func(raw []byte) { clear(raw[4:12]) }))},
		{"a time beyond 63 bits", "has the time 9223372036854775808", slices.Concat(plain, line(0, testTime), forged(func(raw []byte) { clear(raw[4:12]); raw[4] = 0x80 }))},
		{"another signature", "does not verify", slices.Concat(plain, line(0, testTime), forged(func(raw []byte) { raw[20] ^= 1 }))},
		{"the log twice", "does not hold the 76 bytes", slices.Concat(good, logTwice)},
		{"the log last", "signed by the log", slices.Concat(plain[:bytes.Index(plain, []byte("\n\n"))+2], line(0, testTime), line(1, testTime), logTwice)},
		{"no log", "signed by the log", slices.Concat(plain[:bytes.Index(plain, []byte("\n\n"))+2], line(0, testTime), line(1, testTime))},
		{"loose base64", "does not hold", bytes.Replace(good, []byte("==\n"), []byte("=\n"), 1)},
		{"a space at the end", "does not hold", bytes.Replace(good, []byte("==\n"), []byte("== \n"), 1)},
		{"carriage returns", "", bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n"))},
		{"a line that is no signature", "not a signature line", slices.Concat(good, []byte("hello\n"))},
		{"no last line feed", "line feed", good[:len(good)-1]},
		{"an empty line at the end", "", slices.Concat(good, []byte("\n"))},
		{"nothing", "not a signed note", nil},
		{"a flood", "at most 8192", slices.Concat(good, bytes.Repeat(line(2, testTime), 70))},
	} {
		if _, err := p.Open(testOrigin, public(testKey(9)), tt.msg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	if _, err := p.Open("other.example", public(testKey(9)), good); err == nil {
		t.Error("another origin was accepted")
	}
	if _, err := p.Open(testOrigin, public(testKey(8)), good); err == nil {
		t.Error("another log's key was accepted")
	}
	if _, err := (WitnessPolicy{}).Open(testOrigin, public(testKey(9)), plain); err == nil {
		t.Error("the zero policy opened a checkpoint that nobody vouches for")
	}
}

// TestLooseBase64Line: padding bits that are not zero decode to the same bytes and are another note.
func TestLooseBase64Line(t *testing.T) {
	p := witnesses(1, 1)
	msg := vouched(t, p, 0)
	at := bytes.LastIndex(msg, []byte("==\n")) - 1
	bad := bytes.Clone(msg)
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	bad[at] = digits[strings.IndexByte(digits, bad[at])|1]
	if bytes.Equal(bad, msg) {
		t.Skip("the signature ends in set bits")
	}
	if _, err := p.Open(testOrigin, public(testKey(9)), bad); err == nil || !strings.Contains(err.Error(), "canonical") {
		t.Errorf("error %v", err)
	}
}

// TestPublicWitnesses verifies cosignatures that four public witnesses made on a checkpoint of a public log (arche2025h1, staging, May
// 2026), with the keys they publish.
func TestPublicWitnesses(t *testing.T) {
	p := WitnessPolicy{Quorum: 4}
	for _, text := range []string{
		"transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
		"witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
		"remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
		"witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
	} {
		w, err := ParseWitness(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Witnesses = append(p.Witnesses, w)
	}
	msg, err := os.ReadFile("testdata/public.checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(msg, []byte("\n"))
	head, answers := bytes.Join(lines[:5], nil), [][]byte{lines[8], slices.Concat(lines[6], lines[5]), lines[7]}
	got, err := AddCosignatures(head, answers, p)
	if err != nil || !bytes.Equal(got, msg) {
		t.Errorf("%v\n%s", err, got)
	}
	logKey, err := verifierKey("arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := p.Open("arche2025h1.staging.ct.transparency.dev", logKey, msg); err != nil || c.Size != 1432088532 || c.Time != 1779573024 {
		t.Errorf("%+v, %v", c, err)
	}
	changed := bytes.Replace(msg, []byte("1432088532"), []byte("1432088533"), 1)
	if _, err := AddCosignatures(changed, nil, p); err == nil || !strings.Contains(err.Error(), "does not verify") {
		t.Errorf("another size: %v", err)
	}
}

func TestCosignRefuses(t *testing.T) {
	msg := vouched(t, witnesses(1, 1))
	for name, err := range map[string]error{
		"no key":    second(Cosign("w", nil, msg, 1)),
		"no name":   second(Cosign("", testKey(1), msg, 1)),
		"no time":   second(Cosign("w", testKey(1), msg, 0)),
		"huge time": second(Cosign("w", testKey(1), msg, 1<<63)),
		"no note":   second(Cosign("w", testKey(1), []byte("a\n1\nb\n"), 1)),
	} {
		if err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAddCosignatures(t *testing.T) {
	p := witnesses(3, 2)
	plain := vouched(t, p)
	line := func(i int, time uint64) []byte { return cosigned(t, p, i, plain, time) }
	stranger, err := Cosign("witness.example/w9", testKey(29), plain, testTime)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := Cosign(p.Witnesses[0].Name, testKey(30), plain, testTime) // a witness signs with its next key as well
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Replace(line(1, 9), []byte("/w2 "), []byte("/w2 A"), 1)
	for _, tt := range []struct {
		name   string
		msg    []byte
		lines  [][]byte
		want   []byte
		refuse string
	}{
		{name: "in any order", msg: plain, lines: [][]byte{line(2, 5), line(0, 6)}, want: slices.Concat(plain, line(0, 6), line(2, 5))},
		{name: "several lines in one answer", msg: plain, lines: [][]byte{slices.Concat(rotated, line(0, 6))}, want: slices.Concat(plain, line(0, 6))},
		{name: "strangers are left out", msg: plain, lines: [][]byte{stranger, line(0, 6)}, want: slices.Concat(plain, line(0, 6))},
		{name: "the newer stays", msg: slices.Concat(plain, line(0, 6)), lines: [][]byte{line(0, 7), line(0, 5)}, want: slices.Concat(plain, line(0, 7))},
		{name: "those there stay", msg: slices.Concat(plain, line(1, 6)), lines: [][]byte{line(0, 7)}, want: slices.Concat(plain, line(0, 7), line(1, 6))},
		{name: "nothing to add", msg: plain, want: plain},
		{name: "a signature on another checkpoint", msg: plain, lines: [][]byte{bytes.Clone(cosigned(t, p, 0, []byte("x\n1\ny\n\n— z AAAA\n"), 6))}, refuse: "does not verify"},
		{name: "a broken line of a witness", msg: plain, lines: [][]byte{broken}, refuse: "w2"},
		{name: "no line feed", msg: plain, lines: [][]byte{[]byte("— x AAAA")}, refuse: "line feed"},
		{name: "no note", msg: []byte("x"), lines: nil, refuse: "not a signed note"},
	} {
		got, err := AddCosignatures(tt.msg, tt.lines, p)
		switch {
		case tt.refuse != "" && (err == nil || !strings.Contains(err.Error(), tt.refuse)):
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.refuse)
		case tt.refuse == "" && (err != nil || !bytes.Equal(got, tt.want)):
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, err, got, tt.want)
		}
	}
}

// TestQuorumOpens: any set of at least quorum witnesses opens, in whatever order they answered, and no smaller one.
func TestQuorumOpens(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(r, "witnesses")
		p := witnesses(n, rapid.IntRange(1, n).Draw(r, "quorum"))
		plain := vouched(t, p)
		by := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, n, rapid.ID[int]).Draw(r, "signers")
		var lines [][]byte
		for _, i := range by {
			lines = append(lines, cosigned(t, p, i, plain, testTime+uint64(i)))
		}
		msg, err := AddCosignatures(plain, lines, p)
		if err != nil {
			r.Fatal(err)
		}
		c, err := p.Open(testOrigin, public(testKey(9)), msg)
		if (err == nil) != (len(by) >= p.Quorum) || err == nil && len(c.Cosigs) != len(by) {
			r.Fatalf("%d signed, the quorum is %d: %v", len(by), p.Quorum, err)
		}
	})
}

// TestLargestCosignedCheckpointFits: a full policy with the longest names and the longest origin stays within MaxCheckpoint.
func TestLargestCosignedCheckpointFits(t *testing.T) {
	p := WitnessPolicy{Quorum: MaxWitnesses}
	origin := strings.Repeat("o", maxOrigin)
	msg, err := SignCheckpoint(origin, testKey(9), 1<<63-1, h(1))
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	for i := range MaxWitnesses {
		name := strings.Repeat(string(rune('A'+i)), maxWitnessName)
		p.Witnesses = append(p.Witnesses, Witness{name, public(testKey(byte(100 + i)))})
		line, err := Cosign(name, testKey(byte(100+i)), msg, 1<<63-1)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if msg, err = AddCosignatures(msg, lines, p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Open(origin, public(testKey(9)), msg); err != nil {
		t.Error(err)
	}
	if n := len(p.Text()); n > MaxWitnessPolicy {
		t.Errorf("the largest policy has %d bytes, MaxWitnessPolicy is %d", n, MaxWitnessPolicy)
	}
}

func FuzzOpenCosigned(f *testing.F) {
	p := witnesses(2, 1)
	for _, by := range [][]int{{0}, {1}, {0, 1}} {
		f.Add(vouched(f, p, by...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = AddCosignatures(b, [][]byte{b}, p)
		c, err := p.Open(testOrigin, public(testKey(9)), b)
		if err != nil {
			return
		}
		again, err := AddCosignatures(b, nil, p)
		if err != nil || !bytes.Equal(again, b) || len(c.Cosigs) < p.Quorum {
			t.Fatalf("accepted %q, which is canonically %q (%v)", b, again, err)
		}
	})
}
