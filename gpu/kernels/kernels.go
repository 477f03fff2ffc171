package kernels

import (
	"embed"
	"fmt"
)

// File is one kernel file by its name: NAME.cu, and NAME.ptx which the driver compiles for its device.
type File string

// The files.
const (
	Masks File = "masks"
	TopK  File = "topk"
	Train File = "train"
	NCF   File = "ncf"
	Score File = "score"
	Probe File = "probe"
	// Ceiling is for benchmarks.
	Ceiling File = "ceiling"
)

//go:embed *.ptx
var compiled embed.FS

// PTX is the file as text of PTX 7.0 for sm_80.
func (f File) PTX() (string, error) {
	b, err := compiled.ReadFile(string(f) + ".ptx")
	if err != nil {
		return "", fmt.Errorf("kernel file %q: %w", string(f), err)
	}
	return string(b), nil
}
