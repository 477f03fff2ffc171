// Kernels that try a device out: what `cinesync gpu info` runs, and what the tests of package gpu run.
#include "prelude.h"

// probe_add is dst[i] = a[i] + by, i < n.
GLOBAL void probe_add(u32 *dst, const u32 *a, u32 by, u64 n) {
	u64 i = (u64)BID_X * BDIM_X + TID_X;
	if (i < n) dst[i] = a[i] + by;
}

// probe_arguments writes every kind of argument where the host can read it back.
GLOBAL void probe_arguments(u64 *dst, s32 a, u32 b, s64 c, u64 d, float e) {
	if (TID_X || BID_X) return;
	dst[0] = (u64)(s64)a;
	dst[1] = b;
	dst[2] = (u64)c;
	dst[3] = d;
	dst[4] = bits_of(e);
}

// probe_fault writes to an address that nobody has.
GLOBAL void probe_fault() { *(volatile u32 *)8 = 1; }

// probe_shared reverses 64 words of each block through dynamic shared memory.
extern SHARED u32 turned[];
GLOBAL void probe_shared(u32 *x) {
	turned[TID_X] = x[BID_X * BDIM_X + TID_X];
	sync_block();
	x[BID_X * BDIM_X + TID_X] = turned[BDIM_X - 1 - TID_X];
}
