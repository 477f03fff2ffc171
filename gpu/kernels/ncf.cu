// Local training of the NCF family (model/ncf.go) for many devices at once: one block trains one device, from the shared parameters to its
// update. Passes over the catalogue stream rows through registers: LG lanes hold one row, four coordinates each, and eight cuts go
// together. The softmax of a pass is a running one (Milakov and Gimelshein 2018), and its scores are computed again on the way back, so
// that no likelihood is stored. Products of the MLP half go through shared memory in tiles of candidates. No sum depends on the order in which
// threads run.
#include "prelude.h"

#define THREADS 256u
#define WARPS 8u
#define USERS 8u    // cuts of a pass
#define MOST_CUTS 64u
#define NOBODY 0xffffffffu
#define MOST_CHANNELS 8u

// A METHOD is inlined. A PHASE is not: its registers are its own. An address that went through shared memory is told to lie in device memory.
#ifdef __NVCC__
#define METHOD __device__ __forceinline__
#define PHASE static __device__ __noinline__
#define IN_DEVICE(type, p) ((type *)(p))
#else
#define METHOD inline __attribute__((device, always_inline))
#define PHASE static __attribute__((device, noinline))
#define IN_DEVICE(type, p) ((type *)(type __attribute__((address_space(1))) *)(p))
#endif

// ncf_shape is what is the same for all devices of a launch.
struct ncf_shape {
	u32 titles, dim, channels, cuts, steps, negatives; // negatives 0: the whole catalogue
	u32 size;       // coordinates of the layout
	u32 stride;     // floats from one device's update to the next
	u32 ages;       // places of a row of decay and norm
	u32 candidates; // most candidates of a step, a multiple of USERS·4
	u32 room;       // floats of work space a device
	float rate, dense, raise;
};

#ifdef __NVCC__
typedef float4 quad;
#else
typedef float quad __attribute__((ext_vector_type(4)));
#endif
DEVICE void load4(float *v, const float *at) {
	quad q = *(const quad *)at;
	v[0] = q.x, v[1] = q.y, v[2] = q.z, v[3] = q.w;
}
DEVICE void store4(float *at, const float *v) {
	quad q;
	q.x = v[0], q.y = v[1], q.z = v[2], q.w = v[3];
	*(quad *)at = q;
}
DEVICE u32 least(u32 a, u32 b) { return a < b ? a : b; }
DEVICE float relu(float x) { return x < 0 ? 0 : x; } // keeps NaN
DEVICE float other_lane(float x, u32 with) { return float_of(shuffle_xor(bits_of(x), with)); }
DEVICE float from_lane(float x, u32 lane) { return float_of(shuffle(bits_of(x), lane)); }
DEVICE float power_of_two(float x) {
	float r;
	asm("ex2.approx.f32 %0, %1;" : "=f"(r) : "f"(x));
	return r;
}
// likely is e^x for x ≤ 0 to |x|·2^-24 of itself: 0 from where nothing is left of it on, NaN for NaN.
DEVICE float likely(float x) { return x < -87.0f ? 0 : power_of_two(x * 1.44269504f); }

extern SHARED __attribute__((aligned(16))) float work[];

// ncf_step is what a block is at.
struct ncf_step {
	u64 params, decay, norm, cuts, lists, items, update, room; // addresses
	u32 first;                                                 // nothing was added to the update yet
	u32 count, padded;                                         // candidates, and those up to whole tiles
};
SHARED ncf_shape the;
SHARED ncf_step now;

// space is the device's room: dense rows of DP floats, zero beyond the model's width.
template <u32 LG> struct space {
	static constexpr u32 DP = LG * 4, H2 = DP / 2;
	static constexpr u32 TILE = 256 / LG; // candidates of a tile
	static constexpr u32 ROWS = TILE * USERS;
	static constexpr u32 WIDE = DP + 4, HALF = H2 + 4; // strides in shared memory
	static constexpr u32 FLOATS = ROWS * (WIDE + HALF) + H2 * WIDE; // of it, the most that a phase takes
	// Padded weights, and their gradient. QT and PT are Q and P turned.
	static constexpr u32 H = 0, C1 = H + DP, C2 = C1 + DP, O = C2 + H2, A2 = O + H2, P = A2 + H2 * DP, Q = P + DP * DP, QT = Q + DP * DP,
	                     PT = QT + DP * DP, S = PT + DP * DP;

	u32 k, channels, cuts, m;
	float *w, *g;                                 // weights, gradient
	float *before, *slope, *pooled, *mean, *dmean; // channels × k × DP
	float *u, *du, *mine, *dmine, *gmf, *dgmf, *z; // k × DP
	float *top, *part, *mass, *along;              // channels × k
	float *block, *theirs, *dtheirs;               // m × DP
	float *bias, *scores;                          // m: the candidates' biases, then their gradient; k × m
	u32 *owner;                                    // titles

	METHOD space() {
		cuts = the.cuts, k = (cuts + USERS - 1) / USERS * USERS, channels = the.channels, m = the.candidates;
		u32 n = S + channels * DP, users = k * DP;
		float *at = IN_DEVICE(float, now.room);
		w = at, at += n;
		g = at, at += n;
		before = at, at += channels * users;
		slope = at, at += channels * users;
		pooled = at, at += channels * users;
		mean = at, at += channels * users;
		dmean = at, at += channels * users;
		u = at, at += users;
		du = at, at += users;
		mine = at, at += users;
		dmine = at, at += users;
		gmf = at, at += users;
		dgmf = at, at += users;
		z = at, at += users;
		top = at, at += channels * k;
		part = at, at += channels * k;
		mass = at, at += channels * k;
		along = at, at += channels * k;
		block = at, at += (u64)m * DP;
		theirs = at, at += (u64)m * DP;
		dtheirs = at, at += (u64)m * DP;
		bias = at, at += m;
		scores = at, at += (u64)k * m;
		owner = (u32 *)at;
	}
	METHOD u32 user(u32 c, u32 i) const { return (c * k + i) * DP; }
};

// Kinds of rows: those that begin at multiples of four coordinates, and any.
#define QUADS 0u
#define ANY 1u

// line is a row as it was read.
struct line {
	float p[4], d[4], pb, db;
};

// model is where the parameters of a step are: the round's, and what the device has added.
struct model {
	const float *params;
	float *update;
	bool first;
	u32 titles, dim;

	METHOD model() {
		params = IN_DEVICE(const float, now.params), update = IN_DEVICE(float, now.update), first = now.first, titles = the.titles, dim = the.dim;
	}
	METHOD u32 kind() const { return dim % 4 ? ANY : QUADS; }
	METHOD float at(u64 i) const { return first ? params[i] : params[i] + update[i]; }
	METHOD float bias(u32 row) const { return at((u64)titles * dim + row); }
	// fetch reads four coordinates of an item's vector, and its bias.
	template <u32 KIND> METHOD void fetch(line &l, u32 item, u32 col) const {
		u64 from = (u64)item * dim + col, b = (u64)titles * dim + item;
#pragma unroll
		for (u32 e = 0; e < 4; e++) l.p[e] = l.d[e] = 0;
		if (KIND != ANY) {
			if (col < dim) {
				load4(l.p, params + from);
				if (!first) load4(l.d, update + from);
			}
		} else {
#pragma unroll
			for (u32 e = 0; e < 4; e++)
				if (col + e < dim) l.p[e] = params[from + e], l.d[e] = first ? 0 : update[from + e];
		}
		l.pb = params[b];
		l.db = first ? 0 : update[b];
	}
	// row is fetch's vector for one of a few rows.
	METHOD void row(float *v, u32 item, u32 col) const {
		u64 from = (u64)item * dim + col;
		if (dim % 4 == 0) {
			float d[4] = {0, 0, 0, 0};
			v[0] = v[1] = v[2] = v[3] = 0;
			if (col < dim) load4(v, params + from);
			if (col < dim && !first) load4(d, update + from);
#pragma unroll
			for (u32 e = 0; e < 4; e++) v[e] += d[e];
			return;
		}
#pragma unroll
		for (u32 e = 0; e < 4; e++) v[e] = col + e < dim ? at(from + e) : 0;
	}
	// add is update += v for four coordinates.
	METHOD void add(const float *v, u32 item, u32 col) const {
		u64 from = (u64)item * dim + col;
		if (dim % 4 == 0) {
			if (col >= dim) return;
			float d[4];
			load4(d, update + from);
#pragma unroll
			for (u32 e = 0; e < 4; e++) d[e] += v[e];
			store4(update + from, d);
			return;
		}
#pragma unroll
		for (u32 e = 0; e < 4; e++)
			if (col + e < dim) update[from + e] += v[e];
	}
};
DEVICE void values(float *v, float &b, const line &l) {
#pragma unroll
	for (u32 e = 0; e < 4; e++) v[e] = l.p[e] + l.d[e];
	b = l.pb + l.db;
}

// cut is where a cut's titles lie in the lists: past of them, oldest first, then next. first is the place of its first target among the
// candidates.
struct cut {
	u32 at, past, next, first;
};
// chosen are a step's candidates in the lists: the negatives, then the targets of all cuts.
struct chosen {
	u32 at, count;
};

// record is what was drawn for the step.
struct record {
	const cut *cuts;
	const u32 *lists, *items;

	METHOD record() { cuts = IN_DEVICE(const cut, now.cuts), lists = IN_DEVICE(const u32, now.lists), items = IN_DEVICE(const u32, now.items); }
	METHOD u32 past(u32 i) const { return cuts[i].past; }
	METHOD u32 next(u32 i) const { return cuts[i].next; }
	METHOD u32 first(u32 i) const { return cuts[i].first; }
	METHOD const u32 *pasts(u32 i) const { return lists + cuts[i].at; }
	METHOD const u32 *nexts(u32 i) const { return lists + cuts[i].at + past(i); }
};

// half keeps one of two sums and gives the other away, to a lane that does the opposite.
DEVICE float half(float low, float high, bool up, u32 with) {
	float keep = up ? high : low, away = up ? low : high;
	return keep + other_lane(away, with);
}

// own sums eight values over the LG lanes of a row: lane l is left with the sum of value l mod 8.
template <u32 LG> DEVICE float own(const float *x) {
	u32 lane = LANE;
	float a[4], b[2];
	bool up = lane & 4;
#pragma unroll
	for (u32 k = 0; k < 4; k++) a[k] = half(x[k], x[k + 4], up, 4);
	up = lane & 2;
#pragma unroll
	for (u32 k = 0; k < 2; k++) b[k] = half(a[k], a[k + 2], up, 2);
	up = lane & 1;
	float c = half(b[0], b[1], up, 1);
	if (LG >= 16) c += other_lane(c, 8);
	if (LG >= 32) c += other_lane(c, 16);
	return c;
}

// spread adds x[k]·v to eight rows, where x[k] is lane k's.
DEVICE void spread(float (*acc)[4], float x, const float *v) {
#pragma unroll
	for (u32 k = 0; k < USERS; k++) {
		float f = from_lane(x, (LANE & ~7u) | k);
#pragma unroll
		for (u32 e = 0; e < 4; e++) acc[k][e] += f * v[e];
	}
}

// gather sums the eight rows that every group of LG lanes has, over the block, to dst (8 × DP).
template <u32 LG> DEVICE void gather(float *dst, float (*acc)[4]) {
	constexpr u32 DP = LG * 4;
	u32 warp = TID_X / 32, col = LANE % LG * 4;
#pragma unroll
	for (u32 k = 0; k < USERS; k++) {
#pragma unroll
		for (u32 e = 0; e < 4; e++)
			for (u32 with = LG; with < 32; with <<= 1) acc[k][e] += other_lane(acc[k][e], with);
		if (LANE < LG) store4(work + (warp * USERS + k) * DP + col, acc[k]);
	}
	sync_block();
	for (u32 i = TID_X; i < USERS * DP; i += THREADS) {
		float sum = 0;
		for (u32 x = 0; x < WARPS; x++) sum += work[x * USERS * DP + i];
		dst[i] = sum;
	}
	sync_block();
}

// block_max and block_sum give every thread the greatest value, or the sum.
DEVICE float block_max(float x) {
	x = warp_max(x);
	if (LANE == 0) work[TID_X / 32] = x;
	sync_block();
	x = work[0];
	for (u32 i = 1; i < WARPS; i++) x = work[i] > x ? work[i] : x;
	sync_block();
	return x;
}
DEVICE float block_sum(float x) {
	x = warp_sum(x);
	if (LANE == 0) work[TID_X / 32] = x;
	sync_block();
	x = 0;
	for (u32 i = 0; i < WARPS; i++) x += work[i];
	sync_block();
	return x;
}

// Loops over the catalogue: LG lanes a row, RW rows a warp and some turns of them at once, the next fetched while these are worked on. What
// lies beyond the end is the last row again, and not there.
#define EACH_ROWS(KIND) \
	constexpr u32 RW = 32 / LG, STEP = WARPS * RW * TURNS; \
	u32 col = LANE % LG * 4, warp = TID_X / 32, mate = warp * RW * TURNS + LANE / LG; \
	line ahead[TURNS]; \
	_Pragma("unroll") for (u32 x = 0; x < TURNS; x++) m.template fetch<KIND>(ahead[x], least(mate + x * RW, m.titles - 1), col); \
	for (u32 base = 0; base < m.titles; base += STEP)
#define THESE_ROWS(KIND) \
	u32 row[TURNS]; \
	bool there[TURNS]; \
	float v[TURNS][4], b[TURNS]; \
	_Pragma("unroll") for (u32 x = 0; x < TURNS; x++) { \
		row[x] = base + mate + x * RW; \
		there[x] = row[x] < m.titles; \
		values(v[x], b[x], ahead[x]); \
		if (base + STEP < m.titles) m.template fetch<KIND>(ahead[x], least(row[x] + STEP, m.titles - 1), col); \
	}
#define EACH_TURN _Pragma("unroll") for (u32 x = 0; x < TURNS; x++)

// prior is the first step of a user's vector, where the catalogue looks alike to everybody: softmax(b), and the mean vector under it.
template <u32 LG, u32 KIND> PHASE void prior() {
	constexpr u32 TURNS = 2;
	space<LG> a;
	model m;
	float top = -3.0e38f, sum = 0;
	for (u32 i = TID_X; i < m.titles; i += THREADS) {
		float b = m.bias(i);
		top = b > top ? b : top;
	}
	top = block_max(top);
	float acc[4] = {0, 0, 0, 0};
	EACH_ROWS(KIND) {
		THESE_ROWS(KIND)
		EACH_TURN {
			float p = there[x] ? likely(b[x] - top) : 0;
			sum += p;
#pragma unroll
			for (u32 e = 0; e < 4; e++) acc[e] += p * v[x][e];
		}
	}
	float total = block_sum(LANE % LG == 0 ? sum : 0), part = 1 / total;
	for (u32 with = LG; with < 32; with <<= 1)
#pragma unroll
		for (u32 e = 0; e < 4; e++) acc[e] += other_lane(acc[e], with);
	if (LANE < LG) store4(work + TID_X / 32 * a.DP + LANE % LG * 4, acc);
	sync_block();
	for (u32 i = TID_X; i < a.DP; i += THREADS) {
		float x = 0;
		for (u32 w = 0; w < WARPS; w++) x += work[w * a.DP + i];
		a.mean[i] = x * part;
	}
	if (TID_X == 0) a.top[0] = top, a.part[0] = part;
	sync_block();
}

// stage copies to shared memory, for users i to i+7 in channel c: the vectors times h, then the gradient at the mean vectors.
template <u32 LG> DEVICE void stage(float *to, const space<LG> &a, u32 c, u32 i, bool both) {
	for (u32 x = TID_X; x < USERS * a.DP; x += THREADS) {
		to[x] = a.before[a.user(c, i) + x] * a.w[a.H + x % a.DP];
		if (both) to[USERS * a.DP + x] = a.dmean[a.user(c, i) + x];
	}
}

// dots is the inner products of some rows with eight vectors, by own.
template <u32 LG, u32 TURNS> DEVICE void dots(float *out, const float *y, float (*v)[4], u32 col) {
	float s[TURNS][USERS];
#pragma unroll
	for (u32 k = 0; k < USERS; k++) {
		float f[4];
		load4(f, y + k * LG * 4 + col);
		EACH_TURN s[x][k] = f[0] * v[x][0] + f[1] * v[x][1] + f[2] * v[x][2] + f[3] * v[x][3];
	}
	EACH_TURN out[x] = own<LG>(s[x]);
}

// times multiplies eight rows, row k by lane k's x.
DEVICE void times(float (*acc)[4], float x) {
#pragma unroll
	for (u32 k = 0; k < USERS; k++) {
		float f = from_lane(x, (LANE & ~7u) | k);
#pragma unroll
		for (u32 e = 0; e < 4; e++) acc[k][e] *= f;
	}
}

// posterior is softmax(V (h∘u) + b) for users i to i+7 in channel c: its greatest score, its sum, and the mean vector under it.
template <u32 LG, u32 KIND> PHASE void posterior(u32 c, u32 i) {
	constexpr u32 TURNS = 2;
	space<LG> a;
	model m;
	float *y = work + WARPS * USERS * a.DP;
	float acc[USERS][4] = {}, top = -1e30f, sum = 0;
	stage<LG>(y, a, c, i, false);
	sync_block();
	EACH_ROWS(KIND) {
		THESE_ROWS(KIND)
		float s[TURNS], most = top;
		dots<LG, TURNS>(s, y, v, col);
		EACH_TURN {
			s[x] = there[x] ? s[x] + b[x] : -1e30f;
			most = s[x] > most ? s[x] : most;
		}
		if (vote(most > top)) {
			float f = likely(top - most);
			sum *= f;
			top = most;
			times(acc, f);
		}
		EACH_TURN {
			float p = there[x] ? likely(s[x] - top) : 0;
			sum += p;
			spread(acc, p, v[x]);
		}
	}
	// one greatest score for the block
	float most = top;
	for (u32 with = LG; with < 32; with <<= 1) {
		float x = other_lane(most, with);
		most = x > most ? x : most;
	}
	if (LANE < USERS) work[warp * USERS + LANE] = most;
	sync_block();
	for (u32 w = 0; w < WARPS; w++) {
		float x = work[w * USERS + (LANE & 7u)];
		most = x > most ? x : most;
	}
	sync_block();
	float f = likely(top - most);
	sum *= f;
	times(acc, f);
	for (u32 with = LG; with < 32; with <<= 1) sum += other_lane(sum, with);
	if (LANE < USERS) work[warp * USERS + LANE] = sum;
	sync_block();
	if (TID_X < USERS) {
		float total = 0;
		for (u32 w = 0; w < WARPS; w++) total += work[w * USERS + TID_X];
		a.top[c * a.k + i + TID_X] = most;
		a.part[c * a.k + i + TID_X] = 1 / total;
	}
	sync_block();
	float *mean = a.mean + a.user(c, i);
	gather<LG>(mean, acc);
	for (u32 x = TID_X; x < USERS * a.DP; x += THREADS) mean[x] *= a.part[c * a.k + i + x / a.DP];
	sync_block();
}

// back is the gradient at users i to i+7 times h, before channel c, through the likelihoods of all titles, to z.
template <u32 LG, u32 KIND> PHASE void back(u32 c, u32 i) {
	constexpr u32 TURNS = 2;
	space<LG> a;
	model m;
	u32 own_user = c * a.k + i + (LANE & 7u);
	float *y = work + WARPS * USERS * a.DP, acc[USERS][4] = {};
	stage<LG>(y, a, c, i, true);
	float top = a.top[own_user], part = a.part[own_user], along = a.along[own_user];
	sync_block();
	EACH_ROWS(KIND) {
		THESE_ROWS(KIND)
		float s[TURNS], g[TURNS];
		dots<LG, TURNS>(s, y, v, col);
		dots<LG, TURNS>(g, y + USERS * a.DP, v, col);
		EACH_TURN {
			float e = likely(s[x] + b[x] - top) * part * (g[x] - along);
			spread(acc, there[x] ? e : 0, v[x]);
		}
	}
	gather<LG>(a.z + i * a.DP, acc);
}

// staged is whether the vectors of all channels and users fit into shared memory for finish.
template <u32 LG> DEVICE bool staged(const space<LG> &a) { return (a.channels - 1) * a.k * a.DP * 2 <= a.FLOATS; }

// finish adds the step of the catalogue's rows to the update: through the likelihoods of every channel, and, where the net compared the whole
// catalogue, what it left. Rows of QUADS find all users' vectors staged; for those of ANY each eight are staged anew.
template <u32 LG, u32 KIND> PHASE void finish(float rate) {
	constexpr u32 TURNS = 1; // with two, registers do not suffice
	space<LG> a;
	model m;
	bool whole = the.negatives == 0;
	if (KIND != ANY) {
		for (u32 c = 1, at = 0; c < a.channels; c++)
			for (u32 i = 0; i < a.k; i += USERS, at += 2 * USERS * a.DP) stage<LG>(work + at, a, c, i, true);
		sync_block();
	}
	float d0[4];
	load4(d0, a.dmean + LANE % LG * 4);
	float top0 = a.top[0], part0 = a.part[0], along0 = a.along[0];
	EACH_ROWS(KIND) {
		float old[TURNS][4], oldb[TURNS], out[TURNS][4], eb[TURNS];
		EACH_TURN {
#pragma unroll
			for (u32 t = 0; t < 4; t++) old[x][t] = ahead[x].d[t], out[x][t] = 0;
			oldb[x] = ahead[x].db, eb[x] = 0;
		}
		THESE_ROWS(KIND)
		const float *y = work;
		for (u32 c = 1; c < a.channels; c++)
			for (u32 i = 0; i < a.k; i += USERS) {
				u32 own_user = c * a.k + i + (LANE & 7u);
				if (KIND == ANY) {
					sync_block();
					stage<LG>(work, a, c, i, true);
					sync_block();
				}
				float top = a.top[own_user], part = a.part[own_user], along = a.along[own_user];
				float s[TURNS], g[TURNS], p[TURNS], e[TURNS];
				dots<LG, TURNS>(s, y, v, col);
				dots<LG, TURNS>(g, y + USERS * a.DP, v, col);
				EACH_TURN {
					p[x] = likely(s[x] + b[x] - top) * part;
					e[x] = p[x] * (g[x] - along);
					eb[x] += e[x];
				}
#pragma unroll
				for (u32 k = 0; k < USERS; k++) {
					float yk[4], dk[4];
					load4(yk, y + k * a.DP + col);
					load4(dk, y + (USERS + k) * a.DP + col);
					EACH_TURN {
						float pk = from_lane(p[x], (LANE & ~7u) | k), ek = from_lane(e[x], (LANE & ~7u) | k);
#pragma unroll
						for (u32 t = 0; t < 4; t++) out[x][t] += pk * dk[t] + ek * yk[t];
					}
				}
				if (KIND != ANY) y += 2 * USERS * a.DP;
			}
		EACH_TURN {
			float g = v[x][0] * d0[0] + v[x][1] * d0[1] + v[x][2] * d0[2] + v[x][3] * d0[3];
			for (u32 with = 1; with < LG; with <<= 1) g += other_lane(g, with);
			for (u32 with = 1; with < 8; with <<= 1) eb[x] += other_lane(eb[x], with);
			float p = likely(b[x] - top0) * part0;
			eb[x] += p * (g - along0);
			if (there[x]) {
				float dv[4] = {0, 0, 0, 0};
				if (whole) load4(dv, a.block + (u64)row[x] * a.DP + col), eb[x] += a.bias[row[x]];
#pragma unroll
				for (u32 t = 0; t < 4; t++) out[x][t] = old[x][t] + rate * (out[x][t] + p * d0[t] + dv[t]);
				u64 from = (u64)row[x] * m.dim + col;
				if (KIND == ANY) {
#pragma unroll
					for (u32 t = 0; t < 4; t++)
						if (col + t < m.dim) m.update[from + t] = out[x][t];
				} else if (col < m.dim)
					store4(m.update + from, out[x]);
				if (LANE % LG == 0) m.update[(u64)m.titles * m.dim + row[x]] = oldb[x] + rate * eb[x];
			}
		}
	}
	sync_block();
}

// A pass for rows of each kind.
#define PASS(kind, name, ...) \
	if ((kind) == QUADS) \
		name<LG, QUADS>(__VA_ARGS__); \
	else \
		name<LG, ANY>(__VA_ARGS__);

// spare weights beyond the model's width stay zero, so that nothing of them reaches what counts.
template <u32 LG> PHASE void weights() {
	constexpr u32 DP = LG * 4;
	space<LG> a;
	model m;
	u32 d = m.dim, h2 = d / 2 > 1 ? d / 2 : 1, n = a.S + a.channels * DP;
	u64 base = (u64)m.titles * (d + 1), s = base, h = s + a.channels * d, p = h + d, q = p + d * d, c1 = q + d * d, a2 = c1 + d, c2 = a2 + h2 * d,
	    o = c2 + h2;
	for (u32 i = TID_X; i < n; i += THREADS) {
		u32 x = i, rows = 1, width = d;
		u64 from = h;
		if (i >= a.S) x = i - a.S, from = s, rows = a.channels;
		else if (i >= a.PT) x = i - a.PT, from = p, rows = d;
		else if (i >= a.QT) x = i - a.QT, from = q, rows = d;
		else if (i >= a.Q) x = i - a.Q, from = q, rows = d;
		else if (i >= a.P) x = i - a.P, from = p, rows = d;
		else if (i >= a.A2) x = i - a.A2, from = a2, rows = h2;
		else if (i >= a.O) x = i - a.O, from = o, width = h2;
		else if (i >= a.C2) x = i - a.C2, from = c2, width = h2;
		else if (i >= a.C1) x = i - a.C1, from = c1;
		u32 row = 0, col = x;
		if (i >= a.A2) row = x / DP, col = x % DP;
		if (i >= a.QT && i < a.S) row = x % DP, col = x / DP;
		a.w[i] = row < rows && col < width ? m.at(from + row * width + col) : 0;
		a.g[i] = 0;
	}
}

// dense adds rate times the gradient of the small tensors to the update.
template <u32 LG> PHASE void dense(float rate) {
	constexpr u32 DP = LG * 4;
	space<LG> a;
	model m;
	u32 d = m.dim, h2 = d / 2 > 1 ? d / 2 : 1;
	u64 base = (u64)m.titles * (d + 1);
	u32 s = a.channels * d, h = s + d, p = h + d * d, q = p + d * d, c1 = q + d, a2 = c1 + h2 * d, c2 = a2 + h2; // where each ends
	for (u32 i = TID_X; i < the.size - m.titles * (m.dim + 1); i += THREADS) {
		u32 at;
		if (i < s) at = a.S + i / d * DP + i % d;
		else if (i < h) at = a.H + (i - s);
		else if (i < p) at = a.P + (i - h) / d * DP + (i - h) % d;
		else if (i < q) at = a.Q + (i - p) / d * DP + (i - p) % d;
		else if (i < c1) at = a.C1 + (i - q);
		else if (i < a2) at = a.A2 + (i - c1) / d * DP + (i - c1) % d;
		else if (i < c2) at = a.C2 + (i - a2);
		else at = a.O + (i - c2);
		float v = rate * a.g[at];
		m.update[base + i] = m.first ? v : m.update[base + i] + v;
	}
}

// pool weighs each cut's past in every channel: a warp a cut, LG lanes a title.
template <u32 LG> PHASE void pool() {
	space<LG> a;
	model m;
	record r;
	const float *decay = IN_DEVICE(const float, now.decay), *norm = IN_DEVICE(const float, now.norm);
	u32 ages = the.ages, cuts = a.cuts;
	constexpr u32 RW = 32 / LG;
	u32 col = LANE % LG * 4;
	for (u32 i = TID_X / 32; i < a.k; i += WARPS) {
		u32 n = i < cuts ? r.past(i) : 0;
		float acc[MOST_CHANNELS][4] = {}, mass[MOST_CHANNELS] = {};
		for (u32 e = LANE / LG; e < n; e += RW) {
			float v[4];
			m.row(v, r.pasts(i)[e], col);
#pragma unroll
			for (u32 c = 0; c < MOST_CHANNELS; c++) {
				float w = c < a.channels ? decay[c * ages + n - 1 - e] : 0;
				mass[c] += w;
#pragma unroll
				for (u32 t = 0; t < 4; t++) acc[c][t] += w * v[t];
			}
		}
		sync_warp();
#pragma unroll
		for (u32 c = 0; c < MOST_CHANNELS; c++) {
			if (c < a.channels) {
				float scale = n ? norm[c * ages + n - 1] : 0;
				for (u32 with = LG; with < 32; with <<= 1) mass[c] += other_lane(mass[c], with);
#pragma unroll
				for (u32 t = 0; t < 4; t++) {
					for (u32 with = LG; with < 32; with <<= 1) acc[c][t] += other_lane(acc[c][t], with);
					acc[c][t] *= scale;
				}
				if (LANE < LG) store4(a.pooled + a.user(c, i) + col, acc[c]);
				if (LANE == 0) a.mass[c * a.k + i] = mass[c] * scale;
			}
		}
	}
	sync_block();
}

// solve leaves the users' vectors in u, and what the way back needs.
template <u32 LG> DEVICE void solve() {
	space<LG> a;
	u32 kind = model().kind();
	PASS(kind, prior)
	for (u32 i = TID_X; i < a.k * a.DP; i += THREADS) a.u[i] = 0;
	for (u32 c = 0; c < a.channels; c++) {
		for (u32 x = TID_X; x < a.k * a.DP; x += THREADS) a.before[c * a.k * a.DP + x] = a.u[x];
		sync_block();
		if (c > 0)
			for (u32 i = 0; i < a.k; i += USERS) {
				PASS(kind, posterior, c, i)
			}
		for (u32 x = TID_X; x < a.k * a.DP; x += THREADS) {
			u32 i = x / a.DP, j = x % a.DP, at = c * a.k * a.DP + x;
			float r = a.pooled[at] - a.mass[c * a.k + i] * a.mean[c > 0 ? at : j];
			a.slope[at] = r;
			a.u[x] += a.w[a.S + c * a.DP + j] * a.w[a.H + j] * r;
		}
		sync_block();
	}
}

// unsolve takes the gradient at u back through the steps: to the small tensors, and to what finish and scatter read.
template <u32 LG> DEVICE void unsolve() {
	space<LG> a;
	u32 kind = model().kind();
	for (u32 c = a.channels; c-- > 0;) {
		for (u32 j = TID_X; j < a.DP; j += THREADS) {
			float h = a.w[a.H + j], s = a.w[a.S + c * a.DP + j], ds = 0, dh = 0, sum = 0;
			for (u32 i = 0; i < a.k; i++) {
				u32 at = a.user(c, i) + j;
				float g = a.du[i * a.DP + j], r = a.slope[at], y = g * s * h, d = -a.mass[c * a.k + i] * y;
				ds += g * h * r, dh += g * s * r, sum += d;
				a.pooled[at] = y;
				a.dmean[at] = d;
			}
			if (c == 0) a.dmean[j] = sum;
			a.g[a.S + c * a.DP + j] += ds;
			a.g[a.H + j] += dh;
		}
		sync_block();
		for (u32 i = TID_X / 32; i < (c ? a.k : 1); i += WARPS) {
			float x = 0;
			for (u32 j = LANE; j < a.DP; j += 32) x += a.dmean[a.user(c, i) + j] * a.mean[a.user(c, i) + j];
			x = warp_sum(x);
			if (LANE == 0) a.along[c * a.k + i] = x;
		}
		sync_block();
		if (c == 0) return;
		for (u32 i = 0; i < a.k; i += USERS) {
			PASS(kind, back, c, i)
		}
		for (u32 j = TID_X; j < a.DP; j += THREADS) {
			float h = a.w[a.H + j], dh = 0;
			for (u32 i = 0; i < a.k; i++) {
				float z = a.z[i * a.DP + j];
				dh += z * a.before[a.user(c, i) + j];
				a.du[i * a.DP + j] += z * h;
			}
			a.g[a.H + j] += dh;
		}
		sync_block();
	}
}

// candidates gathers the titles' vectors and biases, and Q times those; and what the users bring.
template <u32 LG> PHASE void candidates() {
	space<LG> a;
	model m;
	record r;
	constexpr u32 LOTS = THREADS / LG;
	u32 col = TID_X % LG * 4, drawn = the.negatives, padded = now.padded;
	for (u32 j = TID_X / LG; j < padded; j += LOTS) {
		float v[4] = {0, 0, 0, 0};
		if (j < now.count) {
			u32 item = drawn ? r.items[j] : j;
			m.row(v, item, col);
			if (col == 0) a.bias[j] = m.bias(item);
		}
		store4(a.block + (u64)j * a.DP + col, v);
	}
	sync_block();
	for (u32 j = TID_X / LG; j < padded; j += 2 * LOTS) {
		u32 other = j + LOTS < padded ? j + LOTS : j;
		float one[4] = {0, 0, 0, 0}, two[4] = {0, 0, 0, 0};
#pragma unroll 2
		for (u32 x = 0; x < a.DP; x += 4) {
			float v[4], w[4], q[4];
			load4(v, a.block + (u64)j * a.DP + x);
			load4(w, a.block + (u64)other * a.DP + x);
#pragma unroll
			for (u32 t = 0; t < 4; t++) {
				load4(q, a.w + a.QT + (x + t) * a.DP + col);
#pragma unroll
				for (u32 e = 0; e < 4; e++) one[e] += v[t] * q[e], two[e] += w[t] * q[e];
			}
		}
		store4(a.theirs + (u64)j * a.DP + col, one);
		if (other != j) store4(a.theirs + (u64)other * a.DP + col, two);
	}
	for (u32 x = TID_X; x < a.k * a.DP; x += THREADS) {
		u32 i = x / a.DP, j = x % a.DP;
		float out = a.w[a.C1 + j];
#pragma unroll 8
		for (u32 y = 0; y < a.DP; y++) out += a.u[i * a.DP + y] * a.w[a.PT + y * a.DP + j];
		a.mine[x] = out;
		a.gmf[x] = a.u[x] * a.w[a.H + j];
	}
	sync_block();
}

// Shared memory of the net: the first layer of a tile, pair by pair (user·TILE + candidate), the second's gradient, and the weights between.
template <u32 LG> struct tile {
	typedef space<LG> A;
	static constexpr u32 FIRST = 0, SECOND = A::ROWS * A::WIDE, BETWEEN = SECOND + A::ROWS * A::HALF, END = BETWEEN + A::H2 * A::WIDE;
	static constexpr u32 CT = A::H2 / 4; // threads along the second layer; each has units ct, ct+CT, ct+2CT and ct+3CT of four pairs
};

// between copies the weights from the first layer to the second.
template <u32 LG> DEVICE void between(const space<LG> &a) {
	for (u32 x = TID_X; x < a.H2 * a.DP; x += THREADS) work[tile<LG>::BETWEEN + x / a.DP * a.WIDE + x % a.DP] = a.w[a.A2 + x];
	sync_block();
}

// layers leaves the first layer of candidates j0.. and users i.. in shared memory, and gives each thread its part of the second: pairs
// of candidate rt mod TILE with users rt/TILE + 2x.
template <u32 LG> DEVICE void layers(float (*acc)[4], const space<LG> &a, u32 i, u32 j0) {
	typedef tile<LG> T;
	u32 col = TID_X % LG * 4, t = TID_X / LG;
	float theirs[4], first[4];
	load4(theirs, a.theirs + (u64)(j0 + t) * a.DP + col);
#pragma unroll
	for (u32 u = 0; u < USERS; u++) {
		load4(first, a.mine + (i + u) * a.DP + col);
#pragma unroll
		for (u32 e = 0; e < 4; e++) first[e] = relu(first[e] + theirs[e]);
		store4(work + T::FIRST + (t + u * a.TILE) * a.WIDE + col, first);
	}
	sync_block();
	u32 ct = TID_X % T::CT, rt = TID_X / T::CT;
#pragma unroll
	for (u32 x = 0; x < 4; x++)
#pragma unroll
		for (u32 y = 0; y < 4; y++) acc[x][y] = 0;
#pragma unroll 4
	for (u32 n = 0; n < a.DP; n += 4) {
		float f[4][4], w[4];
#pragma unroll
		for (u32 x = 0; x < 4; x++) load4(f[x], work + T::FIRST + (rt + x * 2 * a.TILE) * a.WIDE + n);
#pragma unroll
		for (u32 y = 0; y < 4; y++) {
			load4(w, work + T::BETWEEN + (ct + y * T::CT) * a.WIDE + n);
#pragma unroll
			for (u32 x = 0; x < 4; x++) acc[x][y] += f[x][0] * w[0] + f[x][1] * w[1] + f[x][2] * w[2] + f[x][3] * w[3];
		}
	}
#pragma unroll
	for (u32 y = 0; y < 4; y++) {
		float c2 = a.w[a.C2 + ct + y * T::CT];
#pragma unroll
		for (u32 x = 0; x < 4; x++) acc[x][y] = relu(acc[x][y] + c2);
	}
}

// score writes the scores of all cuts and candidates.
template <u32 LG> PHASE void score() {
	typedef tile<LG> T;
	space<LG> a;
	between<LG>(a);
	u32 ct = TID_X % T::CT, rt = TID_X / T::CT, t = rt % a.TILE, first = rt / a.TILE;
	float o[4];
#pragma unroll
	for (u32 y = 0; y < 4; y++) o[y] = a.w[a.O + ct + y * T::CT];
	for (u32 i = 0; i < a.k; i += USERS)
		for (u32 j0 = 0; j0 < now.padded; j0 += a.TILE) {
			float acc[4][4], v[8], s[4] = {0, 0, 0, 0};
			u32 j = j0 + t;
			load4(v, a.block + (u64)j * a.DP + ct * 8);
			load4(v + 4, a.block + (u64)j * a.DP + ct * 8 + 4);
			float b = j < now.count ? a.bias[j] : 0;
			layers<LG>(acc, a, i, j0);
#pragma unroll
			for (u32 x = 0; x < 4; x++) {
				float g[8];
				load4(g, a.gmf + (i + first + 2 * x) * a.DP + ct * 8);
				load4(g + 4, a.gmf + (i + first + 2 * x) * a.DP + ct * 8 + 4);
#pragma unroll
				for (u32 e = 0; e < 8; e++) s[x] += g[e] * v[e];
#pragma unroll
				for (u32 y = 0; y < 4; y++) s[x] += o[y] * acc[x][y];
#pragma unroll
				for (u32 with = 1; with < T::CT; with <<= 1) s[x] += other_lane(s[x], with);
			}
			if (ct == 0)
#pragma unroll
				for (u32 x = 0; x < 4; x++) a.scores[(u64)(i + first + 2 * x) * a.m + j] = s[x] + b;
			sync_block();
		}
}

// judge turns cut i's scores into those that count: raised where they stand for the catalogue, shut where the cut does not compare. A warp.
DEVICE void judge(const record &r, float *s, u32 i) {
	u32 from = r.first(i), next = r.next(i);
	const u32 *nexts = r.nexts(i);
	for (u32 j = LANE; j < now.count; j += 32) {
		if (j >= the.negatives) {
			if (j < from || j >= from + next) s[j] = -1e30f;
			continue;
		}
		u32 item = r.items[j];
		bool shut = false;
		for (u32 t = 0; t < next; t++) shut |= nexts[t] == item;
		s[j] = shut ? -1e30f : s[j] + the.raise;
	}
	sync_warp();
}

// losses turns scores into the gradient of the targets' mean loss, a warp a cut, and gives every thread the mean over the cuts.
template <u32 LG> PHASE float losses() {
	space<LG> a;
	record r;
	float total = 0;
	u32 drawn = the.negatives, count = now.count, padded = now.padded;
	for (u32 i = TID_X / 32; i < a.k; i += WARPS) {
		float *s = a.scores + (u64)i * a.m;
		if (i >= a.cuts) {
			for (u32 j = LANE; j < padded; j += 32) s[j] = 0;
			continue;
		}
		if (drawn) judge(r, s, i);
		float top = -3.0e38f, sum = 0, hit = 0, share = 1 / (float)r.next(i);
		for (u32 j = LANE; j < count; j += 32) top = s[j] > top ? s[j] : top;
		top = warp_max(top);
		for (u32 t = LANE; t < r.next(i); t += 32) hit += s[drawn ? r.first(i) + t : r.nexts(i)[t]] - top;
		hit = warp_sum(hit);
		sync_warp();
		for (u32 j = LANE; j < count; j += 32) {
			float p = likely(s[j] - top);
			sum += p;
			s[j] = p;
		}
		sum = warp_sum(sum);
		float part = 1 / sum;
		for (u32 j = LANE; j < padded; j += 32) s[j] = j < count ? s[j] * part : 0;
		sync_warp();
		for (u32 t = LANE; t < r.next(i); t += 32) s[drawn ? r.first(i) + t : r.nexts(i)[t]] -= share;
		total += logarithm(sum) - hit * share;
	}
	return block_sum(LANE == 0 ? total : 0) / (float)a.cuts;
}

// backward takes the scores' gradient through the MLP half, users i to i+7: to the small tensors, dmine and dtheirs.
template <u32 LG> PHASE void backward(u32 i) {
	typedef tile<LG> T;
	space<LG> a;
	between<LG>(a);
	u32 padded = now.padded;
	constexpr u32 DP = LG * 4, H2 = DP / 2, ROWS = space<LG>::ROWS, TILE = space<LG>::TILE, WIDE = space<LG>::WIDE, HALF = space<LG>::HALF;
	constexpr u32 BLOCKS = H2 / 4 * LG, PARTS = BLOCKS < THREADS ? THREADS / BLOCKS : 1, EACH = BLOCKS > THREADS ? BLOCKS / THREADS : 1;
	u32 ct = TID_X % T::CT, rt = TID_X / T::CT, t = TID_X / LG, col = TID_X % LG * 4, quads = TID_X % BLOCKS, part = TID_X / BLOCKS;
	float da2[EACH][4][4] = {}, dmine[USERS][4] = {}, o[4], dout[4] = {}, dc2[4] = {};
#pragma unroll
	for (u32 y = 0; y < 4; y++) o[y] = a.w[a.O + ct + y * T::CT];
	for (u32 j0 = 0; j0 < padded; j0 += TILE) {
		float acc[4][4];
		layers<LG>(acc, a, i, j0);
#pragma unroll
		for (u32 x = 0; x < 4; x++) {
			float g = a.scores[(u64)(i + rt / TILE + 2 * x) * a.m + j0 + rt % TILE];
#pragma unroll
			for (u32 y = 0; y < 4; y++) {
				float d = acc[x][y] > 0 ? g * o[y] : 0;
				dout[y] += g * acc[x][y];
				dc2[y] += d;
				work[T::SECOND + (rt + x * 2 * TILE) * HALF + ct + y * T::CT] = d;
			}
		}
		sync_block();
#pragma unroll
		for (u32 q = 0; q < EACH; q++) {
			u32 at = quads + q * THREADS;
#pragma unroll 4
			for (u32 r = part * (ROWS / PARTS); r < (part + 1) * (ROWS / PARTS); r++) {
				float d[4], f[4];
				load4(d, work + T::SECOND + r * HALF + at / LG * 4);
				load4(f, work + T::FIRST + r * WIDE + at % LG * 4);
#pragma unroll
				for (u32 x = 0; x < 4; x++)
#pragma unroll
					for (u32 y = 0; y < 4; y++) da2[q][x][y] += d[x] * f[y];
			}
		}
		float theirs[4] = {0, 0, 0, 0}, *dtheirs = a.dtheirs + (u64)(j0 + t) * DP + col;
		if (i > 0) load4(theirs, dtheirs);
#pragma unroll
		for (u32 half = 0; half < USERS; half += 4) { // fewer sums at once: registers
			float out[4][4] = {};
#pragma unroll 1
			for (u32 k = 0; k < H2; k += 4) {
				float w[4][4], d[4];
#pragma unroll
				for (u32 x = 0; x < 4; x++) load4(w[x], work + T::BETWEEN + (k + x) * WIDE + col);
#pragma unroll
				for (u32 u = 0; u < 4; u++) {
					load4(d, work + T::SECOND + (t + (half + u) * TILE) * HALF + k);
#pragma unroll
					for (u32 e = 0; e < 4; e++) out[u][e] += d[0] * w[0][e] + d[1] * w[1][e] + d[2] * w[2][e] + d[3] * w[3][e];
				}
			}
#pragma unroll
			for (u32 u = 0; u < 4; u++) {
				float f[4];
				load4(f, work + T::FIRST + (t + (half + u) * TILE) * WIDE + col);
#pragma unroll
				for (u32 e = 0; e < 4; e++) {
					float d = f[e] > 0 ? out[u][e] : 0;
					dmine[half + u][e] += d;
					theirs[e] += d;
				}
			}
		}
		store4(dtheirs, theirs);
		sync_block();
	}
	gather<LG>(a.dmine + i * DP, dmine);
	for (u32 p = 0; p < PARTS; p++) {
		if (part == p)
#pragma unroll
			for (u32 q = 0; q < EACH; q++)
#pragma unroll
				for (u32 x = 0; x < 4; x++)
#pragma unroll
					for (u32 y = 0; y < 4; y++) {
						u32 at = quads + q * THREADS;
						a.g[a.A2 + (at / LG * 4 + x) * DP + at % LG * 4 + y] += da2[q][x][y];
					}
		sync_block();
	}
#pragma unroll
	for (u32 y = 0; y < 4; y++) work[rt * H2 + ct + y * T::CT] = dout[y], work[ROWS / 4 * H2 + rt * H2 + ct + y * T::CT] = dc2[y];
	sync_block();
	for (u32 x = TID_X; x < 2 * H2; x += THREADS) {
		float sum = 0;
		const float *from = work + (x < H2 ? x : ROWS / 4 * H2 + x - H2);
		for (u32 y = 0; y < ROWS / 4; y++) sum += from[y * H2];
		a.g[x < H2 ? a.O + x : a.C2 + x - H2] += sum;
	}
	sync_block();
}

// products takes the scores' gradient to the GMF half, Q, P, c1, h and the users in du.
template <u32 LG> PHASE void products() {
	constexpr u32 DP = LG * 4, BLOCKS = LG * LG, PARTS = BLOCKS < THREADS ? THREADS / BLOCKS : 1;
	space<LG> a;
	u32 padded = now.padded, count = now.count;
	for (u32 i = 0; i < a.k; i += USERS) {
		float acc[USERS][4] = {};
		u32 col = LANE % LG * 4;
#pragma unroll 2
		for (u32 j = TID_X / LG; j < padded; j += THREADS / LG) {
			float v[4];
			load4(v, a.block + (u64)j * DP + col);
#pragma unroll
			for (u32 u = 0; u < USERS; u++) {
				float g = a.scores[(u64)(i + u) * a.m + j];
#pragma unroll
				for (u32 e = 0; e < 4; e++) acc[u][e] += g * v[e];
			}
		}
		sync_warp();
		gather<LG>(a.dgmf + i * DP, acc);
	}
	for (u32 q = TID_X % BLOCKS; q < BLOCKS; q += THREADS) {
		float acc[4][4] = {};
		u32 part = TID_X / BLOCKS % PARTS, row = q / LG * 4, col = q % LG * 4;
#pragma unroll 4
		for (u32 j = part; j < count; j += PARTS) {
			float d[4], v[4];
			load4(d, a.dtheirs + (u64)j * DP + row);
			load4(v, a.block + (u64)j * DP + col);
#pragma unroll
			for (u32 x = 0; x < 4; x++)
#pragma unroll
				for (u32 y = 0; y < 4; y++) acc[x][y] += d[x] * v[y];
		}
		for (u32 p = 0; p < PARTS; p++) {
			if (part == p)
#pragma unroll
				for (u32 x = 0; x < 4; x++)
#pragma unroll
					for (u32 y = 0; y < 4; y++) a.g[a.Q + (row + x) * DP + col + y] += acc[x][y];
			if (PARTS > 1) sync_block();
		}
	}
	for (u32 x = TID_X; x < DP * DP; x += THREADS) {
		u32 row = x / DP, col = x % DP;
		float sum = 0;
		for (u32 i = 0; i < a.cuts; i++) sum += a.dmine[i * DP + row] * a.u[i * DP + col];
		a.g[a.P + x] += sum;
	}
	for (u32 x = TID_X; x < a.k * DP; x += THREADS) {
		u32 i = x / DP, j = x % DP;
		float sum = a.dgmf[x] * a.w[a.H + j];
#pragma unroll 8
		for (u32 y = 0; y < DP; y++) sum += a.dmine[i * DP + y] * a.w[a.P + y * DP + j];
		a.du[x] = sum;
	}
	for (u32 j = TID_X; j < DP; j += THREADS) {
		float c1 = 0, h = 0;
		for (u32 i = 0; i < a.cuts; i++) c1 += a.dmine[i * DP + j], h += a.dgmf[i * DP + j] * a.u[i * DP + j];
		a.g[a.C1 + j] += c1;
		a.g[a.H + j] += h;
	}
	sync_block();
}

// rows puts the gradient of the candidates' vectors and biases in their places.
template <u32 LG> PHASE void rows() {
	constexpr u32 DP = LG * 4, LOTS = THREADS / LG;
	space<LG> a;
	u32 col = TID_X % LG * 4, padded = now.padded;
	for (u32 j = TID_X / LG; j < padded; j += 2 * LOTS) {
		u32 other = j + LOTS < padded ? j + LOTS : j;
		float one[4] = {0, 0, 0, 0}, two[4] = {0, 0, 0, 0}, db = 0, dc = 0, w[4];
#pragma unroll 2
		for (u32 k = 0; k < DP; k += 4) {
			float d[4], f[4];
			load4(d, a.dtheirs + (u64)j * DP + k);
			load4(f, a.dtheirs + (u64)other * DP + k);
#pragma unroll
			for (u32 x = 0; x < 4; x++) {
				load4(w, a.w + a.Q + (k + x) * DP + col);
#pragma unroll
				for (u32 e = 0; e < 4; e++) one[e] += d[x] * w[e], two[e] += f[x] * w[e];
			}
		}
		for (u32 i = 0; i < a.cuts; i++) {
			float g = a.scores[(u64)i * a.m + j], f = a.scores[(u64)i * a.m + other];
			load4(w, a.gmf + i * DP + col);
			db += g, dc += f;
#pragma unroll
			for (u32 e = 0; e < 4; e++) one[e] += g * w[e], two[e] += f * w[e];
		}
		store4(a.block + (u64)j * DP + col, one);
		if (col == 0) a.bias[j] = db;
		if (other == j) continue;
		store4(a.block + (u64)other * DP + col, two);
		if (col == 0) a.bias[other] = dc;
	}
	sync_block();
}

// give adds rate times the gradient of candidate j to its row: LG lanes.
template <u32 LG> DEVICE void give(const space<LG> &a, const model &m, float rate, u32 j, u32 item, u32 col) {
	float v[4];
	load4(v, a.block + (u64)j * a.DP + col);
#pragma unroll
	for (u32 e = 0; e < 4; e++) v[e] *= rate;
	m.add(v, item, col);
	if (col == 0) m.update[(u64)m.titles * m.dim + item] += rate * a.bias[j];
}

DEVICE void atomic_least(u32 *at, u32 v) { asm volatile("red.global.min.u32 [%0], %1;" ::"l"(at), "r"(v) : "memory"); }

// negatives adds the steps of the negatives. Of one that was drawn more than once the first goes with all others, the rest in order.
template <u32 LG> PHASE void negatives(float rate) {
	space<LG> a;
	model m;
	record r;
	u32 col = TID_X % LG * 4, lot = TID_X / LG, drawn = the.negatives;
	for (u32 j = TID_X; j < drawn; j += THREADS) a.owner[r.items[j]] = NOBODY;
	sync_block();
	for (u32 j = TID_X; j < drawn; j += THREADS) atomic_least(a.owner + r.items[j], j);
	sync_block();
#pragma unroll 2
	for (u32 j = lot; j < drawn; j += THREADS / LG) {
		u32 item = r.items[j];
		if (a.owner[item] == j) give<LG>(a, m, rate, j, item, col);
	}
	sync_block();
	if (TID_X < 32)
		for (u32 base = 0; base < drawn; base += 32) {
			u32 j = base + LANE, again = vote(j < drawn && a.owner[r.items[j < drawn ? j : 0]] != j);
			for (u32 t = 0; again; t++, again >>= 1)
				if ((again & 1) && LANE < LG) give<LG>(a, m, rate, base + t, r.items[base + t], col);
		}
	sync_block();
}

// scatter adds the steps of the titles in the cuts' pasts, and of the targets. Titles of one cut differ, so cuts follow one another.
template <u32 LG> PHASE void scatter(float rate) {
	space<LG> a;
	model m;
	record r;
	const float *decay = IN_DEVICE(const float, now.decay), *norm = IN_DEVICE(const float, now.norm);
	u32 col = TID_X % LG * 4, lot = TID_X / LG, ages = the.ages;
	for (u32 i = 0; i < a.cuts; i++) {
		u32 past = r.past(i), all = past + (the.negatives ? r.next(i) : 0);
		for (u32 e = lot; e < all; e += THREADS / LG) {
			if (e >= past) {
				give<LG>(a, m, rate, r.first(i) + e - past, r.nexts(i)[e - past], col);
				continue;
			}
			float v[4] = {0, 0, 0, 0}, y[4];
			for (u32 c = 0; c < a.channels; c++) {
				float w = rate * decay[c * ages + past - 1 - e] * norm[c * ages + past - 1];
				load4(y, a.pooled + a.user(c, i) + col);
#pragma unroll
				for (u32 t = 0; t < 4; t++) v[t] += w * y[t];
			}
			m.add(v, r.pasts(i)[e], col);
		}
		sync_block();
	}
}

// arguments are a launch's.
struct arguments {
	const float *params, *decay, *norm;
	const cut *cuts;
	const chosen *candidates;
	const u32 *lists;
	float *updates;
	double *loss;
	u32 *status;
	float *rooms;
	u32 *taken;
};

// begin readies what the phases of a step read.
template <u32 LG> DEVICE void begin(const arguments &x, u32 who, u32 step) {
	if (TID_X == 0) {
		u32 place = who * the.steps + step, tile = space<LG>::TILE;
		now.params = (u64)x.params, now.decay = (u64)x.decay, now.norm = (u64)x.norm;
		now.cuts = (u64)(x.cuts + (u64)place * the.cuts), now.lists = (u64)x.lists, now.items = 0;
		now.update = (u64)(x.updates + (u64)who * the.stride), now.room = (u64)(x.rooms + (u64)BID_X * the.room);
		now.first = step == 0, now.count = the.titles;
		if (the.negatives) now.items = (u64)(x.lists + x.candidates[place].at), now.count = x.candidates[place].count;
		now.padded = (now.count + tile - 1) / tile * tile;
	}
	sync_block();
}

// member trains one device; it begins and ends with the block together.
template <u32 LG> DEVICE void member(const arguments &x, u32 who) {
	u32 failed = 0;
	float loss = 0, rate = -the.rate / (float)the.cuts;
	for (u32 step = 0; step < the.steps && !failed; step++) {
		begin<LG>(x, who, step);
		weights<LG>();
		pool<LG>();
		solve<LG>();
		candidates<LG>();
		score<LG>();
		loss = losses<LG>();
		if (bits_of(loss) << 1 >= 0xff000000u) {
			failed = step + 1;
			continue;
		}
		for (u32 i = 0; i < the.cuts; i += USERS) backward<LG>(i);
		products<LG>();
		rows<LG>();
		unsolve<LG>();
		PASS(staged(space<LG>()) ? model().kind() : ANY, finish, rate)
		if (the.negatives) negatives<LG>(rate);
		scatter<LG>(rate);
		dense<LG>(-the.dense / (float)the.cuts);
		sync_block();
	}
	if (TID_X == 0) x.loss[who] = (double)loss, x.status[who] = failed;
}

SHARED u32 turn;

template <u32 LG> DEVICE void train(const ncf_shape &shape, const arguments &x, u32 members) {
	if (TID_X == 0) the = shape;
	sync_block();
	for (;;) {
		if (TID_X == 0) turn = atomic_add(x.taken, 1);
		sync_block();
		u32 who = turn;
		sync_block();
		if (who >= members) return;
		member<LG>(x, who);
	}
}

// ncf_train_32, _64 and _128 are for models up to that width. A block trains one device after another, whichever is next: taken counts them,
// from 0. params are the round's; decay are the weights of every
// age and norm what scales those of every length, a row a channel; cuts (members × steps × cuts), candidates (members × steps) and lists
// are what was drawn. Device i's update goes to updates[i·stride], its last loss to loss, and to status the step (from 1) whose loss was no number,
// or 0. rooms have the shape's room for every block. Dynamic shared memory: gpu/train/ncfshape.go.
#define TRAIN(width) \
	GLOBAL void BOUNDS(256, 2) \
	    ncf_train_##width(u32 members, u32 titles, u32 dim, u32 channels, u32 cuts, u32 steps, u32 negatives, u32 size, u32 stride, u32 ages, \
	                      u32 most, u32 room, float rate, float dense, float raise, const float *params, const float *decay, const float *norm, \
	                      const cut *drawn, const chosen *candidates, const u32 *lists, float *updates, double *loss, u32 *status, float *rooms, \
	                      u32 *taken) { \
		if (BDIM_X != THREADS || dim > width || cuts > MOST_CUTS || channels > MOST_CHANNELS) return; \
		ncf_shape shape = {titles, dim, channels, cuts, steps, negatives, size, stride, ages, most, room, rate, dense, raise}; \
		arguments x = {params, decay, norm, drawn, candidates, lists, updates, loss, status, rooms, taken}; \
		train<width / 4>(shape, x, members); \
	}
TRAIN(32)
TRAIN(64)
TRAIN(128)
