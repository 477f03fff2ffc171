package ring

// Level is a form that the loops exist in. Dispatch is a switch rather than a table of functions, so that the compiler sees that no
// slice escapes.
type Level int

// Levels other than Portable are of amd64.
const (
	Portable   Level = iota // plain Go, and the libraries' keystreams
	AVX2                    // 256 bits; AES is the library's
	VAES                    // AVX2, and AES on two blocks an instruction
	AVX512                  // 512 bits; AES is the library's
	AVX512VAES              // AVX512, and AES on four blocks an instruction
)

func (l Level) String() string {
	return [...]string{"portable", "avx2", "avx2+vaes", "avx512", "avx512+vaes"}[l]
}

// Best is the level of this processor and its system.
func Best() Level { return best }

// Levels are all that this processor and its system run, best first; for tests.
func Levels() []Level { return levels() }

var best = levels()[0]

// ownAES tells whether AES is ours rather than the library's.
func (l Level) ownAES() bool { return l == VAES || l == AVX512VAES }
