// Masks of secure aggregation (docs/spec/secure-aggregation.md): keystreams of many keys from a zero counter, read as little-endian words of 32, 24 or 16
// bits, added to a vector mod 2^32 or subtracted from it. AES is FIPS 197, its counter mode NIST SP 800-38A; ChaCha20 is RFC 8439.
//
// A warp takes an item: a tile of 2 KiB of the keystream and a run of keys. Each lane keeps its blocks of the tile and adds them up in
// registers, key after key; the vector is touched once an item. Items are handed out by a counter, so that no processor waits for another.
#include "prelude.h"

#ifdef __NVCC__
#define METHOD __device__ __forceinline__
#else
#define METHOD __attribute__((device, always_inline)) inline
#endif

struct alignas(16) quad {
	u32 a, b, c, d;
};

// A tile is 4 blocks of AES a lane, or one of ChaCha20.
#define TILE_BYTES 2048u

// The layout of what a kernel is asked for, the same for all.
#define ASKED u32 *out, const u32 *keys, const u32 *signs, u32 *next, u32 terms, u32 per, u32 first, u32 words

// permute picks four of the eight bytes of low and high, by the nibbles of how.
template <u32 how> DEVICE u32 permute(u32 low, u32 high) {
	u32 r;
	asm("prmt.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(low), "r"(high), "n"(how));
	return r;
}

// shared_at is the address of dynamic shared memory in its own space.
DEVICE u32 shared_at(const void *p) {
	u32 r;
	asm("{ .reg .u64 t; cvta.to.shared.u64 t, %1; cvt.u32.u64 %0, t; }" : "=r"(r) : "l"(p));
	return r;
}

// look reads a table that does not change any more.
template <u32 off> DEVICE u32 look(u32 at) {
	u32 r;
	asm("ld.shared.u32 %0, [%1+%2];" : "=r"(r) : "r"(at), "n"(off));
	return r;
}

// funnel is the upper half of high:low after a shift to the left by fewer than 32 bits.
DEVICE u32 funnel(u32 low, u32 high, u32 by) {
	u32 r;
	asm("shf.l.wrap.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(low), "r"(high), "r"(by));
	return r;
}

DEVICE u32 left(u32 x, u32 n) { return x << n | x >> (32 - n); }

// big turns a counter into the last word of a block.
DEVICE u32 big(u32 x) { return permute<0x0123>(x, 0); }

// take is the next item of the launch.
DEVICE u32 take(u32 *next) {
	u32 item = 0;
	if (LANE == 0) item = atomic_add(next, 1);
	return shuffle(item, 0);
}

// ---- Words of a block ----

// sum holds what the words of one block come to in all keys so far: N words of keystream, read as words of BITS.
template <int BITS, int N> struct sum;

template <int N> struct sum<32, N> {
	u32 w[N];
	METHOD void add(const u32 *x, u32 sign, u32) {
#pragma unroll
		for (int i = 0; i < N; i++) w[i] += x[i] * sign;
	}
	METHOD void put(u32 *out, u32 block, u32 words) const {
#pragma unroll
		for (int i = 0; i < N; i++)
			if (block * N + i < words) atomic_add_only(out + block * N + i, w[i]);
	}
};

template <int N> struct sum<16, N> {
	u32 w[2 * N];
	METHOD void add(const u32 *x, u32 sign, u32) {
#pragma unroll
		for (int i = 0; i < N; i++) {
			w[2 * i] += (x[i] & 0xffff) * sign;
			w[2 * i + 1] += (x[i] >> 16) * sign;
		}
	}
	METHOD void put(u32 *out, u32 block, u32 words) const {
#pragma unroll
		for (int i = 0; i < 2 * N; i++)
			if (block * 2 * N + i < words) atomic_add_only(out + block * 2 * N + i, w[i]);
	}
};

// Words of three bytes do not end where blocks do: a block begins block mod 3 bytes inside a word. Its bytes are moved up by so many, and what
// it has of its first and its last word is added like the others; the rest of those comes from its neighbours.
template <int N> struct sum<24, N> {
	enum { count = (4 * N + 2) / 3 };
	u32 w[count];
	METHOD void add(const u32 *x, u32 sign, u32 block) {
		u32 up = block % 3 * 8, y[N + 1];
		y[0] = x[0] << up;
#pragma unroll
		for (int i = 1; i < N; i++) y[i] = funnel(x[i - 1], x[i], up);
		y[N] = funnel(x[N - 1], 0, up);
#pragma unroll
		for (int i = 0; i < count; i++) {
			const int at = 3 * i / 4, from = 3 * i % 4 * 8;
			u32 v = from < 16 ? y[at] >> from : y[at] >> from | y[at + 1] << (32 - from);
			if (from != 8) v &= 0xffffff;
			w[i] += v * sign;
		}
	}
	METHOD void put(u32 *out, u32 block, u32 words) const {
#pragma unroll
		for (int i = 0; i < count; i++)
			if (4 * N * block / 3 + i < words) atomic_add_only(out + 4 * N * block / 3 + i, w[i]);
	}
};

// run is what each warp does: items of the launch, one after the other. A cipher has load, by which a lane readies one key, and add, by which all
// lanes add a key's keystream to their sums.
template <class cipher> DEVICE void run(const cipher c, u32 *ready, ASKED) {
	typedef typename cipher::unit unit;
	const u32 tiles = (u32)(((u64)words * cipher::width + TILE_BYTES - 1) / TILE_BYTES), items = tiles * ((terms + per - 1) / per);
	for (u32 item = take(next); item < items; item = take(next)) {
		const u32 block = item % tiles * (32 * cipher::deep) + LANE;
		u32 from = item / tiles * per;
		const u32 to = from + per < terms ? from + per : terms;
		unit total[cipher::deep];
#pragma unroll
		for (int k = 0; k < cipher::deep; k++)
#pragma unroll
			for (int i = 0; i < (int)(sizeof(unit) / 4); i++) total[k].w[i] = 0;
		for (; from < to; from += cipher::batch) {
			const u32 n = to - from < cipher::batch ? to - from : cipher::batch;
			sync_warp();
			if (LANE < n) c.load(ready + LANE * cipher::stride, keys + (u64)(from + LANE) * 8, signs[from + LANE]);
			sync_warp();
			for (u32 i = 0; i < n; i++) c.add(total, ready + i * cipher::stride, first + block, block);
		}
#pragma unroll
		for (int k = 0; k < cipher::deep; k++) total[k].put(out, block + 32 * k, words);
	}
	sync_warp();
	for (u32 i = LANE; i < cipher::batch * cipher::stride; i += 32) ready[i] = 0; // shared memory outlives a kernel
}

// ---- AES ----

// product is that of two elements of GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
DEVICE u32 product(u32 a, u32 b) {
	u32 r = 0;
#pragma unroll 1
	for (int i = 0; i < 8; i++, b >>= 1) {
		if (b & 1) r ^= a;
		a = a << 1 ^ (a >> 7) * 0x11b;
	}
	return r;
}

// entry is the table's word of a byte: its substitute s times 2, 1, 1, 3, the first in the lowest byte.
DEVICE u32 entry(u32 x) {
	u32 y = x;
#pragma unroll 1
	for (int i = 0; i < 6; i++) y = product(product(y, y), x); // x^127
	y = product(y, y);                                         // x^254, the inverse
	y |= y << 8;
	const u32 s = (y ^ y >> 7 ^ y >> 6 ^ y >> 5 ^ y >> 4 ^ 0x63) & 0xff;
	return product(s, 2) | s << 8 | s << 16 | product(s, 3) << 24;
}

// The tables, 64 KiB: 32 copies of two, one copy a bank, so that no two lanes ever wait for each other. A row of 256 bytes has a byte's word for
// the first place of a column, then for the third, so that a byte moved to where an address has its second is an address. The words for the second
// and the fourth place are those turned by a byte.
#define TABLE_WORDS 16384u

DEVICE void fill(u32 *tables, u32 *scratch) {
	if (TID_X < 256) scratch[TID_X] = entry(TID_X);
	sync_block();
	for (u32 i = TID_X; i < TABLE_WORDS; i += BDIM_X) {
		const u32 v = scratch[i >> 6];
		tables[i] = i & 32 ? left(v, 16) : v;
	}
	sync_block();
}

struct tables {
	u32 at, lane; // where they begin, and this lane's copies in a row

	// The word of byte `from` of x: for the first or second place of a column, or for the third or fourth.
	template <int from, bool late> METHOD u32 word(u32 x) const { return look<late * 128>(at + permute<0x7604 | from << 4>(x, lane)); }

	// What a byte of x adds to the column where it has the same place.
	template <int place> METHOD u32 part(u32 x) const {
		const u32 v = word<place, (place > 1)>(x);
		return place & 1 ? left(v, 8) : v;
	}

	// A column of the next state (FIPS 197 5.1.1 to 5.1.4 at once).
	METHOD u32 column(u32 a, u32 b, u32 c, u32 d, u32 key) const {
		return word<0, false>(a) ^ word<2, true>(c) ^ key ^ left(word<1, false>(b) ^ word<3, true>(d), 8);
	}

	// The substitutes of four bytes, one of each word.
	METHOD u32 last(u32 a, u32 b, u32 c, u32 d) const {
		const u32 p = permute<0x0051>(word<0, false>(a), word<1, false>(b)), q = permute<0x5100>(word<2, false>(c), word<3, false>(d));
		return permute<0x7610>(p, q);
	}
};

// aes: what a lane readies is the key schedule of FIPS 197, except that all counters begin with twelve zero bytes, so that the words 4 to 7 are
// what the first round makes of those, the round key included. A warp's counters differ in their last byte alone, so that of the second round
// twelve look-ups of sixteen serve all its blocks.
template <int ROUNDS, int BITS> struct aes {
	typedef sum<BITS, 4> unit;
	enum { width = BITS / 8, deep = 4, batch = 8, count = 4 * (ROUNDS + 1), stride = ROUNDS == 10 ? 48 : 64, long_key = ROUNDS - 6 };
	tables t;

	METHOD void load(u32 *w, const u32 *key, u32 sign) const {
#pragma unroll 1
		for (int i = 0; i < long_key; i++) w[i] = key[i];
		u32 v = w[long_key - 1], round = 1;
#pragma unroll 1
		for (int i = long_key; i < count; i++) {
			if (i % long_key == 0) {
				v = t.last(v >> 8, v >> 8, v >> 8, v << 24) ^ round;
				round = product(round, 2);
			} else if (long_key == 8 && i % 8 == 4) {
				v = t.last(v, v, v, v);
			}
			v ^= w[i - long_key];
			w[i] = v;
		}
		w[4] ^= t.part<0>(w[0]) ^ t.part<1>(w[1]) ^ t.part<2>(w[2]);
		w[5] ^= t.part<0>(w[1]) ^ t.part<1>(w[2]) ^ t.part<3>(w[0]);
		w[6] ^= t.part<0>(w[2]) ^ t.part<2>(w[0]) ^ t.part<3>(w[1]);
		w[7] ^= t.part<1>(w[0]) ^ t.part<2>(w[1]) ^ t.part<3>(w[2]);
		w[count] = sign;
	}

	METHOD void add(unit *total, const u32 *w, u32 counter, u32 block) const {
		const u32 sign = w[count];
		const quad *keys = (const quad *)w;
		const quad one = keys[1], two = keys[2];
		const u32 d = w[3] ^ big(counter); // the only word of the first state that is not the key
		const u32 b = one.b ^ t.part<2>(d), c = one.c ^ t.part<1>(d), e = one.d ^ t.part<0>(d);
		const u32 p = two.a ^ t.part<1>(b) ^ t.part<2>(c) ^ t.part<3>(e);
		const u32 q = two.b ^ t.part<0>(b) ^ t.part<1>(c) ^ t.part<2>(e);
		const u32 r = two.c ^ t.part<0>(c) ^ t.part<1>(e) ^ t.part<3>(b);
		const u32 s = two.d ^ t.part<0>(e) ^ t.part<2>(b) ^ t.part<3>(c);
		quad key[ROUNDS + 1];
#pragma unroll
		for (int i = 3; i <= ROUNDS; i++) key[i] = keys[i];
#pragma unroll
		for (int k = 0; k < deep; k++) {
			const u32 a = one.a ^ t.part<3>(d ^ (u32)k << 29);
			quad x = {p ^ t.part<0>(a), q ^ t.part<3>(a), r ^ t.part<2>(a), s ^ t.part<1>(a)};
#pragma unroll
			for (int i = 3; i < ROUNDS; i++)
				x = {t.column(x.a, x.b, x.c, x.d, key[i].a), t.column(x.b, x.c, x.d, x.a, key[i].b), t.column(x.c, x.d, x.a, x.b, key[i].c),
				     t.column(x.d, x.a, x.b, x.c, key[i].d)};
			const u32 stream[4] = {t.last(x.a, x.b, x.c, x.d) ^ key[ROUNDS].a, t.last(x.b, x.c, x.d, x.a) ^ key[ROUNDS].b,
			                       t.last(x.c, x.d, x.a, x.b) ^ key[ROUNDS].c, t.last(x.d, x.a, x.b, x.c) ^ key[ROUNDS].d};
			total[k].add(stream, sign, block + 32 * k);
		}
	}
};

extern SHARED quad memory[];

template <class cipher> DEVICE void run_aes(ASKED) {
	u32 *table = (u32 *)memory, *ready = table + TABLE_WORDS;
	fill(table, ready);
	cipher c;
	c.t.at = shared_at(table);
	c.t.lane = 4 * LANE;
	run(c, ready + TID_X / 32 * (cipher::batch * cipher::stride), out, keys, signs, next, terms, per, first, words);
}

// ---- ChaCha20 ----

DEVICE void quarter(u32 &a, u32 &b, u32 &c, u32 &d) {
	a += b;
	d = permute<0x1032>(d ^ a, 0);
	c += d;
	b = left(b ^ c, 12);
	a += b;
	d = permute<0x2103>(d ^ a, 0);
	c += d;
	b = left(b ^ c, 7);
}

#define SIGMA0 0x61707865u
#define SIGMA1 0x3320646eu
#define SIGMA2 0x79622d32u
#define SIGMA3 0x6b206574u

// chacha: what a lane readies is the key, and what the first round makes of the three columns that have no counter in them.
template <int BITS> struct chacha {
	typedef sum<BITS, 16> unit;
	enum { width = BITS / 8, deep = 1, batch = 16, stride = 24 };

	METHOD void load(u32 *w, const u32 *key, u32 sign) const {
		const u32 sigma[4] = {SIGMA0, SIGMA1, SIGMA2, SIGMA3};
		for (int i = 0; i < 8; i++) w[i] = key[i];
		for (int i = 1; i < 4; i++) {
			u32 a = sigma[i], b = key[i], c = key[4 + i], d = 0;
			quarter(a, b, c, d);
			w[4 + 4 * i] = a;
			w[5 + 4 * i] = b;
			w[6 + 4 * i] = c;
			w[7 + 4 * i] = d;
		}
		w[20] = sign;
	}

	METHOD void add(unit *total, const u32 *w, u32 counter, u32 block) const {
		const quad *at = (const quad *)w;
		const quad low = at[0], high = at[1], one = at[2], two = at[3], three = at[4];
		u32 x[16] = {SIGMA0, one.a, two.a, three.a, low.a, one.b, two.b, three.b, high.a, one.c, two.c, three.c, counter, one.d, two.d, three.d};
		quarter(x[0], x[4], x[8], x[12]);
#pragma unroll
		for (int i = 0; i < 10; i++) {
			if (i > 0) {
				quarter(x[0], x[4], x[8], x[12]);
				quarter(x[1], x[5], x[9], x[13]);
				quarter(x[2], x[6], x[10], x[14]);
				quarter(x[3], x[7], x[11], x[15]);
			}
			quarter(x[0], x[5], x[10], x[15]);
			quarter(x[1], x[6], x[11], x[12]);
			quarter(x[2], x[7], x[8], x[13]);
			quarter(x[3], x[4], x[9], x[14]);
		}
		const u32 start[16] = {SIGMA0, SIGMA1, SIGMA2, SIGMA3, low.a, low.b, low.c, low.d, high.a, high.b, high.c, high.d, counter, 0, 0, 0};
#pragma unroll
		for (int i = 0; i < 16; i++) x[i] += start[i];
		total[0].add(x, w[20], block);
	}
};

template <class cipher> DEVICE void run_chacha(ASKED) {
	u32 *ready = (u32 *)memory;
	run(cipher(), ready + TID_X / 32 * (cipher::batch * cipher::stride), out, keys, signs, next, terms, per, first, words);
}

// ---- Rows ----

// four adds up four columns, from word at on, of rows that are aligned.
DEVICE quad four(const u32 *rows, u64 at, u32 count, u64 stride) {
	quad s = {0, 0, 0, 0};
#pragma unroll 8
	for (u32 i = 0; i < count; i++) {
		const quad v = *(const quad *)(rows + i * stride + at);
		s.a += v.a;
		s.b += v.b;
		s.c += v.c;
		s.d += v.d;
	}
	return s;
}

// masks_rows is the sum of count rows mod 2^32: out[i] = sum of rows[r * stride + i], i < words.
GLOBAL BOUNDS(256, 1) void masks_rows(u32 *out, const u32 *rows, u32 count, u64 stride, u64 words) {
	const u64 at = 4 * ((u64)BID_X * BDIM_X + TID_X);
	if (at + 4 <= words && !(stride & 3) && !(((u64)out | (u64)rows) & 15)) {
		*(quad *)(out + at) = four(rows, at, count, stride);
		return;
	}
	for (u64 i = at; i < at + 4 && i < words; i++) {
		u32 s = 0;
		for (u32 r = 0; r < count; r++) s += rows[r * stride + i];
		out[i] = s;
	}
}

// ---- Kernels ----
//
// masks_CIPHER_BITS adds to out, which has `words` words, those of the keystreams from block `first` on: a multiple of 128 blocks of AES or 32 of
// ChaCha20, where a word of BITS begins. keys are 8 words a term, little-endian; signs 1 or 2^32 - 1. next is 0. per is how many terms an item has.
// Dynamic shared memory is what the warps ready, stride x batch words each, and before it for AES the tables.

#define AES(name, rounds, bits) \
	GLOBAL BOUNDS(512, 1) void name(ASKED) { run_aes<aes<rounds, bits>>(out, keys, signs, next, terms, per, first, words); }
AES(masks_aes128_32, 10, 32)
AES(masks_aes128_24, 10, 24)
AES(masks_aes128_16, 10, 16)
AES(masks_aes256_32, 14, 32)
AES(masks_aes256_24, 14, 24)
AES(masks_aes256_16, 14, 16)

#define CHACHA(name, bits, blocks) \
	GLOBAL BOUNDS(256, blocks) void name(ASKED) { run_chacha<chacha<bits>>(out, keys, signs, next, terms, per, first, words); }
CHACHA(masks_chacha20_32, 32, 4)
CHACHA(masks_chacha20_24, 24, 3)
CHACHA(masks_chacha20_16, 16, 3)
