package audit

import (
	"bytes"
	"strings"
	"testing"
)

func TestPolicyIsReadBack(t *testing.T) {
	for n := 1; n <= 9; n++ {
		p := witnesses(n, (n+1)/2)
		got, err := ParseWitnessPolicy(p.Text())
		if err != nil || got.ID() != p.ID() || len(got.Witnesses) != n || got.Quorum != p.Quorum {
			t.Fatalf("%d witnesses: %+v, %v", n, got, err)
		}
	}
	a, b := witnesses(3, 2), witnesses(3, 3)
	if a.ID() == b.ID() {
		t.Error("two quorums, one id")
	}
	if (WitnessPolicy{}).ID() != [32]byte{} || (WitnessPolicy{}).Text() != nil || !(WitnessPolicy{}).IsZero() {
		t.Error("the zero policy has a text or an id")
	}
}

func TestPolicyIsStrict(t *testing.T) {
	p := witnesses(3, 2)
	text := string(p.Text())
	lines := strings.SplitAfter(text, "\n")
	replace := func(old, now string) string { return strings.Replace(text, old, now, 1) }
	for name, bad := range map[string]string{
		"nothing":                   "",
		"a comment":                 "# ours\n" + text,
		"an empty line":             text + "\n",
		"a further space":           replace(" 2 ", "  2 "),
		"a tab":                     replace(" 2 ", "\t2 "),
		"no last line feed":         strings.TrimSuffix(text, "\n"),
		"a quorum of none":          replace("quorum witnesses", "quorum none"),
		"a quorum of one witness":   replace("quorum witnesses", "quorum witness.example/w1"),
		"a quorum of zero":          replace(" 2 ", " 0 "),
		"a quorum above the group":  replace(" 2 ", " 4 "),
		"a quorum in words":         replace(" 2 ", " any "),
		"a zero in front":           replace(" 2 ", " 02 "),
		"a member less":             replace(" witness.example/w3\n", "\n"),
		"a member twice":            replace(" witness.example/w3\n", " witness.example/w2\n"),
		"another order of members":  replace("2 witness.example/w1 witness.example/w2", "2 witness.example/w2 witness.example/w1"),
		"a witness twice":           lines[0] + text,
		"no group":                  strings.Join(lines[:3], "") + lines[4],
		"no quorum line":            strings.Join(lines[:4], ""),
		"the group before them":     lines[3] + strings.Join(lines[:3], "") + lines[4],
		"another name than the key": replace("witness witness.example/w1", "witness other"),
		"an address":                strings.Replace(text, "\n", " http://127.0.0.1/\n", 1),
		"a log":                     "log x\n" + text,
		"a key of another kind":     replace("+B", "+A"),
		"too long":                  text + strings.Repeat("x", MaxWitnessPolicy),
	} {
		if bad == text {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := ParseWitnessPolicy([]byte(bad)); err == nil {
			t.Errorf("%s was accepted:\n%s", name, bad)
		}
	}
}

func TestPolicyNamesEachWitnessOnce(t *testing.T) {
	for name, edit := range map[string]func(*WitnessPolicy){
		"one name twice":      func(p *WitnessPolicy) { p.Witnesses[1].Name = p.Witnesses[0].Name },
		"one key twice":       func(p *WitnessPolicy) { p.Witnesses[1].Key = p.Witnesses[0].Key },
		"the group's name":    func(p *WitnessPolicy) { p.Witnesses[1].Name = "witnesses" },
		"the name none":       func(p *WitnessPolicy) { p.Witnesses[1].Name = "none" },
		"a plus sign":         func(p *WitnessPolicy) { p.Witnesses[1].Name = "a+b" },
		"a space":             func(p *WitnessPolicy) { p.Witnesses[1].Name = "a b" },
		"an accent":           func(p *WitnessPolicy) { p.Witnesses[1].Name = "é" },
		"no name":             func(p *WitnessPolicy) { p.Witnesses[1].Name = "" },
		"a long name":         func(p *WitnessPolicy) { p.Witnesses[1].Name = strings.Repeat("x", maxWitnessName+1) },
		"a short key":         func(p *WitnessPolicy) { p.Witnesses[1].Key = p.Witnesses[1].Key[:31] },
		"no quorum":           func(p *WitnessPolicy) { p.Quorum = 0 },
		"more than there are": func(p *WitnessPolicy) { p.Quorum = 4 },
		"no witness":          func(p *WitnessPolicy) { p.Witnesses = nil },
		"too many":            func(p *WitnessPolicy) { *p = witnesses(MaxWitnesses+1, 1) },
	} {
		p := witnesses(3, 2)
		edit(&p)
		if err := p.Validate(); err == nil {
			t.Errorf("%s was accepted", name)
		}
		if _, err := ParseWitnessPolicy(p.Text()); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// TestKnownWitnessKey: the id of a key that a public witness is known by (its C2SP verifier key, as other programs' tests have it).
func TestKnownWitnessKey(t *testing.T) {
	const text = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
	if w, err := ParseWitness(text); err != nil || w.Name != "remora.n621.de" {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestWitnessKeyIsStrict(t *testing.T) {
	text := witnesses(1, 1).Witnesses[0].VerifierKey()
	if w, err := ParseWitness(text); err != nil || w.VerifierKey() != text {
		t.Fatalf("%+v, %v", w, err)
	}
	for _, bad := range []string{"", "a", "a+b", "a+00000000+AAAA", text + "=", text + "\n", strings.ToUpper(text), strings.Replace(text, "w1+", "w2+", 1),
		strings.Replace(text, "+B", "+A", 1), " " + text} {
		if _, err := ParseWitness(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzParseWitnessPolicy(f *testing.F) {
	f.Add(witnesses(1, 1).Text())
	f.Add(witnesses(3, 2).Text())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseWitnessPolicy(b)
		if err == nil && !bytes.Equal(p.Text(), b) {
			t.Fatalf("accepted %q, which is written %q", b, p.Text())
		}
	})
}
