package kernel

// level is a form that the kernels exist in. Each has the same methods; dispatch is a switch rather than a table of
// functions, so that the compiler sees that no slice escapes.
type level int

const (
	portable level = iota
	avx2           // 8 lanes, with FMA
	avx512         // 16 lanes, with masks
)

func (l level) String() string { return [...]string{"portable", "avx2", "avx512"}[l] }
