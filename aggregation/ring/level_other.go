//go:build !amd64

package ring

func levels() []Level { return []Level{Portable} }

func (Level) fold(dst []uint32, b []byte, width int, negative bool) {
	foldPortable(dst, b, width, negative)
}

func (Level) vectors(dst, src []uint32, negative bool) { vectorsPortable(dst, src, negative) }

// Without assembly every key is a library's.

func (k *Key) expand(*[32]byte)                 {}
func (k *Key) addAES([]uint32, uint64, bool)    {}
func (k *Key) writeAES([]byte, uint64)          {}
func (k *Key) addChaCha([]uint32, uint32, bool) {}
func (k *Key) writeChaCha([]byte, uint32)       {}
