package ring

import (
	"testing"

	"github.com/cinesync/cinesync/internal/generated"
)

func TestAssemblyIsWhatItsGeneratorWrote(t *testing.T) { generated.Check(t, "generated_*_amd64.*", 6) }
