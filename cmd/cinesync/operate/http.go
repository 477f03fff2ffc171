package operate

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cinesync/cinesync/serve"
	"github.com/cinesync/cinesync/serve/catalog"
	"github.com/cinesync/cinesync/serve/web"
)

// Limits of one HTTP connection; requests are small and answers are computed in memory.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
	stopTimeout   = 5 * time.Second
)

// platform is the serving side of the folder: it reads published files only, the releases and the public log.
type platform struct {
	service  *serve.Service
	figures  *figures
	server   *http.Server
	listener net.Listener
	fresh    chan struct{} // a release was published; one slot, since only the newest counts
	logged   chan struct{} // the public log came to hold a release; as many
	log      *slog.Logger
}

// newPlatform opens the address before anything is logged, so that a port in use stops the start. Without an address it
// returns nil.
func newPlatform(dir string, cfg *Config, key ed25519.PublicKey, o Options) (*platform, error) {
	if cfg.HTTP == "" {
		return nil, nil
	}
	titles, err := loadCatalogue(dir, cfg)
	if err != nil {
		return nil, err
	}
	service, err := serve.New(serve.Config{Models: os.DirFS(filepath.Join(dir, "models")), Key: key, Catalogue: titles, Finder: o.Finder, Scores: o.Scores, Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("serve recommendations: %w", err)
	}
	figures := &figures{log: os.DirFS(filepath.Join(dir, cfg.LogDir)), now: time.Now}
	handler, err := web.New(web.Config{Service: service, Privacy: figures, Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("serve recommendations: %w", err)
	}
	l, err := listenHTTP(cfg.HTTP)
	if err != nil {
		return nil, err
	}
	return &platform{service: service, figures: figures, listener: l, fresh: make(chan struct{}, 1), logged: make(chan struct{}, 1), log: o.Log, server: &http.Server{Handler: handler,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)}}, nil
}

func listenHTTP(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s for the platform's API: %s%w", address, adviceHTTP(err), err)
	}
	return l, nil
}

// TryHTTP reports whether the platform's API can have an address now, for callers that make a folder first.
func TryHTTP(address string) error {
	l, err := listenHTTP(address)
	if err != nil {
		return err
	}
	return l.Close()
}

func adviceHTTP(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "the port is in use by another program; stop that program, or choose another port with --http: "
	case errors.Is(err, syscall.EACCES):
		return "the port is reserved; choose one above 1023 with --http: "
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address; choose one of its own with --http: "
	default:
		return ""
	}
}

func loadCatalogue(dir string, cfg *Config) (*catalog.Catalogue, error) {
	if cfg.Catalogue == "" {
		return nil, errors.New("coordinator.json: http is set and catalogue is not: name the file of titles that answers are made of")
	}
	path := filepath.Join(dir, cfg.Catalogue)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("coordinator.json: catalogue %s does not exist: put a file of titles there, one JSON object a line", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open catalogue: %w", err)
	}
	titles, err := catalog.Read(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", path, err)
	}
	if titles.Len() == 0 {
		return nil, fmt.Errorf("catalogue %s holds no title, so nothing could be recommended: put the titles of the model in it, one JSON object a line", path)
	}
	return titles, nil
}

// address is where it answers, with the port that the system chose if it was asked to.
func (p *platform) address() string {
	if p == nil {
		return ""
	}
	return p.listener.Addr().String()
}

// published says that there is a newer release, and logged whether the public log holds it: with witnesses it says so a second
// time. It never blocks.
func (p *platform) published(logged bool) {
	if p == nil {
		return
	}
	news := p.fresh
	if logged {
		news = p.logged
	}
	select {
	case news <- struct{}{}:
	default:
	}
}

// take puts the newest release into service. One that fails its checks is logged, and the last good one goes on answering.
func (p *platform) take(ctx context.Context) {
	if err := p.service.Reload(ctx); err != nil && !errors.Is(err, serve.ErrNoModel) && ctx.Err() == nil {
		p.log.ErrorContext(ctx, "the published release is not taken", slog.Any("error", err))
	}
}

// run answers until ctx ends, and takes each release that is published. The figure is read once the public log holds the release:
// without witnesses before the release answers; with them right after they signed it, and until then the release has none.
func (p *platform) run(ctx context.Context) error {
	if p == nil {
		return nil
	}
	defer p.service.Close() // before whoever opened a GPU closes it
	served := make(chan error, 1)
	go func() { served <- p.server.Serve(p.listener) }()
	p.published(true) // what an earlier run promoted
	for {
		select {
		case <-p.fresh:
			p.take(ctx)
		case <-p.logged:
			p.figures.read()
			p.take(ctx)
		case err := <-served:
			return fmt.Errorf("answer over HTTP: %w", err)
		case <-ctx.Done():
			return p.stop(served)
		}
	}
}

func (p *platform) stop(served <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		p.server.Close() // somebody reads slowly
	}
	<-served
	return nil
}

// close lets go of an address that was never served.
func (p *platform) close() {
	if p != nil {
		p.listener.Close()
	}
}
