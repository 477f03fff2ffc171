package kernel

import (
	"testing"

	"github.com/cinesync/cinesync/internal/generated"
)

func TestAssemblyIsWhatItsGeneratorWrote(t *testing.T) { generated.Check(t, "kernel_*_amd64.*", 4) }
