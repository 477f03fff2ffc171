package auditing_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
	"github.com/cinesync/cinesync/protocol"
)

func TestEveryRuleIsSet(t *testing.T) {
	v := reflect.ValueOf(auditing.Rules())
	for i := range v.NumField() {
		if v.Field(i).IsNil() {
			t.Errorf("%s is not set", v.Type().Field(i).Name)
		}
	}
}

// TestRulesAreThoseOfTheDesign takes one known answer of each (design: privacy 12, secure aggregation 5.4), so that no two arguments
// of the same type are swapped.
func TestRulesAreThoseOfTheDesign(t *testing.T) {
	r := auditing.Rules()
	if units, err := r.Charge(8192, 1<<30); err != nil || units != 34_359_738_368 {
		t.Errorf("charge is %d, %v", units, err)
	}
	if _, err := r.Charge(0, 1); err == nil {
		t.Error("a charge without a norm was computed")
	}
	costs := []audit.RoundCost{{Round: 1, Units: 5}, {Round: 2, Units: 9}, {Round: 3, Units: 5}, {Round: 7, Units: 1}}
	for _, tt := range []struct {
		p, b    uint32
		ceiling uint64
		want    uint64
	}{{4, 1, 100, 20}, {2, 1, 100, 14}, {2, 3, 100, 10}, {4, 2, 100, 11}, {4, 1, 7, 7}, {0, 1, 100, 0}} {
		if got := r.WorstCase(costs, tt.p, tt.b, tt.ceiling); got != tt.want {
			t.Errorf("worst case at P = %d, b = %d, ceiling %d is %d, want %d", tt.p, tt.b, tt.ceiling, got, tt.want)
		}
	}
	if eps, _, err := r.Epsilon(0.9375, 1e-6); err != nil || eps < 7.475 || eps > 7.485 {
		t.Errorf("ε is %v, %v, want 7.48", eps, err)
	}
	if h := r.HonestFloor(audit.Graph{N: 1000, GammaBP: 500, DeltaBP: 1000, Cohorts: 1}); h != 850 {
		t.Errorf("h_min is %d, want 850", h)
	}
	open, roster := sha256.Sum256([]byte("open")), sha256.Sum256([]byte("roster"))
	seed := sha256.Sum256(slices.Concat([]byte("cinesync/csa1/graph"), open[:], roster[:]))
	want := sha256.Sum256(slices.Concat([]byte("cinesync/csa1/sid"), open[:], roster[:], seed[:], []byte{0, 0, 0, 7}))
	if got := r.SessionID(open, roster, 7); got != want {
		t.Errorf("session id is %x, want %x", got, want)
	}
	good := audit.Graph{N: 1000, K: 166, T: 126, GammaBP: 500, DeltaBP: 1000, Lambda: 80, Eta: 20, Mode: 1}
	if err := r.CheckDegree(good); err != nil {
		t.Errorf("the graph of the design: %v", err)
	}
	for name, change := range map[string]func(*audit.Graph){"T": func(g *audit.Graph) { g.T = 125 }, "K": func(g *audit.Graph) { g.K = 164 }, "γ": func(g *audit.Graph) { g.GammaBP = 1000 },
		"δ": func(g *audit.Graph) { g.DeltaBP = 3000 }, "λ": func(g *audit.Graph) { g.Lambda = 100 }, "η": func(g *audit.Graph) { g.Eta = 40 }, "mode": func(g *audit.Graph) { g.Mode = 4 }} {
		g := good
		change(&g)
		if err := r.CheckDegree(g); err == nil {
			t.Errorf("a graph with another %s was accepted: %+v", name, g)
		}
	}
}

func TestCertificateMustBeTheCoordinators(t *testing.T) {
	key := func(b byte) ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
	}
	authority, holder := key(1), key(2)
	issue := func(by ed25519.PrivateKey, class protocol.Class) []byte {
		c := protocol.IssueCert(by, protocol.Cert{IDPK: [32]byte(holder.Public().(ed25519.PublicKey)), Class: class, NotBefore: 10, NotAfter: 20})
		b := c.Bytes()
		return b[:]
	}
	pub := []byte(authority.Public().(ed25519.PublicKey))
	check := auditing.Rules().CheckCert
	good := issue(authority, protocol.ClassCoordinator)
	if c, err := check(pub, good); err != nil || c.NotBefore != 10 || c.NotAfter != 20 || !bytes.Equal(c.Key[:], holder.Public().(ed25519.PublicKey)) {
		t.Errorf("read %+v, %v", c, err)
	}
	for name, tt := range map[string]struct {
		authority, cert []byte
		want            error
	}{
		"of a device":            {pub, issue(authority, protocol.ClassDevice), protocol.ErrWrongClass},
		"of another authority":   {pub, issue(key(3), protocol.ClassCoordinator), protocol.ErrUnknownAuthority},
		"cut short":              {pub, good[:130], nil},
		"too long":               {pub, append(bytes.Clone(good), 0), nil},
		"empty":                  {pub, nil, nil},
		"with a short authority": {pub[:31], good, nil},
	} {
		if _, err := check(tt.authority, tt.cert); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("a certificate %s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestVerifyReadsTheVectorOfTheSpecification(t *testing.T) {
	fsys := os.DirFS("../../../audit/testdata/honest")
	if r, err := auditing.Verify(fsys, audit.Options{}); err != nil || !r.OK || r.Entries != 27 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := auditing.Verify(fsys, audit.Options{Delta: 2}); err == nil {
		t.Error("δ of 2 was accepted")
	}
}
