package operate

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/quic"
)

// runs starts the coordinator, waits until it has told an event of this kind, stops it and gives the event.
func runs(t *testing.T, dir, kind string) coordinator.Event {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := make(chan coordinator.Event, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, dir, Options{OnEvent: func(e coordinator.Event) {
			if e.Kind == "listening" {
				go visit(ctx, e.Address) // no round opens for nobody
			}
			if e.Kind == kind {
				select {
				case told <- e:
				default:
				}
			}
		}})
	}()
	select {
	case e := <-told:
		cancel()
		if err := <-ended; err != nil {
			t.Fatalf("told to stop: %v", err)
		}
		return e
	case err := <-ended:
		t.Fatalf("it ended before event %q: %v", kind, err)
		panic("unreachable")
	}
}

// visit is a device that connects, says hello, and stays.
func visit(ctx context.Context, address string) error {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))
	req, err := protocol.NewRequest(key, protocol.ClassDevice, rand.Reader)
	if err != nil {
		return err
	}
	cert, certPQ, err := Sign(authority, req, Enrolled{Days: 1, Quota: 1}, time.Now())
	if err != nil {
		return err
	}
	conn, err := quic.Dial(ctx, address, quic.Config{Identity: protocol.Identity{Key: key, Cert: cert, CertPQ: certPQ}, Authority: public(authority), PeerClass: protocol.ClassCoordinator})
	if err != nil {
		return err
	}
	defer conn.Close(protocol.CodeOK, "")
	if err := conn.Send(ctx, &protocol.Hello{}); err != nil {
		return err
	}
	for err == nil {
		_, err = conn.Recv(ctx)
	}
	return err
}

// refuses wants Run to end with an error that has these words.
func refuses(t *testing.T, dir string, words ...string) {
	t.Helper()
	err := Run(t.Context(), dir, Options{})
	if err == nil {
		t.Fatal("it ran and ended without an error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestSameFolderStartsTheSameCoordinatorAgain(t *testing.T) {
	dir := made(t, config())
	if e := runs(t, dir, "phase"); e.Round != 1 || e.Phase != "recruit" {
		t.Errorf("%+v, want round 1 to recruit", e)
	}
	log := filepath.Join(dir, "..", "log")
	before, err := os.ReadFile(filepath.Join(log, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	leftover := filepath.Join(log, ".writing-1")
	if err := os.WriteFile(leftover, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if e := runs(t, dir, "recovered"); e.Round != 1 || e.Outcome != "resumed" {
		t.Errorf("%+v, want round 1 resumed", e)
	}
	if after, err := os.ReadFile(filepath.Join(log, "checkpoint")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the log changed without a new entry (%v)", err)
	}
	if _, err := os.Stat(leftover); err == nil {
		t.Error("a half-written file is still there")
	}
}

func TestPortInUseNamesTheAddressAndTheNextStep(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := config()
	cfg.Listen = taken.LocalAddr().String()
	refuses(t, made(t, cfg), cfg.Listen, "in use", "choose another port")
}

func TestPlatformPortInUseNamesTheAddressAndTheNextStep(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := config()
	cfg.HTTP, cfg.Catalogue = taken.Addr().String(), "catalogue.jsonl"
	dir := made(t, cfg)
	writeCatalogue(t, dir, "\n")
	refuses(t, dir, "catalogue "+filepath.Join(dir, cfg.Catalogue), "no title", "JSON object a line")
	title := `{"id":"movielens:movie:1","kind":"film","title":"Metropolis","year":1927,"genres":["Sci-Fi"]}` + "\n"
	writeCatalogue(t, dir, title)
	refuses(t, dir, cfg.HTTP, "in use", "choose another port")
}

func writeCatalogue(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "catalogue.jsonl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFolderWithAPartMissingIsRefused(t *testing.T) {
	for name, what := range map[string]string{"coordinator.json": "--dir", "identity.key": "backup", "identity.cert": "cinesync enrol sign", "log.key": "backup",
		"authority.pub": "enrolment authority", "start.snapshot": "backup"} {
		t.Run(name, func(t *testing.T) {
			dir := made(t, config())
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			refuses(t, dir, name, what)
			if name == "coordinator.json" || name == "start.snapshot" {
				return // what is wrong with their content is told by their readers
			}
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			refuses(t, dir, name, what)
		})
	}
}

// TestFolderOfModelsThatIsGoneIsNamed takes away what the store names.
func TestFolderOfModelsThatIsGoneIsNamed(t *testing.T) {
	dir := made(t, config())
	runs(t, dir, "phase")
	if err := os.RemoveAll(filepath.Join(dir, "models")); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, filepath.Join(dir, "models"), "backup", "new folder")
}

// TestDamagedCheckpointCanBeMovedAway follows the advice that the refusal gives.
func TestDamagedCheckpointCanBeMovedAway(t *testing.T) {
	dir := made(t, config())
	runs(t, dir, "phase")
	path := filepath.Join(dir, "..", "log", "checkpoint")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, "checkpoint is damaged", filepath.Dir(path), "move that file away")
	if err := os.Rename(path, path+".damaged"); err != nil {
		t.Fatal(err)
	}
	runs(t, dir, "recovered")
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("the checkpoint is\n%s(%v), want\n%s", got, err, whole)
	}
}

func TestDamagedStartIsRefused(t *testing.T) {
	dir := made(t, config())
	path := filepath.Join(dir, "start.snapshot")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, "starting model")
}

func TestCertificateThatDoesNotHoldIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "coordinator")
	req, err := Make(dir, config(), protocol.VerifierOf(authority, protocol.SigHybrid), start(t))
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.LoadKey(filepath.Join(dir, "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	device, err := protocol.NewRequest(id, protocol.ClassDevice, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, coming := time.Now().AddDate(0, 0, -8), time.Now().AddDate(0, 0, 1)
	for name, c := range map[string]struct {
		key   ed25519.PrivateKey // of the authority
		req   protocol.Request
		at    time.Time
		words []string
	}{
		"expired":               {authority, req, old, []string{"has expired", "valid until " + old.AddDate(0, 0, 7).UTC().Format(time.RFC3339), "enrolment authority", "cinesync enrol sign"}},
		"early":                 {authority, req, coming, []string{"not yet valid", "valid from " + coming.Add(-5*time.Minute).UTC().Format(time.RFC3339), "clock"}},
		"foreign":               {ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)), req, time.Now(), []string{"authority.pub", "cinesync enrol sign"}},
		"another's second half": {ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)), req, time.Now(), []string{"hybrid certificate", "authority.pub", "cinesync enrol sign"}},
		"class":                 {authority, device, time.Now(), []string{"device", "want coordinator", "cinesync enrol sign"}},
	} {
		cert, certPQ, err := Sign(c.key, c.req, Enrolled{Days: 7, Quota: 1}, c.at)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "identity.cert")
		if name == "another's second half" {
			if cert, _, err = Sign(authority, c.req, Enrolled{Days: 7, Quota: 1}, c.at); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := identity.WriteCert(path, cert, certPQ); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { refuses(t, dir, append(c.words, "the coordinator's certificate", path)...) })
	}
}

// TestListeningIsToldOnceTheStartHasWorked lets the last step of a start fail.
func TestListeningIsToldOnceTheStartHasWorked(t *testing.T) {
	dir := made(t, config())
	path := filepath.Join(dir, "start.snapshot")
	if err := os.WriteFile(path, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), dir, Options{OnEvent: func(e coordinator.Event) { t.Errorf("told %+v", e) }})
	if err == nil {
		t.Error("it ran")
	}
}

func TestFolderOfAnotherTaskIsRefused(t *testing.T) {
	dir := made(t, config())
	runs(t, dir, "phase")
	other := config()
	other.Task.Purpose = "Something else."
	if err := other.Save(dir); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, "another task", "purpose", "new folder")
}

func TestSecondCoordinatorInOneFolderIsRefused(t *testing.T) {
	dir := made(t, config())
	ctx, cancel := context.WithCancel(t.Context())
	up, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- Run(ctx, dir, Options{OnEvent: func(e coordinator.Event) {
			if e.Kind == "listening" {
				close(up)
			}
		}})
	}()
	select {
	case <-up:
	case err := <-ended:
		t.Fatal(err)
	}
	refuses(t, dir, "another coordinator uses this folder")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
