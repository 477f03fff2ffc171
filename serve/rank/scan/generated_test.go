package scan

import (
	"testing"

	"github.com/cinesync/cinesync/internal/generated"
)

func TestAssemblyIsWhatItsGeneratorWrote(t *testing.T) { generated.Check(t, "scan_amd64.*", 2) }
