package ring

import "encoding/binary"

// Plain loops, eight words a turn by plain loads, each way in a loop of its own, which is several times faster than one loop with a
// sign. They are right for either byte order.

func vectorsPortable(dst, src []uint32, negative bool) {
	if negative {
		subVectors(dst, src)
		return
	}
	addVectors(dst, src)
}

func foldPortable(dst []uint32, b []byte, width int, negative bool) {
	switch {
	case width == 4 && negative:
		subWords32(dst, b)
	case width == 4:
		addWords32(dst, b)
	case width == 3 && negative:
		subWords24(dst, b)
	case width == 3:
		addWords24(dst, b)
	case negative:
		subWords16(dst, b)
	default:
		addWords16(dst, b)
	}
}

// low24 cuts off the next word's byte, which a load of four brings along.
const low24 = 1<<24 - 1

// addVectors adds src.
func addVectors(dst []uint32, src []uint32) {
	for len(dst) >= 8 && len(src) >= 8 {
		d, s := (*[8]uint32)(dst), (*[8]uint32)(src)
		d[0] += s[0]
		d[1] += s[1]
		d[2] += s[2]
		d[3] += s[3]
		d[4] += s[4]
		d[5] += s[5]
		d[6] += s[6]
		d[7] += s[7]
		dst, src = dst[8:], src[8:]
	}
	for i := range dst {
		dst[i] += src[i]
	}
}

// addWords32 adds words of four bytes.
func addWords32(dst []uint32, b []byte) {
	for len(dst) >= 8 && len(b) >= 32 {
		d, s := (*[8]uint32)(dst), (*[32]byte)(b)
		d[0] += binary.LittleEndian.Uint32(s[0:])
		d[1] += binary.LittleEndian.Uint32(s[4:])
		d[2] += binary.LittleEndian.Uint32(s[8:])
		d[3] += binary.LittleEndian.Uint32(s[12:])
		d[4] += binary.LittleEndian.Uint32(s[16:])
		d[5] += binary.LittleEndian.Uint32(s[20:])
		d[6] += binary.LittleEndian.Uint32(s[24:])
		d[7] += binary.LittleEndian.Uint32(s[28:])
		dst, b = dst[8:], b[32:]
	}
	for i := range dst {
		dst[i] += binary.LittleEndian.Uint32(b[4*i:])
	}
}

// addWords24 adds words of three bytes. It loads four, so that the last words of b go the slow way.
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

// subVectors takes src off.
func subVectors(dst []uint32, src []uint32) {
	for len(dst) >= 8 && len(src) >= 8 {
		d, s := (*[8]uint32)(dst), (*[8]uint32)(src)
		d[0] -= s[0]
		d[1] -= s[1]
		d[2] -= s[2]
		d[3] -= s[3]
		d[4] -= s[4]
		d[5] -= s[5]
		d[6] -= s[6]
		d[7] -= s[7]
		dst, src = dst[8:], src[8:]
	}
	for i := range dst {
		dst[i] -= src[i]
	}
}

// subWords32 takes off words of four bytes.
func subWords32(dst []uint32, b []byte) {
	for len(dst) >= 8 && len(b) >= 32 {
		d, s := (*[8]uint32)(dst), (*[32]byte)(b)
		d[0] -= binary.LittleEndian.Uint32(s[0:])
		d[1] -= binary.LittleEndian.Uint32(s[4:])
		d[2] -= binary.LittleEndian.Uint32(s[8:])
		d[3] -= binary.LittleEndian.Uint32(s[12:])
		d[4] -= binary.LittleEndian.Uint32(s[16:])
		d[5] -= binary.LittleEndian.Uint32(s[20:])
		d[6] -= binary.LittleEndian.Uint32(s[24:])
		d[7] -= binary.LittleEndian.Uint32(s[28:])
		dst, b = dst[8:], b[32:]
	}
	for i := range dst {
		dst[i] -= binary.LittleEndian.Uint32(b[4*i:])
	}
}

// subWords24 takes off words of three bytes. It loads four, so that the last words of b go the slow way.
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

// subWords16 takes off words of two bytes.
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
