package operate

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinesync/cinesync/aggregation"
	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/store/sqlite"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/serve"
	"github.com/cinesync/cinesync/serve/rank"
)

// Options are what a caller adds to the folder.
type Options struct {
	OnEvent func(coordinator.Event)
	Log     *slog.Logger
	HTTP    string // instead of the configuration's address
	// Expand makes the sums of rounds, Finder what finds lists, and Scores what scores people for lists; nil: the CPU's.
	Expand func(aggregation.Shape) aggregation.Accumulator
	Finder rank.Open
	Scores serve.OpenScores
}

// Check reads the configuration and the keys of a coordinator's folder as Run does, so that a wrong folder is found out before anything is
// readied for it.
func Check(dir string) error {
	if _, err := LoadConfig(dir); err != nil {
		return err
	}
	_, err := loadKeys(dir)
	return err
}

// Run runs the coordinator of one folder until ctx ends.
func Run(ctx context.Context, dir string, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnEvent == nil {
		o.OnEvent = func(coordinator.Event) {}
	}
	cfg, err := LoadConfig(dir)
	if err != nil {
		return err
	}
	if o.HTTP != "" {
		cfg.HTTP = o.HTTP
	}
	keys, err := loadKeys(dir)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "store.sqlite"))
	if err != nil {
		return err
	}
	defer store.Close()
	return run(ctx, dir, cfg, keys, store, o)
}

func run(ctx context.Context, dir string, cfg *Config, keys *keys, store *sqlite.Store, o Options) error {
	start, err := os.ReadFile(filepath.Join(dir, "start.snapshot"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the model that this coordinator began with is missing: put start.snapshot back from a backup, or make a new coordinator in a new folder: %w", err)
	}
	if err != nil {
		return fmt.Errorf("read starting model: %w", err)
	}
	file, err := cfg.readTask(dir, start)
	if err != nil {
		return fmt.Errorf("start the coordinator in %s: %w", dir, err)
	}
	task, err := cfg.Task.terms(file)
	if err != nil {
		return err
	}
	logDir := Dir(filepath.Join(dir, cfg.LogDir))
	models := Dir(filepath.Join(dir, "models"))
	if err := errors.Join(logDir.sweep(), models.sweep()); err != nil {
		return fmt.Errorf("clear half-written files: %w", err)
	}
	platform, err := newPlatform(dir, cfg, keys.identity.Key.Public().(ed25519.PublicKey), o)
	if err != nil {
		return err
	}
	defer platform.close()
	l, err := listen(cfg, keys)
	if err != nil {
		return err
	}
	defer l.Close()
	witnesses, err := newWitnesses(dir, cfg, keys)
	if err != nil {
		return err
	}
	defer witnesses.close()
	c, err := coordinator.New(ctx, coordinator.Config{Identity: keys.identity, Authority: keys.authority.Ed, AuthorityPQ: keys.authority.PQ, LogKey: keys.log, LogOrigin: cfg.LogOrigin,
		Witnesses: witnesses.ask(), WitnessPolicy: witnesses.policy,
		Task: task, Start: start, Bases: cfg.DeltaBases, Models: models, LogDir: logDir, Log: o.Log, OnEvent: o.OnEvent,
		Expand: o.Expand, OnPublish: func(r coordinator.Release) { platform.published(r.Logged) }}, store)
	if err != nil {
		return fmt.Errorf("start the coordinator in %s, with its public log in %s: %w", dir, logDir, err)
	}
	if err := writeKeys(logDir, cfg, keys, witnesses.policy); err != nil {
		return err
	}
	defer l.start()()
	overQUIC, overTCP := l.addresses()
	o.OnEvent(coordinator.Event{Kind: "listening", Address: overQUIC, TCP: overTCP, HTTP: platform.address()})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.Run(ctx, l) })
	group.Go(func() error { return platform.run(ctx) })
	return group.Wait()
}

type keys struct {
	identity  protocol.Identity
	authority protocol.Verifier
	log       ed25519.PrivateKey
}

func loadKeys(dir string) (*keys, error) {
	id, err := identity.Load(dir)
	if err != nil {
		return nil, err
	}
	authority, err := identity.LoadPublic(filepath.Join(dir, "authority.pub"))
	if err != nil {
		return nil, err
	}
	log, err := identity.LoadKey(filepath.Join(dir, "log.key"))
	if err != nil {
		return nil, err
	}
	if err := checkCert(filepath.Join(dir, "identity.cert"), id, authority, time.Now()); err != nil {
		return nil, err
	}
	return &keys{id, authority, log}, nil
}

// checkCert holds the certificate against what every device will hold it against, and says what to do.
func checkCert(path string, id protocol.Identity, authority protocol.Verifier, now time.Time) error {
	cert := id.Cert
	err := cert.Verify(authority.Ed, uint64(now.Unix()), protocol.ClassCoordinator)
	if err == nil && len(id.CertPQ) > 0 && authority.PQ != nil {
		_, err = protocol.VerifyPQ(cert, id.CertPQ, authority.PQ)
	}
	const another = "ask the enrolment authority for another one (`cinesync enrol sign` makes it of this folder's request) and put it there"
	date := func(unix uint64) string { return time.Unix(int64(unix), 0).UTC().Format(time.RFC3339) }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, protocol.ErrExpired):
		return fmt.Errorf("the coordinator's certificate %s: %w: it was valid until %s and now it is %s; %s", path, protocol.ErrExpired, date(cert.NotAfter), date(uint64(now.Unix())), another)
	case errors.Is(err, protocol.ErrNotYetValid):
		return fmt.Errorf("the coordinator's certificate %s: %w: it is valid from %s and now it is %s; set this machine's clock, or wait", path, protocol.ErrNotYetValid, date(cert.NotBefore), date(uint64(now.Unix())))
	case errors.Is(err, protocol.ErrUnknownAuthority):
		return fmt.Errorf("the coordinator's certificate %s: %w; put the key of the authority that issued it into authority.pub, or %s", path, err, another)
	default:
		return fmt.Errorf("the coordinator's certificate %s: %w; %s", path, err, another)
	}
}

// writeKeys publishes what an auditor needs beside the tiles.
func writeKeys(logDir Dir, cfg *Config, k *keys, policy audit.WitnessPolicy) error {
	if text := policy.Text(); text != nil {
		if err := logDir.Write("policy", text); err != nil {
			return err
		}
	} else if err := logDir.Remove("policy"); err != nil {
		return fmt.Errorf("remove the witness policy of an earlier time: %w", err)
	}
	cert := k.identity.Cert.Bytes()
	file := audit.Keys{Origin: cfg.LogOrigin, LogKey: k.log.Public().(ed25519.PublicKey), Authority: k.authority.Ed, Coordinator: cert[:]}
	b, err := file.Encode()
	if err != nil {
		return fmt.Errorf("encode log keys: %w", err)
	}
	return logDir.Write("keys", b)
}
