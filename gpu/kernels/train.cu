// Local training of many simulated devices at once: the two-tower's local function (model/towertrainer.go) with one block a device, and
// for every family what follows it: norm, clip, rounding with the member's coins, and the sum.
#include "prelude.h"

// ---- doubles, and what the prelude has no word for ----

DEVICE double shuffle_xor_double(double x, u32 with) {
	u32 lo, hi;
	asm("mov.b64 {%0, %1}, %2;" : "=r"(lo), "=r"(hi) : "d"(x));
	lo = shuffle_xor(lo, with);
	hi = shuffle_xor(hi, with);
	double y;
	asm("mov.b64 %0, {%1, %2};" : "=d"(y) : "r"(lo), "r"(hi));
	return y;
}
DEVICE u64 shuffle_xor_long(u64 x, u32 with) {
	return (u64)shuffle_xor((u32)x, with) | (u64)shuffle_xor((u32)(x >> 32), with) << 32;
}
DEVICE void atomic_add_long(u64 *at, u64 v) { asm volatile("red.global.add.u64 [%0], %1;" ::"l"(at), "l"(v) : "memory"); }
DEVICE double root_double(double x) {
	double r;
	asm("sqrt.rn.f64 %0, %1;" : "=d"(r) : "d"(x));
	return r;
}
// nearest is the integer nearest to x, ties to even.
DEVICE s64 nearest(double x) {
	s64 r;
	asm("cvt.rni.s64.f64 %0, %1;" : "=l"(r) : "d"(x));
	return r;
}
// add_product is a·b + c, which compilers for GPUs fuse; unlike an instruction of our own it lets them unroll a loop.
DEVICE float add_product(float a, float b, float c) { return a * b + c; }
DEVICE bool finite(float x) { return (bits_of(x) & 0x7f800000u) != 0x7f800000u; }
// weight is e^x for x ≤ 0, and 0 where float32 rounds it to nothing. A NaN stays one.
DEVICE float weight(float x) { return x < -104.0f ? 0.0f : exponential(x); }
DEVICE float low() { return float_of(0xff800000u); }

// ---- the two-tower ----

// Cut is where a cut's titles lie in the lists: past of them, oldest first, then next. first is the place of its first target among the
// candidates of its step.
struct Cut {
	u32 at, past, next, first;
};
// Candidates are a step's in the lists: the drawn ones, then the targets of all cuts.
struct Candidates {
	u32 at, count;
};

struct Towers {
	u32 members, titles, dim, channels, steps, cuts, drawn, longest;
	u32 stride, work, spare; // floats: of a member's update; of a block's working memory; of its spare memory in global memory
	float rate, dense, raise;
	const float *params, *decay, *norm;
	const Cut *cut;
	const Candidates *candidates;
	const s32 *lists;
	float *updates, *global, *other;
	double *loss;
	u32 *status;
};

const u32 threads = 256, warps = threads / 32, mostCuts = 64;

extern SHARED float dynamic[];
SHARED double partSum[warps * 8];
SHARED float partTop[warps * 8];
SHARED double targetLoss[mostCuts], stepLoss;
SHARED float topOf[mostCuts], inverse[mostCuts];
SHARED double logOf[mostCuts];

// Row is four dimensions of a row of d, beginning at dim; what is beyond d is 0. FULL: d is such that nothing is.
struct Row {
	float x[4];
};
struct alignas(16) Four {
	float x, y, z, w;
};
template <bool FULL> DEVICE Row load_row(const float *row, u32 dim, u32 d) {
	Row r;
	if (FULL || (d & 3) == 0) {
		Four f = {0, 0, 0, 0};
		if (FULL || dim < d) f = *(const Four *)(row + dim);
		r.x[0] = f.x, r.x[1] = f.y, r.x[2] = f.z, r.x[3] = f.w;
	} else {
#pragma unroll
		for (u32 i = 0; i < 4; i++) r.x[i] = dim + i < d ? row[dim + i] : 0.0f;
	}
	return r;
}
template <bool FULL> DEVICE void store_row(float *row, u32 dim, u32 d, const Row &r) {
	if (FULL || (d & 3) == 0) {
		if (FULL || dim < d) *(Four *)(row + dim) = {r.x[0], r.x[1], r.x[2], r.x[3]};
	} else {
#pragma unroll
		for (u32 i = 0; i < 4; i++)
			if (dim + i < d) row[dim + i] = r.x[i];
	}
}

// One of a member's steps: where everything lies. Pointers into params and update are at the tensors.
struct Step {
	const float *v, *w, *b;
	float *dv, *dw, *db;
	float *pooled, *dpooled, *z, *dz; // channels × cuts × d, twice; padded cuts × d, twice
	float *spare, *spareBias;
	const Cut *cut;
	const s32 *lists, *candidates;
	u32 rows, padded;
	bool first;
};

// parameter is a parameter after the steps so far.
DEVICE float parameter(const float *from, const float *update, u32 i, bool first) { return first ? from[i] : from[i] + update[i]; }

// pool writes Σ w_c(age) V[j] of every cut: a warp takes a cut, a lane a dimension, and eight titles are on their way at once.
DEVICE void pool(const Towers &t, const Step &s) {
	const u32 d = t.dim, k = t.cuts;
	for (u32 c = TID_X >> 5; c < k; c += warps) {
		const Cut cut = s.cut[c];
		const s32 *past = s.lists + cut.at;
		for (u32 dim = LANE; dim < d; dim += 32) {
			float sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
			for (u32 from = 0; from < cut.past; from += 8) {
				float x[8];
#pragma unroll
				for (u32 i = 0; i < 8; i++) x[i] = from + i < cut.past ? parameter(s.v, s.dv, (u32)past[from + i] * d + dim, s.first) : 0.0f;
#pragma unroll
				for (u32 ch = 0; ch < 8; ch++) {
					if (ch < t.channels) {
						const float *decay = t.decay + (u64)ch * t.longest;
						const float scale = t.norm[(u64)ch * t.longest + cut.past - 1];
#pragma unroll
						for (u32 i = 0; i < 8; i++)
							sum[ch] = add_product(decay[from + i < cut.past ? cut.past - 1 - from - i : 0] * scale, x[i], sum[ch]);
					}
				}
			}
#pragma unroll
			for (u32 ch = 0; ch < 8; ch++)
				if (ch < t.channels) s.pooled[(ch * k + c) * d + dim] = sum[ch];
		}
	}
}

// users makes z = Σ_c pooled_c W_c, and zeros for the cuts that pad.
DEVICE void users(const Towers &t, const Step &s) {
	const u32 d = t.dim, k = t.cuts;
	for (u32 i = TID_X; i < s.padded * d; i += threads) {
		const u32 c = i / d, j = i % d;
		float sum = 0;
		if (c < k)
			for (u32 ch = 0; ch < t.channels; ch++) {
				const float *p = s.pooled + (ch * k + c) * d;
				const u32 w = ch * d * d + j;
#pragma unroll 8
				for (u32 e = 0; e < d; e++) sum = add_product(p[e], parameter(s.w, s.dw, w + e * d, s.first), sum);
			}
		s.z[i] = sum;
	}
}

// targets takes the targets' part of the loss, −share·Σ score, and of the gradient of z, −share·Σ V: a warp takes a cut.
DEVICE void targets(const Towers &t, const Step &s) {
	const u32 d = t.dim;
	for (u32 c = TID_X >> 5; c < s.padded; c += warps) {
		Cut cut = {0, 0, 0, 0};
		if (c < t.cuts) cut = s.cut[c];
		const float share = cut.next ? 1.0f / (float)cut.next : 0.0f;
		const s32 *next = s.lists + cut.at + cut.past;
		float bias = 0, score = 0;
		for (u32 i = LANE; i < cut.next; i += 32) bias += parameter(s.b, s.db, (u32)next[i], s.first);
		for (u32 dim = LANE; dim < d; dim += 32) {
			float sum = 0;
#pragma unroll 4
			for (u32 i = 0; i < cut.next; i++) sum += parameter(s.v, s.dv, (u32)next[i] * d + dim, s.first);
			score = add_product(sum, s.z[c * d + dim], score);
			s.dz[c * d + dim] = -share * sum;
		}
		score = warp_sum(score + bias);
		if (LANE == 0 && c < t.cuts) targetLoss[c] = -(double)share * (double)score;
	}
}

// Tile is what a lane holds of CT cuts: 4·Q dimensions of their z. Eight lanes share a title, a warp has four titles at a time.
template <int Q, int CT> struct Tile {
	float z[CT][4 * Q];
	u32 cut;     // this lane's own, of all
	Cut own;     // and its lists
	bool counts; // it is one
};

template <int Q, int CT> DEVICE void open_tile(Tile<Q, CT> &tile, const Towers &t, const Step &s, u32 from) {
	const u32 g = LANE & 7;
#pragma unroll
	for (u32 c = 0; c < CT; c++)
#pragma unroll
		for (u32 q = 0; q < Q; q++)
#pragma unroll
			for (u32 i = 0; i < 4; i++) {
				const u32 dim = (q * 8 + g) * 4 + i;
				tile.z[c][4 * q + i] = dim < t.dim ? s.z[(from + c) * t.dim + dim] : 0.0f;
			}
	tile.cut = from + (g & (CT - 1));
	tile.counts = tile.cut < t.cuts;
	tile.own = {0, 0, 0, 0};
	if (tile.counts) tile.own = s.cut[tile.cut];
}

// Title is a row of V as a lane sees it.
template <int Q> struct Title {
	Row v[Q], dv[Q];
	float bias, dbias;
	u32 row;
	bool valid;
};

// load_title reads the row of title or candidate j; beyond the last it reads that once more, and valid is false.
template <int Q, bool SAMPLED, bool FULL> DEVICE void load_title(Title<Q> &x, const Towers &t, const Step &s, u32 j) {
	const u32 g = LANE & 7, d = FULL ? 32 * Q : t.dim;
	x.valid = j < s.rows;
	if (!x.valid) j = s.rows - 1;
	x.row = SAMPLED ? (u32)s.candidates[j] : j;
	x.bias = s.b[x.row];
	x.dbias = 0;
	const u32 at = x.row * d;
#pragma unroll
	for (u32 q = 0; q < Q; q++) {
		x.v[q] = load_row<FULL>(s.v + at, (q * 8 + g) * 4, d);
		x.dv[q] = {{0, 0, 0, 0}};
	}
	if (s.first) return;
	x.dbias = s.db[x.row];
#pragma unroll
	for (u32 q = 0; q < Q; q++) x.dv[q] = load_row<FULL>(s.dv + at, (q * 8 + g) * 4, d);
}

// now makes v what it is after the steps so far.
template <int Q> DEVICE void now(Title<Q> &x) {
#pragma unroll
	for (u32 q = 0; q < Q; q++)
#pragma unroll
		for (u32 i = 0; i < 4; i++) x.v[q].x[i] += x.dv[q].x[i];
}

// halve adds the parts of two lanes: of 2·N values each goes on with its half.
template <int N> DEVICE void halve(float *part) {
	const bool upper = LANE & N;
#pragma unroll
	for (u32 c = 0; c < N; c++) {
		const float a = part[c], b = part[c + N];
		part[c] = (upper ? b : a) + float_of(shuffle_xor(bits_of(upper ? a : b), N));
	}
}

// score gives each lane the title's score in its own cut: eight lanes add their parts, and halve what each of them goes on with.
template <int Q, int CT> DEVICE float score(const Tile<Q, CT> &tile, const Title<Q> &x) {
	float part[CT];
#pragma unroll
	for (u32 c = 0; c < CT; c++) {
		part[c] = 0;
#pragma unroll
		for (u32 q = 0; q < Q; q++)
#pragma unroll
			for (u32 i = 0; i < 4; i++) part[c] = add_product(tile.z[c][4 * q + i], x.v[q].x[i], part[c]);
	}
	if (CT == 8)
		halve<CT / 2>(part);
	else
#pragma unroll
		for (u32 c = 0; c < CT; c++) part[c] += float_of(shuffle_xor(bits_of(part[c]), 4));
	halve<2>(part);
	halve<1>(part);
	return part[0] + (x.bias + x.dbias);
}

// compared says whether the lane's cut compares candidate j, and raises what stands for the catalogue.
template <int Q, int CT, bool SAMPLED> DEVICE bool compared(const Tile<Q, CT> &tile, const Title<Q> &x, const Towers &t, const Step &s, u32 j, float &score) {
	if (!x.valid || !tile.counts) return false;
	if (!SAMPLED || j - tile.own.first < tile.own.next) return true;
	if (j >= t.drawn) return false;
	const s32 *next = s.lists + tile.own.at + tile.own.past;
	for (u32 i = 0; i < tile.own.next; i++)
		if ((u32)next[i] == x.row) return false;
	score += t.raise;
	return true;
}

DEVICE void merge(float &top, double &sum, float top2, double sum2) {
	const float most = top2 > top ? top2 : top;
	if (top != most) sum *= (double)weight(top - most);
	if (top2 != most) sum2 *= (double)weight(top2 - most);
	top = most;
	sum += sum2;
}

// softmax finds the largest score and the sum of exponentials of CT cuts. It ends with the block together.
template <int Q, int CT, bool SAMPLED, bool FULL> DEVICE void softmax(const Towers &t, const Step &s, u32 from) {
	Tile<Q, CT> tile;
	open_tile(tile, t, s, from);
	const u32 warp = TID_X >> 5, r = LANE >> 3;
	float top = low();
	double sum = 0;
	Title<Q> x, ahead;
	load_title<Q, SAMPLED, FULL>(ahead, t, s, warp * 4 + r);
	for (u32 base = warp * 4; base < s.rows; base += warps * 4) {
		x = ahead;
		load_title<Q, SAMPLED, FULL>(ahead, t, s, base + warps * 4 + r);
		now(x);
		float at = score(tile, x);
		if (compared<Q, CT, SAMPLED>(tile, x, t, s, base + r, at)) {
			if (at > top) {
				sum *= (double)weight(top - at);
				top = at;
			}
			sum += (double)weight(at - top);
		}
	}
	for (u32 with = 8; with <= 16; with <<= 1) {
		const float top2 = float_of(shuffle_xor(bits_of(top), with));
		const double sum2 = shuffle_xor_double(sum, with);
		merge(top, sum, top2, sum2);
	}
	if (LANE < CT) {
		partTop[warp * CT + LANE] = top;
		partSum[warp * CT + LANE] = sum;
	}
	sync_block();
	if (TID_X < CT && from + TID_X < t.cuts) {
		float all = partTop[TID_X];
		double total = partSum[TID_X];
		for (u32 w = 1; w < warps; w++) merge(all, total, partTop[w * CT + TID_X], partSum[w * CT + TID_X]);
		topOf[from + TID_X] = all;
		inverse[from + TID_X] = (float)(1.0 / total);
		logOf[from + TID_X] = (double)all + (double)logarithm((float)total);
	}
	sync_block();
}

// gradient takes CT cuts' gradient to the rows that are compared, in place or, where more follows that needs them as they were, into spare
// memory; and adds that of z. It ends with the block together.
template <int Q, int CT, bool SAMPLED, bool FULL> DEVICE void gradient(const Towers &t, const Step &s, u32 from, bool spare) {
	Tile<Q, CT> tile;
	open_tile(tile, t, s, from);
	const u32 warp = TID_X >> 5, r = LANE >> 3, g = LANE & 7, d = FULL ? 32 * Q : t.dim;
	const float rate = -t.rate / (float)t.cuts;
	const float top = tile.counts ? topOf[tile.cut] : 0.0f, inv = tile.counts ? inverse[tile.cut] : 0.0f;
	float dz[CT][4 * Q];
#pragma unroll
	for (u32 c = 0; c < CT; c++)
#pragma unroll
		for (u32 i = 0; i < 4 * Q; i++) dz[c][i] = 0;
	Title<Q> x, ahead;
	load_title<Q, SAMPLED, FULL>(ahead, t, s, warp * 4 + r);
	for (u32 base = warp * 4; base < s.rows; base += warps * 4) {
		const u32 j = base + r;
		x = ahead;
		load_title<Q, SAMPLED, FULL>(ahead, t, s, j + warps * 4);
		now(x);
		float at = score(tile, x), p = 0, all = 0;
		if (compared<Q, CT, SAMPLED>(tile, x, t, s, j, at)) p = weight(at - top) * inv;
		float step[4 * Q];
#pragma unroll
		for (u32 i = 0; i < 4 * Q; i++) step[i] = 0;
#pragma unroll
		for (u32 c = 0; c < CT; c++) {
			const float pc = float_of(shuffle(bits_of(p), (LANE & 24) | c));
			all += pc;
#pragma unroll
			for (u32 i = 0; i < 4 * Q; i++) {
				dz[c][i] = add_product(pc, x.v[i / 4].x[i % 4], dz[c][i]);
				step[i] = add_product(pc, tile.z[c][i], step[i]);
			}
		}
		if (!x.valid) continue;
		float *to = s.dv + x.row * d, *toBias = s.db + x.row;
		float bias = x.dbias;
		if (!FULL && spare) {
			to = s.spare + j * d, toBias = s.spareBias + j;
			bias = from ? *toBias : 0.0f;
		}
		if (g == 0) *toBias = add_product(rate, all, bias);
#pragma unroll
		for (u32 q = 0; q < Q; q++) {
			Row y = x.dv[q];
			if (!FULL && spare) y = from ? load_row<false>(to, (q * 8 + g) * 4, d) : Row{{0, 0, 0, 0}};
#pragma unroll
			for (u32 i = 0; i < 4; i++) y.x[i] = add_product(rate, step[4 * q + i], y.x[i]);
			store_row<FULL>(to, (q * 8 + g) * 4, d, y);
		}
	}
#pragma unroll
	for (u32 c = 0; c < CT; c++)
#pragma unroll
		for (u32 i = 0; i < 4 * Q; i++) {
			float sum = dz[c][i];
			sum += float_of(shuffle_xor(bits_of(sum), 8));
			sum += float_of(shuffle_xor(bits_of(sum), 16));
			if (r == 0) dynamic[(warp * CT + c) * 32 * Q + ((i / 4) * 8 + g) * 4 + i % 4] = sum;
		}
	sync_block();
	for (u32 i = TID_X; i < CT * d; i += threads) {
		const u32 c = i / d, dim = i % d;
		float sum = s.dz[from * d + i];
		for (u32 w = 0; w < warps; w++) sum += dynamic[(w * CT + c) * 32 * Q + dim];
		s.dz[from * d + i] = sum;
	}
	sync_block();
}

// scatter adds what lies in spare memory to the rows it is of. A candidate may come twice: a warp owns its rows and takes them in order.
template <bool SAMPLED> DEVICE void scatter(const Towers &t, const Step &s) {
	const u32 d = t.dim;
	if (!SAMPLED) {
		for (u32 i = TID_X; i < t.titles * d; i += threads) s.dv[i] = s.first ? s.spare[i] : s.dv[i] + s.spare[i];
		for (u32 i = TID_X; i < t.titles; i += threads) s.db[i] = s.first ? s.spareBias[i] : s.db[i] + s.spareBias[i];
		sync_block();
		return;
	}
	if (s.first) {
		for (u32 i = TID_X; i < t.titles * d; i += threads) s.dv[i] = 0;
		for (u32 i = TID_X; i < t.titles; i += threads) s.db[i] = 0;
		sync_block();
	}
	const u32 warp = TID_X >> 5;
	for (u32 base = 0; base < s.rows; base += 32) {
		const u32 row = base + LANE < s.rows ? (u32)s.candidates[base + LANE] : warp + 1;
		u32 mine = vote(row % warps == warp && base + LANE < s.rows);
		while (mine) {
			const u32 at = (u32)__builtin_ctz(mine), item = shuffle(row, at), j = base + at;
			mine &= mine - 1;
			for (u32 dim = LANE; dim < d; dim += 32) s.dv[item * d + dim] += s.spare[j * d + dim];
			if (LANE == 0) s.db[item] += s.spareBias[j];
		}
	}
	sync_block();
}

// towers takes the gradient of z to the pooled vectors and to W. It begins with the block together and ends with it.
DEVICE void towers(const Towers &t, const Step &s) {
	const u32 d = t.dim, k = t.cuts;
	const float rate = -t.dense / (float)k;
	for (u32 i = TID_X; i < t.channels * k * d; i += threads) {
		const u32 e = i % d, c = i / d % k, ch = i / d / k;
		float sum = 0;
#pragma unroll 8
		for (u32 j = 0; j < d; j++) sum = add_product(s.dz[c * d + j], parameter(s.w, s.dw, (ch * d + e) * d + j, s.first), sum);
		s.dpooled[i] = sum;
	}
	sync_block();
	for (u32 i = TID_X; i < t.channels * d * d; i += threads) {
		const u32 j = i % d, e = i / d % d, ch = i / d / d;
		float sum = s.first ? 0.0f : s.dw[i];
		for (u32 c = 0; c < k; c++) sum = add_product(s.pooled[(ch * k + c) * d + e], rate * s.dz[c * d + j], sum);
		s.dw[i] = sum;
	}
}

// rows steps the titles of each cut's past and its targets, cut after cut; within a cut no title comes twice, and four are on their way.
DEVICE void rows(const Towers &t, const Step &s) {
	const u32 d = t.dim, k = t.cuts, warp = TID_X >> 5;
	const float rate = -t.rate / (float)k;
	for (u32 c = 0; c < k; c++) {
		const Cut cut = s.cut[c];
		const s32 *items = s.lists + cut.at;
		const u32 all = cut.past + cut.next;
		const float share = -rate / (float)cut.next;
		for (u32 dim = LANE; dim < d; dim += 32)
			for (u32 from = warp; from < all; from += 4 * warps) {
				float x[4];
				u32 at[4];
#pragma unroll
				for (u32 i = 0; i < 4; i++) {
					const u32 e = from + i * warps;
					at[i] = e < all ? (u32)items[e] * d + dim : 0;
					x[i] = e < all ? s.dv[at[i]] : 0.0f;
				}
#pragma unroll
				for (u32 i = 0; i < 4; i++) {
					const u32 e = from + i * warps;
					if (e >= all) continue;
					if (e < cut.past) {
						const u32 age = cut.past - 1 - e;
						for (u32 ch = 0; ch < t.channels; ch++) {
							const float w = rate * t.decay[(u64)ch * t.longest + age] * t.norm[(u64)ch * t.longest + cut.past - 1];
							x[i] = add_product(w, s.dpooled[(ch * k + c) * d + dim], x[i]);
						}
					} else {
						x[i] = add_product(share, s.z[c * d + dim], x[i]);
						if (dim == 0) s.db[items[e]] += share;
					}
					s.dv[at[i]] = x[i];
				}
			}
		sync_block();
	}
}

// train is one member's local function.
template <int Q, int CT, bool SAMPLED, bool FULL> DEVICE void train(const Towers &t, u32 member) {
	const u32 d = t.dim, ch = t.channels, k = t.cuts;
	Step s;
	s.padded = (k + CT - 1) / CT * CT;
	s.v = t.params, s.w = s.v + t.titles * d, s.b = s.w + ch * d * d;
	s.dv = t.updates + (u64)member * t.stride, s.dw = s.dv + t.titles * d, s.db = s.dw + ch * d * d;
	s.pooled = t.global ? t.global + (u64)BID_X * t.work : dynamic + warps * CT * 32 * Q;
	s.dpooled = s.pooled + ch * k * d, s.z = s.dpooled + ch * k * d, s.dz = s.z + s.padded * d;
	s.spare = t.other + (u64)BID_X * t.spare;
	s.lists = t.lists;
	const bool spare = !FULL && (SAMPLED || s.padded > CT);
	u32 status = 0;
	for (u32 step = 0; step < t.steps; step++) {
		const u64 place = (u64)member * t.steps + step;
		s.first = step == 0;
		s.cut = t.cut + place * k;
		s.rows = t.titles;
		s.candidates = t.lists;
		if (SAMPLED) {
			s.rows = t.candidates[place].count;
			s.candidates = t.lists + t.candidates[place].at;
		}
		s.spareBias = s.spare + s.rows * d;
		pool(t, s);
		sync_block();
		users(t, s);
		sync_block();
		targets(t, s);
		for (u32 from = 0; from < s.padded; from += CT) softmax<Q, CT, SAMPLED, FULL>(t, s, from);
		if (TID_X == 0) {
			double loss = 0;
			for (u32 c = 0; c < k; c++) loss += (logOf[c] + targetLoss[c]) / (double)k;
			stepLoss = loss;
		}
		sync_block();
		if (!finite((float)stepLoss)) {
			status = step + 1;
			break;
		}
		for (u32 from = 0; from < s.padded; from += CT) gradient<Q, CT, SAMPLED, FULL>(t, s, from, spare);
		if (!FULL && spare) scatter<SAMPLED>(t, s);
		towers(t, s);
		sync_block();
		rows(t, s);
		sync_block();
	}
	if (TID_X == 0) {
		t.loss[member] = stepLoss;
		t.status[member] = status;
	}
	sync_block();
}

// One block of 256 threads trains every GDIM_X-th member. Sizes: dim at most 32·Q, cuts at most 64, channels at most 8; dynamic shared memory has
// warps·CT·32·Q floats and, where global is null, work more. The full ones want dim to be 32·Q and at most CT cuts. A block's spare memory holds (dim + 1) floats for each title or candidate.
#define TOWERS(name, Q, CT, SAMPLED, FULL, blocks)                                                                                                                      \
	GLOBAL BOUNDS(256, blocks) void name(u32 members, u32 titles, u32 dim, u32 channels, u32 steps, u32 cuts, u32 drawn, u32 longest, u32 stride, u32 work, \
			u32 spare, float rate, float dense, float raise, const float *params, const float *decay, const float *norm, const Cut *cut,               \
			const Candidates *candidates, const s32 *lists, float *updates, float *global, float *other, double *loss, u32 *status) {                   \
		if (BDIM_X != threads || dim > 32 * Q || cuts > mostCuts || channels > 8 || (FULL && (dim < 32 * Q || cuts > CT))) return;                                                              \
		const Towers t = {members, titles, dim, channels, steps, cuts, drawn, longest, stride, work, spare, rate, dense, raise, params, decay, norm,    \
				cut, candidates, lists, updates, global, other, loss, status};                                                                          \
		for (u32 m = BID_X; m < members; m += GDIM_X) train<Q, CT, SAMPLED, FULL>(t, m);                                                                      \
	}
TOWERS(train_towers_32_full, 1, 8, false, true, 2)
TOWERS(train_towers_64_full, 2, 8, false, true, 1)
TOWERS(train_towers_32, 1, 8, false, false, 2)
TOWERS(train_towers_64, 2, 8, false, false, 1)
TOWERS(train_towers_128, 4, 4, false, false, 1)
TOWERS(train_towers_32_sampled, 1, 8, true, false, 2)
TOWERS(train_towers_64_sampled, 2, 8, true, false, 1)
TOWERS(train_towers_128_sampled, 4, 4, true, false, 1)

// ---- norm, clip, rounding and sum, for every family ----

// Part is a run of words that travel: from is its first word, at where that lies in an update, factor what scales it before the clip.
struct Part {
	u32 from, at;
	float factor;
	u32 unused;
};

// Member is what is known of an update before it is rounded.
struct Member {
	double norm, factor; // L2 norm before the clip; what clips it
	u64 squares;         // Σx² of its integers
	u32 bad;             // the first word that is no number, or none
	u32 unused;
	u32 keys[44]; // of its coins, AES-128
};
const u32 none = 0xffffffffu;

DEVICE float word(const float *update, const Part *parts, u32 count, u32 w) {
	u32 i = 0;
	while (i + 1 < count && w >= parts[i + 1].from) i++;
	return update[parts[i].at + (w - parts[i].from)] * parts[i].factor;
}

CONSTANT u8 substitutes[256] = {
	0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76, 0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
	0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15, 0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
	0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
	0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8, 0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
	0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73, 0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
	0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
	0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a, 0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
	0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf, 0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

DEVICE u32 swap_bytes(u32 x) { return (x & 255) << 24 | (x >> 8 & 255) << 16 | (x >> 16 & 255) << 8 | x >> 24; }
DEVICE u32 right(u32 x, u32 by) { return x >> by | x << (32 - by); }

// column is what the mixing of columns makes of a byte's substitute in a column's first place (FIPS 197, 5.1.3).
DEVICE u32 column(u32 s) {
	const u32 twice = (s << 1 ^ (s & 128 ? 0x1b : 0)) & 255;
	return twice << 24 | s << 16 | s << 8 | (twice ^ s);
}

DEVICE u32 substitute(u32 x) {
	return (u32)substitutes[x >> 24] << 24 | (u32)substitutes[x >> 16 & 255] << 16 | (u32)substitutes[x >> 8 & 255] << 8 | substitutes[x & 255];
}

// expand_key makes AES-128's round keys as big-endian words (FIPS 197, 5.2).
DEVICE void expand_key(u32 *keys, const u32 *key) {
	for (u32 i = 0; i < 4; i++) keys[i] = swap_bytes(key[i]);
	u32 constant = 1;
	for (u32 i = 4; i < 44; i++) {
		u32 x = keys[i - 1];
		if (i % 4 == 0) {
			x = substitute(x << 8 | x >> 24) ^ constant << 24;
			constant = (constant << 1 ^ (constant & 128 ? 0x1b : 0)) & 255;
		}
		keys[i] = keys[i - 4] ^ x;
	}
}

SHARED double squaresOf[8];
SHARED u32 badOf[8];

// One block of 256 threads measures a member's update: the clip's factor, the first word that is no number, the keys of its coins.
GLOBAL BOUNDS(256, 4) void train_measure(u32 members, u32 words, u32 stride, u32 count, float bound, const Part *parts, const float *updates, const u32 *coins, Member *out) {
	const u32 m = BID_X;
	if (m >= members || BDIM_X != 256) return;
	const float *update = updates + (u64)m * stride;
	double sum = 0;
	u32 bad = none;
	for (u32 w = TID_X; w < words; w += 256) {
		const float x = word(update, parts, count, w);
		if (!finite(x) && bad == none) bad = w;
		sum += (double)x * (double)x;
	}
	for (u32 with = 16; with; with >>= 1) {
		sum += shuffle_xor_double(sum, with);
		const u32 b = shuffle_xor(bad, with);
		bad = b < bad ? b : bad;
	}
	if (LANE == 0) squaresOf[TID_X >> 5] = sum, badOf[TID_X >> 5] = bad;
	sync_block();
	if (TID_X) return;
	for (u32 i = 1; i < 8; i++) {
		sum += squaresOf[i];
		bad = badOf[i] < bad ? badOf[i] : bad;
	}
	Member *o = out + m;
	o->norm = root_double(sum);
	// A vector counts as within its bound up to (1 − 2^−22) of it, and one beyond is scaled to (1 − 2^−21) of it (privacy.Clipper).
	double factor = 1;
	if (!(o->norm <= (double)bound * (1 - 1.0 / (1 << 22)))) factor = (double)bound * (1 - 1.0 / (1 << 21)) / o->norm;
	o->factor = factor;
	o->squares = 0;
	o->bad = bad;
	expand_key(o->keys, coins + 4 * m);
}

DEVICE u32 look(const u32 *table, u32 x) { return table[(x & 255) * 32 + LANE]; }

// encrypt is AES-128 of a counter block, whose first 96 bits are 0, with round keys in shared memory.
DEVICE void encrypt(u32 out[4], u32 counter, const u32 *keys, const u32 *table) {
	u32 a = keys[0], b = keys[1], c = keys[2], d = keys[3] ^ counter;
#pragma unroll
	for (u32 round = 1; round < 10; round++) {
		const u32 *k = keys + 4 * round;
		const u32 e = look(table, a >> 24) ^ right(look(table, b >> 16), 8) ^ right(look(table, c >> 8), 16) ^ right(look(table, d), 24) ^ k[0];
		const u32 f = look(table, b >> 24) ^ right(look(table, c >> 16), 8) ^ right(look(table, d >> 8), 16) ^ right(look(table, a), 24) ^ k[1];
		const u32 g = look(table, c >> 24) ^ right(look(table, d >> 16), 8) ^ right(look(table, a >> 8), 16) ^ right(look(table, b), 24) ^ k[2];
		const u32 h = look(table, d >> 24) ^ right(look(table, a >> 16), 8) ^ right(look(table, b >> 8), 16) ^ right(look(table, c), 24) ^ k[3];
		a = e, b = f, c = g, d = h;
	}
	// A column's second byte is the substitute itself.
#define LAST(p, q, r, s, k) ((look(table, p >> 24) & 0xff00) << 16 ^ (look(table, q >> 16) & 0xff00) << 8 ^ (look(table, r >> 8) & 0xff00) ^ (look(table, s) & 0xff00) >> 8 ^ k)
	out[0] = LAST(a, b, c, d, keys[40]);
	out[1] = LAST(b, c, d, a, keys[41]);
	out[2] = LAST(c, d, a, b, keys[42]);
	out[3] = LAST(d, a, b, c, keys[43]);
#undef LAST
}

const u32 group = 16; // members that a block of train_round takes one after another

// The block of 256 threads (x, y) rounds words 2048·x on of members 16·y on and adds them to total, whose length is words. unit is the grid's scale
// times 2^16, most its x_max. Members without a number in every word and those whose training failed do not count. With taking it takes off again
// those whose squares are beyond whole.
SHARED u32 tables[256 * 32];
SHARED u32 roundKeys[44];
GLOBAL BOUNDS(256, 2) void train_round(u32 members, u32 words, u32 stride, u32 count, float unit, u32 most, u32 taking, u64 whole, const Part *parts, const float *updates,
		const u32 *status, Member *out, u32 *total) {
	if (BDIM_X != 256) return;
	const u32 first = BID_Y * group, last = first + group < members ? first + group : members;
	const u32 at = BID_X * 2048 + TID_X * 8;
	bool any = false;
	for (u32 m = first; m < last; m++) any |= status[m] == 0 && out[m].bad == none && (!taking || out[m].squares > whole);
	if (!any) return;
	for (u32 i = TID_X; i < 256; i += 256)
		for (u32 lane = 0; lane < 32; lane++) tables[i * 32 + (lane + TID_X) % 32] = column(substitutes[i]);
	s32 sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
	const double limit = (double)most * 65536.0;
	for (u32 m = first; m < last; m++) {
		if (status[m] || out[m].bad != none || (taking && out[m].squares <= whole)) continue;
		sync_block();
		if (TID_X < 44) roundKeys[TID_X] = out[m].keys[TID_X];
		sync_block();
		const double factor = out[m].factor;
		const float *update = updates + (u64)m * stride;
		u32 stream[4];
		encrypt(stream, at / 8, roundKeys, tables);
		u64 squares = 0;
#pragma unroll
		for (u32 i = 0; i < 8; i++) {
			if (at + i >= words) break;
			const float x = word(update, parts, count, at + i);
			const float clipped = factor >= 0x1p-126 ? x * (float)factor : (float)((double)x * factor);
			double p = (double)(clipped * unit);
			p = p > limit ? limit : p < -limit ? -limit : p;
			const u32 pair = swap_bytes(stream[i / 2]) >> (i % 2 * 16) & 0xffff;
			const s64 y = (nearest(p) + (s64)pair) >> 16;
			squares += (u64)(y * y);
			sum[i] += taking ? -(s32)y : (s32)y;
		}
		if (taking) continue;
		for (u32 with = 16; with; with >>= 1) squares += shuffle_xor_long(squares, with);
		if (LANE == 0) atomic_add_long(&out[m].squares, squares);
	}
	// Words that lie side by side are added side by side.
	sync_block();
	u32 *const mine = tables + (TID_X >> 5) * 32 * 9;
#pragma unroll
	for (u32 i = 0; i < 8; i++) mine[LANE * 9 + i] = (u32)sum[i];
	sync_warp();
#pragma unroll
	for (u32 i = 0; i < 8; i++) {
		const u32 n = i * 32 + LANE, w = BID_X * 2048 + (TID_X >> 5) * 256 + n;
		if (w < words) atomic_add_only(total + w, mine[n / 8 * 9 + n % 8]);
	}
}
