package operate

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
	"github.com/cinesync/cinesync/serve/web"
)

// figures recomputes the privacy figure from the public log, as any auditor can, and keeps the newest.
type figures struct {
	log    fs.FS
	now    func() time.Time
	newest atomic.Pointer[figure]
}

type figure struct {
	web.Figure
	err error
}

var errNotRead = errors.New("the public log was not read yet")

// Figure is the newest that there is.
func (f *figures) Figure() (web.Figure, error) {
	if now := f.newest.Load(); now != nil {
		return now.Figure, now.err
	}
	return web.Figure{}, errNotRead
}

// read audits the log as it is now. A log that does not verify gives a figure with a warning, never a better one.
func (f *figures) read() {
	report, err := auditing.Verify(f.log, audit.Options{Live: true, Now: uint64(f.now().Unix())})
	if err != nil {
		f.newest.Store(&figure{err: fmt.Errorf("audit the public log: %w", err)})
		return
	}
	if report.Rounds == 0 {
		f.newest.Store(&figure{err: errors.New("no round is in the public log that could be read")})
		return
	}
	claim := auditing.ClaimOf(report)
	f.newest.Store(&figure{Figure: web.Figure{Epsilon: report.TotalEpsilon, Delta: report.Delta, Rho: report.TotalRho, Dearest: report.Epsilon, Periods: len(report.Periods),
		Unit: claim.Unit, Towards: claim.Towards, Assumed: claim.Assumed, Sampling: claim.Sampling, Warning: claim.Warning, Entries: report.Entries, Rounds: report.Rounds}})
}
