// SPDX-License-Identifier: Apache-2.0
#include "stats.h"

#include <inttypes.h>

void lateness_add(struct lateness *lateness, int64_t ns)
{
	lateness->count++;
	lateness->sum += ns;
	if (ns > lateness->max)
		lateness->max = ns;
}

unsigned histogram_bucket(int64_t ns)
{
	if (ns < 4)
		return ns > 0 ? (unsigned)ns : 0;
	unsigned exponent = 63 - (unsigned)__builtin_clzll((uint64_t)ns);
	unsigned bucket = (exponent - 1) * 4 + ((unsigned)(ns >> (exponent - 2)) & 3);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

int64_t histogram_lower_bound(unsigned bucket)
{
	if (bucket < 4)
		return bucket;
	return (INT64_C(4) + bucket % 4) << (bucket / 4 - 1);
}

void histogram_add(struct histogram *histogram, int64_t ns)
{
	histogram->bucket[histogram_bucket(ns)]++;
	lateness_add(&histogram->late, ns > 0 ? ns : 0);
}

int64_t histogram_quantile(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)histogram->late.count), seen = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen > wanted)
			return histogram_lower_bound(i);
	}
	return histogram->late.max;
}

void json_string(struct text *json, const char *value)
{
	text_append(json, "\"", 1);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			text_printf(json, "\\%c", *value);
		else if ((unsigned char)*value < ' ')
			text_printf(json, "\\u%04x", (unsigned char)*value);
		else
			text_append(json, value, 1);
	}
	text_append(json, "\"", 1);
}

static int64_t mean(const struct lateness *lateness)
{
	return lateness->count ? lateness->sum / (int64_t)lateness->count : 0;
}

void json_lateness(struct text *json, const struct lateness *lateness)
{
	text_printf(json, "{\"count\":%" PRIu64 ",\"mean_ns\":%" PRId64 ",\"max_ns\":%" PRId64 "}",
		    lateness->count, mean(lateness), lateness->max);
}

void json_histogram(struct text *json, const struct histogram *histogram)
{
	text_printf(json,
		    "{\"count\":%" PRIu64 ",\"mean_ns\":%" PRId64 ",\"max_ns\":%" PRId64
		    ",\"p50_ns\":%" PRId64 ",\"p90_ns\":%" PRId64 ",\"p99_ns\":%" PRId64
		    ",\"buckets\":[",
		    histogram->late.count, mean(&histogram->late), histogram->late.max,
		    histogram_quantile(histogram, 0.5), histogram_quantile(histogram, 0.9),
		    histogram_quantile(histogram, 0.99));
	const char *comma = "";
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!histogram->bucket[i])
			continue;
		text_printf(json, "%s[%" PRId64 ",%" PRIu64 "]", comma, histogram_lower_bound(i),
			    histogram->bucket[i]);
		comma = ",";
	}
	text_printf(json, "]}");
}

void json_counters(struct text *json, const struct counters *c)
{
	text_printf(json,
		    "\"rx_frames\":%" PRIu64 ",\"rx_bytes\":%" PRIu64 ",\"tx_frames\":%" PRIu64
		    ",\"tx_bytes\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"queue_dropped\":%" PRIu64
		    ",\"memory_dropped\":%" PRIu64 ",\"down_dropped\":%" PRIu64
		    ",\"duplicated\":%" PRIu64 ",\"reordered\":%" PRIu64 ",\"errors\":%" PRIu64
		    ",\"late\":",
		    c->rx_frames, c->rx_bytes, c->tx_frames, c->tx_bytes, c->lost, c->queue_dropped,
		    c->memory_dropped, c->down_dropped, c->duplicated, c->reordered, c->errors);
	json_lateness(json, &c->late);
}
