// SPDX-License-Identifier: Apache-2.0
/* Lanes, changes while frames are on their way, and the heap. */
#include "heap.h"
#include "lane.h"
#include "rng.h"
#include "test.h"
#include "util.h"

static void push(struct lane *lane, struct passage passage, uint32_t bytes)
{
	struct frame *frame = must_alloc(sizeof *frame + 4);
	*frame = (struct frame){.start = passage.start,
				.due = passage.due,
				.length = 4,
				.wire_bytes = bytes,
				.packets = 1};
	lane_push(lane, frame, passage.overtakes);
}

static int64_t pop_due(struct lane *lane)
{
	struct frame *frame = lane_pop(lane);
	CHECK(frame);
	int64_t due = frame->due;
	free(frame);
	return due;
}

/* Ten frames of 1 ms each at 10 Mbit/s, all arriving at time 0. */
static void fill(struct lane *lane, struct shaper *shaper, int64_t delay)
{
	struct shape shape = {.rate = 10000000, .delay_ns = delay};
	shaper_init(shaper, &shape, 1);
	for (int i = 0; i < 10; i++)
		push(lane, shaper_admit(shaper, &lane->backlog, 0, 1250, 1, 1514), 1250);
	CHECK_INT(lane->backlog.bytes, 12500);
}

static void test_backlog_drains(void)
{
	struct lane lane = {0};
	struct shaper shaper;
	fill(&lane, &shaper, 5 * NS_PER_MS);
	lane_settle(&lane, 3 * NS_PER_MS - 1);
	CHECK_INT(lane.backlog.packets, 7);
	lane_settle(&lane, 3 * NS_PER_MS);
	CHECK_INT(lane.backlog.packets, 6);
	CHECK_INT(lane.frames, 10);
	CHECK_INT(lane_next_due(&lane), 5 * NS_PER_MS);
	for (int i = 0; i < 10; i++)
		CHECK_INT(pop_due(&lane), (5 + i) * NS_PER_MS);
	CHECK_INT(lane.backlog.bytes, 0);
	CHECK_INT(lane.memory, 0);
	CHECK(lane_next_due(&lane) == NEVER);
	CHECK(!lane_pop(&lane));
}

static void test_overtaking(void)
{
	struct lane lane = {0};
	push(&lane, (struct passage){.start = 1, .due = 100}, 1);
	push(&lane, (struct passage){.start = 2, .due = 2, .overtakes = true}, 1);
	push(&lane, (struct passage){.start = 3, .due = 103}, 1);
	push(&lane, (struct passage){.start = 101, .due = 101, .overtakes = true}, 1);
	int64_t wanted[] = {2, 100, 101, 103};
	for (int i = 0; i < 4; i++)
		CHECK_INT(pop_due(&lane), wanted[i]);
	CHECK_INT(lane.backlog.packets, 0);
}

static void test_rate_change_spares_what_is_sent(void)
{
	struct lane lane = {0};
	struct shaper shaper;
	fill(&lane, &shaper, 2 * NS_PER_MS);
	/* At 2.5 ms, half of the third frame is sent; the rest goes at twice the rate. */
	int64_t now = 2500000;
	struct shape faster = shaper.shape;
	faster.rate *= 2;
	lane_reshape(&lane, &shaper, &faster, now);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pop_due(&lane), (2 + i) * NS_PER_MS);
	for (int i = 3; i < 10; i++)
		CHECK_INT(pop_due(&lane), now + (i * NS_PER_MS - now) / 2 + 2 * NS_PER_MS);
	CHECK_INT(shaper.free_at, now + (10 * NS_PER_MS - now) / 2);
}

static void test_rate_taken_away(void)
{
	struct lane lane = {0};
	struct shaper shaper;
	fill(&lane, &shaper, 2 * NS_PER_MS);
	struct shape open = shaper.shape;
	open.rate = 0;
	lane_reshape(&lane, &shaper, &open, 0);
	CHECK_INT(lane.backlog.packets, 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(pop_due(&lane), 2 * NS_PER_MS);
}

static void test_shorter_delay_moves_frames(void)
{
	struct lane lane = {0};
	struct shaper shaper;
	fill(&lane, &shaper, 1000 * NS_PER_MS);
	struct shape shape = shaper.shape;
	shape.delay_ns = 4 * NS_PER_MS;
	lane_reshape(&lane, &shaper, &shape, 2 * NS_PER_MS);
	/* New frames follow at once instead of waiting behind the old delay. */
	push(&lane, shaper_admit(&shaper, &lane.backlog, 2 * NS_PER_MS, 1250, 1, 1514), 1250);
	for (int i = 0; i <= 10; i++)
		CHECK_INT(pop_due(&lane), (4 + i) * NS_PER_MS);
}

static void test_longer_delay_leaves_frames(void)
{
	struct lane lane = {0};
	struct shaper shaper;
	fill(&lane, &shaper, NS_PER_MS);
	struct shape shape = shaper.shape;
	shape.delay_ns = 50 * NS_PER_MS;
	lane_reshape(&lane, &shaper, &shape, 0);
	push(&lane, shaper_admit(&shaper, &lane.backlog, 0, 1250, 1, 1514), 1250);
	for (int i = 0; i < 10; i++)
		CHECK_INT(pop_due(&lane), (1 + i) * NS_PER_MS);
	CHECK_INT(pop_due(&lane), 60 * NS_PER_MS);
}

/* Random changes under random traffic: order is kept, accounts come out even. */
static void test_random_changes(void)
{
	struct rng rng;
	rng_seed(&rng, 42);
	struct lane lane = {0};
	struct shaper shaper;
	shaper_init(&shaper, &(struct shape){0}, 3);
	int64_t now = 1000, free_at = 0;
	for (int step = 0; step < 100000; step++) {
		now += (int64_t)(rng_unit(&rng) * 200000);
		while (lane_next_due(&lane) <= now) {
			int64_t due = lane_next_due(&lane);
			CHECK_INT(pop_due(&lane), due);
		}
		if (rng_unit(&rng) < 0.01) {
			struct shape shape = {
				.delay_ns = (int64_t)(rng_unit(&rng) * 20) * NS_PER_MS,
				.jitter_ns = (int64_t)(rng_unit(&rng) * 3) * NS_PER_MS,
				.reorder = rng_unit(&rng) < 0.5 ? 20 : 0,
				.rate = rng_unit(&rng) < 0.3 ? 0
							     : (uint64_t)(rng_unit(&rng) * 1e8) + 1000000};
			lane_reshape(&lane, &shaper, &shape, now);
		}
		lane_settle(&lane, now);
		struct passage passage =
			shaper_admit(&shaper, &lane.backlog, now, 1000, 1, 1514);
		if (passage.fate == FATE_PASS)
			push(&lane, passage, 1000);
		int64_t last = INT64_MIN;
		uint64_t frames = 0, backlog = 0;
		for (struct frame *f = lane.normal.head; f; f = f->next, frames++) {
			CHECK(f->due >= last && f->due >= f->start);
			last = f->due;
		}
		for (struct frame *f = lane.overtaking.head; f; f = f->next)
			frames++;
		free_at = INT64_MIN;
		for (struct frame *f = lane.waiting.head; f; f = f->next_waiting) {
			CHECK(f->start >= free_at);
			free_at = f->start;
			backlog += f->wire_bytes;
		}
		CHECK(frames == lane.frames && backlog == lane.backlog.bytes);
	}
	lane_clear(&lane);
	CHECK_INT(lane.memory, 0);
}

static void test_heap(void)
{
	struct heap heap = {0};
	struct heap_item item[200] = {0};
	struct rng rng;
	rng_seed(&rng, 9);
	for (int step = 0; step < 20000; step++) {
		struct heap_item *one = &item[(int)(rng_unit(&rng) * 200)];
		heap_update(&heap, one,
			    rng_unit(&rng) < 0.2 ? INT64_MAX : (int64_t)(rng_unit(&rng) * 1000));
		int64_t least = INT64_MAX;
		size_t count = 0;
		for (int i = 0; i < 200; i++) {
			if (item[i].place) {
				CHECK(heap.items[item[i].place - 1] == &item[i]);
				count++;
				least = item[i].time < least ? item[i].time : least;
			}
		}
		CHECK(count == heap.count);
		CHECK(!count || heap_first(&heap)->time == least);
	}
	heap_free(&heap);
	CHECK(!heap_first(&heap));
}

int main(void)
{
	test_backlog_drains();
	test_overtaking();
	test_rate_change_spares_what_is_sent();
	test_rate_taken_away();
	test_shorter_delay_moves_frames();
	test_longer_delay_leaves_frames();
	test_random_changes();
	test_heap();
	DONE();
}
