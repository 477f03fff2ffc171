package ring

import "golang.org/x/sys/cpu"

func levels() []Level {
	x := &cpu.X86
	out := []Level{Portable}
	if !x.HasAVX2 {
		return out
	}
	vaes := x.HasAES && vectorAES() // cpu.X86 tells it only beside AVX-512
	out = append([]Level{AVX2}, out...)
	if vaes {
		out = append([]Level{VAES}, out...)
	}
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
		out = append([]Level{AVX512}, out...)
		if vaes {
			out = append([]Level{AVX512VAES}, out...)
		}
	}
	return out
}

// wide tells whether vectors have 512 bits.
func (l Level) wide() bool { return l >= AVX512 }

// fold adds words of some bytes, or takes them off, as many as dst has, a multiple of groupWords above 0.
func (l Level) fold(dst []uint32, b []byte, width int, negative bool) {
	d, s, n := &dst[0], &b[0], len(dst)
	switch {
	case l == Portable:
		foldPortable(dst, b, width, negative)
	case l.wide() && width == 4 && negative:
		fold32Sub512(d, s, n)
	case l.wide() && width == 4:
		fold32Add512(d, s, n)
	case l.wide() && width == 3 && negative:
		fold24Sub512(d, s, n)
	case l.wide() && width == 3:
		fold24Add512(d, s, n)
	case l.wide() && negative:
		fold16Sub512(d, s, n)
	case l.wide():
		fold16Add512(d, s, n)
	case width == 4 && negative:
		fold32Sub256(d, s, n)
	case width == 4:
		fold32Add256(d, s, n)
	case width == 3 && negative:
		fold24Sub256(d, s, n)
	case width == 3:
		fold24Add256(d, s, n)
	case negative:
		fold16Sub256(d, s, n)
	default:
		fold16Add256(d, s, n)
	}
}

// vectors adds vectors in memory, a multiple of groupWords above 0.
func (l Level) vectors(dst, src []uint32, negative bool) {
	if l == Portable {
		vectorsPortable(dst, src, negative)
		return
	}
	l.fold(dst, bytesOf(src), 4, negative)
}

// expand writes the key schedule of AES.
func (k *Key) expand(key *[32]byte) {
	if k.generator == AES128 {
		expand128(&k.words[0], &key[0])
		return
	}
	expand256(&k.words[0], &key[0])
}

// addAES adds keystream from a block on to a multiple of groupWords.
func (k *Key) addAES(dst []uint32, block uint64, negative bool) {
	d, n, keys, rounds := &dst[0], len(dst), &k.words[0], k.generator.rounds()
	switch {
	case k.level.wide() && negative:
		aesSub512(d, n, keys, rounds, block)
	case k.level.wide():
		aesAdd512(d, n, keys, rounds, block)
	case negative:
		aesSub256(d, n, keys, rounds, block)
	default:
		aesAdd256(d, n, keys, rounds, block)
	}
}

// writeAES writes keystream to a multiple of 64 bytes.
func (k *Key) writeAES(dst []byte, block uint64) {
	if k.level.wide() {
		aesWrite512(&dst[0], len(dst)/4, &k.words[0], k.generator.rounds(), block)
		return
	}
	aesWrite256(&dst[0], len(dst)/4, &k.words[0], k.generator.rounds(), block)
}

// addChaCha adds keystream from a block on to a multiple of 256 words.
func (k *Key) addChaCha(dst []uint32, block uint32, negative bool) {
	d, n, key := &dst[0], len(dst), &k.words[0]
	switch {
	case k.level.wide() && negative:
		chachaSub512(d, n, key, block)
	case k.level.wide():
		chachaAdd512(d, n, key, block)
	case negative:
		chachaSub256(d, n, key, block)
	default:
		chachaAdd256(d, n, key, block)
	}
}

// writeChaCha writes keystream to a multiple of 1024 bytes.
func (k *Key) writeChaCha(dst []byte, block uint32) {
	if k.level.wide() {
		chachaWrite512(&dst[0], len(dst)/4, &k.words[0], block)
		return
	}
	chachaWrite256(&dst[0], len(dst)/4, &k.words[0], block)
}
