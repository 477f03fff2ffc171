// Scores of many users against all titles, and what evaluation counts in them. Vectors lie turned: row k holds coordinate k of all users
// or titles, STRIDE apart, and a stride is a multiple of TILE, so that a tile's row is one piece. What lies beyond the last user or title
// of a table of titles is 0; of users it may be anything.
//
// A score is the same chain of fused additions wherever it is made: k from the first to the last, then the bias, then the units of the
// MLP half in their order. Only so does a title tie with itself.
#include "prelude.h"

#define TILE 64u      // users, and titles, of a block's tile
#define ROW (TILE + 4) // of a tile in shared memory that is read both ways
#define CHUNK 64u     // coordinates in shared memory at a time
#define RUN 4u
#define THREADS 256u  // 16 × 16, each four users and four titles
#define LIST 10u
#define LANES 32u
#define UNITS 16u     // of the second hidden layer at once; their weights lie in groups of so many
#ifndef AT_ONCE_USERS
#define AT_ONCE_USERS 1u // of a thread's four, in the MLP half: the more, the fewer look-ups and the more registers
#define NCF_BLOCKS 2
#endif
#define MOST_CHANNELS 8u

struct alignas(16) quad {
	float x, y, z, w;
};

DEVICE float minus_infinity() { return float_of(0xff800000u); }
DEVICE float add(float a, float b) { // never half of a fused addition
	float r;
	asm("add.rn.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
	return r;
}
DEVICE float relu(float x) { // keeps what is not a number
	float r;
	asm("max.NaN.f32 %0, %1, 0f00000000;" : "=f"(r) : "f"(x));
	return r;
}
DEVICE float exponential_or_nothing(float x) { return x > -87.0f ? exponential(x) : x == x ? 0.0f : x; }
DEVICE u64 shared_at(const void *p) {
	u64 r;
	asm("cvta.to.shared.u64 %0, %1;" : "=l"(r) : "l"(p));
	return r;
}
DEVICE void atomic_or_only(u32 *at, u32 v) { asm volatile("red.global.or.b32 [%0], %1;" ::"l"(at), "r"(v) : "memory"); }
DEVICE u32 ones(u32 x) {
	u32 r;
	asm("popc.b32 %0, %1;" : "=r"(r) : "r"(x));
	return r;
}
DEVICE u32 lowest(u32 x) { return ones((x & (0u - x)) - 1); }
DEVICE quad four(const float *p) {
	const quad *q = (const quad *)p;
	quad r = {q->x, q->y, q->z, q->w};
	return r;
}
DEVICE void put(float *p, quad v) {
	quad *q = (quad *)p;
	q->x = v.x, q->y = v.y, q->z = v.z, q->w = v.w;
}
DEVICE float at(const quad &q, u32 i) { return i == 0 ? q.x : i == 1 ? q.y : i == 2 ? q.z : q.w; }

// score_turn is out[k][i] = in[i][k] for i < n, and 0 for the rest of the stride. One thread a place of out, grid.y over k.
GLOBAL void score_turn(float *__restrict__ out, const float *__restrict__ in, u32 n, u32 width, u32 stride) {
	u32 i = BID_X * BDIM_X + TID_X, k = BID_Y;
	if (i >= stride || k >= width) return;
	out[(u64)k * stride + i] = i < n ? in[(u64)i * width + k] : 0;
}

// score_pool is pooled[c·d+k][user] = Σ_j w_c(age_j) V[j][k], from the newest title on. decay, norm and mass are channels × most.
// One block a user, a thread a coordinate.
GLOBAL void score_pool(float *__restrict__ pooled, const float *__restrict__ v, const u32 *__restrict__ from, const u32 *__restrict__ items, const float *__restrict__ decay, const float *__restrict__ norm, u32 most, u32 channels, u32 d, u32 users, u32 stride) {
	u32 user = BID_X;
	if (user >= users) return;
	u32 first = from[user], n = from[user + 1] - first;
	for (u32 k = TID_X; k < d; k += BDIM_X) {
		float sum[MOST_CHANNELS];
		for (u32 c = 0; c < MOST_CHANNELS; c++) sum[c] = 0;
		for (u32 age = 0; age < n && age < most; age++) {
			float x = v[(u64)items[first + n - 1 - age] * d + k];
#pragma unroll
			for (u32 c = 0; c < MOST_CHANNELS; c++)
				if (c < channels) sum[c] = fused(decay[c * most + age] * norm[c * most + n - 1], x, sum[c]);
		}
#pragma unroll
		for (u32 c = 0; c < MOST_CHANNELS; c++)
			if (c < channels) pooled[(u64)(c * d + k) * stride + user] = sum[c];
	}
}

// score_project is out[j][i] = Σ_k w[j][k] x[k][i] (+ bias[j]), for i below the stride; grid.y over j.
GLOBAL void score_project(float *__restrict__ out, const float *__restrict__ x, const float *__restrict__ w, const float *__restrict__ bias, u32 has_bias, u32 width, u32 stride) {
	u32 i = BID_X * BDIM_X + TID_X, j = BID_Y;
	if (i >= stride) return;
	float sum = 0;
	for (u32 k = 0; k < width; k++) sum = fused(w[(u64)j * width + k], x[(u64)k * stride + i], sum);
	out[(u64)j * stride + i] = has_bias ? add(sum, bias[j]) : sum;
}

// Coordinates are gone through RUN at a time; rows that are not there are 0.
DEVICE u32 runs(u32 rows) { return (rows + RUN - 1) / RUN * RUN; }

// fetch brings rows of a turned table to shared memory, width apart there, and clears the rest of the last run.
DEVICE void fetch(float *to, u32 width, const float *__restrict__ table, u32 stride, u32 first, u32 rows, u32 column) {
	for (u32 e = TID_X; e < runs(rows) * (TILE / 4); e += THREADS) {
		u32 k = e / (TILE / 4), q = e % (TILE / 4);
		if (k < rows) {
			put(to + k * width + 4 * q, four(table + (u64)(first + k) * stride + column + 4 * q));
		} else {
			quad zero = {0, 0, 0, 0};
			put(to + k * width + 4 * q, zero);
		}
	}
}

// several adds the products of RUN coordinates from shared memory.
DEVICE void several(float acc[4][4], const float *a, const float *b, u32 b_width) {
#pragma unroll
	for (u32 k = 0; k < RUN; k++) {
		quad x = four(a + k * TILE), y = four(b + k * b_width);
#pragma unroll
		for (u32 i = 0; i < 4; i++)
#pragma unroll
			for (u32 j = 0; j < 4; j++) acc[i][j] = fused(at(x, i), at(y, j), acc[i][j]);
	}
}

// product adds Σ_k a[k][user] b[k][title] of a tile to acc: the thread's users are 4·(TID/16)…, its titles 4·(TID%16)….
DEVICE void product(float acc[4][4], float *room, const float *__restrict__ a, u32 a_stride, const float *__restrict__ b, u32 b_stride, u32 d, u32 user, u32 title) {
	float *sa = room, *sb = room + CHUNK * TILE;
	u32 ux = TID_X / 16 * 4, tx = TID_X % 16 * 4;
	for (u32 k0 = 0; k0 < d; k0 += CHUNK) {
		u32 rows = d - k0 < CHUNK ? d - k0 : CHUNK;
		sync_block();
		fetch(sa, TILE, a, a_stride, k0, rows, user);
		fetch(sb, TILE, b, b_stride, k0, rows, title);
		sync_block();
		for (u32 k = 0; k < rows; k += RUN) several(acc, sa + k * TILE + ux, sb + k * TILE + tx, TILE);
	}
}

// Model is what a kernel of scores reads. Fields of the MLP half are for NCF alone: mine and theirs are h1 rows of users and of titles,
// weights are groups × h1 × UNITS, lift and out groups · UNITS, with zeros where there is no unit.
struct Model {
	const float *query, *titles, *bias; // d × user stride, d × title stride, title stride
	const float *mine, *theirs, *weights, *lift, *out;
	u32 d, h1, groups, n, title_stride, users, user_stride;
};

// hidden adds what one unit of the first layer gives to UNITS of the second, for AT_ONCE users and four titles.
template <u32 AT_ONCE> DEVICE void hidden(float unit[AT_ONCE][4][UNITS], const float *mine, const float *theirs, const float *weights) {
	quad y = four(theirs), w[UNITS / 4];
#pragma unroll
	for (u32 u = 0; u < UNITS / 4; u++) w[u] = four(weights + 4 * u);
#pragma unroll
	for (u32 i = 0; i < AT_ONCE; i++) {
#pragma unroll
		for (u32 j = 0; j < 4; j++) {
			float f = relu(add(mine[i], at(y, j)));
#pragma unroll
			for (u32 u = 0; u < UNITS; u++) unit[i][j][u] = fused(at(w[u / 4], u % 4), f, unit[i][j][u]);
		}
	}
}

// turn moves the first rows behind the others, so that registers are named by constants in each pass.
template <u32 ROWS> DEVICE void turn(float acc[4][4]) {
#pragma unroll
	for (u32 j = 0; j < 4; j++) {
		float x[4] = {acc[0][j], acc[1][j], acc[2][j], acc[3][j]};
#pragma unroll
		for (u32 i = 0; i < 4; i++) acc[i][j] = x[(i + ROWS) % 4];
	}
}

// mlp adds the MLP half to acc, for AT_ONCE of the thread's users at a time.
template <u32 AT_ONCE> DEVICE void mlp(float acc[4][4], float *room, float *small, const Model &m, u32 user, u32 title) {
	float *sa = room, *sb = room + CHUNK * TILE;
	u32 ux = TID_X / 16 * 4, tx = TID_X % 16 * 4;
	bool once = m.h1 <= CHUNK;
	for (u32 g = 0; g < m.groups; g++) {
#pragma unroll 1
		for (u32 p = 0; p < 4; p += AT_ONCE) {
			float unit[AT_ONCE][4][UNITS];
#pragma unroll
			for (u32 i = 0; i < AT_ONCE; i++)
#pragma unroll
				for (u32 j = 0; j < 4; j++)
#pragma unroll
					for (u32 u = 0; u < UNITS; u++) unit[i][j][u] = 0;
			for (u32 k0 = 0; k0 < m.h1; k0 += CHUNK) {
				u32 rows = m.h1 - k0 < CHUNK ? m.h1 - k0 : CHUNK;
				if (!once || p == 0) { // the weights are another group's, or all is another chunk's
					sync_block();
					if (!once || g == 0) {
						fetch(sa, TILE, m.mine, m.user_stride, k0, rows, user);
						fetch(sb, TILE, m.theirs, m.title_stride, k0, rows, title);
					}
					for (u32 e = TID_X; e < runs(rows) * UNITS; e += THREADS) small[e] = e < rows * UNITS ? m.weights[((u64)g * m.h1 + k0) * UNITS + e] : 0;
					sync_block();
				}
				for (u32 k = 0; k < rows; k += RUN) {
#pragma unroll
					for (u32 r = 0; r < RUN; r++) hidden<AT_ONCE>(unit, sa + (k + r) * TILE + ux + p, sb + (k + r) * TILE + tx, small + (k + r) * UNITS);
				}
			}
#pragma unroll
			for (u32 u = 0; u < UNITS; u++) {
				float lift = m.lift[g * UNITS + u], out = m.out[g * UNITS + u];
#pragma unroll
				for (u32 i = 0; i < AT_ONCE; i++)
#pragma unroll
					for (u32 j = 0; j < 4; j++) acc[i][j] = fused(out, relu(add(unit[i][j][u], lift)), acc[i][j]);
			}
			turn<AT_ONCE>(acc);
		}
	}
}

// tile leaves the scores of a tile in room, ROW apart by user.
template <bool NCF> DEVICE void tile(float *room, float *small, const Model &m, const u32 *__restrict__ from, u32 user, u32 title) {
	u32 ux = TID_X / 16 * 4, tx = TID_X % 16 * 4;
	float acc[4][4];
#pragma unroll
	for (u32 i = 0; i < 4; i++)
#pragma unroll
		for (u32 j = 0; j < 4; j++) acc[i][j] = 0;
	product(acc, room, m.query, m.user_stride, m.titles, m.title_stride, m.d, user, title);
	quad bias = four(m.bias + title + tx);
#pragma unroll
	for (u32 i = 0; i < 4; i++)
#pragma unroll
		for (u32 j = 0; j < 4; j++) acc[i][j] = add(acc[i][j], at(bias, j));
	if (NCF) mlp<AT_ONCE_USERS>(acc, room, small, m, user, title);
	sync_block();
#pragma unroll
	for (u32 i = 0; i < 4; i++) {
		u32 who = user + ux + i;
		bool stranger = who < m.users && from[who] == from[who + 1]; // scored by the biases alone
		quad out = {stranger ? bias.x : acc[i][0], stranger ? bias.y : acc[i][1], stranger ? bias.z : acc[i][2], stranger ? bias.w : acc[i][3]};
		put(room + (ux + i) * ROW + tx, out);
	}
	sync_block();
}

// What score_rank leaves of each slice of titles.
struct Found {
	float *best;              // slices × users × LIST
	u32 *best_title, *before; // the titles, and how many stand before the held-out one, itself among them
	u32 *not_number;
};

// keep inserts the candidates among the lanes' values (a set of lanes) in a list, whose place i is lane i's. Equal ones stand in the
// order of titles, which is the order of calls and lanes.
DEVICE void keep(float v, u32 first, u32 candidates, float *best, u32 *best_title) {
	u32 lane = LANE;
	float s = lane < LIST ? best[lane] : minus_infinity();
	u32 t = lane < LIST ? best_title[lane] : 0;
	while (candidates) {
		u32 from = lowest(candidates);
		candidates &= candidates - 1;
		float x = float_of(shuffle(bits_of(v), from));
		if (!(x > float_of(shuffle(bits_of(s), LIST - 1)))) continue;
		u32 place = ones(vote(lane < LIST && s >= x));
		float above = float_of(shuffle(bits_of(s), (lane - 1) & 31));
		u32 above_title = shuffle(t, (lane - 1) & 31);
		if (lane > place) s = above, t = above_title;
		if (lane == place) s = x, t = first + from;
	}
	sync_warp();
	if (lane < LIST) best[lane] = s, best_title[lane] = t;
	sync_warp();
}

template <bool NCF> DEVICE void rank(const Model &m, const Found &f, const float *__restrict__ held, const u32 *__restrict__ from, const u32 *__restrict__ mask, u32 words, u32 slice_tiles) {
	SHARED __attribute__((aligned(16))) float room[2 * CHUNK * TILE];
	SHARED __attribute__((aligned(16))) float small[CHUNK * UNITS];
	SHARED float best[TILE * LIST];
	SHARED u32 best_title[TILE * LIST], before[TILE];
	SHARED float mark[TILE];
	u32 user = BID_X * TILE, warp = TID_X / LANES, lane = LANE;
	for (u32 e = TID_X; e < TILE * LIST; e += THREADS) best[e] = minus_infinity(), best_title[e] = ALL_LANES;
	for (u32 e = TID_X; e < TILE; e += THREADS) mark[e] = user + e < m.users ? held[user + e] : 0, before[e] = 0;
	u32 strange = 0; // a bit for each of the warp's users
	u32 end = (BID_Y + 1) * slice_tiles * TILE;
	if (end > m.n) end = m.n;
	for (u32 title = BID_Y * slice_tiles * TILE; title < end; title += TILE) {
		u32 out = 0; // lane 2i+h holds the bits of user i, half h of the tile
		if (lane < 16) {
			u32 who = user + warp * 8 + lane / 2, word = title / 32 + lane % 2;
			if (who < m.users && word < words) out = mask[(u64)who * words + word];
		}
		tile<NCF>(room, small, m, from, user, title);
#pragma unroll 1
		for (u32 i = 0; i < TILE / 8; i++) {
			u32 row = warp * 8 + i;
			float *list = best + row * LIST;
#pragma unroll
			for (u32 h = 0; h < 2; h++) {
				u32 column = h * 32 + lane;
				float v = room[row * ROW + column];
				u32 taken = shuffle(out, 2 * i + h) >> lane & 1;
				bool inside = title + column < end, free = inside && !taken;
				if (inside && v != v) strange |= 1u << i;
				u32 stand = vote(free && !(v < mark[row]));
				if (lane == 0) before[row] += ones(stand);
				u32 candidates = vote(free && v > list[LIST - 1]);
				if (candidates) keep(v, title + h * 32, candidates, list, best_title + row * LIST);
			}
		}
		sync_block();
	}
	sync_block();
	for (u32 i = 0; i < TILE / 8; i++) {
		u32 who = user + warp * 8 + i, any = vote(strange >> i & 1);
		if (who >= m.users) continue;
		u64 place = (u64)BID_Y * m.users + who;
		if (lane == 0) f.before[place] = before[warp * 8 + i], f.not_number[place] = any != 0;
		if (lane < LIST) {
			f.best[place * LIST + lane] = best[(warp * 8 + i) * LIST + lane];
			f.best_title[place * LIST + lane] = best_title[(warp * 8 + i) * LIST + lane];
		}
	}
}

#define MODEL                                                                                                                                       \
	const float *__restrict__ query, const float *__restrict__ titles, const float *__restrict__ bias, const float *__restrict__ mine,              \
		const float *__restrict__ theirs, const float *__restrict__ weights, const float *__restrict__ lift, const float *__restrict__ out, u32 d,  \
		u32 h1, u32 groups, u32 n, u32 title_stride, u32 users, u32 user_stride
#define THE_MODEL {query, titles, bias, mine, theirs, weights, lift, out, d, h1, groups, n, title_stride, users, user_stride}

// score_rank_* leave the lists of a slice of titles (grid.y) for TILE users a block. held is by user; mask is users × words, a bit for each
// title that is no candidate.
#define RANK(NAME, NCF, BLOCKS)                                                                                                                     \
	GLOBAL void BOUNDS(256, BLOCKS) NAME(MODEL, const float *__restrict__ held, const u32 *__restrict__ from, const u32 *__restrict__ mask,         \
										 u32 words, u32 slice_tiles, float *best, u32 *best_title, u32 *before, u32 *not_number) {                  \
		Model m = THE_MODEL;                                                                                                                        \
		Found f = {best, best_title, before, not_number};                                                                                           \
		rank<NCF>(m, f, held, from, mask, words, slice_tiles);                                                                                      \
	}
RANK(score_rank_towers, false, 4)
RANK(score_rank_ncf, true, NCF_BLOCKS)

template <bool NCF> DEVICE void write(const Model &m, const u32 *__restrict__ from, float *__restrict__ scores) {
	SHARED __attribute__((aligned(16))) float room[2 * CHUNK * TILE];
	SHARED __attribute__((aligned(16))) float small[CHUNK * UNITS];
	u32 user = BID_X * TILE, title = BID_Y * TILE;
	tile<NCF>(room, small, m, from, user, title);
	for (u32 e = TID_X; e < TILE * TILE; e += THREADS) {
		u32 row = e / TILE, column = e % TILE;
		if (user + row < m.users && title + column < m.n) scores[(u64)(user + row) * m.n + title + column] = room[row * ROW + column];
	}
}

// score_write_* write scores, users × n. grid.y over tiles of titles.
#define WRITE(NAME, NCF, BLOCKS)                                                                                                                    \
	GLOBAL void BOUNDS(256, BLOCKS) NAME(MODEL, const u32 *__restrict__ from, float *__restrict__ scores) {                                         \
		Model m = THE_MODEL;                                                                                                                        \
		write<NCF>(m, from, scores);                                                                                                                \
	}
WRITE(score_write_towers, false, 4)
WRITE(score_write_ncf, true, NCF_BLOCKS)

// single is one score, by the chain of tile.
template <bool NCF> DEVICE float single(const Model &m, const u32 *__restrict__ from, u32 user, u32 title) {
	float acc = 0, bias = m.bias[title];
	if (from[user] == from[user + 1]) return bias;
	for (u32 k = 0; k < m.d; k++) acc = fused(m.query[(u64)k * m.user_stride + user], m.titles[(u64)k * m.title_stride + title], acc);
	acc = add(acc, bias);
	if (!NCF) return acc;
	for (u32 g = 0; g < m.groups; g++) {
		float unit[UNITS];
#pragma unroll
		for (u32 u = 0; u < UNITS; u++) unit[u] = 0;
		for (u32 k = 0; k < m.h1; k++) {
			float f = relu(add(m.mine[(u64)k * m.user_stride + user], m.theirs[(u64)k * m.title_stride + title]));
			const float *w = m.weights + ((u64)g * m.h1 + k) * UNITS;
#pragma unroll
			for (u32 u = 0; u < UNITS; u++) unit[u] = fused(at(four(w + u / 4 * 4), u % 4), f, unit[u]);
		}
#pragma unroll
		for (u32 u = 0; u < UNITS; u++) acc = fused(m.out[g * UNITS + u], relu(add(unit[u], m.lift[g * UNITS + u])), acc);
	}
	return acc;
}

// score_few_* write scores too: a thread a title, grid.y over users. For a few users, of whom a tile would be all but empty.
#define FEW(NAME, NCF)                                                                                                                              \
	GLOBAL void NAME(MODEL, const u32 *__restrict__ from, float *__restrict__ scores) {                                                             \
		Model m = THE_MODEL;                                                                                                                        \
		u32 title = BID_X * BDIM_X + TID_X, user = BID_Y;                                                                                           \
		if (title < m.n && user < m.users) scores[(u64)user * m.n + title] = single<NCF>(m, from, user, title);                                     \
	}
FEW(score_few_towers, false)
FEW(score_few_ncf, true)

// listed is one user's held-out title and negatives; see score_listed.
template <bool NCF> DEVICE void listed(const Model &m, const u32 *__restrict__ from, const u32 *__restrict__ lists, const u32 *__restrict__ items, float *__restrict__ held, u32 *__restrict__ before) {
	SHARED float mark;
	SHARED u32 count[2];
	u32 user = BID_X;
	if (user >= m.users) return;
	u32 first = lists[2 * user], second = lists[2 * user + 1] - first, all = lists[2 * user + 2] - first;
	if (TID_X < 2) count[TID_X] = 0;
	u32 uniform = 0, matched = 0;
	for (u32 base = 0; base < all; base += BDIM_X) {
		u32 i = base + TID_X;
		float s = i < all ? single<NCF>(m, from, user, items[first + i]) : 0;
		if (i == 0) mark = s;
		if (base == 0) sync_block();
		bool stands = i > 0 && i < all && !(s < mark);
		uniform += stands && i < second, matched += stands && i >= second;
	}
	for (u32 l = 0; l < 2; l++) {
		u32 total = l ? matched : uniform;
		for (u32 with = 16; with; with >>= 1) total += shuffle_xor(total, with);
		if (LANE == 0 && total) asm volatile("red.shared.add.u32 [%0], %1;" ::"l"(shared_at(count + l)), "r"(total) : "memory");
	}
	sync_block();
	if (TID_X < 2) before[2 * user + TID_X] = count[TID_X];
	if (TID_X == 0) held[user] = mark;
}

// score_listed_* score the held-out title and the negatives of a user a block. A user's titles begin at lists[2·user]: the held-out one and
// the uniform negatives, from lists[2·user+1] on the matched ones; lists has 2·users + 1 places. before is users × 2.
#define LISTED(NAME, NCF)                                                                                                                           \
	GLOBAL void NAME(MODEL, const u32 *__restrict__ from, const u32 *__restrict__ lists, const u32 *__restrict__ items, float *__restrict__ held,   \
					 u32 *__restrict__ before) {                                                                                                    \
		Model m = THE_MODEL;                                                                                                                        \
		listed<NCF>(m, from, lists, items, held, before);                                                                                           \
	}
LISTED(score_listed_towers, false)
LISTED(score_listed_ncf, true)

// score_mask sets the bits of each history in cleared words. One warp a user.
GLOBAL void score_mask(u32 *__restrict__ mask, const u32 *__restrict__ from, const u32 *__restrict__ items, u32 users, u32 words) {
	u32 user = (BID_X * BDIM_X + TID_X) / LANES;
	if (user >= users) return;
	for (u32 i = from[user] + LANE; i < from[user + 1]; i += LANES) {
		u32 item = items[i];
		if (item / 32 < words) atomic_or_only(mask + (u64)user * words + item / 32, 1u << item % 32);
	}
}

// score_merge joins the slices of a user: one thread a user. The held-out title, which does not beat itself, is taken off.
GLOBAL void score_merge(u32 *__restrict__ list, u32 *__restrict__ full, u32 *__restrict__ not_number, const float *__restrict__ best, const u32 *__restrict__ best_title, const u32 *__restrict__ before, const u32 *__restrict__ strange, u32 slices, u32 users) {
	u32 user = BID_X * BDIM_X + TID_X;
	if (user >= users) return;
	u32 total = 0, any = 0;
	float s[LIST];
	u32 t[LIST];
#pragma unroll
	for (u32 i = 0; i < LIST; i++) s[i] = minus_infinity(), t[i] = ALL_LANES;
	for (u32 slice = 0; slice < slices; slice++) {
		u64 place = (u64)slice * users + user;
		total += before[place];
		any |= strange[place];
		for (u32 i = 0; i < LIST; i++) {
			float x = best[place * LIST + i];
			u32 y = best_title[place * LIST + i];
			if (!(x > s[LIST - 1])) break;
			bool higher = false;
#pragma unroll
			for (u32 l = 0; l < LIST; l++) { // sinks to its place, and moves all below it: slices come in the order of titles
				higher = higher || x > s[l];
				float v = s[l];
				u32 w = t[l];
				s[l] = higher ? x : v, t[l] = higher ? y : w;
				x = higher ? v : x, y = higher ? w : y;
			}
		}
	}
	full[user] = total - 1;
	not_number[user] = any;
#pragma unroll
	for (u32 i = 0; i < LIST; i++) list[user * LIST + i] = t[i];
}

// attend is the mean of the titles' vectors under softmax(q·V + b), for a slice of titles and TILE users: the greatest score, the sum of
// weights against it, and the sum of weighted vectors (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"). Panels
// of TILE coordinates; with d in whole runs, shared memory holds d × ROW of titles, d × TILE of users and TILE × ROW of weights.
extern SHARED __attribute__((aligned(16))) float attended[];
template <u32 PANELS> DEVICE void attend(const float *__restrict__ query, const float *__restrict__ titles, const float *__restrict__ bias, u32 d, u32 n, u32 title_stride, u32 users, u32 user_stride, u32 slice_tiles, float *sums, float *tops, float *masses) {
	SHARED float top[TILE], mass[TILE], fade[TILE];
	float *sv = attended, *sq = sv + runs(d) * ROW, *sp = sq + runs(d) * TILE;
	u32 user = BID_X * TILE, ty = TID_X / 16, tx = TID_X % 16, warp = TID_X / LANES, lane = LANE;
	if (TID_X < TILE) top[TID_X] = minus_infinity(), mass[TID_X] = 0;
	float sum[PANELS][4][4];
#pragma unroll
	for (u32 p = 0; p < PANELS; p++)
#pragma unroll
		for (u32 i = 0; i < 4; i++)
#pragma unroll
			for (u32 j = 0; j < 4; j++) sum[p][i][j] = 0;
	fetch(sq, TILE, query, user_stride, 0, d, user);
	u32 end = (BID_Y + 1) * slice_tiles * TILE;
	if (end > n) end = n;
	for (u32 title = BID_Y * slice_tiles * TILE; title < end; title += TILE) {
		sync_block();
		fetch(sv, ROW, titles, title_stride, 0, d, title);
		sync_block();
		float acc[4][4];
		quad b = four(bias + title + 4 * tx);
#pragma unroll
		for (u32 i = 0; i < 4; i++)
#pragma unroll
			for (u32 j = 0; j < 4; j++) acc[i][j] = 0;
		for (u32 k = 0; k < d; k += RUN) several(acc, sq + k * TILE + 4 * ty, sv + k * ROW + 4 * tx, ROW);
#pragma unroll
		for (u32 i = 0; i < 4; i++) {
			quad s;
			s.x = title + 4 * tx < end ? add(acc[i][0], b.x) : minus_infinity();
			s.y = title + 4 * tx + 1 < end ? add(acc[i][1], b.y) : minus_infinity();
			s.z = title + 4 * tx + 2 < end ? add(acc[i][2], b.z) : minus_infinity();
			s.w = title + 4 * tx + 3 < end ? add(acc[i][3], b.w) : minus_infinity();
			put(sp + (4 * ty + i) * ROW + 4 * tx, s);
		}
		sync_block();
		for (u32 i = 0; i < TILE / 8; i++) {
			u32 row = warp * 8 + i;
			float *p = sp + row * ROW, x = p[lane], y = p[lane + 32], old = top[row];
			float most = warp_max(x > y ? x : y);
			most = most > old ? most : old;
			x = exponential_or_nothing(x - most), y = exponential_or_nothing(y - most);
			float shrink = exponential_or_nothing(old - most), total = warp_sum(x + y);
			p[lane] = x, p[lane + 32] = y;
			sync_warp();
			if (lane == 0) top[row] = most, fade[row] = shrink, mass[row] = mass[row] * shrink + total;
		}
		sync_block();
#pragma unroll
		for (u32 i = 0; i < 4; i++) {
			float f = fade[4 * ty + i];
#pragma unroll
			for (u32 p = 0; p < PANELS; p++)
#pragma unroll
				for (u32 j = 0; j < 4; j++) sum[p][i][j] *= f;
		}
		for (u32 t = 0; t < TILE; t += 4) {
			quad w[4];
#pragma unroll
			for (u32 i = 0; i < 4; i++) w[i] = four(sp + (4 * ty + i) * ROW + t);
#pragma unroll
			for (u32 p = 0; p < PANELS; p++)
#pragma unroll
				for (u32 j = 0; j < 4; j++) {
					u32 k = p * TILE + 16 * j + tx;
					if (k >= d) continue;
					quad v = four(sv + k * ROW + t);
#pragma unroll
					for (u32 i = 0; i < 4; i++)
#pragma unroll
						for (u32 q = 0; q < 4; q++) sum[p][i][j] = fused(at(w[i], q), at(v, q), sum[p][i][j]);
				}
		}
	}
	sync_block();
#pragma unroll
	for (u32 i = 0; i < 4; i++) {
		u32 who = user + 4 * ty + i;
		if (who >= users) continue;
		u64 place = (u64)BID_Y * users + who;
#pragma unroll
		for (u32 p = 0; p < PANELS; p++)
#pragma unroll
			for (u32 j = 0; j < 4; j++) {
				u32 k = p * TILE + 16 * j + tx;
				if (k < d) sums[place * d + k] = sum[p][i][j];
			}
		if (tx == 0) tops[place] = top[4 * ty + i], masses[place] = mass[4 * ty + i];
	}
}

// score_attend_* are attend for d up to 64, 128 and 256. sums is slices × users × d.
#define ATTEND(NAME, PANELS)                                                                                                                        \
	GLOBAL void BOUNDS(256, 1) NAME(const float *__restrict__ query, const float *__restrict__ titles, const float *__restrict__ bias, u32 d, u32 n, \
									u32 title_stride, u32 users, u32 user_stride, u32 slice_tiles, float *sums, float *tops, float *masses) {       \
		attend<PANELS>(query, titles, bias, d, n, title_stride, users, user_stride, slice_tiles, sums, tops, masses);                               \
	}
ATTEND(score_attend_64, 1)
ATTEND(score_attend_128, 2)
ATTEND(score_attend_256, 4)

// score_step is one step of the users' vectors (model, family ncf): u += s∘h∘(pooled − mass·mean), and query = h∘u. The mean is joined from
// the slices; with alike set, all users share the first one's. mass is by length of history less one. The vectors begin at 0.
// grid.y over coordinates.
GLOBAL void score_step(float *__restrict__ u, float *__restrict__ query, const float *__restrict__ pooled, const float *__restrict__ rates, const float *__restrict__ h, const u32 *__restrict__ from, const float *__restrict__ mass, u32 most, const float *__restrict__ sums, const float *__restrict__ tops, const float *__restrict__ masses, u32 slices, u32 rows, u32 alike, u32 begin, u32 d, u32 users, u32 stride) {
	u32 user = BID_X * BDIM_X + TID_X, k = BID_Y;
	if (user >= users || k >= d) return;
	u32 row = alike ? 0 : user, length = from[user + 1] - from[user];
	float top = minus_infinity(), total = 0, mean = 0;
	for (u32 s = 0; s < slices; s++) top = tops[s * rows + row] > top ? tops[s * rows + row] : top;
	for (u32 s = 0; s < slices; s++) {
		float f = exponential_or_nothing(tops[s * rows + row] - top);
		total = fused(masses[s * rows + row], f, total);
		mean = fused(sums[((u64)s * rows + row) * d + k], f, mean);
	}
	mean /= total;
	float weight = length ? mass[(length < most ? length : most) - 1] : 0;
	float slope = fused(-weight, mean, pooled[(u64)k * stride + user]);
	float was = begin ? 0 : u[(u64)k * stride + user];
	float now = fused(rates[k] * h[k], slope, was);
	u[(u64)k * stride + user] = now;
	query[(u64)k * stride + user] = now * h[k];
}

// score_fused is the rate of fused additions that benchmarks hold the others against: 64 chains a thread, count steps each.
GLOBAL void BOUNDS(256, 2) score_fused(float *out, float a, float b, u32 count) {
	float x[64];
#pragma unroll
	for (u32 i = 0; i < 64; i++) x[i] = a + (float)(TID_X + i);
	for (u32 n = 0; n < count; n++)
#pragma unroll
		for (u32 i = 0; i < 64; i++) x[i] = fused(x[i], a, b);
	float sum = 0;
#pragma unroll
	for (u32 i = 0; i < 64; i++) sum += x[i];
	out[(u64)BID_X * BDIM_X + TID_X] = sum;
}
