package audit

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

const testOrigin = "cinesync.example/test"

func TestCheckpointGolden(t *testing.T) {
	msg, err := SignCheckpoint(testOrigin, testKey(9), 259, h(0xab))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/checkpoint.golden", msg)
	cp, err := OpenCheckpoint(testOrigin, public(testKey(9)), msg)
	if err != nil || cp != (Checkpoint{Size: 259, Root: h(0xab)}) {
		t.Errorf("read back %+v, %v", cp, err)
	}
}

func TestCheckpointRefusesEveryChangedByte(t *testing.T) {
	msg, err := SignCheckpoint(testOrigin, testKey(9), 259, h(0xab))
	if err != nil {
		t.Fatal(err)
	}
	for i := range msg {
		for bit := range 8 {
			bad := bytes.Clone(msg)
			bad[i] ^= 1 << bit
			if _, err := OpenCheckpoint(testOrigin, public(testKey(9)), bad); err == nil {
				t.Fatalf("byte %d, bit %d: accepted\n%s", i, bit, bad)
			}
		}
	}
}

// signedText signs any text as a note, to see what beyond the signature is checked.
func signedText(t *testing.T, text string, keys ...ed25519.PrivateKey) []byte {
	t.Helper()
	var signers []note.Signer
	for _, key := range keys {
		_, v, err := verifier(testOrigin, public(key))
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, checkpointSigner{testOrigin, v.KeyHash(), key})
	}
	msg, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestCheckpointIsStrict(t *testing.T) {
	key := testKey(9)
	good := checkpointText(testOrigin, 5, h(1))
	if _, err := OpenCheckpoint(testOrigin, public(key), signedText(t, good, key)); err != nil {
		t.Fatal(err)
	}
	root := strings.Split(good, "\n")[2]
	for name, msg := range map[string][]byte{
		"another origin":      signedText(t, checkpointText("other.example", 5, h(1)), key),
		"an extension line":   signedText(t, good+"more\n", key),
		"a missing line":      signedText(t, testOrigin+"\n5\n", key),
		"a zero in front":     signedText(t, testOrigin+"\n05\n"+root+"\n", key),
		"a plus sign":         signedText(t, testOrigin+"\n+5\n"+root+"\n", key),
		"a huge size":         signedText(t, testOrigin+"\n9223372036854775808\n"+root+"\n", key),
		"a short root":        signedText(t, testOrigin+"\n5\nAAAA\n", key),
		"another signer":      signedText(t, good, testKey(8)),
		"a second signature":  signedText(t, good, key, testKey(8)),
		"nothing":             nil,
		"a flood":             bytes.Repeat([]byte("x\n"), MaxCheckpoint),
		"the signature twice": append(signedText(t, good, key), bytes.SplitAfter(signedText(t, good, key), []byte("\n\n"))[1]...),
	} {
		if _, err := OpenCheckpoint(testOrigin, public(key), msg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestOriginMustBeAName(t *testing.T) {
	for _, origin := range []string{"", "a b", "a+b", "a\nb", "é", strings.Repeat("x", maxOrigin+1)} {
		if _, err := SignCheckpoint(origin, testKey(9), 1, h(1)); err == nil {
			t.Errorf("origin %q was accepted", origin)
		}
		if _, err := (Keys{Origin: origin, LogKey: public(testKey(9)), Authority: public(testKey(1)), Coordinator: []byte{1}}).Encode(); err == nil {
			t.Errorf("origin %q was accepted in a keys file", origin)
		}
	}
	if _, err := SignCheckpoint(testOrigin, nil, 1, h(1)); err == nil {
		t.Error("an empty key was accepted")
	}
	if _, err := OpenCheckpoint(testOrigin, nil, nil); err == nil {
		t.Error("an empty public key was accepted")
	}
	if _, err := SignCheckpoint(testOrigin, testKey(9), 1<<63, h(1)); err == nil {
		t.Error("a size that no reader takes was signed")
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	msg, err := SignCheckpoint(testOrigin, testKey(9), 259, h(0xab))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg)
	f.Add([]byte("a\n1\nAAAA\n\n— a AAAAAA==\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		cp, err := OpenCheckpoint(testOrigin, public(testKey(9)), b)
		if err != nil {
			return
		}
		if again, err := SignCheckpoint(testOrigin, testKey(9), cp.Size, cp.Root); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %q, which is signed as %q", b, again)
		}
	})
}

func testKeys() Keys {
	return Keys{Origin: testOrigin, LogKey: public(testKey(9)), Authority: public(testKey(1)), Coordinator: bytes.Repeat([]byte{0xce}, 131)}
}

func TestKeysGolden(t *testing.T) {
	b, err := testKeys().Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/keys.golden", b)
	k, err := ParseKeys(b)
	if err != nil || k.Origin != testOrigin || !k.LogKey.Equal(public(testKey(9))) || !k.Authority.Equal(public(testKey(1))) || len(k.Coordinator) != 131 {
		t.Errorf("read back %+v, %v", k, err)
	}
}

func TestKeysAreStrict(t *testing.T) {
	b, err := testKeys().Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, bad := range map[string]string{
		"nothing":              "",
		"a later version":      strings.Replace(text, "keys 1", "keys 2", 1),
		"a missing line end":   strings.TrimSuffix(text, "\n"),
		"a further line":       text + "more\n",
		"carriage returns":     strings.ReplaceAll(text, "\n", "\r\n"),
		"upper-case hex":       strings.Replace(text, "cece", "CECE", 1),
		"odd hex":              strings.TrimSuffix(text, "e\n") + "\n",
		"another origin":       strings.Replace(text, "origin cinesync", "origin sinesync", 1),
		"no log key":           strings.Replace(text, "log "+testOrigin, "log ", 1),
		"a short authority":    strings.Replace(text, "authority ", "authority \ncoordinator ", 1),
		"no certificate":       text[:strings.Index(text, "coordinator ")] + "coordinator \n",
		"too long":             text + strings.Repeat("x", MaxKeys),
		"another name of line": strings.Replace(text, "authority", "autority", 1),
	} {
		if _, err := ParseKeys([]byte(bad)); err == nil {
			t.Errorf("%s was accepted:\n%s", name, bad)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	b, err := testKeys().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKeys(b)
		if err != nil {
			return
		}
		if again, err := k.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %q, which encodes as %q (%v)", b, again, err)
		}
	})
}
