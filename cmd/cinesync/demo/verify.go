package demo

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/cinesync/cinesync/audit"
	"github.com/cinesync/cinesync/cmd/internal/auditing"
)

// verify audits the demo's log as cinesync-audit does, while the coordinator may be running.
func verify(fsys fs.FS) audit.Report {
	report, err := auditing.Verify(fsys, audit.Options{Live: true, Now: uint64(time.Now().Unix())})
	if err != nil {
		panic(fmt.Sprintf("demo: audit: %v", err)) // the options are ours and right
	}
	return report
}
