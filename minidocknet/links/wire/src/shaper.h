// SPDX-License-Identifier: Apache-2.0
/*
 * What a link does to frames in one direction, as a pure function over virtual time: no clock, no
 * descriptor, no allocation.  The words have the meaning of tc-netem(8) and tc-tbf(8) where those
 * have the same parameter; differences are in docs/wire-daemon.md.
 */
#ifndef MDN_SHAPER_H
#define MDN_SHAPER_H

#include "rng.h"

#include <stdbool.h>
#include <stdint.h>

enum distribution { DIST_UNIFORM, DIST_NORMAL };

/* Percentages are 0 to 100; rate is bit/s, 0 for unlimited; a queue limit of 0 is the default. */
struct shape {
	int64_t delay_ns, jitter_ns;
	enum distribution distribution;
	bool bursty;
	double loss, ge_p, ge_r, ge_bad, ge_good, duplicate, reorder;
	uint64_t rate, queue_bytes, queue_packets;
};

struct shaper {
	struct shape shape;
	struct rng rng;
	bool in_bad_state;
	int64_t free_at, last_due;
};

/* Frames that wait for the rate server; the one being sent waits no more. */
struct backlog {
	uint64_t bytes, packets;
};

enum fate { FATE_PASS, FATE_LOST, FATE_QUEUE_FULL };

/*
 * `start`: when the rate server lets the frame go.  `due`: when it reaches the far end.  The server
 * is a token bucket one frame deep, as tc-tbf(8) with the smallest burst: a frame that finds it
 * idle goes at once, and the next one waits for the time that the first one's bits take.
 */
struct passage {
	enum fate fate;
	bool overtakes;
	int64_t start, due;
};

void shaper_init(struct shaper *shaper, const struct shape *shape, uint64_t seed);

/* Is a second copy of the next frame to be admitted as well? */
bool shaper_duplicates(struct shaper *shaper);

/* Decides about a frame (or super-frame of `packets` frames) of `bytes` on the wire at `now`. */
struct passage shaper_admit(struct shaper *shaper, const struct backlog *backlog, int64_t now,
			    uint64_t bytes, uint64_t packets, uint32_t full_frame);

/* The queue limit in bytes in force, UINT64_MAX where only packets are counted. */
uint64_t shape_queue_bytes(const struct shape *shape, uint32_t full_frame);

/* May super-frames (TSO) be sent into this direction without making shaping coarser? */
bool shape_allows_tso(const struct shape *shape);

/* How long `bytes` occupy a rate server of `rate` bit/s, in ns. */
int64_t transmission_ns(uint64_t bytes, uint64_t rate);

#endif
