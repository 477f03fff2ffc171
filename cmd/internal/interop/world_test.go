package interop

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/client/history"
	"github.com/cinesync/cinesync/cmd/cinesync/operate"
	devices "github.com/cinesync/cinesync/cmd/internal/device"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/cmd/internal/witnessing"
	"github.com/cinesync/cinesync/model"
	"github.com/cinesync/cinesync/privacy"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/catalog/household"
)

const (
	rounds  = 2
	ours    = 3 // devices of this repository
	theirs  = 3 // clients in Python
	origin  = "cinesync.local/demo"
	policy  = "witnesses.policy"
	titles  = 48
	seconds = 120 // to which everything has to end
)

// world is one folder with an authority, a witness, a coordinator and its devices.
type world struct {
	dir       string
	authority ed25519.PrivateKey
	witnesses audit.WitnessPolicy
	cfg       *operate.Config
	coord     protocol.Identity
	logKey    ed25519.PublicKey
	titles    []catalog.Title
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newWorld lays out everything but the devices, which want an address.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), titles: catalog.Builtin().Titles()[:titles]}
	check(t, os.WriteFile(filepath.Join(w.dir, devices.Marker), nil, 0o600))
	w.authority = newKey(t, filepath.Join(w.dir, "authority.key"))
	me, err := witnessing.Init(filepath.Join(w.dir, "witness"), "cinesync.local/witness", rand.Reader)
	check(t, err)
	w.witnesses = audit.WitnessPolicy{Witnesses: []audit.Witness{me}, Quorum: 1}
	start, err := w.start()
	check(t, err)
	w.cfg, err = config(start.Layout.Size())
	check(t, err)
	dir := w.coordinator()
	req, err := operate.Make(dir, w.cfg, protocol.VerifierOf(w.authority, protocol.SigHybrid), start.Encode())
	check(t, err)
	w.enrol(t, dir, req)
	w.coord, err = identity.Load(dir)
	check(t, err)
	key, err := identity.LoadKey(filepath.Join(dir, "log.key"))
	check(t, err)
	w.logKey = key.Public().(ed25519.PublicKey)
	check(t, os.WriteFile(filepath.Join(dir, policy), w.witnesses.Text(), 0o600))
	check(t, witnessing.AddLog(filepath.Join(w.dir, "witness"), origin, w.logKey))
	return w
}

func (w *world) coordinator() string { return filepath.Join(w.dir, "coordinator") }

func (w *world) start() (*model.Snapshot, error) {
	var ids []string
	for _, t := range w.titles {
		ids = append(ids, t.ID)
	}
	return model.New("two-tower", ids, catalog.Features(w.titles), 8)
}

// config is a round of six in mode W with the least noise that policy demo allows. A device that was cut off has the grace to come back.
func config(d int) (*operate.Config, error) {
	c := uint64(math.Ceil(8*math.Sqrt(float64(d)))) + 1
	const members = ours + theirs
	sigma := c * c // z = 1 leaves enough of the demo's 1/2 for the clip bits of six
	bit, err := privacy.BitNoise(members, 64)
	if err != nil {
		return nil, err
	}
	units, err := privacy.ChargeWithBit(uint32(c), sigma, 64, bit)
	if err != nil {
		return nil, err
	}
	return &operate.Config{LogOrigin: origin, Listen: "127.0.0.1:0", ListenTCP: "127.0.0.1:0", LogDir: "../log", Catalogue: "catalogue.jsonl",
		WitnessPolicy: policy, Witnesses: []string{"http://127.0.0.1:0"}, Task: operate.Task{
			Family: "two-tower", Purpose: "See whether two clients agree.", Rounds: rounds, Mode: "W", Members: members, MinMembers: members,
			GammaBP: 500, DeltaBP: 2000, Lambda: 80, Eta: 20, Clip: model.DefaultClip("two-tower"),
			AdaptClip: &operate.Adapt{Quantile: 0.5, Rate: 0.2, Least: 0.1, Most: 2}, WordBits: wordBits, CInt: uint32(c), SigmaTotSq: sigma, P: rounds, B: 1,
			CeilingUnits: uint64(units) * rounds, PeriodSeconds: 30 * 24 * 3600, Deadlines: [5]uint32{30, 50, 70, 90, 110}, GraceMillis: 10000,
			ExpirySeconds: 3600}}, nil
}

func newKey(t *testing.T, path string) ed25519.PrivateKey {
	t.Helper()
	_, err := identity.Create(path, rand.Reader)
	check(t, err)
	key, err := identity.LoadKey(path)
	check(t, err)
	return key
}

// enrol plays the authority and puts the certificate into its owner's folder.
func (w *world) enrol(t *testing.T, dir string, req protocol.Request) protocol.Cert {
	t.Helper()
	cert, certPQ, err := operate.Sign(w.authority, req, operate.Enrolled{Days: 1, Quota: 100}, time.Now())
	check(t, err)
	check(t, identity.WriteCert(filepath.Join(dir, "identity.cert"), cert, certPQ))
	return cert
}

// enrolDevice makes a device's folder with key and certificate.
func (w *world) enrolDevice(t *testing.T, name string) (dir string, key ed25519.PrivateKey, cert protocol.Cert) {
	t.Helper()
	dir = filepath.Join(w.dir, "devices", name)
	key = newKey(t, filepath.Join(dir, "identity.key"))
	req, err := protocol.NewRequest(key, protocol.ClassDevice, rand.Reader)
	check(t, err)
	return dir, key, w.enrol(t, dir, req)
}

// ourDevice makes and opens a device of this repository, with a history.
func (w *world) ourDevice(t *testing.T, ctx context.Context, name, address string, watches []household.Watch) (*devices.Device, [32]byte) {
	t.Helper()
	dir, _, cert := w.enrolDevice(t, name)
	check(t, devices.Make(dir))
	store, err := history.Open(filepath.Join(dir, "history.sqlite"))
	check(t, err)
	imp := history.Import{Source: "interop"}
	for i, v := range watches {
		imp.Rows = append(imp.Rows, history.Row{File: "invented", Row: i + 1, Event: history.Event{Kind: history.Play, ID: v.Item, At: history.Instant(v.At)}})
	}
	for _, v := range w.titles {
		imp.Titles = append(imp.Titles, history.Title{ID: v.ID, Title: v.Title, Year: v.Year})
	}
	_, err = store.Apply(ctx, imp)
	check(t, errors.Join(err, store.Close()))
	cfg := devices.New(address, protocol.VerifierOf(w.coord.Key, protocol.SigHybrid), protocol.VerifierOf(w.authority, protocol.SigHybrid), w.logKey, origin, "demo")
	cfg.DemoRounds, cfg.Counter = rounds, "../../counters"
	cfg.PinWitnesses(w.witnesses)
	check(t, cfg.Save(dir))
	d, err := devices.Open(dir)
	check(t, err)
	return d, cert.IDPK
}

// theirDevice makes the folder of a client in Python.
func (w *world) theirDevice(t *testing.T, name string, seed int) (dir string, id [32]byte) {
	t.Helper()
	dir, key, cert := w.enrolDevice(t, name)
	raw := cert.Bytes()
	text, err := json.Marshal(map[string]any{"seed": hex.EncodeToString(key.Seed()), "cert": hex.EncodeToString(raw[:]),
		"authority":   hex.EncodeToString(w.authority.Public().(ed25519.PublicKey)),
		"coordinator": hex.EncodeToString(w.coord.Key.Public().(ed25519.PublicKey)), "log_key": hex.EncodeToString(w.logKey),
		"log_origin": origin, "witness_policy": string(w.witnesses.Text()), "vector_seed": seed})
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "device.json"), text, 0o600))
	return dir, cert.IDPK
}
