// What clang without an SDK and nvcc have under different names. Kernels are written against these alone.
#ifndef CINESYNC_PRELUDE
#define CINESYNC_PRELUDE

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#ifdef __NVCC__
#define GLOBAL extern "C" __global__
#define DEVICE static __device__ __forceinline__
#define SHARED __shared__
#define CONSTANT __constant__
#define BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)
#define TID_X ((u32)threadIdx.x)
#define TID_Y ((u32)threadIdx.y)
#define BID_X ((u32)blockIdx.x)
#define BID_Y ((u32)blockIdx.y)
#define BID_Z ((u32)blockIdx.z)
#define BDIM_X ((u32)blockDim.x)
#define GDIM_X ((u32)gridDim.x)
#define GDIM_Y ((u32)gridDim.y)
#else
#define GLOBAL extern "C" __attribute__((global))
#define DEVICE static inline __attribute__((device, always_inline))
#define SHARED __attribute__((shared))
#define CONSTANT __attribute__((constant))
#define BOUNDS(threads, blocks) __attribute__((launch_bounds(threads, blocks)))
#define TID_X ((u32)__nvvm_read_ptx_sreg_tid_x())
#define TID_Y ((u32)__nvvm_read_ptx_sreg_tid_y())
#define BID_X ((u32)__nvvm_read_ptx_sreg_ctaid_x())
#define BID_Y ((u32)__nvvm_read_ptx_sreg_ctaid_y())
#define BID_Z ((u32)__nvvm_read_ptx_sreg_ctaid_z())
#define BDIM_X ((u32)__nvvm_read_ptx_sreg_ntid_x())
#define GDIM_X ((u32)__nvvm_read_ptx_sreg_nctaid_x())
#define GDIM_Y ((u32)__nvvm_read_ptx_sreg_nctaid_y())
#endif

#define LANE (TID_X & 31u)
#define ALL_LANES 0xffffffffu

// sync_block waits for the block, sync_warp for the warp; both order memory among those threads.
DEVICE void sync_block() { __syncthreads(); }
DEVICE void sync_warp() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }

// The value of another lane, by exclusive or with its number, or by its number.
DEVICE u32 shuffle_xor(u32 v, u32 with) {
	u32 r;
	asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(r) : "r"(v), "r"(with));
	return r;
}
DEVICE u32 shuffle(u32 v, u32 lane) {
	u32 r;
	asm volatile("shfl.sync.idx.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(r) : "r"(v), "r"(lane));
	return r;
}
DEVICE u32 vote(bool p) {
	u32 r;
	asm volatile("{ .reg .pred q; setp.ne.u32 q, %1, 0; vote.sync.ballot.b32 %0, q, 0xffffffff; }" : "=r"(r) : "r"((u32)p));
	return r;
}

DEVICE u32 bits_of(float x) {
	u32 r;
	asm("mov.b32 %0, %1;" : "=r"(r) : "f"(x));
	return r;
}
DEVICE float float_of(u32 x) {
	float r;
	asm("mov.b32 %0, %1;" : "=f"(r) : "r"(x));
	return r;
}
DEVICE float warp_sum(float x) {
	for (u32 with = 16; with; with >>= 1) x += float_of(shuffle_xor(bits_of(x), with));
	return x;
}
DEVICE float warp_max(float x) {
	for (u32 with = 16; with; with >>= 1) {
		float y = float_of(shuffle_xor(bits_of(x), with));
		x = y > x ? y : x;
	}
	return x;
}

// Atomic additions in device memory: one that gives the value before, and one that does not.
DEVICE u32 atomic_add(u32 *at, u32 v) {
	u32 r;
	asm volatile("atom.global.add.u32 %0, [%1], %2;" : "=r"(r) : "l"(at), "r"(v) : "memory");
	return r;
}
DEVICE void atomic_add_only(u32 *at, u32 v) { asm volatile("red.global.add.u32 [%0], %1;" ::"l"(at), "r"(v) : "memory"); }
DEVICE void atomic_add_float(float *at, float v) { asm volatile("red.global.add.f32 [%0], %1;" ::"l"(at), "f"(v) : "memory"); }

DEVICE float square_root(float x) {
	float r;
	asm("sqrt.rn.f32 %0, %1;" : "=f"(r) : "f"(x));
	return r;
}
DEVICE float fused(float a, float b, float c) {
	float r;
	asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(r) : "f"(a), "f"(b), "f"(c));
	return r;
}
// exponential is e^x within a few units of the last place: the integer part of x/ln 2 is taken off in two steps (Cody and Waite).
DEVICE float exponential(float x) {
	float n, e, p;
	asm("cvt.rni.f32.f32 %0, %1;" : "=f"(n) : "f"(x * 1.44269504f));
	float r = fused(n, -1.42860677e-6f, fused(n, -0.693145752f, x));
	asm("ex2.approx.f32 %0, %1;" : "=f"(e) : "f"(r * 1.44269504f));
	asm("ex2.approx.f32 %0, %1;" : "=f"(p) : "f"(n));
	return e * p;
}
// logarithm is ln x for x > 0.
DEVICE float logarithm(float x) {
	float r;
	asm("lg2.approx.f32 %0, %1;" : "=f"(r) : "f"(x));
	return r * 0.693147181f;
}

#endif
