// SPDX-License-Identifier: Apache-2.0
#include "shaper.h"

#include "util.h"

#define TSO_MIN_RATE UINT64_C(500000000)
#define DEFAULT_QUEUE_NS (50 * NS_PER_MS)
#define DEFAULT_QUEUE_FRAMES 16

void shaper_init(struct shaper *shaper, const struct shape *shape, uint64_t seed)
{
	*shaper = (struct shaper){.shape = *shape, .free_at = INT64_MIN, .last_due = INT64_MIN};
	rng_seed(&shaper->rng, seed);
}

static bool happens(struct shaper *shaper, double percent)
{
	return percent > 0 && rng_unit(&shaper->rng) * 100 < percent;
}

/* The four-parameter model in netem's order: step the state, then lose by the state before. */
static bool is_lost(struct shaper *shaper)
{
	const struct shape *shape = &shaper->shape;
	if (!shape->bursty)
		return happens(shaper, shape->loss);
	bool was_bad = shaper->in_bad_state;
	if (happens(shaper, was_bad ? shape->ge_r : shape->ge_p))
		shaper->in_bad_state = !was_bad;
	return happens(shaper, was_bad ? shape->ge_bad : shape->ge_good);
}

bool shaper_duplicates(struct shaper *shaper)
{
	return happens(shaper, shaper->shape.duplicate);
}

int64_t transmission_ns(uint64_t bytes, uint64_t rate)
{
	if (!rate)
		return 0;
	unsigned __int128 ns = (unsigned __int128)bytes * 8 * NS_PER_S / rate;
	return ns > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)ns;
}

uint64_t shape_queue_bytes(const struct shape *shape, uint32_t full_frame)
{
	if (shape->queue_bytes)
		return shape->queue_bytes;
	if (shape->queue_packets || !shape->rate)
		return UINT64_MAX;
	int64_t span = 2 * shape->delay_ns;
	if (span < DEFAULT_QUEUE_NS)
		span = DEFAULT_QUEUE_NS;
	uint64_t by_rate = (uint64_t)((double)shape->rate / 8 * (double)span / (double)NS_PER_S);
	uint64_t least = (uint64_t)DEFAULT_QUEUE_FRAMES * full_frame;
	return by_rate > least ? by_rate : least;
}

bool shape_allows_tso(const struct shape *shape)
{
	return (!shape->rate || shape->rate >= TSO_MIN_RATE) && !shape->jitter_ns && !shape->bursty &&
	       shape->loss <= 0 && shape->duplicate <= 0 && shape->reorder <= 0 &&
	       !shape->queue_packets;
}

static int64_t delay_with_jitter(struct shaper *shaper)
{
	const struct shape *shape = &shaper->shape;
	if (!shape->jitter_ns)
		return shape->delay_ns;
	double part = shape->distribution == DIST_NORMAL ? rng_normal(&shaper->rng)
							 : 2 * rng_unit(&shaper->rng) - 1;
	int64_t delay = shape->delay_ns + (int64_t)(part * (double)shape->jitter_ns);
	return delay > 0 ? delay : 0;
}

struct passage shaper_admit(struct shaper *shaper, const struct backlog *backlog, int64_t now,
			    uint64_t bytes, uint64_t packets, uint32_t full_frame)
{
	const struct shape *shape = &shaper->shape;
	struct passage passage = {.fate = FATE_PASS};
	if (is_lost(shaper)) {
		passage.fate = FATE_LOST;
		return passage;
	}
	/* An empty queue takes any frame: a limit below one frame must not cut the link. */
	if (shape->rate && backlog->packets) {
		bool too_long = backlog->bytes + bytes > shape_queue_bytes(shape, full_frame);
		bool too_many =
			shape->queue_packets && backlog->packets + packets > shape->queue_packets;
		if (too_long || too_many) {
			passage.fate = FATE_QUEUE_FULL;
			return passage;
		}
	}
	passage.start = now > shaper->free_at ? now : shaper->free_at;
	shaper->free_at = passage.start + transmission_ns(bytes, shape->rate);
	if (happens(shaper, shape->reorder)) {
		passage.overtakes = true;
		passage.due = passage.start;
		return passage;
	}
	passage.due = passage.start + delay_with_jitter(shaper);
	if (passage.due < shaper->last_due)
		passage.due = shaper->last_due;
	shaper->last_due = passage.due;
	return passage;
}
