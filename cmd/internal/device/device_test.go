package device

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

func pub(b byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)).Public().(ed25519.PublicKey)
}

// both are the public keys of the same secret in both suites.
func both(b byte) protocol.Verifier {
	return protocol.VerifierOf(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)), protocol.SigHybrid)
}

// folder makes WORLD/devices/01, marked as the demo's or not.
func folder(t *testing.T, marked bool) string {
	t.Helper()
	world := t.TempDir()
	dir := filepath.Join(world, "devices", "01")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if marked {
		if err := os.WriteFile(filepath.Join(world, Marker), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestDemoPolicyNeedsAllThreeSigns takes one away at a time.
func TestDemoPolicyNeedsAllThreeSigns(t *testing.T) {
	for _, c := range []struct {
		name, address, origin string
		marked                bool
		refused               string
	}{
		{"all of them", "127.0.0.1:9", "x/demo", true, ""},
		{"on IPv6 too", "[::1]:9", "x/demo", true, ""},
		{"a coordinator elsewhere", "192.0.2.1:9", "x/demo", true, "not on loopback"},
		{"a name, which may be anywhere", "localhost:9", "x/demo", true, "not on loopback"},
		{"no port", "127.0.0.1", "x/demo", true, "missing port"},
		{"another log", "127.0.0.1:9", "x/demo2", true, "does not end in /demo"},
		{"a folder of its own", "127.0.0.1:9", "x/demo", false, "does not lie in a folder that `cinesync demo` made"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.marked)
			cfg := New(c.address, both(1), both(2), pub(3), c.origin, "demo")
			cfg.DemoRounds = 7
			floor, err := cfg.Floor(dir)
			if c.refused == "" {
				if err != nil || floor.Name != "demo" || floor.P != 7 || !floor.LoopOnly {
					t.Errorf("%+v, %v", floor, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "set policy to balanced") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestConfigurationIsReadStrictly(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "cinesyncd init --dir "+dir) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := New("127.0.0.1:9", both(1), both(2), pub(3), "x/log", "balanced").Save(dir); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(dir)
	if err != nil || !reflect.DeepEqual(cfg.coordinator, both(1)) || !reflect.DeepEqual(cfg.authority, both(2)) || !cfg.logKey.Equal(pub(3)) || cfg.Address != "127.0.0.1:9" {
		t.Fatalf("%+v, %v", cfg, err)
	}
	path := filepath.Join(dir, "device.json")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	address := func(to string) string {
		return strings.Replace(string(good), `"127.0.0.1:9"`, `"`+to+`"`, 1)
	}
	for name, text := range map[string]string{
		"unknown field \"x\"":                  strings.Replace(string(good), "{", `{"x":1,`, 1),
		"text follows":                         string(good) + "{}",
		"stands there twice":                   strings.Replace(string(good), "{", `{"policy":"demo",`, 1),
		`"Policy"`:                             strings.Replace(string(good), `"policy"`, `"Policy"`, 1),
		"log_key":                              strings.Replace(string(good), `"log_key": "`, `"log_key": "00`, 1),
		"authority":                            strings.Replace(string(good), `"authority": "`, `"authority": "z`, 1),
		"coordinator":                          strings.Replace(string(good), `"coordinator": "`, `"coordinator": " `+"0", 1),
		"authority_pq: ML-DSA-44 public key":   strings.Replace(string(good), `"authority_pq": "`, `"authority_pq": "00`, 1),
		"coordinator_pq: ML-DSA-44 public key": strings.Replace(string(good), `"coordinator_pq": "`, `"coordinator_pq": "x`, 1),
		"witness_policy: parse witness policy": strings.Replace(string(good), "{", `{"witness_policy":"x",`, 1),
		"it is empty":                          "",
		"longer than 65536":                    string(good) + strings.Repeat(" ", 64<<10),
		"ends inside":                          string(good[:len(good)/2]),
		"address is 5":                         `{"address": 5}`,
		"demo_rounds is -1":                    strings.Replace(string(good), "{", `{"demo_rounds":-1,`, 1),
		"log_origin is empty":                  strings.Replace(string(good), `"x/log"`, `""`, 1),

		`"127.0.0.1:4747a": the port is "4747a", want 1 to 65535`: address("127.0.0.1:4747a"),
		`the port is "0"`:                             address("127.0.0.1:0"),
		`the port is "65536"`:                         address("127.0.0.1:65536"),
		`the port is "+9"`:                            address("127.0.0.1:+9"),
		`the port is ""`:                              address("127.0.0.1:"),
		`"127.0.0.1": want host:port`:                 address("127.0.0.1"),
		`"": want host:port`:                          address(""),
		`address_tcp: "127.0.0.1:x": the port is "x"`: strings.Replace(string(good), "{", `{"address_tcp":"127.0.0.1:x",`, 1),

		`the host is ""`:               address(":9"),
		`the host is "a b"`:            address("a b:9"),
		`"http://a:9": want host:port`: address("http://a:9"),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), path+": ") || !strings.Contains(err.Error(), "correct it or restore it from a copy") {
			t.Errorf("want %q, got %v", name, err)
		}
	}
	for _, good := range []string{"127.0.0.1:1", "[::1]:65535", "coordinator.example.org:4747"} {
		if _, err := parse([]byte(address(good))); err != nil {
			t.Error(err)
		}
	}
}

// FuzzConfig wants what is read to be what Save would write: the same pins, whatever the spelling.
func FuzzConfig(f *testing.F) {
	good, err := json.Marshal(New("127.0.0.1:9", both(1), both(2), pub(3), "x/log", "balanced"))
	if err != nil {
		f.Fatal(err)
	}
	plain, err := json.Marshal(New("127.0.0.1:9", protocol.Verifier{Ed: pub(1)}, protocol.Verifier{Ed: pub(2)}, pub(3), "x/log", "balanced"))
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range [][]byte{good, plain, nil, []byte("{}"), []byte("null"), good[:40], bytes.Replace(good, []byte("127.0.0.1:9"), []byte("[::1]:70000"), 1)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parse(b)
		if err != nil {
			return
		}
		if len(c.coordinator.Ed) != ed25519.PublicKeySize || len(c.authority.Ed) != ed25519.PublicKeySize || len(c.logKey) != ed25519.PublicKeySize || CheckAddress(c.Address) != nil || c.LogOrigin == "" {
			t.Fatalf("half a configuration: %+v", c)
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parse(text); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("written again it is %+v, it was %+v: %v", again, c, err)
		}
	})
}

// made is a device's folder without a key.
func made(t *testing.T) string {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	dir := folder(t, false)
	if err := errors.Join(New("127.0.0.1:9", both(1), both(2), pub(3), "x/log", "balanced").Save(dir), Make(dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOneProgramAtATimeTakesPart(t *testing.T) {
	dir := made(t)
	var devices [3]*Device
	for i := range devices {
		var err error
		if devices[i], err = Open(dir); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := devices[0].Lock(); err != nil {
			t.Fatal(err)
		}
	}
	if err := devices[1].Lock(); err == nil || !strings.Contains(err.Error(), "in use by another cinesyncd: stop that one first") {
		t.Errorf("a second program: %v", err)
	}
	if _, err := NewPeriod(t.Context(), dir, time.Now()); err == nil || !strings.Contains(err.Error(), "in use by another cinesyncd") {
		t.Errorf("a second program that begins the ledger again: %v", err)
	}
	if err := devices[0].Close(); err != nil {
		t.Fatal(err)
	}
	if err := devices[2].Lock(); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
	for _, d := range devices[1:] {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMakeMakesTheFilesOfADeviceOnce(t *testing.T) {
	dir := made(t)
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Door(t.Context(), Hooks{}); err == nil || !strings.Contains(err.Error(), "identity.key") {
		t.Errorf("a door without a key: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"history.sqlite", "door.sqlite", "models"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if err := Make(dir); err == nil || !strings.Contains(err.Error(), "door.sqlite is there already") {
		t.Errorf("a second time: %v", err)
	}
}

// TestOpenMakesNothingAnew: an empty file in the place of a lost one would say that nothing was watched or spent.
func TestOpenMakesNothingAnew(t *testing.T) {
	for name, words := range map[string]string{"history.sqlite": "import your history again", "door.sqlite": "counts as spent"} {
		for how, harm := range map[string]func(path string) error{
			"missing": os.Remove,
			"empty":   func(path string) error { return os.Truncate(path, 0) },
			"damaged": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("junk"), 100), 0o600) },
		} {
			t.Run(how+" "+name, func(t *testing.T) {
				dir := made(t)
				path := filepath.Join(dir, name)
				if err := harm(path); err != nil {
					t.Fatal(err)
				}
				before, _ := os.ReadFile(path)
				for range 2 {
					if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), how) || !strings.Contains(err.Error(), words) {
						t.Errorf("%v", err)
					}
				}
				if after, err := os.ReadFile(path); !bytes.Equal(before, after) || errors.Is(err, os.ErrNotExist) != (how == "missing") {
					t.Errorf("the file is another now: %v", err)
				}
			})
		}
	}
}

func TestNewPeriodMakesALostLedgerAnew(t *testing.T) {
	dir := made(t)
	path := filepath.Join(dir, "door.sqlite")
	at := time.Unix(1_800_000_000, 0)
	if p, err := NewPeriod(t.Context(), dir, at); err != nil || p.Entry.Seq != 1 {
		t.Fatalf("an intact ledger: %+v, %v", p, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	p, err := NewPeriod(t.Context(), dir, at)
	if err != nil || p.Entry.Seq <= 1_700_000_000 {
		t.Fatalf("a lost ledger: %+v, %v; want a sequence above all that can have been signed", p, err)
	}
	if again, err := NewPeriod(t.Context(), dir, at); err != nil || again.Entry.Seq != p.Entry.Seq+1 {
		t.Errorf("again: %+v, %v", again, err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	l, err := door.OpenLedger(t.Context(), d.Outbox, d.Floor.Limits())
	if err != nil || l.PeriodStart() != 1_800_000_000 {
		t.Errorf("%v", err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := NewPeriod(t.Context(), dir, at); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := NewPeriod(t.Context(), t.TempDir(), at); err == nil || !strings.Contains(err.Error(), "holds no device") {
		t.Errorf("no device: %v", err)
	}
}

// TestCertificateThatIsNotValidNowSaysWhatToDo wants dates as people write them.
func TestCertificateThatIsNotValidNowSaysWhatToDo(t *testing.T) {
	dir := made(t)
	if _, err := identity.Create(filepath.Join(dir, "identity.key"), bytes.NewReader(bytes.Repeat([]byte{7}, 32))); err != nil {
		t.Fatal(err)
	}
	authority := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	second := func(by ed25519.PrivateKey, c protocol.Cert) []byte {
		_, pq := protocol.MLDSAKey(by)
		return protocol.IssuePQ(pq, c, protocol.VerifierOf(key, protocol.SigHybrid).PQ)
	}
	for _, c := range []struct {
		from, to uint64
		second   ed25519.PrivateKey // nil: none
		words    []string
	}{
		{0, 253402300799, key, []string{"not issued by the expected enrolment authority", "ask the enrolment authority for a new one"}},
		{0, 1_700_000_000, authority, []string{"valid until 2023-11-14T22:13:20Z, now 20", "ask the enrolment authority for a new one"}},
		{0, 1_700_000_000, nil, []string{"valid until 2023-11-14T22:13:20Z, now 20", "ask the enrolment authority for a new one"}},
		{253402300799, 253402300799, nil, []string{"valid from 9999-12-31T23:59:59Z, now 20", "set this machine's clock"}},
	} {
		cert := protocol.IssueCert(authority, protocol.Cert{IDPK: [32]byte(pub(7)), Class: protocol.ClassDevice, NotBefore: c.from, NotAfter: c.to, Quota: 1})
		var certPQ []byte
		if c.second != nil {
			certPQ = second(c.second, cert)
		}
		if err := identity.WriteCert(filepath.Join(dir, "identity.cert"), cert, certPQ); err != nil {
			t.Fatal(err)
		}
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Door(t.Context(), Hooks{})
		for _, w := range c.words {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%v, want %q", err, w)
			}
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestNewPeriodLeavesTheLedgerOfADeviceThatCannotOpen: the owner would mend it, ask again, and get a second period.
func TestNewPeriodLeavesTheLedgerOfADeviceThatCannotOpen(t *testing.T) {
	for _, c := range []struct {
		name, words string
		harm        func(dir string) error
	}{
		{"a damaged history", "history.sqlite: it is damaged", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "history.sqlite"), bytes.Repeat([]byte("junk"), 100), 0o600)
		}},
		{"no history", "history.sqlite: it is missing", func(dir string) error { return os.Remove(filepath.Join(dir, "history.sqlite")) }},
		{"no floor", "policy is \"reckless\"", func(dir string) error {
			return New("127.0.0.1:9", both(1), both(2), pub(3), "x/log", "reckless").Save(dir)
		}},
		{"no place for models", "make model folder", func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "models")), os.WriteFile(filepath.Join(dir, "models"), nil, 0o600))
		}},
	} {
		for _, lost := range []bool{false, true} {
			dir := made(t)
			path := filepath.Join(dir, "door.sqlite")
			if lost {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := os.ReadFile(path)
			if err := c.harm(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := NewPeriod(t.Context(), dir, time.Now()); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s: %v, want %q", c.name, err, c.words)
			}
			if after, err := os.ReadFile(path); !bytes.Equal(before, after) || errors.Is(err, os.ErrNotExist) != lost {
				t.Errorf("%s: the ledger (lost: %v) is another now: %v", c.name, lost, err)
			}
			for _, end := range []string{"-wal", "-journal"} {
				if _, err := os.Stat(path + end); err == nil {
					t.Errorf("%s: the ledger has a log now", c.name)
				}
			}
		}
	}
}
