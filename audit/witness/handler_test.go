package witness

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
)

func TestAnswers(t *testing.T) {
	l, other := history(20, 20, 0), history(20, 5, 1)
	for _, tt := range []struct {
		name   string
		signed uint64 // before
		body   []byte
		status int
		answer string
	}{
		{"the first", 0, request(t, l, 0, 12), 200, "— witness.example/w1 "},
		{"a longer tree", 12, request(t, l, 12, 20), 200, "— witness.example/w1 "},
		{"the same again", 12, request(t, l, 12, 12), 200, "— witness.example/w1 "},
		{"nonsense", 12, []byte("hello"), 400, "parse add-checkpoint"},
		{"nothing", 12, nil, 400, "parse add-checkpoint"},
		{"a flood", 12, bytes.Repeat([]byte("x"), audit.MaxAddCheckpoint+1), 400, "too long"},
		{"another log", 12, bytes.ReplaceAll(request(t, l, 12, 20), []byte("cinesync.example"), []byte("sinecync.example")), 404, "does not sign for"},
		{"a changed checkpoint", 12, bytes.Replace(request(t, l, 12, 20), []byte("\n20\n"), []byte("\n21\n"), 1), 403, "no signature"},
		{"another size", 12, request(t, l, 10, 20), 409, "12\n"},
		{"a fork of the same size", 12, request(t, other, 12, 12), 409, "12\n"},
		{"a longer fork", 12, request(t, other, 12, 20), 422, "check that"},
	} {
		store := remember(public(testKey(9)))
		if tt.signed > 0 {
			if err := store.Save(testOrigin, checkpoint(t, l.View(tt.signed))); err != nil {
				t.Fatal(err)
			}
		}
		w := named(t, 0, store)
		before := store.saved
		r := post(w, tt.body)
		if r.Code != tt.status || !strings.Contains(r.Body.String(), tt.answer) {
			t.Errorf("%s: %d %q, want %d and %q in it", tt.name, r.Code, r.Body, tt.status, tt.answer)
		}
		if got, want := r.Header().Get("Content-Type") == "text/x.tlog.size", tt.status == 409; got != want {
			t.Errorf("%s: content type %q", tt.name, r.Header().Get("Content-Type"))
		}
		if tt.status != 200 && (store.saved != before || w.Sizes()[testOrigin] != tt.signed) {
			t.Errorf("%s: refused, and remembered as %d", tt.name, w.Sizes()[testOrigin])
		}
	}
}

func TestOtherRequests(t *testing.T) {
	w := named(t, 0, remember(public(testKey(9))))
	for _, tt := range []struct {
		method, path string
		status       int
	}{{"GET", "/add-checkpoint", 405}, {"PUT", "/add-checkpoint", 405}, {"POST", "/", 404}, {"POST", "/add-checkpoint/", 404}, {"GET", "/", 404}} {
		r := httptest.NewRecorder()
		w.ServeHTTP(r, httptest.NewRequest(tt.method, tt.path, nil))
		if r.Code != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, r.Code, tt.status)
		}
	}
}

// TestCosignatureCounts: what the handler answers with is what a policy opens, with the witness's time.
func TestCosignatureCounts(t *testing.T) {
	l := history(12, 12, 0)
	r := post(named(t, 0, remember(public(testKey(9)))), request(t, l, 0, 12))
	p := policy(1, 1)
	msg, err := audit.AddCosignatures(checkpoint(t, l.View(12)), [][]byte{r.Body.Bytes()}, p)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := p.Open(testOrigin, public(testKey(9)), msg); err != nil || c.Size != 12 || c.Time != uint64(now().Unix()) {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestNothingIsSignedThatIsNotKept: with a store that fails there is no signature, and what the witness knows is what it was.
func TestNothingIsSignedThatIsNotKept(t *testing.T) {
	l := history(20, 20, 0)
	store := remember(public(testKey(9)))
	w := named(t, 0, store)
	if r := post(w, request(t, l, 0, 12)); r.Code != 200 {
		t.Fatal(r.Code)
	}
	store.fail = errors.New("disk full")
	r := post(w, request(t, l, 12, 20))
	if r.Code != 500 || strings.Contains(r.Body.String(), "—") || strings.Contains(r.Body.String(), "disk full") {
		t.Errorf("%d %q", r.Code, r.Body)
	}
	store.fail = nil
	if r := post(w, request(t, l, 12, 20)); r.Code != 200 {
		t.Errorf("after the disk is mended: %d %q", r.Code, r.Body)
	}
	if w.Sizes()[testOrigin] != 20 || !bytes.Equal(store.logs[testOrigin].Note, checkpoint(t, l.View(20))) {
		t.Error("the witness and its store know different trees")
	}
}

// TestNoTwoHistoriesAtOnce: two histories race for one witness; of each size at most one root is signed.
func TestNoTwoHistoriesAtOnce(t *testing.T) {
	logs := []*audit.Log{history(16, 16, 0), history(16, 0, 1)}
	w := named(t, 0, remember(public(testKey(9))))
	var mu sync.Mutex
	signed := map[uint64]int{}
	var group sync.WaitGroup
	for h, l := range logs {
		for size := uint64(1); size <= 16; size++ {
			body := request(t, l, 0, size)
			group.Go(func() {
				if post(w, body).Code == 200 {
					mu.Lock()
					defer mu.Unlock()
					signed[size] |= 1 << h
				}
			})
		}
	}
	group.Wait()
	if len(signed) != 1 {
		t.Errorf("%d sizes were signed from nothing, want 1", len(signed))
	}
	for size, by := range signed {
		if by == 3 {
			t.Errorf("both histories were signed at size %d", size)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	l := history(12, 12, 0)
	good := func() Config {
		return Config{Name: "w", Key: testKey(20), Store: remember(public(testKey(9))), Now: now}
	}
	for name, edit := range map[string]func(*Config){
		"no key":              func(c *Config) { c.Key = nil },
		"no name":             func(c *Config) { c.Name = "" },
		"a name with a space": func(c *Config) { c.Name = "a b" },
		"a store that fails":  func(c *Config) { c.Store.(*memory).fail = errors.New("gone") },
		"a kept checkpoint of another key": func(c *Config) {
			c.Store = remember(public(testKey(8)))
			if err := c.Store.Save(testOrigin, checkpoint(t, l.View(12))); err != nil {
				t.Fatal(err)
			}
		},
		"a kept checkpoint that is none": func(c *Config) {
			if err := c.Store.Save(testOrigin, []byte("x")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		cfg := good()
		edit(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: started", name)
		}
	}
	if _, err := New(good()); err != nil {
		t.Error(err)
	}
}

// TestWhatTheOperatorHears: a fork is a warning, a stranger's noise is not even a line.
func TestWhatTheOperatorHears(t *testing.T) {
	l, other := history(20, 20, 0), history(20, 5, 1)
	for name, tt := range map[string]struct {
		body []byte
		want string
	}{
		"a fork":                {request(t, other, 12, 12), "level=WARN"},
		"a longer fork":         {request(t, other, 12, 20), "level=WARN"},
		"another size":          {request(t, l, 0, 20), "level=INFO"},
		"nonsense":              {[]byte("x"), ""},
		"another log":           {bytes.ReplaceAll(request(t, l, 12, 20), []byte("cinesync.example"), []byte("sinecync.example")), ""},
		"a changed checkpoint":  {bytes.Replace(request(t, l, 12, 20), []byte("\n20\n"), []byte("\n21\n"), 1), ""},
		"what it has to sign":   {request(t, l, 12, 20), "level=INFO"},
		"a checkpoint it knows": {request(t, l, 12, 12), "level=INFO"},
	} {
		store := remember(public(testKey(9)))
		if err := store.Save(testOrigin, checkpoint(t, l.View(12))); err != nil {
			t.Fatal(err)
		}
		var heard bytes.Buffer
		w, err := New(Config{Name: "w12", Key: testKey(20), Store: store, Now: now, Log: slog.New(slog.NewTextHandler(&heard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if post(w, tt.body); tt.want == "" && heard.Len() > 0 || !strings.Contains(heard.String(), tt.want) {
			t.Errorf("%s: the operator hears %q, want %q", name, &heard, tt.want)
		}
	}
}

func TestAClockBefore1970SignsNothing(t *testing.T) {
	w, err := New(Config{Name: "w", Key: testKey(20), Store: remember(public(testKey(9))), Now: func() time.Time { return time.Time{} }})
	if err != nil {
		t.Fatal(err)
	}
	if r := post(w, request(t, history(3, 3, 0), 0, 3)); r.Code != http.StatusInternalServerError {
		t.Errorf("%d %q", r.Code, r.Body)
	}
}

// FuzzHandler: whatever is posted, the answer is one of tlog-witness's and a refusal changes nothing.
func FuzzHandler(f *testing.F) {
	l := history(20, 20, 0)
	f.Add(request(f, l, 12, 20))
	f.Add(request(f, l, 0, 20))
	f.Add([]byte("old 0\n\nx"))
	known := map[int]bool{200: true, 400: true, 403: true, 404: true, 409: true, 422: true}
	f.Fuzz(func(t *testing.T, b []byte) {
		store := &memory{logs: map[string]Log{testOrigin: {testOrigin, ed25519.PublicKey(public(testKey(9))), checkpoint(t, l.View(12))}}}
		w := named(t, 0, store)
		if r := post(w, b); !known[r.Code] || r.Code != 200 && store.saved > 0 {
			t.Fatal(fmt.Sprint(r.Code, store.saved))
		}
	})
}
