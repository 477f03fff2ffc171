package operate

import (
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/audit/witness"
	"github.com/cinesync/cinesync/cmd/internal/identity"
)

// witnessed makes a coordinator's folder for mode W with one witness, which answers at the returned policy's address.
func witnessed(t *testing.T) (dir string, policy audit.WitnessPolicy) {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	policy = audit.WitnessPolicy{Quorum: 1, Witnesses: []audit.Witness{{Name: "witness.test", Key: public(key)}}}
	cfg := config()
	cfg.WitnessPolicy, cfg.Witnesses, cfg.Task.Mode, cfg.Task.Lambda = "witnesses.policy", []string{server.URL}, "W", 80
	dir = made(t, cfg)
	if err := os.WriteFile(filepath.Join(dir, "witnesses.policy"), policy.Text(), 0o600); err != nil {
		t.Fatal(err)
	}
	folder, err := witness.OpenFolder(filepath.Join(t.TempDir(), "witness"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	logKey, err := identity.LoadKey(filepath.Join(dir, "log.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Add(cfg.LogOrigin, public(logKey)); err != nil {
		t.Fatal(err)
	}
	if handler, err = witness.New(witness.Config{Name: "witness.test", Key: key, Store: folder, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	return dir, policy
}

// TestModeWShowsWhatItsWitnessSigned: the public log names the policy, and its checkpoint is cosigned, over HTTP.
func TestModeWShowsWhatItsWitnessSigned(t *testing.T) {
	dir, policy := witnessed(t)
	if e := runs(t, dir, "phase"); e.Round != 1 || e.Phase != "recruit" {
		t.Errorf("%+v, want round 1 to recruit", e)
	}
	log := filepath.Join(dir, "..", "log")
	if got, err := os.ReadFile(filepath.Join(log, "policy")); err != nil || string(got) != string(policy.Text()) {
		t.Errorf("the public log's policy is %q (%v)", got, err)
	}
	logKey, err := identity.LoadKey(filepath.Join(dir, "log.key"))
	if err != nil {
		t.Fatal(err)
	}
	note, err := os.ReadFile(filepath.Join(log, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := policy.Open(config().LogOrigin, public(logKey), note); err != nil || got.Size < 3 {
		t.Errorf("the public checkpoint is %q: %v", note, err)
	}
}

func TestWitnessesThatCannotBeUsedAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		words []string
	}{
		"no policy file":       {func(t *testing.T, dir string) { remove(t, dir, "witnesses.policy") }, []string{"witnesses.policy", "is missing"}},
		"no policy":            {func(t *testing.T, dir string) { put(t, dir, "witnesses.policy", "quorum none\n") }, []string{"witness policy", "witnesses.policy"}},
		"addresses too many":   {func(t *testing.T, dir string) { address(t, dir, "http://127.0.0.1:1", "http://127.0.0.1:2") }, []string{"2 addresses", "has 1"}},
		"an address of nobody": {func(t *testing.T, dir string) { address(t, dir, "gopher://x") }, []string{"witnesses", "gopher://x"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := witnessed(t)
			c.spoil(t, dir)
			refuses(t, dir, c.words...)
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func address(t *testing.T, dir string, list ...string) {
	t.Helper()
	cfg, err := LoadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Witnesses = list
	if err := cfg.Save(dir); err != nil {
		t.Fatal(err)
	}
}
