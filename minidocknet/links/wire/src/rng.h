// SPDX-License-Identifier: Apache-2.0
/* xoshiro256** 1.0 (Blackman and Vigna 2018), seeded through splitmix64: small, fast, repeatable. */
#ifndef MDN_RNG_H
#define MDN_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state[4];
};

void rng_seed(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
/* Uniform in [0, 1). */
double rng_unit(struct rng *rng);
/* Standard normal (Marsaglia's polar method). */
double rng_normal(struct rng *rng);

#endif
