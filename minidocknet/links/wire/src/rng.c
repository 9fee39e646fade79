// SPDX-License-Identifier: Apache-2.0
#include "rng.h"

#include <math.h>

void rng_seed(struct rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		seed += UINT64_C(0x9e3779b97f4a7c15);
		uint64_t mixed = seed;
		mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
		rng->state[i] = mixed ^ (mixed >> 31);
	}
}

static uint64_t rotate_left(uint64_t value, int bits)
{
	return (value << bits) | (value >> (64 - bits));
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

double rng_unit(struct rng *rng)
{
	return (double)(rng_next(rng) >> 11) * 0x1.0p-53;
}

double rng_normal(struct rng *rng)
{
	double u, v, square;
	do {
		u = 2 * rng_unit(rng) - 1;
		v = 2 * rng_unit(rng) - 1;
		square = u * u + v * v;
	} while (square >= 1 || square == 0);
	return u * sqrt(-2 * log(square) / square);
}
