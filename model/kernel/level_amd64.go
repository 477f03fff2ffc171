package kernel

import "golang.org/x/sys/cpu"

// best is the form that exported functions use.
var best = levels()[0]

// levels are the forms that this processor and its system run, best first.
func levels() []level {
	out := []level{portable}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		out = []level{avx2, portable}
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL {
			out = []level{avx512, avx2, portable}
		}
	}
	return out
}
