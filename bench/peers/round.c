/* A round of 604 devices as anyone would sketch it in C: the recipe of BenchmarkRound in sim/learning, read from the design
 * and not from the Go code, one cut after another, with a fast generator where ours draws from a cipher. It prints seconds of processor time.
 *
 * Histories come on standard input as "user<TAB>item", oldest first for each user; without any they are made up. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { USERS = 6040, ITEMS = 3706, D = 32, CUTS = 4, NEXT = 5, MEMBERS = 604, CHANNELS = 3, LONGEST = 2400, SIZE = ITEMS * D + CHANNELS * D * D + ITEMS };

static int history[USERS][LONGEST], length[USERS];
static float model[SIZE], update[SIZE], scores[ITEMS], first[SIZE], second[SIZE];
static int sum[SIZE];
static unsigned long long state = 88172645463325252ULL;

static unsigned draw(void) {
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return (unsigned)(state >> 32);
}
static float unit(void) { return draw() * (1.0f / 4294967296.0f); }

static float weight(int channel, int age) {
	static const float ages[CHANNELS] = {0, 4, 20};
	return channel ? expf(-age / ages[channel]) : 1;
}

static void cut(const int *h, int n) {
	float *v = model, *w = model + ITEMS * D, *b = w + CHANNELS * D * D, *dv = update, *dw = update + ITEMS * D, *db = dw + CHANNELS * D * D;
	static int past[LONGEST];
	int at = 1 + draw() % (n - 1), kept = 0;
	for (int j = 0; j < at; j++)
		if (unit() >= 0.3f) past[kept++] = h[j];
	if (!kept) past[kept++] = h[at - 1];
	float pooled[CHANNELS][D] = {{0}}, norm[CHANNELS], z[D] = {0}, dz[D] = {0};
	for (int c = 0; c < CHANNELS; c++) {
		float square = 0;
		for (int j = 0; j < kept; j++) {
			float x = weight(c, kept - 1 - j), *row = v + past[j] * D;
			square += x * x;
			for (int k = 0; k < D; k++) pooled[c][k] += x * row[k];
		}
		norm[c] = 1 / sqrtf(square);
		for (int k = 0; k < D; k++) pooled[c][k] *= norm[c];
		for (int m = 0; m < D; m++)
			for (int k = 0; k < D; k++) z[k] += pooled[c][m] * w[(c * D + m) * D + k];
	}
	float top = -1e30f, total = 0;
	for (int i = 0; i < ITEMS; i++) {
		float s = b[i];
		for (int k = 0; k < D; k++) s += z[k] * v[i * D + k];
		scores[i] = s;
		if (s > top) top = s;
	}
	for (int i = 0; i < ITEMS; i++) total += scores[i] = expf(scores[i] - top);
	int end = at + NEXT < n ? at + NEXT : n;
	for (int i = 0; i < ITEMS; i++) scores[i] /= total;
	for (int j = at; j < end; j++) scores[h[j]] -= 1.0f / (end - at);
	const float rate = -1.0f / CUTS, small = -0.1f / CUTS;
	for (int i = 0; i < ITEMS; i++) {
		float g = scores[i];
		db[i] += rate * g;
		for (int k = 0; k < D; k++) dz[k] += g * v[i * D + k], dv[i * D + k] += rate * g * z[k];
	}
	for (int c = 0; c < CHANNELS; c++) {
		float dp[D];
		for (int m = 0; m < D; m++) {
			float s = 0;
			for (int k = 0; k < D; k++) s += w[(c * D + m) * D + k] * dz[k], dw[(c * D + m) * D + k] += small * pooled[c][m] * dz[k];
			dp[m] = s;
		}
		for (int j = 0; j < kept; j++) {
			float x = rate * weight(c, kept - 1 - j) * norm[c];
			for (int k = 0; k < D; k++) dv[past[j] * D + k] += x * dp[k];
		}
	}
}

static void member(int u) {
	memset(update, 0, sizeof update);
	for (int c = 0; c < CUTS; c++) cut(history[u], length[u]);
	float square = 0;
	for (int i = 0; i < SIZE; i++) square += update[i] * update[i];
	float norm = sqrtf(square), scale = (norm > 0.5f ? 0.5f / norm : 1) * 2852 / 0.5f;
	for (int i = 0; i < SIZE; i++) sum[i] += (int)floorf(update[i] * scale + unit());
}

int main(void) {
	int user, item;
	while (scanf("%d\t%d", &user, &item) == 2)
		if (user >= 0 && user < USERS && item >= 0 && item < ITEMS && length[user] < LONGEST) history[user][length[user]++] = item;
	if (feof(stdin) && !length[0])
		for (int u = 0; u < USERS; u++)
			while (length[u] < 165) history[u][length[u]++] = draw() % ITEMS;
	for (int i = 0; i < SIZE; i++) model[i] = (unit() - 0.5f) * 0.6f;
	clock_t began = clock();
	for (int k = 0; k < MEMBERS; k++) {
		int u = draw() % USERS;
		if (length[u] > 1) member(u);
	}
	for (int i = 0; i < SIZE; i++) {
		float g = sum[i] * (0.5f / 2852 / MEMBERS);
		first[i] = 0.1f * g, second[i] = 0.01f * g * g;
		model[i] += 0.03f * (first[i] / 0.1f) / (sqrtf(second[i] / 0.01f) + 1e-8f);
	}
	printf("%f\n", (double)(clock() - began) / CLOCKS_PER_SEC);
	return !isfinite(model[0]);
}
