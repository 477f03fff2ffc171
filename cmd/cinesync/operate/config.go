// Package operate runs a coordinator from its folder.
//
// Owns: the folder's layout, coordinator.json, the wiring of store, QUIC, serving and log files.
// Promises: a folder is made whole or not at all; the same folder starts the same coordinator again.
// Never: decides anything about a round.
// Start here: Run. Layout: coordinator.json, identity.key, identity.cert, log.key, authority.pub, start.snapshot, store.sqlite, models/.
package operate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// Config is coordinator.json. Unknown fields are errors.
type Config struct {
	LogOrigin string `json:"log_origin"` // name of the log, as devices pin it
	Listen    string `json:"listen"`     // UDP address of the device plane
	HTTP      string `json:"http"`       // TCP address of the platform's API; empty: none
	LogDir    string `json:"log_dir"`    // folder of the public log, relative to this folder
	Catalogue string `json:"catalogue"`  // titles in JSON lines, relative to this folder
	Task      Task   `json:"task"`
}

// Task is what the coordinator trains, in the file's terms.
type Task struct {
	Family        string    `json:"family"` // two-tower or ncf
	Purpose       string    `json:"purpose"`
	Rounds        int       `json:"rounds"` // in all; 0 = until the budget is spent
	Members       uint32    `json:"members"`
	MinMembers    uint32    `json:"min_members"`
	GammaBP       uint16    `json:"gamma_basis_points"`
	DeltaBP       uint16    `json:"delta_basis_points"`
	Lambda        uint16    `json:"lambda"`
	Eta           uint16    `json:"eta"`
	Clip          float32   `json:"clip"`
	CInt          uint32    `json:"c_int"`
	SigmaTotSq    uint64    `json:"sigma_tot_sq"`
	P             uint32    `json:"participations"`
	B             uint32    `json:"spacing_rounds"`
	CeilingUnits  uint64    `json:"ceiling_units"`
	PeriodSeconds uint64    `json:"period_seconds"`
	Deadlines     [5]uint32 `json:"deadlines_seconds"`
	GraceMillis   uint32    `json:"grace_milliseconds"`
	IntervalMS    uint32    `json:"interval_milliseconds"`
	ExpirySeconds uint64    `json:"expiry_seconds"`
}

// Save writes coordinator.json.
func (c *Config) Save(dir string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode coordinator.json: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "coordinator.json"), append(b, '\n'), 0o644)
}

// LoadConfig reads coordinator.json strictly.
func LoadConfig(dir string) (*Config, error) {
	path := filepath.Join(dir, "coordinator.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var c Config
	if err := dec.Decode(&c); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("read %s: something follows the object", path)
	}
	if c.LogOrigin == "" || c.Listen == "" || c.LogDir == "" {
		return nil, fmt.Errorf("read %s: log_origin, listen and log_dir must be set", path)
	}
	return &c, nil
}

// task turns the file's terms into the coordinator's.
func (t *Task) task() (coordinator.Task, error) {
	local, err := model.DefaultLocal(t.Family)
	if err != nil {
		return coordinator.Task{}, fmt.Errorf("task: %w", err)
	}
	opt, err := model.DefaultOptimizer(t.Family)
	if err != nil {
		return coordinator.Task{}, fmt.Errorf("task: %w", err)
	}
	if t.PeriodSeconds > math.MaxInt32 || t.ExpirySeconds > math.MaxInt32 {
		return coordinator.Task{}, fmt.Errorf("task: period_seconds %d and expiry_seconds %d must be below 2^31", t.PeriodSeconds, t.ExpirySeconds)
	}
	return coordinator.Task{Purpose: t.Purpose, Local: local, Optimizer: opt, Rounds: t.Rounds, NTarget: t.Members, NMin: t.MinMembers,
		GammaBP: t.GammaBP, DeltaBP: t.DeltaBP, Lambda: t.Lambda, Eta: t.Eta, Mode: aggregation.ModeSH, C: t.Clip, CInt: t.CInt, SigmaTotSq: t.SigmaTotSq,
		P: t.P, B: t.B, Ceiling: privacy.Units(t.CeilingUnits), Period: time.Duration(t.PeriodSeconds) * time.Second, Deadlines: t.Deadlines,
		Grace: time.Duration(t.GraceMillis) * time.Millisecond, Interval: time.Duration(t.IntervalMS) * time.Millisecond,
		Expiry: time.Duration(t.ExpirySeconds) * time.Second}, nil
}
