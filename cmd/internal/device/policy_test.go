package device

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/privacy"
)

// TestOwnersAskForMore: an owner demands suites and a larger crowd, and allows cohorts.
func TestOwnersAskForMore(t *testing.T) {
	c := &Config{Policy: "balanced", MinMembers: 100, Kex: []uint16{2}, Sig: []uint16{2}, WordBits: []uint16{32}, MaxCohorts: 4}
	f, err := c.Floor(t.TempDir())
	if err != nil || f.NMin != 100 || len(f.Suites.Kex) != 1 || f.Suites.Kex[0] != 2 || f.Suites.Sig[0] != 2 || len(f.WordBits) != 1 || f.MaxCohorts != 4 {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := (&Config{Policy: "balanced", MinMembers: 3}).Floor(t.TempDir()); err != nil || f.NMin != 64 || f.MaxCohorts != 1 {
		t.Errorf("a smaller crowd: %+v, %v", f, err)
	}
	for _, bad := range []*Config{{Kex: []uint16{3}}, {Sig: []uint16{0}}, {WordBits: []uint16{8}}, {MaxCohorts: 33}} {
		bad.Policy = "balanced"
		if _, err := bad.Floor(t.TempDir()); err == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}

// TestOwnersFieldsAreRead: what Save writes of them, Load takes. They were once unknown to it.
func TestOwnersFieldsAreRead(t *testing.T) {
	dir := t.TempDir()
	cfg := pins()
	cfg.MinMembers, cfg.Kex, cfg.Sig, cfg.WordBits, cfg.MaxCohorts = 100, []uint16{2}, []uint16{1, 2}, []uint16{24}, 4
	cfg.Edit = Edit{Ceiling: 0.25, Members: 80, Noise: "5/2", Participations: 7, Spacing: 3, PeriodDays: 45}
	if err := cfg.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir)
	if err != nil || !reflect.DeepEqual(got, cfg) {
		t.Fatalf("%+v, %v", got, err)
	}
	f, err := got.Floor(dir)
	if err != nil || f.NMin != 100 || f.Ceiling != privacy.UnitsPerRho/4 || f.ZNum != 5 || f.ZDen != 2 || f.P != 7 || f.B != 3 || f.Period != 45*24*3600 ||
		f.Name != "balanced (edited)" || f.MaxCohorts != 4 {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestNonsenseEdits names the field, the value and what to do.
func TestNonsenseEdits(t *testing.T) {
	good, err := pinsText()
	if err != nil {
		t.Fatal(err)
	}
	for text, words := range map[string]string{
		`"edit":{"ceiling":0}`:             "ceiling is 0: want ρ above 0",
		`"edit":{"ceiling":-1}`:            "ceiling is -1: want",
		`"edit":{"ceiling":16.5}`:          "ceiling is 16.5: want",
		`"edit":{"ceiling":1e-13}`:         "ceiling is 1e-13: want",
		`"edit":{"ceiling":"1"}`:           `ceiling is "1"`,
		`"edit":{"members":2}`:             "members is 2: want 3 to",
		`"edit":{"members":131073}`:        "members is 131073",
		`"edit":{"members":null}`:          "members is 0",
		`"edit":{"noise":"0"}`:             `noise is "0": want`,
		`"edit":{"noise":"1/3"}`:           `noise is "1/3": want`,
		`"edit":{"noise":"1001"}`:          `noise is "1001": want`,
		`"edit":{"noise":"2e0"}`:           `noise is "2e0": want`,
		`"edit":{"noise":"1/0"}`:           `noise is "1/0": want`,
		`"edit":{"noise":"2.00000000001"}`: "want the least noise multiplier",
		`"edit":{"participations":0}`:      "participations is 0: want 1 to",
		`"edit":{"spacing":1000001}`:       "spacing is 1000001: want",
		`"edit":{"period_days":29}`:        "period_days is 29: want 30 to",
		`"edit":{"colour":1}`:              `unknown field "colour"`,
		`"edit":{"spacing":1,"spacing":1}`: "stands there twice",
		`"edit":5`:                         "edit is 5",
		`"kex":[]`:                         "kex is empty",
		`"min_members":-1`:                 "min_members is -1",
	} {
		if _, err := parse(bytes.Replace(good, []byte("{"), []byte("{"+text+","), 1)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", text, err, words)
		}
	}
	c := pins()
	c.Edit.Members = 15
	if _, err := c.Floor(t.TempDir()); err == nil || !strings.Contains(err.Error(), "members is 15: want at least 16") {
		t.Errorf("%v", err)
	}
}

func pinsText() ([]byte, error) {
	dir, err := os.MkdirTemp("", "pins")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := pins().Save(dir); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "device.json"))
}

// TestSetPolicyWritesAllOrNothing changes device.json only to what opens.
func TestSetPolicyWritesAllOrNothing(t *testing.T) {
	dir := made(t)
	before, after, err := SetPolicy(dir, func(c *Config) error { c.Policy = "open"; return nil })
	if err != nil || before.Name != "balanced" || after.Name != "open" {
		t.Fatalf("%+v, %+v, %v", before, after, err)
	}
	path := filepath.Join(dir, "device.json")
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config) error{
		"a name that is none": func(c *Config) error { c.Policy = "lax"; return nil },
		"a wild number":       func(c *Config) error { c.Edit.Ceiling = 1e9; return nil },
		"a mind that changed": func(c *Config) error { c.Policy = "strict"; return errors.New("no") },
	} {
		if _, _, err := SetPolicy(dir, change); err == nil {
			t.Errorf("%s passes", name)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, kept) {
			t.Errorf("%s: device.json is another now, %v", name, err)
		}
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Lock(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := SetPolicy(dir, func(*Config) error { return nil }); err == nil || !strings.Contains(err.Error(), "stop that one first") {
		t.Errorf("while it takes part: %v", err)
	}
	if _, _, err := SetPolicy(t.TempDir(), func(*Config) error { return nil }); err == nil || !strings.Contains(err.Error(), "holds no device") {
		t.Errorf("no device: %v", err)
	}
}

// TestWeakerOnlyByNameOrEdit: no other field of device.json takes a number of the floor below the policy's; allowing cohorts does.
func TestWeakerOnlyByNameOrEdit(t *testing.T) {
	for _, p := range participant.Policies() {
		c := &Config{Policy: p.Name, MinMembers: 1, Kex: []uint16{1, 2}, Sig: []uint16{1}, WordBits: []uint16{16}}
		f, err := c.Floor(t.TempDir())
		if err != nil || len(f.Weaker(p)) > 0 {
			t.Errorf("%s: weaker in %v, %v", p.Name, f.Weaker(p), err)
		}
	}
	for field, e := range map[string]Edit{"ceiling": {Ceiling: 1.1}, "members": {Members: 63}, "noise": {Noise: "1.99"}, "participations": {Participations: 31}} {
		f, err := (&Config{Policy: "balanced", Edit: e}).Floor(t.TempDir())
		if got := fmt.Sprint(f.Weaker(participant.Balanced())); err != nil || got != "["+field+"]" {
			t.Errorf("%s: weaker in %v, %v", field, got, err)
		}
	}
}
