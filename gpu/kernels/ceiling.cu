// Ceilings that benchmarks are held against: how fast a device does one thing and nothing else.
#include "prelude.h"

extern SHARED u32 words[];

// ceiling_looks reads words of shared memory, each lane in its own bank, 16 x rounds a thread. What is read says what is read next, as in a table
// of AES: rows of 256 bytes, one byte of a word the row's number. Dynamic shared memory is 64 KiB or more.
GLOBAL BOUNDS(512, 1) void ceiling_looks(u32 *out, u32 rounds) {
	for (u32 i = TID_X; i < 16384; i += BDIM_X) words[i] = i * 2654435761u;
	sync_block();
	u32 x[16], s = 0;
#pragma unroll
	for (u32 i = 0; i < 16; i++) x[i] = TID_X * 40503u + i * 2654435761u;
	const u32 lane = 4 * LANE;
	u32 base;
	asm("{ .reg .u64 t; cvta.to.shared.u64 t, %1; cvt.u32.u64 %0, t; }" : "=r"(base) : "l"((const void *)words));
	for (u32 r = 0; r < rounds; r++) {
#pragma unroll
		for (u32 i = 0; i < 16; i++) {
			u32 row;
			asm("prmt.b32 %0, %1, %2, 0x7614;" : "=r"(row) : "r"(x[i]), "r"(lane));
			asm volatile("ld.shared.u32 %0, [%1];" : "=r"(x[i]) : "r"(base + row));
		}
	}
#pragma unroll
	for (u32 i = 0; i < 16; i++) s ^= x[i];
	out[BID_X * BDIM_X + TID_X] = s;
}

// ceiling_turns does exclusive-ors and turns, 32 x rounds a thread in all: what ChaCha20 has beside additions, which other units take.
GLOBAL BOUNDS(256, 4) void ceiling_turns(u32 *out, u32 rounds) {
	u32 x[16], s = 0;
#pragma unroll
	for (u32 i = 0; i < 16; i++) x[i] = TID_X * 40503u + i * 2654435761u;
#pragma unroll 4
	for (u32 r = 0; r < rounds; r++) {
#pragma unroll
		for (u32 i = 0; i < 16; i++) {
			const u32 v = x[i] ^ x[(i + 5) & 15];
			x[i] = v << 7 | v >> 25;
		}
	}
#pragma unroll
	for (u32 i = 0; i < 16; i++) s ^= x[i];
	out[BID_X * BDIM_X + TID_X] = s;
}
