package witnessing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/cinesync/cinesync/audit/witness"
)

// Options are what a caller adds to the folder.
type Options struct {
	Listen string // host:port; port 0 takes a free one
	Log    *slog.Logger
	Ready  func(Running) // called once, when requests are answered; may be nil
}

// Running tells what is being served.
type Running struct {
	Name    string
	Address string            // http://host:port, the submission prefix
	Sizes   map[string]uint64 // size that was signed last, by log
}

const (
	requestTime = 10 * time.Second // to read one request, and to answer it
	closeTime   = 3 * time.Second  // for answers that are under way when the witness is stopped
)

// Serve runs the witness of a folder until ctx ends; requests that are under way are answered.
func Serve(ctx context.Context, dir string, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	me, key, err := Load(dir)
	if err != nil {
		return err
	}
	logs, err := openLogs(dir)
	if err != nil {
		return err
	}
	defer logs.Close()
	w, err := witness.New(witness.Config{Name: me.Name, Key: key, Store: logs, Now: time.Now, Log: o.Log})
	if err != nil {
		return err
	}
	if len(w.Sizes()) == 0 {
		return fmt.Errorf("the witness of %s signs for no log yet: add one with `cinesync witness add-log`", dir)
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen for logs: %w; choose another address with --listen", err)
	}
	if o.Ready != nil {
		o.Ready(Running{Name: me.Name, Address: "http://" + l.Addr().String(), Sizes: w.Sizes()})
	}
	return serve(ctx, l, w, o.Log)
}

func serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: requestTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: time.Minute,
		MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve logs: %w", err)
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	err := server.Shutdown(late)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // who is still sending will ask again
	}
	<-done
	return err
}
