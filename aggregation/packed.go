package aggregation

import "encoding/binary"

// Packed words, read where they are: eight a turn by plain loads, each way in a loop of its own, which is several times faster
// than one loop with a sign.

// fold24 adds as many words of three bytes as dst has, or subtracts them.
func fold24(dst []uint32, b []byte, negative bool) {
	if negative {
		subWords24(dst, b)
		return
	}
	addWords24(dst, b)
}

// fold16 adds as many words of two bytes as dst has, or subtracts them.
func fold16(dst []uint32, b []byte, negative bool) {
	if negative {
		subWords16(dst, b)
		return
	}
	addWords16(dst, b)
}

// low24 cuts off the next word's byte, which a load of four brings along.
const low24 = 1<<24 - 1

// addWords24 loads four bytes a word, so that the last words of b go the slow way.
func addWords24(dst []uint32, b []byte) {
	for len(dst) >= 8 && len(b) >= 25 {
		d, s := (*[8]uint32)(dst), (*[25]byte)(b)
		d[0] += binary.LittleEndian.Uint32(s[0:]) & low24
		d[1] += binary.LittleEndian.Uint32(s[3:]) & low24
		d[2] += binary.LittleEndian.Uint32(s[6:]) & low24
		d[3] += binary.LittleEndian.Uint32(s[9:]) & low24
		d[4] += binary.LittleEndian.Uint32(s[12:]) & low24
		d[5] += binary.LittleEndian.Uint32(s[15:]) & low24
		d[6] += binary.LittleEndian.Uint32(s[18:]) & low24
		d[7] += binary.LittleEndian.Uint32(s[21:]) & low24
		dst, b = dst[8:], b[24:]
	}
	for i := range dst {
		dst[i] += uint32(b[3*i]) | uint32(b[3*i+1])<<8 | uint32(b[3*i+2])<<16
	}
}

// subWords24 is addWords24 with the other sign.
func subWords24(dst []uint32, b []byte) {
	for len(dst) >= 8 && len(b) >= 25 {
		d, s := (*[8]uint32)(dst), (*[25]byte)(b)
		d[0] -= binary.LittleEndian.Uint32(s[0:]) & low24
		d[1] -= binary.LittleEndian.Uint32(s[3:]) & low24
		d[2] -= binary.LittleEndian.Uint32(s[6:]) & low24
		d[3] -= binary.LittleEndian.Uint32(s[9:]) & low24
		d[4] -= binary.LittleEndian.Uint32(s[12:]) & low24
		d[5] -= binary.LittleEndian.Uint32(s[15:]) & low24
		d[6] -= binary.LittleEndian.Uint32(s[18:]) & low24
		d[7] -= binary.LittleEndian.Uint32(s[21:]) & low24
		dst, b = dst[8:], b[24:]
	}
	for i := range dst {
		dst[i] -= uint32(b[3*i]) | uint32(b[3*i+1])<<8 | uint32(b[3*i+2])<<16
	}
}

// addWords16 adds words of two bytes.
func addWords16(dst []uint32, b []byte) {
	for len(dst) >= 8 && len(b) >= 16 {
		d, s := (*[8]uint32)(dst), (*[16]byte)(b)
		d[0] += uint32(binary.LittleEndian.Uint16(s[0:]))
		d[1] += uint32(binary.LittleEndian.Uint16(s[2:]))
		d[2] += uint32(binary.LittleEndian.Uint16(s[4:]))
		d[3] += uint32(binary.LittleEndian.Uint16(s[6:]))
		d[4] += uint32(binary.LittleEndian.Uint16(s[8:]))
		d[5] += uint32(binary.LittleEndian.Uint16(s[10:]))
		d[6] += uint32(binary.LittleEndian.Uint16(s[12:]))
		d[7] += uint32(binary.LittleEndian.Uint16(s[14:]))
		dst, b = dst[8:], b[16:]
	}
	for i := range dst {
		dst[i] += uint32(binary.LittleEndian.Uint16(b[2*i:]))
	}
}

// subWords16 is addWords16 with the other sign.
func subWords16(dst []uint32, b []byte) {
	for len(dst) >= 8 && len(b) >= 16 {
		d, s := (*[8]uint32)(dst), (*[16]byte)(b)
		d[0] -= uint32(binary.LittleEndian.Uint16(s[0:]))
		d[1] -= uint32(binary.LittleEndian.Uint16(s[2:]))
		d[2] -= uint32(binary.LittleEndian.Uint16(s[4:]))
		d[3] -= uint32(binary.LittleEndian.Uint16(s[6:]))
		d[4] -= uint32(binary.LittleEndian.Uint16(s[8:]))
		d[5] -= uint32(binary.LittleEndian.Uint16(s[10:]))
		d[6] -= uint32(binary.LittleEndian.Uint16(s[12:]))
		d[7] -= uint32(binary.LittleEndian.Uint16(s[14:]))
		dst, b = dst[8:], b[16:]
	}
	for i := range dst {
		dst[i] -= uint32(binary.LittleEndian.Uint16(b[2*i:]))
	}
}
