// SPDX-License-Identifier: Apache-2.0
/* Counters per direction and the histogram of lateness (actual minus due time of sending). */
#ifndef MDN_STATS_H
#define MDN_STATS_H

#include "util.h"

struct lateness {
	uint64_t count;
	int64_t sum, max;
};

struct counters {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t lost, queue_dropped, memory_dropped, down_dropped, duplicated, reordered, errors;
	struct lateness late;
};

/* Four buckets to each power of two: bounds are within 19 %. */
#define HISTOGRAM_BUCKETS 160

struct histogram {
	uint64_t bucket[HISTOGRAM_BUCKETS];
	struct lateness late;
};

void lateness_add(struct lateness *lateness, int64_t ns);
void histogram_add(struct histogram *histogram, int64_t ns);
unsigned histogram_bucket(int64_t ns);
int64_t histogram_lower_bound(unsigned bucket);
/* The lower bound of the bucket that holds the given share (0 to 1) of all values. */
int64_t histogram_quantile(const struct histogram *histogram, double share);

void json_string(struct text *json, const char *value);
void json_lateness(struct text *json, const struct lateness *lateness);
void json_histogram(struct text *json, const struct histogram *histogram);
void json_counters(struct text *json, const struct counters *counters);

#endif
