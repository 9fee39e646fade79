// SPDX-License-Identifier: Apache-2.0
/* The link model in virtual time: exact where it is exact, within statistical bounds elsewhere. */
#include "shaper.h"
#include "test.h"
#include "util.h"

#define MANY 200000

static const struct backlog nothing;

static struct shaper make(struct shape shape)
{
	struct shaper shaper;
	shaper_init(&shaper, &shape, 7);
	return shaper;
}

static struct passage pass(struct shaper *shaper, int64_t now, uint64_t bytes)
{
	return shaper_admit(shaper, &nothing, now, bytes, 1, 1514);
}

static void test_delay_is_exact(void)
{
	struct shaper shaper = make((struct shape){.delay_ns = 3 * NS_PER_MS});
	for (int i = 0; i < 100; i++) {
		struct passage passage = pass(&shaper, i * 1000, 1514);
		CHECK_INT(passage.fate, FATE_PASS);
		CHECK_INT(passage.start, i * 1000);
		CHECK_INT(passage.due, i * 1000 + 3 * NS_PER_MS);
	}
}

static void test_rate_spaces_frames(void)
{
	/* 1250 bytes at 10 Mbit/s take 1 ms. */
	struct shaper shaper =
		make((struct shape){.rate = 10000000, .delay_ns = 2 * NS_PER_MS});
	CHECK_INT(transmission_ns(1250, 10000000), NS_PER_MS);
	/* The first finds the server idle and has the delay alone. */
	for (int i = 0; i < 100; i++)
		CHECK_INT(pass(&shaper, 0, 1250).due, i * NS_PER_MS + 2 * NS_PER_MS);
	/* After a pause one frame goes at once: no more credit was saved. */
	CHECK_INT(pass(&shaper, NS_PER_S, 1250).start, NS_PER_S);
	CHECK_INT(pass(&shaper, NS_PER_S, 1250).start, NS_PER_S + NS_PER_MS);
}

static void test_default_queue(void)
{
	struct shape shape = {.rate = 10000000};
	CHECK_INT(shape_queue_bytes(&shape, 1514), 62500); /* 50 ms */
	shape.delay_ns = 100 * NS_PER_MS;
	CHECK_INT(shape_queue_bytes(&shape, 1514), 250000); /* twice the delay */
	shape = (struct shape){.rate = 64000};
	CHECK_INT(shape_queue_bytes(&shape, 1514), 16 * 1514);
	shape.queue_bytes = 5000;
	CHECK_INT(shape_queue_bytes(&shape, 1514), 5000);
	shape = (struct shape){.rate = 64000, .queue_packets = 10};
	CHECK(shape_queue_bytes(&shape, 1514) == UINT64_MAX);
}

static void test_queue_limits(void)
{
	struct shaper shaper = make((struct shape){.rate = 1000000, .queue_bytes = 3000});
	struct backlog backlog = {.bytes = 2000, .packets = 2};
	CHECK_INT(shaper_admit(&shaper, &backlog, 0, 1000, 1, 1514).fate, FATE_PASS);
	CHECK_INT(shaper_admit(&shaper, &backlog, 0, 1001, 1, 1514).fate, FATE_QUEUE_FULL);
	/* A dropped frame takes none of the rate. */
	CHECK_INT(shaper.free_at, transmission_ns(1000, 1000000));
	/* One frame always fits, however small the limit. */
	CHECK_INT(shaper_admit(&shaper, &nothing, 0, 9000, 1, 1514).fate, FATE_PASS);

	shaper = make((struct shape){.rate = 1000000, .queue_packets = 3});
	backlog = (struct backlog){.bytes = 128, .packets = 2};
	CHECK_INT(shaper_admit(&shaper, &backlog, 0, 64, 1, 1514).fate, FATE_PASS);
	backlog.packets = 3;
	CHECK_INT(shaper_admit(&shaper, &backlog, 0, 64, 1, 1514).fate, FATE_QUEUE_FULL);
}

static double share_lost(struct shaper *shaper)
{
	int lost = 0;
	for (int i = 0; i < MANY; i++)
		lost += pass(shaper, i, 100).fate == FATE_LOST;
	return 100.0 * lost / MANY;
}

static void test_random_loss(void)
{
	struct shaper shaper = make((struct shape){.loss = 1});
	CHECK_NEAR(share_lost(&shaper), 1, 0.1);
	shaper = make((struct shape){.loss = 5});
	CHECK_NEAR(share_lost(&shaper), 5, 0.2);
	shaper = make((struct shape){.loss = 100});
	CHECK_NEAR(share_lost(&shaper), 100, 0);
	shaper = make((struct shape){.loss = 0});
	CHECK_NEAR(share_lost(&shaper), 0, 0);
}

static void test_bursty_loss(void)
{
	/* Gilbert: p 1 %, r 20 %, all lost when bad: 1/21 lost, bursts of 5 on average. */
	struct shaper shaper = make((struct shape){
		.bursty = true, .ge_p = 1, .ge_r = 20, .ge_bad = 100, .ge_good = 0});
	int lost = 0, bursts = 0, before = 0;
	for (int i = 0; i < MANY; i++) {
		int now = pass(&shaper, i, 100).fate == FATE_LOST;
		lost += now;
		bursts += now && !before;
		before = now;
	}
	CHECK_NEAR(100.0 * lost / MANY, 100.0 / 21, 0.3);
	CHECK_NEAR((double)lost / bursts, 5, 0.25);
	/* Elliott: 60 % lost when bad, 1 % when good; bad for p/(p+r) = 1/5 of the time. */
	shaper = make((struct shape){
		.bursty = true, .ge_p = 5, .ge_r = 20, .ge_bad = 60, .ge_good = 1});
	CHECK_NEAR(share_lost(&shaper), 0.2 * 60 + 0.8 * 1, 0.4);
}

static void jitter_moments(struct shape shape, double *mean, double *deviation)
{
	struct shaper shaper = make(shape);
	double sum = 0, squares = 0;
	for (int i = 0; i < MANY; i++) {
		/* Far apart, so that keeping order changes nothing. */
		int64_t now = (int64_t)i * NS_PER_S;
		double delay = (double)(pass(&shaper, now, 100).due - now) / NS_PER_MS;
		CHECK(delay >= 0);
		sum += delay;
		squares += delay * delay;
	}
	*mean = sum / MANY;
	*deviation = sqrt(squares / MANY - *mean * *mean);
}

static void test_jitter(void)
{
	double mean, deviation;
	struct shape shape = {.delay_ns = 10 * NS_PER_MS, .jitter_ns = 2 * NS_PER_MS};
	jitter_moments(shape, &mean, &deviation);
	CHECK_NEAR(mean, 10, 0.02);
	CHECK_NEAR(deviation, 2 / sqrt(3), 0.02);
	shape.distribution = DIST_NORMAL;
	jitter_moments(shape, &mean, &deviation);
	CHECK_NEAR(mean, 10, 0.03);
	CHECK_NEAR(deviation, 2, 0.03);
}

static void test_jitter_keeps_order(void)
{
	struct shaper shaper = make((struct shape){.delay_ns = 5 * NS_PER_MS,
						   .jitter_ns = 5 * NS_PER_MS,
						   .distribution = DIST_NORMAL});
	int64_t last = 0;
	for (int i = 0; i < MANY; i++) {
		struct passage passage = pass(&shaper, (int64_t)i * 100000, 100);
		CHECK(passage.due >= last && passage.due >= passage.start);
		last = passage.due;
	}
}

static void test_reorder_skips_the_delay(void)
{
	struct shaper shaper =
		make((struct shape){.delay_ns = 10 * NS_PER_MS, .reorder = 25, .rate = 10000000});
	int overtook = 0;
	int64_t last_normal = 0;
	for (int i = 0; i < MANY; i++) {
		int64_t now = (int64_t)i * 2 * NS_PER_MS;
		struct passage passage = pass(&shaper, now, 1250);
		CHECK_INT(passage.start, now);
		overtook += passage.overtakes;
		if (passage.overtakes) {
			CHECK_INT(passage.due, passage.start);
		} else {
			CHECK_INT(passage.due, passage.start + 10 * NS_PER_MS);
			CHECK(passage.due > last_normal);
			last_normal = passage.due;
		}
	}
	CHECK_NEAR(100.0 * overtook / MANY, 25, 0.5);
}

static void test_duplication(void)
{
	struct shaper shaper = make((struct shape){.duplicate = 3});
	int copies = 0;
	for (int i = 0; i < MANY; i++)
		copies += shaper_duplicates(&shaper);
	CHECK_NEAR(100.0 * copies / MANY, 3, 0.15);
}

static void test_seed_repeats(void)
{
	struct shape shape = {.loss = 30, .jitter_ns = NS_PER_MS, .delay_ns = NS_PER_MS};
	struct shaper one, two, other;
	shaper_init(&one, &shape, 1);
	shaper_init(&two, &shape, 1);
	shaper_init(&other, &shape, 2);
	int differences = 0;
	for (int i = 0; i < 1000; i++) {
		struct passage a = pass(&one, i * NS_PER_MS, 100), b = pass(&two, i * NS_PER_MS, 100);
		struct passage c = pass(&other, i * NS_PER_MS, 100);
		CHECK(a.fate == b.fate && a.due == b.due);
		differences += a.fate != c.fate || a.due != c.due;
	}
	CHECK(differences > 500);
}

static void test_tso_only_where_it_is_harmless(void)
{
	CHECK(shape_allows_tso(&(struct shape){.delay_ns = NS_PER_S}));
	CHECK(shape_allows_tso(&(struct shape){.rate = 500000000}));
	CHECK(!shape_allows_tso(&(struct shape){.rate = 499999999}));
	CHECK(!shape_allows_tso(&(struct shape){.loss = 0.001}));
	CHECK(!shape_allows_tso(&(struct shape){.bursty = true}));
	CHECK(!shape_allows_tso(&(struct shape){.jitter_ns = 1}));
	CHECK(!shape_allows_tso(&(struct shape){.duplicate = 1}));
	CHECK(!shape_allows_tso(&(struct shape){.reorder = 1}));
	CHECK(!shape_allows_tso(&(struct shape){.rate = 1000000000, .queue_packets = 9}));
}

static void test_extremes_do_not_overflow(void)
{
	struct shaper shaper = make((struct shape){.rate = 1, .delay_ns = 600 * NS_PER_S});
	int64_t now = INT64_C(1) << 60;
	for (int i = 0; i < 1000; i++)
		CHECK(pass(&shaper, now, 65536).due > now);
}

int main(void)
{
	test_delay_is_exact();
	test_rate_spaces_frames();
	test_default_queue();
	test_queue_limits();
	test_random_loss();
	test_bursty_loss();
	test_jitter();
	test_jitter_keeps_order();
	test_reorder_skips_the_delay();
	test_duplication();
	test_seed_repeats();
	test_tso_only_where_it_is_harmless();
	test_extremes_do_not_overflow();
	DONE();
}
