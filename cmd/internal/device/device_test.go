package device

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func pub(b byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)).Public().(ed25519.PublicKey)
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
			cfg := New(c.address, pub(1), pub(2), pub(3), c.origin, "demo")
			cfg.DemoRounds = 7
			floor, err := cfg.floor(dir)
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
	if err := New("127.0.0.1:9", pub(1), pub(2), pub(3), "x/log", "balanced").Save(dir); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(dir)
	if err != nil || !cfg.coordinator.Equal(pub(1)) || !cfg.authority.Equal(pub(2)) || !cfg.logKey.Equal(pub(3)) || cfg.Address != "127.0.0.1:9" {
		t.Fatalf("%+v, %v", cfg, err)
	}
	path := filepath.Join(dir, "device.json")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"unknown field \"x\"": strings.Replace(string(good), "{", `{"x":1,`, 1),
		"something follows":   string(good) + "{}",
		"log_key":             strings.Replace(string(good), `"log_key": "`, `"log_key": "00`, 1),
		"authority":           strings.Replace(string(good), `"authority": "`, `"authority": "z`, 1),
		"coordinator":         strings.Replace(string(good), `"coordinator": "`, `"coordinator": " `+"0", 1),
		"EOF":                 "",
		"cannot unmarshal":    `{"address": 5}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "device.json") {
			t.Errorf("want %q, got %v", name, err)
		}
	}
}

func TestOneProgramAtATimeTakesPart(t *testing.T) {
	dir := folder(t, false)
	if err := New("127.0.0.1:9", pub(1), pub(2), pub(3), "x/log", "balanced").Save(dir); err != nil {
		t.Fatal(err)
	}
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

func TestOpenMakesTheFilesOfADevice(t *testing.T) {
	dir := folder(t, false)
	if err := New("127.0.0.1:9", pub(1), pub(2), pub(3), "x/log", "balanced").Save(dir); err != nil {
		t.Fatal(err)
	}
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
	if err := os.WriteFile(filepath.Join(dir, "door.sqlite"), bytes.Repeat([]byte("junk"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged store: %v", err)
	}
}
