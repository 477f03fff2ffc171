package witness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cinesync/cinesync/audit"
)

// asked is what a test's coordinator asks with: a log at a size.
type asked struct {
	log    *audit.Log
	size   uint64
	proofs atomic.Int32 // that were made from something
}

func (a *asked) note(t testing.TB) []byte { return checkpoint(t, a.log.View(a.size)) }

func (a *asked) prove(old uint64) ([][32]byte, error) {
	if old > 0 {
		a.proofs.Add(1)
	}
	return a.log.View(a.size).Consistency(old)
}

func three(t testing.TB) (wire, []*Witness) {
	w, all := wire{}, []*Witness(nil)
	for i := range 3 {
		all = append(all, named(t, i, remember(public(testKey(9)))))
		w[host(i)] = all[i]
	}
	return w, all
}

func TestClientCollectsAQuorum(t *testing.T) {
	w, _ := three(t)
	p := policy(3, 3)
	c := client(t, p, w)
	defer c.Close()
	l := history(20, 20, 0)
	for _, size := range []uint64{3, 12, 12, 20} {
		a := &asked{log: l, size: size}
		msg, err := c.Cosign(t.Context(), a.note(t), size, a.prove)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Open(testOrigin, public(testKey(9)), msg); err != nil || got.Size != size || len(got.Cosigs) != 3 {
			t.Errorf("size %d: %+v, %v", size, got, err)
		}
	}
}

// TestClientLearnsWhatAWitnessSigned: a new client does not know where the witnesses stand, asks from nothing, and proves once from where they are.
func TestClientLearnsWhatAWitnessSigned(t *testing.T) {
	w, all := three(t)
	l := history(20, 20, 0)
	for i, size := range []uint64{0, 5, 12} {
		if r := post(all[i], request(t, l, 0, size)); r.Code != 200 {
			t.Fatal(r.Code)
		}
	}
	c := client(t, policy(3, 3), w)
	a := &asked{log: l, size: 20}
	if _, err := c.Cosign(t.Context(), a.note(t), 20, a.prove); err != nil {
		t.Fatal(err)
	}
	if n := a.proofs.Load(); n != 2 {
		t.Errorf("%d proofs from a tree, want 2", n)
	}
	again := &asked{log: l, size: 20}
	if _, err := c.Cosign(t.Context(), again.note(t), 20, again.prove); err != nil {
		t.Error(err)
	}
}

// TestClientWaitsForNobodyBeyondTheQuorum: a witness that never answers does not hold up the others, in no time at all.
func TestClientWaitsForNobodyBeyondTheQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := three(t)
		delete(w, host(1))
		c := client(t, policy(3, 2), w)
		a, start := &asked{log: history(12, 12, 0), size: 12}, time.Now()
		msg, err := c.Cosign(t.Context(), a.note(t), 12, a.prove)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
		if got, err := policy(3, 2).Open(testOrigin, public(testKey(9)), msg); err != nil || strings.Join(got.Names, " ") != name(0)+" "+name(2) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestClientGivesUp: without a quorum the error names who did not sign and why, after one request's time; a cancelled context ends it at once.
func TestClientGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := three(t)
		delete(w, host(1))
		delete(w, host(2))
		c := client(t, policy(3, 2), w)
		a, start := &asked{log: history(12, 12, 0), size: 12}, time.Now()
		_, err := c.Cosign(t.Context(), a.note(t), 12, a.prove)
		if err == nil || !strings.Contains(err.Error(), name(1)) || strings.Contains(err.Error(), name(0)+":") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took != defaultTimeout {
			t.Errorf("it took %v, want one request's time", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Cosign(ctx, a.note(t), 12, a.prove); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// TestClientRefusesBadAnswers: one witness answers in every wrong way; its quorum of one is not reached, and the reason is told.
func TestClientRefusesBadAnswers(t *testing.T) {
	l := history(20, 20, 0)
	honest := func(rw http.ResponseWriter, r *http.Request) {
		named(t, 0, remember(public(testKey(9)))).ServeHTTP(rw, r)
	}
	conflict := func(body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", sizeType)
			rw.WriteHeader(http.StatusConflict)
			fmt.Fprint(rw, body)
		}
	}
	say := func(status int, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			fmt.Fprint(rw, body)
		}
	}
	line := func(name string, key byte, size uint64, at int64) string {
		b, err := audit.Cosign(name, testKey(key), checkpoint(t, l.View(size)), uint64(at))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	moving := uint64(2)
	for _, tt := range []struct {
		name, want string
		h          http.HandlerFunc
	}{
		{"honest", "", honest},
		{"with lines of others", "", say(200, line("stranger", 99, 12, now().Unix())+line(name(0), 20, 12, now().Unix()))},
		{"another tree", "does not verify", say(200, line(name(0), 20, 11, now().Unix()))},
		{"another's key", "0 cosignatures", say(200, line(name(0), 21, 12, now().Unix()))},
		{"another's name", "0 cosignatures", say(200, line(name(1), 20, 12, now().Unix()))},
		{"a clock a day behind", "clock", say(200, line(name(0), 20, 12, now().Add(-24*time.Hour).Unix()))},
		{"a clock a day ahead", "clock", say(200, line(name(0), 20, 12, now().Add(24*time.Hour).Unix()))},
		{"an empty yes", "line feed", say(200, "")},
		{"a page", "line feed", say(200, "<html>")},
		{"a flood", "more than", say(200, strings.Repeat("x", maxAnswer+1))},
		{"a flood in a conflict", "more than", conflict(strings.Repeat("1", maxAnswer+1))},
		{"a redirect", "answers 307", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://elsewhere/", http.StatusTemporaryRedirect)
		}},
		{"does not know the log", "answers 404", say(404, "no such log")},
		{"a fault", "answers 500", say(500, "")},
		{"a conflict without its type", "answers 409", say(409, "3\n")},
		{"a conflict without a number", "tells its size", conflict("many\n")},
		{"a conflict without a line feed", "tells its size", conflict("3")},
		{"a conflict with a zero in front", "tells its size", conflict("03\n")},
		{"a conflict that is negative", "tells its size", conflict("-3\n")},
		{"a longer log than ours", "entries were lost or forked", conflict("13\n")},
		{"another history", "two histories", conflict("12\n")},
		{"a size that moves", "while it was asked", func(rw http.ResponseWriter, r *http.Request) { moving++; conflict(fmt.Sprintf("%d\n", moving))(rw, r) }},
	} {
		c := client(t, policy(1, 1), wire{host(0): tt.h})
		a := &asked{log: l, size: 12}
		msg, err := c.Cosign(t.Context(), a.note(t), 12, a.prove)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), name(0))):
			t.Errorf("%s: %v, %s; want %q in the error", tt.name, err, msg, tt.want)
		}
	}
}

// TestClientKeepsOneWitnessFromSpoilingAnother: an answer that holds a broken line in another witness's name does no harm.
func TestClientKeepsOneWitnessFromSpoilingAnother(t *testing.T) {
	w, all := three(t)
	spoiler := func(rw http.ResponseWriter, r *http.Request) {
		all[0].ServeHTTP(rw, r)
		fmt.Fprintf(rw, "%s", cosigned(t, 1)) // on another checkpoint
		fmt.Fprintf(rw, "— %s AAAA\n", name(1))
	}
	w[host(0)] = http.HandlerFunc(spoiler)
	a := &asked{log: history(12, 12, 0), size: 12}
	if _, err := client(t, policy(3, 3), w).Cosign(t.Context(), a.note(t), 12, a.prove); err != nil {
		t.Error(err)
	}
}

func cosigned(t testing.TB, i int) []byte {
	b, err := audit.Cosign(name(i), testKey(byte(20+i)), checkpoint(t, history(3, 3, 0).View(3)), 7)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestClientNeedsAProof(t *testing.T) {
	w, all := three(t)
	l := history(20, 20, 0)
	for _, one := range all {
		if r := post(one, request(t, l, 0, 5)); r.Code != 200 {
			t.Fatal(r.Code)
		}
	}
	_, err := client(t, policy(3, 2), w).Cosign(t.Context(), checkpoint(t, l.View(12)), 12, func(old uint64) ([][32]byte, error) {
		if old > 0 {
			return nil, errors.New("no such tree")
		}
		return nil, nil
	})
	if err == nil || !strings.Contains(err.Error(), "no such tree") {
		t.Errorf("error %v", err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	for name, edit := range map[string]func(*ClientConfig){
		"no witness":           func(c *ClientConfig) { c.Policy, c.Addresses = audit.WitnessPolicy{}, nil },
		"an address too few":   func(c *ClientConfig) { c.Addresses = c.Addresses[:1] },
		"no scheme":            func(c *ClientConfig) { c.Addresses[0] = "localhost:80" },
		"another scheme":       func(c *ClientConfig) { c.Addresses[0] = "ftp://localhost" },
		"no host":              func(c *ClientConfig) { c.Addresses[0] = "http://" },
		"a query":              func(c *ClientConfig) { c.Addresses[0] = "http://localhost/?a=b" },
		"an address of spaces": func(c *ClientConfig) { c.Addresses[0] = "http://a b" },
	} {
		cfg := ClientConfig{Origin: testOrigin, LogKey: public(testKey(9)), Policy: policy(2, 1), Addresses: addresses(2), Now: now}
		edit(&cfg)
		if _, err := NewClient(cfg); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}
