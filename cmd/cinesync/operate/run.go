package operate

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/identity"
	"github.com/cinesync/cinesync/coordinator"
	"github.com/cinesync/cinesync/coordinator/store/sqlite"
	"github.com/cinesync/cinesync/protocol"
	"github.com/cinesync/cinesync/protocol/quic"
)

// Options are what a caller adds to the folder.
type Options struct {
	OnEvent func(coordinator.Event)
	Log     *slog.Logger
	HTTP    string // instead of the configuration's address
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
	task, err := cfg.Task.task()
	if err != nil {
		return err
	}
	start, err := os.ReadFile(filepath.Join(dir, "start.snapshot"))
	if err != nil {
		return fmt.Errorf("read starting model: %w", err)
	}
	logDir := Dir(filepath.Join(dir, cfg.LogDir))
	models := Dir(filepath.Join(dir, "models"))
	if err := errors.Join(logDir.sweep(), models.sweep()); err != nil {
		return fmt.Errorf("clear half-written files: %w", err)
	}
	platform, err := newPlatform(dir, cfg, keys.identity.Key.Public().(ed25519.PublicKey), o.Log)
	if err != nil {
		return err
	}
	defer platform.close()
	l, err := quic.Listen(cfg.Listen, quic.Config{Identity: keys.identity, Authority: keys.authority, PeerClass: protocol.ClassDevice, Now: time.Now})
	if err != nil {
		return err
	}
	defer l.Close()
	o.OnEvent(coordinator.Event{Kind: "listening", Address: l.Addr().String(), HTTP: platform.address()})
	c, err := coordinator.New(ctx, coordinator.Config{Identity: keys.identity, Authority: keys.authority, LogKey: keys.log, LogOrigin: cfg.LogOrigin,
		Task: task, Start: start, Models: models, LogDir: logDir, Log: o.Log, OnEvent: o.OnEvent,
		OnPublish: func(coordinator.Release) { platform.published() }}, store)
	if err != nil {
		return err
	}
	if err := writeKeys(logDir, cfg, keys); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.Run(ctx, l) })
	group.Go(func() error { return platform.run(ctx) })
	return group.Wait()
}

type keys struct {
	identity  protocol.Identity
	authority ed25519.PublicKey
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
	if err := id.Cert.Verify(authority, uint64(time.Now().Unix()), protocol.ClassCoordinator); err != nil {
		return nil, fmt.Errorf("the coordinator's certificate: %w", err)
	}
	return &keys{id, authority, log}, nil
}

// writeKeys publishes what an auditor needs beside the tiles.
func writeKeys(logDir Dir, cfg *Config, k *keys) error {
	cert := k.identity.Cert.Bytes()
	file := audit.Keys{Origin: cfg.LogOrigin, LogKey: k.log.Public().(ed25519.PublicKey), Authority: k.authority, Coordinator: cert[:]}
	b, err := file.Encode()
	if err != nil {
		return fmt.Errorf("encode log keys: %w", err)
	}
	return logDir.Write("keys", b)
}
