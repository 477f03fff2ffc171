package protocol_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/prototest"
)

// NB: these bytes are the protocol. If a test here fails, run it with -update and read the difference; a change that an older program could
// not read needs a new protocol.Version and a new version of docs/spec/protocol.md.
var update = flag.Bool("update", false, "rewrite testdata/golden")

// goldenFrames are the messages of the golden files by name: every type once, and once more without its post-quantum parts if it has any.
func goldenFrames() map[string]protocol.Message {
	frames := map[string]protocol.Message{}
	plain := prototest.PlainMessages()
	for i, m := range prototest.Messages() {
		name := fmt.Sprintf("%02d-%v", m.Type(), m.Type())
		frames[name+".txt"] = m
		if !bytes.Equal(m.Append(nil), plain[i].Append(nil)) {
			frames[name+"-plain.txt"] = plain[i]
		}
	}
	return frames
}

func TestGoldenBytesOfEveryMessage(t *testing.T) {
	seen := map[protocol.Type]bool{}
	for name, m := range goldenFrames() {
		seen[m.Type()] = true
		t.Run(name, func(t *testing.T) {
			frame, err := protocol.AppendFrame(nil, m)
			if err != nil {
				t.Fatal(err)
			}
			fields, err := protocol.Fields(m.Type(), frame[protocol.HeaderSize:])
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, append(headerFields(frame), fields...))
			got, err := protocol.ReadMessage(bytes.NewReader(read(t, name)), nil)
			if err != nil {
				t.Fatalf("read the golden frame: %v", err)
			}
			if diff := cmp.Diff(m, got); diff != "" {
				t.Errorf("the golden frame is another message (-want +got):\n%s", diff)
			}
		})
	}
	for typ := range protocol.Type(255) {
		if (protocol.Limit(typ) > 0) != seen[typ] {
			t.Errorf("%v: limit %d, golden %v", typ, protocol.Limit(typ), seen[typ])
		}
	}
}

func TestGoldenBytesOfCertificate(t *testing.T) {
	cert := prototest.Device().Cert
	b := cert.Bytes()
	fields, err := protocol.FieldsOfCert(b[:])
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "certificate.txt", fields)
	got, err := protocol.ParseCert(read(t, "certificate.txt"))
	if err != nil || got != cert {
		t.Errorf("the golden certificate reads as %v, %v", got, err)
	}
	if err := got.Verify(prototest.AuthorityKey(), prototest.Now, protocol.ClassDevice); err != nil {
		t.Error(err)
	}
	second := prototest.Hybrid(prototest.Device()).CertPQ
	golden(t, "certificate-pq.txt", []protocol.Field{{Name: "pq_key", Bytes: second[:protocol.PQKeySize]}, {Name: "sig_E2", Bytes: second[protocol.PQKeySize:]}})
	if _, err := protocol.VerifyPQ(got, read(t, "certificate-pq.txt"), prototest.AuthorityPQ()); err != nil {
		t.Error(err)
	}
}

func TestGoldenBytesOfRequest(t *testing.T) {
	q := request(t)
	b := q.Bytes()
	golden(t, "request.txt", []protocol.Field{{Name: "idpk", Bytes: b[:32]}, {Name: "class", Bytes: b[32:33]}, {Name: "nonce", Bytes: b[33:49]},
		{Name: "sig", Bytes: b[49:113]}, {Name: "pq_key", Bytes: b[113:1425]}, {Name: "pq_sig", Bytes: b[1425:]}})
	got, err := protocol.ParseRequest(read(t, "request.txt"))
	if err != nil || !bytes.Equal(got.Bytes(), b) || got.Verify() != nil {
		t.Errorf("the golden request reads as %v, %v", got, err)
	}
}

func request(t testing.TB) protocol.Request {
	t.Helper()
	q, err := protocol.NewRequest(prototest.Key("device"), protocol.ClassDevice, strings.NewReader("a nonce that is fixed"))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func headerFields(frame []byte) []protocol.Field {
	return []protocol.Field{{Name: "magic", Bytes: frame[:2]}, {Name: "version", Bytes: frame[2:3]}, {Name: "type", Bytes: frame[3:4]},
		{Name: "flags", Bytes: frame[4:8]}, {Name: "length", Bytes: frame[8:12]}}
}

// golden compares fields with the file: hexadecimal in rows of 32 bytes, the field's name behind its first row.
func golden(t *testing.T, name string, fields []protocol.Field) {
	t.Helper()
	var b strings.Builder
	for _, f := range fields {
		comment := "  # " + f.Name
		for rest := f.Bytes; len(rest) > 0; rest = rest[min(32, len(rest)):] {
			fmt.Fprintf(&b, "%x%s\n", rest[:min(32, len(rest))], comment)
			comment = ""
		}
	}
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-golden +now):\n%s", name, diff)
	}
}

// read is the bytes of a golden file without its comments.
func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "golden", name))
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		digits.WriteString(strings.TrimSpace(strings.Split(line, "#")[0]))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}
