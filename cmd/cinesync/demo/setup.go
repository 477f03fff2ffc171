package demo

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/history"
	"github.com/cinesync/cinesync/cmd/cinesync/operate"
	devices "github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/serve/catalog"
)

// LogOrigin is the demo's log; policy demo wants an origin that ends in /demo.
const LogOrigin = "cinesync.local/demo"

// makeCoordinator lays out the coordinator's folder and the terms of its task.
func (f *folder) makeCoordinator(o *Options, w *world, start *model.Snapshot, listen, witness string) error {
	policy, err := f.makeWitness()
	if err != nil {
		return err
	}
	f.witnesses = policy
	dir := f.path("coordinator")
	rule, z, err := adapting(o)
	if err != nil {
		return err
	}
	grid, sigma, bit, err := terms(o, start.Layout.Size(), z)
	if err != nil {
		return err
	}
	units, err := privacy.ChargeWithBit(grid.CInt, sigma, bitSize(grid), bit)
	if err != nil {
		return fmt.Errorf("charge of a round: %w", err)
	}
	ceiling := units * privacy.Units(o.Rounds)
	first, firstUnits, err := popularity(o, len(w.titles))
	if err != nil {
		return err
	}
	cfg := &operate.Config{LogOrigin: LogOrigin, Listen: listen, ListenTCP: o.TCP, HTTP: o.HTTP, LogDir: "../log", Catalogue: "catalogue.jsonl", DeltaBases: 8,
		WitnessPolicy: policyFile, Witnesses: []string{"http://" + witness}, Task: operate.Task{
			Family: o.Task, Purpose: "Learn which titles go together, from the sums of many devices' updates.", Rounds: o.Rounds, Mode: "W",
			Members: uint32(o.Devices), MinMembers: uint32(minMembers(o)), GammaBP: gammaBP, DeltaBP: lossBP(o), Lambda: lambda, Eta: eta,
			WordBits: grid.WordBits, XMax: grid.XMax, Clip: grid.C, AdaptClip: rule, CInt: grid.CInt, SigmaTotSq: sigma, P: uint32(o.Rounds), B: 1, CeilingUnits: uint64(ceiling + firstUnits), PopularityFirst: first,
			PeriodSeconds: 30 * 24 * 3600, Deadlines: [5]uint32{180, 300, 420, 540, 600}, GraceMillis: grace(o), ExpirySeconds: 24 * 3600}}
	req, err := operate.Make(dir, cfg, f.authorityKeys(), start.Encode())
	if err != nil {
		return err
	}
	if err := f.enrol(dir, req); err != nil {
		return err
	}
	if err := writeCatalogue(filepath.Join(dir, "catalogue.jsonl"), w.titles); err != nil {
		return err
	}
	if f.coord, err = identity.Load(dir); err != nil {
		return err
	}
	key, err := identity.LoadKey(filepath.Join(dir, "log.key"))
	if err != nil {
		return err
	}
	f.logKey = key.Public().(ed25519.PublicKey)
	return f.introduce(policy)
}

// grace is how long a phase waits for a device that is gone: with kills of the coordinator, long enough for everybody to
// come back to it.
func grace(o *Options) uint32 {
	if o.Crash {
		return 3000
	}
	return 250
}

func clip(family string) float32 { return model.DefaultClip(family) }

// adapting gives the rule of a clip that follows the devices, and z of the vector's noise: that of the policy, or so much more that clip bits and
// vector together cost what the vector alone does.
func adapting(o *Options) (*operate.Adapt, float64, error) {
	if !o.Adapt {
		return nil, 0.5, nil
	}
	z, err := privacy.VectorMultiplier(0.5, float64(minMembers(o))/20)
	if err != nil {
		return nil, 0, fmt.Errorf("--adapt-clip: %d devices are too few to hide a clip bit: %w", o.Devices, err)
	}
	return &operate.Adapt{Quantile: 0.5, Rate: 0.2, Least: clip(o.Task) / 8, Most: 8 * clip(o.Task)}, z, nil
}

// terms are the integers of a round for a model of d parameters: the finest grid in the smallest words that carry it and the clip bits, if there
// are any, the variance of the sum's noise, and that of the bits'.
func terms(o *Options, d int, z float64) (g aggregation.Grid, sigmaTotSq, bitSq uint64, err error) {
	for _, bits := range []uint16{16, 24, 32} {
		if g, sigmaTotSq, err = aggregation.FitWords(bits, clip(o.Task), d, o.Devices, z, 0); err != nil || !o.Adapt {
			if err == nil {
				break
			}
			continue
		}
		if bitSq, err = privacy.BitNoise(uint32(minMembers(o)), bitSize(g)); err != nil {
			return g, 0, 0, err
		}
		if err = aggregation.CheckWord(o.Devices, bitSize(g), bitSq, bits); err == nil {
			break
		}
	}
	return g, sigmaTotSq, bitSq, err
}

// popularity is the question before training on its own grid, and what its round costs; nil and nothing where it is not asked.
func popularity(o *Options, titles int) (*operate.Popularity, privacy.Units, error) {
	if !o.Popular {
		return nil, 0, nil
	}
	cInt := uint32(math.Ceil(8*math.Sqrt(float64(titles)))) + 1
	sigma := (uint64(cInt)*uint64(cInt) + 3) / 4 // the policy's z = 1/2
	units, err := privacy.Charge(cInt, sigma)
	if err != nil {
		return nil, 0, fmt.Errorf("charge of the round before training: %w", err)
	}
	return &operate.Popularity{CInt: cInt, SigmaTotSq: sigma}, units, nil
}

// bitSize is B of a clip bit.
func bitSize(g aggregation.Grid) uint32 { return (&audit.RoundOpen{XMax: g.XMax}).BitSize() }

func writeCatalogue(path string, titles []catalog.Title) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, t := range titles {
		if err := enc.Encode(t); err != nil {
			return fmt.Errorf("encode catalogue: %w", err)
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// makeDevice gives a person a device: a key, a certificate, and the history in an SQLite file of its own.
func (f *folder) makeDevice(ctx context.Context, i int, p person, titles map[string]catalog.Title, address string, o *Options) error {
	dir := f.device(i)
	if _, err := identity.Create(filepath.Join(dir, "identity.key"), rand.Reader); err != nil {
		return err
	}
	key, err := identity.LoadKey(filepath.Join(dir, "identity.key"))
	if err != nil {
		return err
	}
	req, err := protocol.NewRequest(key, protocol.ClassDevice, rand.Reader)
	if err != nil {
		return err
	}
	if err := f.enrol(dir, req); err != nil {
		return err
	}
	if err := devices.Make(dir); err != nil {
		return err
	}
	store, err := history.Open(filepath.Join(dir, "history.sqlite"))
	if err != nil {
		return err
	}
	err = fill(ctx, store, p, titles)
	if err := errors.Join(err, store.Close()); err != nil {
		return fmt.Errorf("fill history of device %d: %w", i, err)
	}
	cfg := devices.New(address, protocol.VerifierOf(f.coord.Key, protocol.SigHybrid), f.authorityKeys(), f.logKey, LogOrigin, "demo")
	cfg.DemoRounds, cfg.AddressTCP, cfg.Counter = uint32(o.all()), o.TCP, "../../counters"
	cfg.PinWitnesses(f.witnesses)
	return cfg.Save(dir)
}

// fill puts a person's watches into their history, as an import would.
func fill(ctx context.Context, store *history.Store, p person, titles map[string]catalog.Title) error {
	imp := history.Import{Source: "demo"}
	for i, w := range p.watches {
		imp.Rows = append(imp.Rows, history.Row{File: "invented", Row: i + 1, Event: history.Event{Kind: history.Play, ID: w.Item, At: history.Instant(w.At)}})
	}
	for id, t := range titles {
		imp.Titles = append(imp.Titles, history.Title{ID: id, Title: t.Title, Year: t.Year})
	}
	_, err := store.Apply(ctx, imp)
	return err
}
