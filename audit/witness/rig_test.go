package witness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
)

const testOrigin = "cinesync.example/test"

func testKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func now() time.Time { return time.Unix(1_800_000_000, 0) }

// history is a log of n entries; from entry fork on they differ by salt.
func history(n, fork int, salt byte) *audit.Log {
	l := audit.NewLog()
	for i := range n {
		e := []byte{byte(i), 0}
		if i >= fork {
			e[1] = salt
		}
		l.Append(e)
	}
	return l
}

func checkpoint(t testing.TB, v audit.View) []byte {
	t.Helper()
	msg, err := audit.SignCheckpoint(testOrigin, testKey(9), v.Size(), v.Root())
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func request(t testing.TB, l *audit.Log, old, size uint64) []byte {
	t.Helper()
	proof, err := l.Consistency(old, size)
	if err != nil {
		t.Fatal(err)
	}
	return audit.AddCheckpoint{Old: old, Proof: proof, Note: checkpoint(t, l.View(size))}.Append(nil)
}

// memory is a Store that keeps what it is told in a map, and can fail.
type memory struct {
	logs  map[string]Log
	fail  error
	saved int
}

func remember(key ed25519.PublicKey) *memory {
	return &memory{logs: map[string]Log{testOrigin: {Origin: testOrigin, Key: key}}}
}

func (m *memory) Load() (out []Log, err error) {
	for _, l := range m.logs {
		out = append(out, l)
	}
	return out, m.fail
}

func (m *memory) Save(origin string, note []byte) error {
	if m.fail != nil {
		return m.fail
	}
	m.saved++
	l := m.logs[origin]
	l.Note = bytes.Clone(note)
	m.logs[origin] = l
	return nil
}

// named is a witness w<i> with a fixed key.
func named(t testing.TB, i int, store Store) *Witness {
	t.Helper()
	w, err := New(Config{Name: name(i), Key: testKey(byte(20 + i)), Store: store, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func name(i int) string { return "witness.example/w" + string(rune('1'+i)) }

func policy(n, quorum int) audit.WitnessPolicy {
	p := audit.WitnessPolicy{Quorum: quorum}
	for i := range n {
		p.Witnesses = append(p.Witnesses, audit.Witness{Name: name(i), Key: public(testKey(byte(20 + i)))})
	}
	return p
}

func post(h http.Handler, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequest(http.MethodPost, "/add-checkpoint", bytes.NewReader(body)))
	return r
}

// wire carries requests to handlers by host name, without a network. A host without a handler never answers.
type wire map[string]http.Handler

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	h := w[r.URL.Host]
	if h == nil {
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	inner := httptest.NewRequest(r.Method, r.URL.Path, bytes.NewReader(body))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, inner.WithContext(r.Context()))
	return rec.Result(), nil
}

func client(t testing.TB, p audit.WitnessPolicy, w wire) *Client {
	t.Helper()
	c, err := NewClient(ClientConfig{Origin: testOrigin, LogKey: public(testKey(9)), Policy: p, Addresses: addresses(len(p.Witnesses)), Transport: w, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func addresses(n int) (out []string) {
	for i := range n {
		out = append(out, "http://"+host(i))
	}
	return out
}

func host(i int) string { return strings.TrimPrefix(name(i), "witness.example/") }
