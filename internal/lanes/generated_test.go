package lanes

import (
	"testing"

	"github.com/cinesync/cinesync/internal/generated"
)

func TestAssemblyIsWhatItsGeneratorWrote(t *testing.T) { generated.Check(t, "lanes_amd64.*", 2) }
