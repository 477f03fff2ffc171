package kernel

// level is a form that the kernels exist in. Each has the same methods; dispatch is a switch rather than a table of
// functions, so that the compiler sees that no slice escapes.
type level int

const portable level = 0

// levels are the forms that this processor runs, best first.
func levels() []level { return []level{portable} }

func (l level) String() string { return [...]string{"portable"}[l] }
