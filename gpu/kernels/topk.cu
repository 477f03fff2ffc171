// The n best titles for many queries, exactly, without a matrix of scores: decision 0050.
//
// The titles lie in half precision, scaled by a power of two, in tiles of 64: tile, chunk of 8 numbers, title, number. Beside each tile
// stand bounds from which follows how far a score from tensor cores can be from the score that counts. So everything below can speak of
// proven lower and upper bounds: topk_sample finds a floor that at least n titles reach, topk_scan keeps what may reach it, topk_choose
// scores what may still belong in float64 and sorts. What does not fit is told to the host, and topk_exact_* does it without shortcuts.
#include "prelude.h"

enum : u32 {
	TILE = 64,       // titles
	THREADS = 256,   // of every block
	WIDE = 16,       // values that a thread holds in a choice
	MOST = THREADS * WIDE, // candidates of a query, keys of a block
};

// What becomes of a query.
enum : u32 { RUNS = 0, DONE = 1, FULL = 2, EXACT = 3 };

struct __attribute__((aligned(16))) four {
	float x, y, z, w;
};
struct __attribute__((aligned(16))) words {
	u32 x, y, z, w;
};

// Of a query: floor of what is looked for, less the slack of rounding to float32; the norm of what half precision lost; the norm of what
// it kept; the scale of scores. Norms are bounds from above.
typedef four need;
// Of a tile: the greatest norm; the norm of what half precision lost, with what the sums lose; the greatest bias, with what sums lose of it.
typedef four bound;

// [primitives]
DEVICE float down(float a, float b) { // a - b, rounded down
	float r;
	asm("sub.rm.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
	return r;
}
DEVICE float up(float a, float b) { // a + b, rounded up
	float r;
	asm("add.rp.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
	return r;
}
DEVICE float up_fused(float a, float b, float c) { // a·b + c, rounded up
	float r;
	asm("fma.rp.f32 %0, %1, %2, %3;" : "=f"(r) : "f"(a), "f"(b), "f"(c));
	return r;
}
DEVICE float greater(float a, float b) {
	float r;
	asm("max.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
	return r;
}
DEVICE float up_float(double x) {
	float r;
	asm("cvt.rp.f32.f64 %0, %1;" : "=f"(r) : "d"(x));
	return r;
}
DEVICE float near_float(double x) {
	float r;
	asm("cvt.rn.f32.f64 %0, %1;" : "=f"(r) : "d"(x));
	return r;
}
DEVICE double root(double x) {
	double r;
	asm("sqrt.rn.f64 %0, %1;" : "=d"(r) : "d"(x));
	return r;
}
DEVICE double fused_double(double a, double b, double c) {
	double r;
	asm("fma.rn.f64 %0, %1, %2, %3;" : "=d"(r) : "d"(a), "d"(b), "d"(c));
	return r;
}
DEVICE u16 half_of(double x) {
	u16 r;
	asm("cvt.rn.f16.f64 %0, %1;" : "=h"(r) : "d"(x));
	return r;
}
DEVICE double of_half(u16 h) {
	double r;
	asm("cvt.f64.f16 %0, %1;" : "=d"(r) : "h"(h));
	return r;
}
DEVICE u64 bits_of_double(double x) {
	u64 r;
	asm("mov.b64 %0, %1;" : "=l"(r) : "d"(x));
	return r;
}
DEVICE double double_of(u64 x) {
	double r;
	asm("mov.b64 %0, %1;" : "=d"(r) : "l"(x));
	return r;
}
DEVICE u32 warp_count(u32 v) { // the sum over the warp
	u32 r;
	asm volatile("redux.sync.add.u32 %0, %1, 0xffffffff;" : "=r"(r) : "r"(v));
	return r;
}
DEVICE u32 warp_and(u32 v) {
	u32 r;
	asm volatile("redux.sync.and.b32 %0, %1, 0xffffffff;" : "=r"(r) : "r"(v));
	return r;
}
DEVICE u32 warp_or(u32 v) {
	u32 r;
	asm volatile("redux.sync.or.b32 %0, %1, 0xffffffff;" : "=r"(r) : "r"(v));
	return r;
}
DEVICE s32 highest(u32 v) { // the number of the highest bit that is set; -1 without one
	s32 r;
	asm("bfind.u32 %0, %1;" : "=r"(r) : "r"(v));
	return r;
}
DEVICE u32 shared_at(const void *p) { // the address within shared memory
	u64 r;
	asm("cvta.to.shared.u64 %0, %1;" : "=l"(r) : "l"(p));
	return (u32)r;
}
DEVICE u32 shared_add(u32 *at, u32 v) {
	u32 r;
	asm volatile("atom.shared.add.u32 %0, [%1], %2;" : "=r"(r) : "r"(shared_at(at)), "r"(v) : "memory");
	return r;
}
DEVICE void copy_begin(u8 *dst, const u8 *src) { // 16 bytes into shared memory, behind the thread's back
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_at(dst)), "l"(src) : "memory");
}
DEVICE void copy_close() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <u32 LEFT> DEVICE void copy_wait() { // until at most LEFT groups are under way
	asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}
DEVICE void load_matrices(u32 *r, const u8 *row) { // four of 8 × 8 halves; lane l gives the address of row l%8 of matrix l/8
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_at(row)) : "memory");
}
DEVICE void multiply(float *c, const u32 *a, u32 b0, u32 b1) { // c (16 × 8) += a (16 × 16) · b (16 × 8), halves
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
		: "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
		: "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
// [end of primitives]

DEVICE float no_bound() { return float_of(0xff800000u); }    // -∞
DEVICE float unreachable() { return float_of(0x7f800000u); } // +∞

// ordered maps floats to numbers that stand in the same order and are never 0; value_of maps back.
DEVICE u32 ordered(float x) {
	u32 b = bits_of(x);
	return b >> 31 ? ~b : b | 0x80000000u;
}
DEVICE float value_of(u32 o) { return float_of(o >> 31 ? o & 0x7fffffffu : ~o); }
DEVICE float floor_of(u32 o) { return o > ordered(no_bound()) ? value_of(o) : no_bound(); } // what lies below all numbers included

DEVICE double warp_sum_double(double x) {
	for (u32 with = 16; with; with >>= 1) {
		u64 b = bits_of_double(x);
		x += double_of((u64)shuffle_xor((u32)(b >> 32), with) << 32 | shuffle_xor((u32)b, with));
	}
	return x;
}

DEVICE double power(s32 e) { return double_of((u64)(1023 + e) << 52); } // 2^e, -1022 <= e <= 1023

// exponent of |x| > 0: 2^exponent <= |x| < 2^(exponent+1).
DEVICE s32 exponent(float x) { return (s32)(bits_of_double((double)x) >> 52 & 2047) - 1023; }

// half_exponent is by which power of two numbers up to the given one are scaled to lie well inside half precision.
DEVICE s32 half_exponent(float greatest) { return greatest > 0 ? 13 - exponent(greatest) : 0; }

// loose makes a bound of a sum of squares and of what was rounded on the way to it.
DEVICE double loose(double squares) { return root(squares) * (1 + 1e-9); }

// What sums of `steps` products of tensor cores lose, as a part of the sum of the terms' sizes: each takes 16 products and the sum so
// far, aligns them to the greatest and cuts off what is 2^-23 of it or less (Fasi et al. 2021 measured one bit more kept); doubled. The
// last terms are the rounding of the score to float32 and of these numbers themselves.
DEVICE double lost(u32 steps) { return (steps * 36 + 16) * power(-23); }

// topk_load makes tiles and bounds of vectors (titles × dim, row by row). A block a tile, a thread a title.
GLOBAL void BOUNDS(TILE, 1) topk_load(u8 *tiles, bound *bounds, const float *vectors, const float *biases, u32 titles, u32 dim, u32 steps, s32 exponent) {
	SHARED float most[3][TILE];
	u32 row = BID_X * TILE + TID_X, chunks = steps * 2;
	double scale = power(exponent), whole = 0, rest = 0;
	for (u32 c = 0; c < chunks; c++) {
		u32 packed[4];
		for (u32 p = 0; p < 4; p++) {
			u32 both = 0;
			for (u32 e = 0; e < 2; e++) {
				u32 k = c * 8 + p * 2 + e;
				double v = row < titles && k < dim ? (double)vectors[(u64)row * dim + k] * scale : 0;
				u16 h = half_of(v);
				double r = v - of_half(h);
				whole = fused_double(v, v, whole);
				rest = fused_double(r, r, rest);
				both |= (u32)h << (16 * e);
			}
			packed[p] = both;
		}
		words w = {packed[0], packed[1], packed[2], packed[3]};
		*(words *)(tiles + (((u64)BID_X * chunks + c) * TILE + TID_X) * 16) = w;
	}
	whole = loose(whole);
	rest = loose(rest);
	float bias = row < titles ? biases[row] : 0;
	most[0][TID_X] = up_float(whole);
	most[1][TID_X] = up_float(rest + lost(steps) * (whole + rest));
	most[2][TID_X] = up_float((bias < 0 ? -bias : bias) * lost(steps));
	sync_block();
	if (TID_X >= 3) return;
	float m = 0;
	for (u32 i = 0; i < TILE; i++) m = most[TID_X][i] > m ? most[TID_X][i] : m;
	((float *)(bounds + BID_X))[TID_X] = m;
	if (TID_X == 2) bounds[BID_X].w = 0;
}

// topk_prepare makes halves (steps · 16 a query, up to whole blocks of queries) and needs of the queries, and clears what the scan counts.
// A warp a query. of is the scale's exponent of the titles; greatest bounds their norms, in scale, and bias their biases.
GLOBAL void topk_prepare(u16 *halves, need *needs, float *slack, u32 *states, u32 *counts, const float *queries, u32 batch, u32 padded, u32 dim, u32 steps, s32 of,
	float greatest, float bias) {
	u32 q = (BID_X * BDIM_X + TID_X) / 32, width = steps * 16;
	if (q >= padded) return;
	const float *query = queries + (u64)q * dim;
	float most = 0;
	for (u32 k = LANE; q < batch && k < dim; k += 32) {
		float x = query[k] < 0 ? -query[k] : query[k];
		most = x > most ? x : most;
	}
	s32 own = half_exponent(warp_max(most));
	if (bias > 0) { // scaled biases stay finite in float32
		s32 limit = 60 - exponent(bias);
		limit = (limit < 100 ? limit : 100) - of;
		own = own < limit ? own : limit;
	}
	double scale = power(own), kept = 0, rest = 0;
	for (u32 k = LANE; k < width; k += 32) {
		double x = q < batch && k < dim ? (double)query[k] * scale : 0;
		u16 h = half_of(x);
		double v = of_half(h), r = x - v;
		kept = fused_double(v, v, kept);
		rest = fused_double(r, r, rest);
		halves[(u64)q * width + k] = h;
	}
	kept = loose(warp_sum_double(kept));
	rest = loose(warp_sum_double(rest));
	if (LANE) return;
	s32 both = own + of;
	double exact = power(both);
	float used = bias > 0 && both >= -126 ? near_float(exact) : 0;
	bool huge = (kept + rest) * greatest + bias * exact >= power(126) * exact; // a score might be infinite
	slack[q] = up_float((exact * power(-149) + power(-100) + (bias > 0 ? (exact - used) * bias + power(-100) : 0)) * (1 + 1e-6));
	need n = {slack[q], up_float(rest * (1 + 1e-3)), up_float(kept * (1 + 1e-6)), used};
	if (q >= batch || huge) n.x = unreachable();
	needs[q] = n;
	states[q] = huge ? EXACT : RUNS;
	counts[q] = 0;
}

// topk_bar puts words of sets of barred titles where they belong: pairs of a place, counted in words of 64 titles, and the word.
GLOBAL void topk_bar(u64 *own, u64 room, const u64 *pairs, u32 count) {
	u32 i = BID_X * BDIM_X + TID_X;
	if (i < count && pairs[i * 2ull] < room) own[pairs[i * 2ull]] = pairs[i * 2ull + 1];
}

// error bounds how far a score from tensor cores is from the one that counts, in scale, but for the slack of the query.
DEVICE float error(need n, bound b) { return up_fused(n.y, b.x, up_fused(n.z, b.y, up_fused(n.w, b.z, 0))); }

// A set of barred titles a batch, and one of sets a query.
struct bars {
	const u32 *shared; // 2 words a tile; titles behind the last are barred here
	const u32 *own;    // 2 words a tile, set by set
	const s32 *which;  // the set of a query; below 0: none
	u32 tiles;
};
DEVICE u32 barred(bars b, s32 set, u32 word) {
	u32 w = b.shared[word];
	return set < 0 ? w : w | b.own[(u64)(u32)set * b.tiles * 2 + word];
}

extern SHARED words dynamic[];

// staging is where a thread of topk_scan keeps what it found until it hands it over.
struct staging {
	u64 *own;     // in shared memory: every THREADS-th is the thread's; score, query within the block · 2^24 + title
	s32 *which;   // sets of the block's queries
	u32 *counts;  // of each query, in device memory
	u64 *found;   // score and title
	u32 first;    // query of the block
	bars out;
};
// hand_over appends the titles that are not barred to their queries' candidates. It counts those too that have no room there.
template <u32 AT_ONCE> DEVICE void hand_over(staging s, u32 kept) {
#pragma unroll 1
	for (u32 from = 0; from < kept; from += AT_ONCE) {
		u64 one[AT_ONCE];
		u32 at[AT_ONCE];
#pragma unroll
		for (u32 i = 0; i < AT_ONCE; i++) {
			at[i] = MOST;
			if (from + i >= kept) continue;
			one[i] = s.own[(from + i) * THREADS];
			u32 q = (u32)one[i] >> 24, title = (u32)one[i] & 0xffffffu;
			if (!(barred(s.out, s.which[q], title / 32) >> (title % 32) & 1)) at[i] = atomic_add(s.counts + s.first + q, 1);
		}
#pragma unroll
		for (u32 i = 0; i < AT_ONCE; i++)
			if (at[i] < MOST) s.found[(u64)(s.first + ((u32)one[i] >> 24)) * MOST + at[i]] = one[i] & 0xffffffff00ffffffu;
	}
}

// What topk_sample and topk_scan look at: every every-th tile, count of them.
struct view {
	const u8 *tiles;
	const bound *bounds;
	const float *biases; // one a title and up to the whole tile, where biased is not 0
	u32 biased, count, every;
	const u16 *halves;
	const need *needs;
	u32 batch, stages;
};

// A lane has 8 scores, of 8 of 32 titles, for each of its 2·HIGH queries, as multiply leaves them in c[m]: 16 queries × 4 × 8 titles.
#define SCORE(c, m, j) (c)[(m) / 2][(j) / 2][(m) % 2 * 2 + (j) % 2]
#define TITLE(j) ((j) / 2 * 8 + (j) % 2) // counted from the lane's first

// multiply_all scores HIGH times 16 queries of STEPS times 16 numbers with 32 titles in shared memory. Sums begin with the scaled biases: from the
// lane's first title on, or 0 where there are none. own are the needs of the lane's first query, and every 8th behind them is another of the lane's.
template <u32 STEPS, u32 HIGH> DEVICE void multiply_all(float (*c)[4][4], const u32 (*a)[STEPS][4], const u8 *titles, const need *own, const float *biases) {
#pragma unroll
	for (u32 m = 0; m < HIGH * 2; m++)
#pragma unroll
		for (u32 j = 0; j < 8; j++) SCORE(c, m, j) = 0;
	if (biases) {
#pragma unroll
		for (u32 j = 0; j < 8; j++) {
			float bias = biases[TITLE(j)];
#pragma unroll
			for (u32 m = 0; m < HIGH * 2; m++) SCORE(c, m, j) = bias * own[m * 8].w;
		}
	}
#pragma unroll
	for (u32 k = 0; k < STEPS; k++) {
		u32 b[8];
		load_matrices(b, titles + k * 2 * TILE * 16);
		load_matrices(b + 4, titles + (k * 2 * TILE + 16) * 16);
#pragma unroll
		for (u32 m = 0; m < HIGH; m++)
#pragma unroll
			for (u32 j = 0; j < 4; j++) multiply(c[m][j], a[m][k], b[j * 2], b[j * 2 + 1]);
	}
}

// raise brings run, the greatest lower bounds so far, up to date. shut has a bit for each title from the lane's first on; a query with a set of its own
// bars what is in `word` of that.
template <u32 HIGH> DEVICE void raise(float *run, const float (*c)[4][4], const need *own, bound edge, u32 shut, bars out, const s32 *which, u32 word, u32 pair) {
#pragma unroll
	for (u32 m = 0; m < HIGH * 2; m++) {
		u32 w = shut;
		if (which[m * 8] >= 0) w |= barred(out, which[m * 8], word) >> pair;
		float best = no_bound();
#pragma unroll
		for (u32 j = 0; j < 8; j++) best = greater(best, w >> TITLE(j) & 1 ? no_bound() : SCORE(c, m, j));
		run[m] = greater(run[m], down(best, error(own[m * 8], edge)));
	}
}

// stage keeps what may reach its query's floor, and gives how many the thread keeps then. first is the lane's first query · 2^24 + its first title.
template <u32 HIGH, u32 STAGED> DEVICE u32 stage(staging s, u32 kept, const float (*c)[4][4], const need *own, bound edge, u32 first) {
	float floor[HIGH * 2];
	bool over[HIGH * 2], any = false;
	u32 most = kept;
#pragma unroll
	for (u32 m = 0; m < HIGH * 2; m++) {
		const need n = own[m * 8];
		floor[m] = down(n.x, error(n, edge));
		float best[4];
#pragma unroll
		for (u32 j = 0; j < 4; j++) best[j] = greater(SCORE(c, m, j * 2), SCORE(c, m, j * 2 + 1));
		over[m] = greater(greater(best[0], best[1]), greater(best[2], best[3])) >= floor[m];
		any |= over[m];
	}
	if (!any) return kept;
#pragma unroll
	for (u32 m = 0; m < HIGH * 2; m++) most += over[m] ? 8 : 0;
	if (most > STAGED) {
		hand_over<1>(s, kept);
		kept = 0;
	}
#pragma unroll
	for (u32 m = 0; m < HIGH * 2; m++) {
		if (!over[m]) continue;
#pragma unroll
		for (u32 j = 0; j < 8; j++)
			if (SCORE(c, m, j) >= floor[m]) s.own[kept++ * THREADS] = (u64)bits_of(SCORE(c, m, j)) << 32 | (first + (m * 8 << 24) + TITLE(j));
	}
	return kept;
}

// scan multiplies. A block takes 128·HIGH queries and every GDIM_X-th tile of the view; a warp holds the halves of HIGH times 16 queries of STEPS
// times 16 numbers in registers, and takes a tile by 32 titles. Tiles come through a ring of `stages` in shared memory.
//
// SAMPLE: maxima[query][slots] get the greatest lower bound of a group of titles: what one thread sees of `together` tiles.
// Else: titles that may reach the floor go to the staging, which has room for STAGED of a thread: at least all of 32 titles.
template <u32 STEPS, u32 HIGH, u32 STAGED, bool SAMPLE>
DEVICE void scan(view v, bars out, float *maxima, u32 slots, u32 together, u32 *counts, u64 *found) {
	const u32 size = STEPS * 2 * TILE * 16, rows = 128 * HIGH;
	u8 *ring = (u8 *)dynamic;
	need *needs = (need *)(ring + v.stages * size);
	s32 *which = (s32 *)(needs + rows);
	const staging s = {(u64 *)(which + rows) + TID_X, which, counts, found, BID_Y * rows, out};
	const u32 high = TID_X / 32 * 16 * HIGH, own = high + LANE / 4, pair = LANE % 4 * 2; // the warp's and the lane's first query, and the lane's first title
	const u32 mine = BID_X < v.count ? (v.count - BID_X + GDIM_X - 1) / GDIM_X : 0;

	auto fetch = [&](u32 i) { // begins the copy of the block's i-th tile
		if (i < mine) {
			const u8 *from = v.tiles + (u64)(BID_X + i * GDIM_X) * v.every * size;
			u8 *to = ring + i % v.stages * size;
			for (u32 at = TID_X * 16; at < size; at += THREADS * 16) copy_begin(to + at, from + at);
		}
		copy_close();
	};
	for (u32 i = 0; i + 1 < v.stages; i++) fetch(i);
	for (u32 i = TID_X; i < rows; i += THREADS) {
		needs[i] = v.needs[s.first + i];
		which[i] = s.first + i < v.batch ? out.which[s.first + i] : -1;
	}
	u32 a[HIGH][STEPS][4];
#pragma unroll
	for (u32 m = 0; m < HIGH; m++)
#pragma unroll
		for (u32 k = 0; k < STEPS; k++)
#pragma unroll
			for (u32 i = 0; i < 4; i++) a[m][k][i] = *(const u32 *)(v.halves + (u64)(s.first + own + m * 16 + i % 2 * 8) * (STEPS * 16) + k * 16 + i / 2 * 8 + pair);
	float run[HIGH * 2];
#pragma unroll
	for (u32 m = 0; m < HIGH * 2; m++) run[m] = no_bound();
	auto write = [&](u32 group) { // writes what a group of tiles came to, and begins another
#pragma unroll
		for (u32 m = 0; m < HIGH * 2; m++) {
			u32 q = s.first + own + m * 8, slot = (group * GDIM_X + BID_X) * 4 + pair / 2;
			if (q < v.batch && slot < slots) maxima[(u64)q * slots + slot] = run[m];
			run[m] = no_bound();
		}
	};

	// What stands beside a tile is read while the one before is multiplied.
	bound edge_next = {0, 0, 0, 0};
	u64 shut_next = 0;
	auto peek = [&](u32 i) {
		if (i >= mine) return;
		u32 tile = (BID_X + i * GDIM_X) * v.every;
		edge_next = v.bounds[tile];
		if (SAMPLE) shut_next = *(const u64 *)(out.shared + tile * 2);
	};
	peek(0);
	u32 kept = 0;
	for (u32 i = 0; i < mine; i++) {
		if (v.stages == 4) copy_wait<2>();
		else if (v.stages == 3) copy_wait<1>();
		else copy_wait<0>();
		sync_block();
		fetch(i + v.stages - 1);
		const u32 tile = (BID_X + i * GDIM_X) * v.every;
		const bound edge = edge_next;
		const u64 shut = shut_next;
		peek(i + 1);
		const u8 *titles = ring + i % v.stages * size + ((LANE / 8 % 2) * TILE + LANE / 16 * 8 + LANE % 8) * 16;
		const bool busy = s.first + high < v.batch;
#pragma unroll 1
		for (u32 wide = 0; busy && wide < TILE; wide += 32, titles += 32 * 16) {
			float c[HIGH][4][4];
			const u32 first = tile * TILE + wide + pair;
			multiply_all<STEPS, HIGH>(c, a, titles, needs + own, v.biased ? v.biases + first : 0);
			if (SAMPLE) raise<HIGH>(run, c, needs + own, edge, (u32)(shut >> wide) >> pair, out, which + own, first / 32, pair);
			else kept = stage<HIGH, STAGED>(s, kept, c, needs + own, edge, own << 24 | first);
		}
		if (SAMPLE && ((i + 1) % together == 0 || i + 1 == mine)) write(i / together);
	}
	copy_wait<0>();
	if (!SAMPLE) hand_over<4>(s, kept);
	// Groups of which this block has none.
	for (u32 g = (mine + together - 1) / together; (g * GDIM_X + BID_X) * 4 < slots; g++) write(g);
}

#define SCANS(NAME, STEPS, HIGH, STAGED)                                                                                                                                        \
	GLOBAL void BOUNDS(THREADS, 2) topk_sample_##NAME(float *maxima, u32 slots, u32 together, const u8 *tiles, const bound *bounds, const float *biases, u32 biased,    \
		u32 count, u32 every, const u16 *halves, const need *needs, u32 batch, u32 stages, const u32 *shared, const u32 *own, const s32 *which, u32 all) {              \
		scan<STEPS, HIGH, STAGED, true>({tiles, bounds, biases, biased, count, every, halves, needs, batch, stages}, {shared, own, which, all}, maxima, slots, together, 0, 0); \
	}                                                                                                                                                                   \
	GLOBAL void BOUNDS(THREADS, 2) topk_scan_##NAME(u32 *counts, u64 *found, const u8 *tiles, const bound *bounds, const float *biases, u32 biased, u32 count,          \
		u32 every, const u16 *halves, const need *needs, u32 batch, u32 stages, const u32 *shared, const u32 *own, const s32 *which, u32 all) {                         \
		scan<STEPS, HIGH, STAGED, false>({tiles, bounds, biases, biased, count, every, halves, needs, batch, stages}, {shared, own, which, all}, 0, 0, 1, counts, found);       \
	}

// By the width of a vector.
SCANS(32, 2, 2, 34)
SCANS(64, 4, 2, 34)
SCANS(128, 8, 1, 16)
SCANS(256, 16, 1, 16)

// block_count is the sum over the block; sums has two rows that take turns.
DEVICE u32 block_count(u32 v, u32 (*sums)[THREADS / 32], u32 turn) {
	v = warp_count(v);
	if (LANE == 0) sums[turn & 1][TID_X / 32] = v;
	sync_block();
	u32 total = 0;
#pragma unroll
	for (u32 i = 0; i < THREADS / 32; i++) total += sums[turn & 1][i];
	return total;
}

// search is the n-th greatest of the numbers that the block's threads hold, WIDE each, which are 0 from the place `used` on; at least n are not. Bits
// above `top` are known to be those of `found`, and bits below `last` are left 0, which makes it a lower bound.
template <typename T> DEVICE T search(const T *own, u32 used, u32 n, T found, s32 top, s32 last, u32 (*sums)[THREADS / 32]) {
	for (s32 bit = top; bit >= last; bit--) {
		T next = found | (T)1 << bit;
		u32 c = 0;
#pragma unroll
		for (u32 i = 0; i < WIDE; i++)
			if (i < used) c += own[i] >= next;
		if (block_count(c, sums, (u32)bit) >= n) found = next;
	}
	return found;
}

// nth is a lower bound of the n-th greatest of `present` numbers, of which each thread holds `used`: 0 where there are fewer, and equal to it
// but for the lowest 8 bits.
DEVICE u32 nth(const u32 *own, u32 used, u32 n, u32 present, u32 (*sums)[THREADS / 32]) {
	SHARED u32 alike[2][THREADS / 32];
	u32 all = ~0u, any = 0;
#pragma unroll
	for (u32 i = 0; i < WIDE; i++)
		if (i < used && own[i]) {
			all &= own[i];
			any |= own[i];
		}
	all = warp_and(all);
	any = warp_or(any);
	if (LANE == 0) {
		alike[0][TID_X / 32] = all;
		alike[1][TID_X / 32] = any;
	}
	sync_block();
#pragma unroll
	for (u32 i = 0; i < THREADS / 32; i++) {
		all &= alike[0][i];
		any |= alike[1][i];
	}
	if (present < n) return 0;
	s32 top = highest(all ^ any); // all of them have the bits above
	return search(own, used, n, top < 31 ? all >> (top + 1) << (top + 1) : 0, top, 8, sums) & ~255u;
}

// topk_floor sets what must be reached: n titles of the sample do. A block a query.
GLOBAL void BOUNDS(THREADS, 1) topk_floor(need *needs, const float *slack, const u32 *states, const float *maxima, u32 slots, u32 n, u32 batch) {
	SHARED u32 sums[2][THREADS / 32];
	u32 q = BID_X;
	if (q >= batch || states[q] != RUNS) return;
	u32 own[WIDE], used = (slots + THREADS - 1) / THREADS;
#pragma unroll
	for (u32 i = 0; i < WIDE; i++) {
		u32 at = i * THREADS + TID_X;
		own[i] = at < slots ? ordered(maxima[(u64)q * slots + at]) : 0;
	}
	u32 o = nth(own, used, n, slots, sums);
	if (TID_X == 0) needs[q].x = down(down(floor_of(o), slack[q]), slack[q]); // once for the lower bounds, once for what is compared
}

// key is a title with its exact score: greater is better, and never 0.
DEVICE u64 key(const float *query, const float *vectors, const float *biases, u32 dim, u32 title) {
	const float *v = vectors + (u64)title * dim;
	double sum = 0;
	u32 k = 0;
	for (; dim % 4 == 0 && k + 16 <= dim; k += 16) {
		four x[4], y[4];
#pragma unroll
		for (u32 i = 0; i < 4; i++) {
			x[i] = *(const four *)(v + k + i * 4);
			y[i] = *(const four *)(query + k + i * 4);
		}
#pragma unroll
		for (u32 i = 0; i < 4; i++) {
			sum = fused_double(x[i].x, y[i].x, sum);
			sum = fused_double(x[i].y, y[i].y, sum);
			sum = fused_double(x[i].z, y[i].z, sum);
			sum = fused_double(x[i].w, y[i].w, sum);
		}
	}
	for (; k < dim; k++) sum = fused_double(v[k], query[k], sum);
	float score = near_float(sum + biases[title]) + 0.0f; // never -0
	return (u64)ordered(score) << 32 | (~title);
}

// place writes a key where the host reads it: the title below, the score's bits above.
DEVICE u64 place(u64 key) { return (u64)bits_of(value_of((u32)(key >> 32))) << 32 | (u32)~key; }

// rank puts the n greatest of count keys in shared memory, no two alike, into the list, sorted.
DEVICE void rank(u64 *list, const u64 *keys, u32 count, u32 n) {
	for (u32 i = TID_X; i < count; i += THREADS) {
		u64 own = keys[i];
		u32 better = 0;
		for (u32 j = 0; j < count; j++) better += keys[j] > own;
		if (better < n) list[better] = place(own);
	}
}

// keep moves the n greatest of count keys to the front, in any order, and gives their number. For all threads, behind a sync_block.
DEVICE u32 keep(u64 *keys, u32 count, u32 n, u32 *taken, u32 (*sums)[THREADS / 32]) {
	u64 own[WIDE];
	u32 used = (count + THREADS - 1) / THREADS;
#pragma unroll
	for (u32 i = 0; i < WIDE; i++) own[i] = i * THREADS + TID_X < count ? keys[i * THREADS + TID_X] : 0;
	if (TID_X == 0) *taken = 0;
	u64 least = search(own, used, n, (u64)0, 63, 0, sums); // its sync_blocks are behind all reads of keys
	sync_block();
#pragma unroll
	for (u32 i = 0; i < WIDE; i++)
		if (i < used && own[i] && own[i] >= least) keys[shared_add(taken, 1)] = own[i];
	sync_block();
	return *taken;
}

// topk_choose makes the list of a query out of what the scan found. A block a query. Where more was found than fits, it sets a higher floor instead.
GLOBAL void BOUNDS(THREADS, 2) topk_choose(u64 *lists, u32 *states, u32 *lengths, need *needs, const float *slack, u32 *counts, const u64 *found, const bound *bounds,
	const float *queries, const float *vectors, const float *biases, u32 dim, u32 n, u32 batch) {
	SHARED u64 keys[MOST];
	SHARED u32 sums[2][THREADS / 32];
	SHARED u32 taken;
	u32 q = BID_X;
	if (q >= batch || states[q] == DONE || states[q] == EXACT) return;
	const u32 all = counts[q], count = all < MOST ? all : MOST, used = (count + THREADS - 1) / THREADS;
	const need own = needs[q];
	const float rough = slack[q];
	u32 low[WIDE], high[WIDE];
#pragma unroll
	for (u32 i = 0; i < WIDE; i++) {
		low[i] = high[i] = 0;
		if (i * THREADS + TID_X >= count) continue;
		u64 f = found[(u64)q * MOST + i * THREADS + TID_X];
		float score = float_of((u32)(f >> 32)), e = up(error(own, bounds[(u32)f / TILE]), rough);
		low[i] = ordered(down(score, e));
		high[i] = ordered(up(score, e));
	}
	if (TID_X == 0) taken = 0;
	u32 floor = nth(low, used, n, count, sums);
	sync_block(); // everybody has read the state
	if (all > MOST) {
		if (TID_X == 0) {
			needs[q].x = down(floor_of(floor), rough);
			states[q] = FULL;
			counts[q] = 0;
		}
		return;
	}
#pragma unroll
	for (u32 i = 0; i < WIDE; i++)
		if (high[i] && high[i] >= floor) keys[shared_add(&taken, 1)] = (u32)found[(u64)q * MOST + i * THREADS + TID_X];
	sync_block();
	u32 left = taken;
	for (u32 i = TID_X; i < left; i += THREADS) keys[i] = key(queries + (u64)q * dim, vectors, biases, dim, (u32)keys[i]);
	sync_block();
	if (left > 2 * THREADS) left = keep(keys, left, n, &taken, sums);
	rank(lists + (u64)q * n, keys, left, n);
	if (TID_X) return;
	states[q] = DONE;
	lengths[q] = left < n ? left : n;
	needs[q].x = unreachable();
	counts[q] = 0;
}

// topk_exact_first scores all titles in float64 and keeps the n best of every MOST titles: a block for as many, BID_Y for the queries of which.
GLOBAL void BOUNDS(THREADS, 1) topk_exact_first(u64 *best, const u32 *whose, const float *queries, const float *vectors, const float *biases, u32 titles, u32 dim, u32 n,
	const u32 *shared, const u32 *own, const s32 *which, u32 tiles) {
	SHARED u64 keys[MOST];
	SHARED u32 sums[2][THREADS / 32];
	SHARED u32 taken;
	u32 q = whose[BID_Y];
	bars out = {shared, own, which, tiles};
	for (u32 i = TID_X; i < MOST; i += THREADS) {
		u32 title = BID_X * MOST + i;
		bool in = title < titles && !(barred(out, which[q], title / 32) >> (title % 32) & 1);
		keys[i] = in ? key(queries + (u64)q * dim, vectors, biases, dim, title) : 0;
	}
	sync_block();
	u32 left = keep(keys, MOST, n, &taken, sums);
	for (u32 i = TID_X; i < n; i += THREADS) best[((u64)BID_Y * GDIM_X + BID_X) * n + i] = i < left ? keys[i] : 0;
}

// topk_exact_merge keeps the n best of every MOST keys out of count; where one block suffices, it writes the list.
GLOBAL void BOUNDS(THREADS, 1) topk_exact_merge(u64 *best, const u64 *from, u32 count, const u32 *whose, u64 *lists, u32 *states, u32 *lengths, u32 n) {
	SHARED u64 keys[MOST];
	SHARED u32 sums[2][THREADS / 32];
	SHARED u32 taken;
	for (u32 i = TID_X; i < MOST; i += THREADS) keys[i] = BID_X * MOST + i < count ? from[(u64)BID_Y * count + BID_X * MOST + i] : 0;
	sync_block();
	u32 left = keep(keys, MOST, n, &taken, sums);
	if (GDIM_X > 1) {
		for (u32 i = TID_X; i < n; i += THREADS) best[((u64)BID_Y * GDIM_X + BID_X) * n + i] = i < left ? keys[i] : 0;
		return;
	}
	u32 q = whose[BID_Y];
	rank(lists + (u64)q * n, keys, left, n);
	if (TID_X) return;
	states[q] = DONE;
	lengths[q] = left;
}
