// Package operate runs a coordinator from its folder.
//
// Owns: the folder's layout, coordinator.json, the wiring of store, QUIC, serving and log files.
// Promises: a folder is made whole or not at all; the same folder starts the same coordinator again.
// Never: decides anything about a round.
// Start here: Run. Layout: coordinator.json, identity.key, identity.pub, identity.cert, log.key, authority.pub, start.snapshot, store.sqlite, models/.
package operate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/cinesync/task"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/internal/strictjson"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
)

// Config is coordinator.json. Unknown fields are errors.
type Config struct {
	LogOrigin string `json:"log_origin"` // name of the log, as devices pin it
	Listen    string `json:"listen"`     // UDP address of the device plane
	ListenTCP string `json:"listen_tcp"` // TCP address of the same, for devices whose path lets no UDP through; empty: none
	HTTP      string `json:"http"`       // TCP address of the platform's API; empty: none
	LogDir    string `json:"log_dir"`    // folder of the public log, relative to this folder
	Catalogue string `json:"catalogue"`  // titles in JSON lines, relative to this folder
	// DeltaBases is how many versions before the two newest are kept, for devices that come back with one of them: they are sent what is
	// new since then, not the whole model. 0 to 1000.
	DeltaBases int `json:"delta_bases,omitempty"`
	// WitnessPolicy is the text of the policy, relative to this folder, and Witnesses are where its witnesses are reached, in its order.
	// Both are left out where nobody watches the log, which mode W does not allow.
	WitnessPolicy string   `json:"witness_policy,omitempty"`
	Witnesses     []string `json:"witnesses,omitempty"`
	Task          Task     `json:"task"`
}

// Task is what the coordinator trains, in the file's terms.
type Task struct {
	// File is a task file (docs/spec/task.md), relative to this folder. What it says may be left out here, and must else be the same.
	File       string  `json:"file,omitempty"`
	Family     string  `json:"family"` // two-tower or ncf
	Purpose    string  `json:"purpose"`
	Rounds     int     `json:"rounds"`              // of training; 0 = until the budget is spent
	Mode       string  `json:"mode"`                // W or SM: what devices must be safe against (secure aggregation 5.3)
	Kex        uint16  `json:"kex,omitempty"`       // 1 X25519, 2 X25519 + X-Wing; of this and the next two the first where left out
	PRG        uint16  `json:"prg,omitempty"`       // 1 AES-128-CTR, 2 AES-256-CTR, 3 ChaCha20
	Sig        uint16  `json:"sig,omitempty"`       // 1 Ed25519, 2 Ed25519 + ML-DSA-44
	WordBits   uint16  `json:"word_bits,omitempty"` // 32, 24 or 16; the smallest that carry the rounds where left out
	XMax       uint32  `json:"x_max,omitempty"`     // most of one coordinate in grid units; left out: c_int, or without word_bits as much of it as the words carry
	Cohorts    uint32  `json:"cohorts,omitempty"`   // groups that are summed apart; one where left out
	Members    uint32  `json:"members"`
	MinMembers uint32  `json:"min_members"`
	GammaBP    uint16  `json:"gamma_basis_points"`
	DeltaBP    uint16  `json:"delta_basis_points"`
	Lambda     uint16  `json:"lambda"`
	Eta        uint16  `json:"eta"`
	Clip       float32 `json:"clip"` // of the first round where adapt_clip is given, else of all
	AdaptClip  *Adapt  `json:"adapt_clip,omitempty"`
	// PopularityFirst asks in one round before those how many devices watched each title (privacy 14); left out: nobody is asked.
	PopularityFirst *Popularity `json:"popularity_first,omitempty"`

	CInt          uint32    `json:"c_int"`
	SigmaTotSq    uint64    `json:"sigma_tot_sq"`
	P             uint32    `json:"participations"`
	B             uint32    `json:"spacing_rounds"`
	CeilingUnits  uint64    `json:"ceiling_units"`
	ShareBP       uint32    `json:"share_basis_points,omitempty"` // the question's share of the ceiling; all of it where left out
	PeriodSeconds uint64    `json:"period_seconds"`
	Deadlines     [5]uint32 `json:"deadlines_seconds"`
	GraceMillis   uint32    `json:"grace_milliseconds"`
	IntervalMS    uint32    `json:"interval_milliseconds"`
	ExpirySeconds uint64    `json:"expiry_seconds"`
}

// Adapt is how the clip follows the devices: towards one that leaves this part of their updates whole.
type Adapt struct {
	Quantile float64 `json:"quantile"`
	Rate     float64 `json:"rate"`
	Least    float32 `json:"least"`
	Most     float32 `json:"most"`
}

// Popularity is what the question before training has of its own. What is left out is the coordinator's usual.
type Popularity struct {
	Purpose    string  `json:"purpose,omitempty"`      // devices show it to their owners
	Clip       float32 `json:"clip,omitempty"`         // 1, an answer's length
	CInt       uint32  `json:"c_int,omitempty"`        // the least for its titles
	SigmaTotSq uint64  `json:"sigma_tot_sq,omitempty"` // the noise multiplier of training
	WordBits   uint16  `json:"word_bits,omitempty"`    // the least that carries its sums
	Floor      float64 `json:"floor,omitempty"`        // added to each count before the logarithm: the noise's deviation, and 1 at least
	Strength   float32 `json:"strength,omitempty"`     // multiplies the logarithm: 1
}

// terms is the coordinator's; nil without one.
func (p *Popularity) terms() *coordinator.Popularity {
	if p == nil {
		return nil
	}
	return &coordinator.Popularity{Purpose: p.Purpose, C: p.Clip, CInt: p.CInt, SigmaTotSq: p.SigmaTotSq, WordBits: p.WordBits, Floor: p.Floor, Strength: p.Strength}
}

// check refuses what no histogram takes.
func (p *Popularity) check() error {
	switch {
	case p == nil:
	case !(p.Clip >= 0) || math.IsInf(float64(p.Clip), 1):
		return fmt.Errorf("task.popularity_first.clip is %v: want a positive number, or leave it out", p.Clip)
	case !(p.Floor >= 0) || math.IsInf(p.Floor, 1):
		return fmt.Errorf("task.popularity_first.floor is %v: want a positive number, or leave it out", p.Floor)
	case !(p.Strength >= 0 && p.Strength <= 100):
		return fmt.Errorf("task.popularity_first.strength is %v: want up to 100, or leave it out", p.Strength)
	}
	return nil
}

// rule is the coordinator's; zero without one.
func (a *Adapt) rule() privacy.ClipRule {
	if a == nil {
		return privacy.ClipRule{}
	}
	return privacy.ClipRule{Quantile: a.Quantile, Rate: a.Rate, Least: a.Least, Most: a.Most}
}

// Save writes coordinator.json.
func (c *Config) Save(dir string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode coordinator.json: %w", err)
	}
	return Dir(dir).Write("coordinator.json", append(b, '\n'))
}

// maxDeltaBases bounds how many old models are kept on the disk.
const maxDeltaBases = 1000

// maxConfig is the largest coordinator.json that is read.
const maxConfig = 64 << 10

// LoadConfig reads coordinator.json strictly.
func LoadConfig(dir string) (*Config, error) {
	path := filepath.Join(dir, "coordinator.json")
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no coordinator: there is no coordinator.json in it; name the folder of one with --dir", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, err := parseConfig(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return c, nil
}

func parseConfig(b []byte) (*Config, error) {
	if len(b) > maxConfig {
		return nil, fmt.Errorf("the file has more than %d bytes", maxConfig)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New("the file is empty: put it back from a backup, or make a new coordinator in a new folder")
	}
	var c Config
	if err := strict(b, reflect.TypeFor[Config](), ""); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, err
	}
	return &c, c.check()
}

// strict takes the fields of t by their exact names, each at most once, and no other. encoding/json alone would take other
// spellings and fill up or cut a list.
func strict(b []byte, t reflect.Type, within string) error {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = t.Field(i).Type
	}
	return strictjson.Object(b, func(name string, value json.RawMessage) error {
		field, ok := fields[name]
		switch {
		case !ok:
			return fmt.Errorf("field %q is unknown", within+name)
		case string(value) == "null":
			return fmt.Errorf("%s is null: give it a value, or leave it out", within+name)
		case field.Kind() == reflect.Struct:
			return strict(value, field, within+name+".")
		case field.Kind() == reflect.Pointer:
			return strict(value, field.Elem(), within+name+".")
		case field.Kind() == reflect.Array:
			var list []json.RawMessage
			if err := json.Unmarshal(value, &list); err != nil || len(list) != field.Len() {
				return fmt.Errorf("%s: want a list of %d numbers", within+name, field.Len())
			}
		}
		return nil
	})
}

// check looks at what can be judged without the model; the coordinator checks the numbers of the task against it.
func (c *Config) check() error {
	for name, addr := range map[string]string{"listen": c.Listen, "listen_tcp": c.ListenTCP, "http": c.HTTP} {
		if name != "listen" && addr == "" {
			continue // there is none
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("%s is %q: want host:port: %w", name, addr, err)
		}
	}
	t := &c.Task
	switch {
	case c.LogOrigin == "":
		return errors.New("log_origin is empty: devices pin the log by this name")
	case c.LogDir == "":
		return errors.New("log_dir is empty: name the folder of the public log")
	case c.DeltaBases < 0 || c.DeltaBases > maxDeltaBases:
		return fmt.Errorf("delta_bases is %d: want 0 to %d versions", c.DeltaBases, maxDeltaBases)
	case t.Purpose == "" && t.File == "":
		return errors.New("task.purpose is empty: devices show it to their owners")
	case t.Rounds < 0:
		return fmt.Errorf("task.rounds is %d: want the number of rounds, or 0 for as many as the budget allows", t.Rounds)
	case t.PeriodSeconds < audit.MinPeriodSeconds || t.PeriodSeconds > math.MaxInt32:
		return fmt.Errorf("task.period_seconds is %d: want %d (30 days) to %d", t.PeriodSeconds, audit.MinPeriodSeconds, math.MaxInt32)
	case t.ExpirySeconds == 0 || t.ExpirySeconds > math.MaxInt32:
		return fmt.Errorf("task.expiry_seconds is %d: want 1 to %d", t.ExpirySeconds, math.MaxInt32)
	}
	if (c.WitnessPolicy == "") != (len(c.Witnesses) == 0) {
		return errors.New("witness_policy and witnesses go together: the policy says whose signatures count, the list where they are reached")
	}
	if err := t.PopularityFirst.check(); err != nil {
		return err
	}
	task, err := t.terms(nil)
	if err != nil {
		return err
	}
	if task.Mode == aggregation.ModeW && c.WitnessPolicy == "" {
		return errors.New("task.mode is W and no witnesses are named: devices refuse such rounds; name witness_policy and witnesses")
	}
	return nil
}

// parseMode reads a mode by its name.
func parseMode(name string) (aggregation.Mode, error) {
	for _, m := range []aggregation.Mode{aggregation.ModeW, aggregation.ModeSM} {
		if m.String() == name {
			return m, nil
		}
	}
	return 0, fmt.Errorf("task.mode is %q: want W (a witnessed log) or SM (no witnesses: devices compare what they were shown)", name)
}

// terms turns the configuration into the coordinator's task. f is the task file that it follows, nil before that is read or if there is none.
func (t *Task) terms(f *task.Task) (coordinator.Task, error) {
	local, opt, hash, err := t.learns(f)
	if err != nil {
		return coordinator.Task{}, err
	}
	if t.AdaptClip != nil {
		if err := t.AdaptClip.rule().Validate(); err != nil {
			return coordinator.Task{}, fmt.Errorf("task.adapt_clip: %w; leave it out for a clip that stays", err)
		}
	}
	mode, err := parseMode(t.Mode)
	if err != nil {
		return coordinator.Task{}, err
	}
	return coordinator.Task{Purpose: t.Purpose, Hash: hash, Local: local, Optimizer: opt, Popularity: t.PopularityFirst.terms(), Rounds: t.Rounds, NTarget: t.Members, NMin: t.MinMembers,
		GammaBP: t.GammaBP, DeltaBP: t.DeltaBP, Lambda: t.Lambda, Eta: t.Eta, Mode: mode, Kex: t.Kex, PRG: t.PRG, Sig: t.Sig,
		WordBits: t.WordBits, XMax: t.XMax, Cohorts: t.Cohorts, C: t.Clip, CInt: t.CInt, SigmaTotSq: t.SigmaTotSq, AdaptClip: t.AdaptClip.rule(),
		P: t.P, B: t.B, Ceiling: privacy.Units(t.CeilingUnits), ShareBP: t.ShareBP, Period: time.Duration(t.PeriodSeconds) * time.Second, Deadlines: t.Deadlines,
		Grace: time.Duration(t.GraceMillis) * time.Millisecond, Interval: time.Duration(t.IntervalMS) * time.Millisecond,
		Expiry: time.Duration(t.ExpirySeconds) * time.Second}, nil
}

// learns is the local function, the optimiser and the hash of the task file: a family's usual ones without a file.
func (t *Task) learns(f *task.Task) (local model.Local, opt model.Optimizer, hash [32]byte, err error) {
	switch {
	case f != nil:
		return f.LocalFunction(), f.ServerOptimizer(), f.Hash(), nil
	case t.File != "" && t.Family == "":
		return local, opt, hash, nil // the file says it
	}
	if local, err = model.DefaultLocal(t.Family); err == nil {
		opt, err = model.DefaultOptimizer(t.Family)
	}
	if err != nil {
		err = fmt.Errorf("task.family: %w", err)
	}
	return local, opt, hash, err
}
