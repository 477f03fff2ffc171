// Package device opens a device from its folder.
//
// Owns: the folder's layout, device.json, the wiring of history, door, client and transports, the rule where policy demo may run.
// Promises: what `cinesyncd` runs and what the demo runs is the same device.
// Never: trains, charges or sends by itself.
// Start here: Init once, then Open. Layout: device.json, identity.key, identity.cert, history.sqlite, door.sqlite, models/, vectors/, lock; and a counter elsewhere.
package device

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cinesync/cinesync/client"
	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/door/sqlite"
	"github.com/cinesync/cinesync/client/history"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/protocol"
)

// Device is an open device.
type Device struct {
	Dir     string
	Config  *Config
	Floor   participant.Floor
	History *history.Store
	Outbox  *sqlite.Store
	Client  *client.Client
	Counter door.Counter // nil for a device without a key
	models  *client.ModelDir
	vectors *client.VectorDir
	lock    *os.File // held from Lock to Close
}

// Open opens the parts of a device that need no network and no certificate. A history or ledger that is gone is reported, and
// not made anew: an empty one would say that nothing was watched or spent.
func Open(dir string) (*Device, error) {
	d, err := openAround(dir)
	if err != nil {
		return nil, err
	}
	if d.Outbox, err = sqlite.Open(filepath.Join(dir, "door.sqlite")); err != nil {
		return nil, errors.Join(err, d.History.Close())
	}
	return d, nil
}

// openAround opens all that Open does except the ledger, which it does not touch.
func openAround(dir string) (*Device, error) {
	cfg, err := Load(dir)
	if err != nil {
		return nil, err
	}
	d := &Device{Dir: dir, Config: cfg}
	if d.Floor, err = cfg.Floor(dir); err != nil {
		return nil, err
	}
	if d.Counter, err = cfg.counterOf(dir); err != nil {
		return nil, err
	}
	if d.History, err = history.Open(filepath.Join(dir, "history.sqlite")); err != nil {
		return nil, err
	}
	if d.models, err = client.OpenModelDir(filepath.Join(dir, "models")); err != nil {
		return nil, errors.Join(err, d.History.Close())
	}
	if d.vectors, err = client.OpenVectorDir(filepath.Join(dir, "vectors")); err != nil {
		return nil, errors.Join(err, d.History.Close())
	}
	d.Client = client.New(d.History, d.models, seed)
	return d, nil
}

// Close closes the device's files.
func (d *Device) Close() error {
	return errors.Join(d.History.Close(), d.Outbox.Close(), d.unlock())
}

// Hooks are what a caller adds to a device's door.
type Hooks struct {
	Log            *slog.Logger
	OnEvent        func(door.Event)
	OnContribution func(round uint64, noised []uint32)
	// Dial wraps the way to the coordinator; nil leaves it as it is.
	Dial func(func(context.Context) (protocol.Conn, error)) func(context.Context) (protocol.Conn, error)
	// Answerer wraps the local function; nil leaves it as it is.
	Answerer func(door.Answerer) door.Answerer
	// KeepAlive and Idle are those of quic.Config and tcp.Config; 0 is their default.
	KeepAlive, Idle time.Duration
}

// Door opens the device's door to its coordinator.
func (d *Device) Door(ctx context.Context, h Hooks) (*door.Door, error) {
	id, err := identity.Load(d.Dir)
	if err != nil {
		return nil, err
	}
	if err := d.Lock(); err != nil {
		return nil, err
	}
	err = id.Cert.Verify(d.Config.authority.Ed, uint64(time.Now().Unix()), protocol.ClassDevice)
	if err == nil && len(id.CertPQ) > 0 && d.Config.authority.PQ != nil {
		_, err = protocol.VerifyPQ(id.Cert, id.CertPQ, d.Config.authority.PQ)
	}
	if errors.Is(err, protocol.ErrNotYetValid) {
		return nil, fmt.Errorf("this device's certificate: %w; set this machine's clock, or wait", err)
	}
	if err != nil {
		return nil, fmt.Errorf("this device's certificate: %w; ask the enrolment authority for a new one", err)
	}
	dial := func(ctx context.Context) (protocol.Conn, error) { return d.Config.dial(ctx, id, h) }
	if h.Dial != nil {
		dial = h.Dial(dial)
	}
	answerer := door.Answerer(d.Client)
	if h.Answerer != nil {
		answerer = h.Answerer(answerer)
	}
	return door.Open(ctx, door.Config{
		Participant: participant.Config{Key: id.Key, Cert: id.Cert, CertPQ: id.CertPQ, Authority: d.Config.authority.Ed, AuthorityPQ: d.Config.authority.PQ,
			Coordinator: d.Config.coordinator.Ed, CoordinatorPQ: d.Config.coordinator.PQ, LogOrigin: d.Config.LogOrigin, LogKey: d.Config.logKey,
			Witnesses: d.Config.witnesses, Floor: d.Floor, Random: rand.Reader},
		Store: d.Outbox, Counter: d.Counter, Scratch: d.vectors, Models: d.models, Deltas: d.models, Answerer: answerer, Dial: dial, Log: h.Log, OnEvent: h.OnEvent, OnContribution: h.OnContribution,
	})
}

// seed draws the randomness of training.
func seed() (a, b uint64) {
	var raw [16]byte
	rand.Read(raw[:])
	return binary.LittleEndian.Uint64(raw[:]), binary.LittleEndian.Uint64(raw[8:])
}
