// SPDX-License-Identifier: Apache-2.0
/* The JSON that stats, list and version answer. */
#include "wire.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

static void report_end(const struct link *link, int index, struct text *json)
{
	const struct end *end = &link->end[index];
	const struct end_config *config = &link->config.end[index];
	text_printf(json, "\"%c\":{\"kind\":\"%s\",\"attached\":%s,\"if\":", 'a' + index,
		    config->kind == END_TAP ? "tap" : "l2tp", end->attached ? "true" : "false");
	json_string(json, config->interface);
	text_printf(json, ",\"tso\":%s,\"reason\":",
		    end->attached && end->source.fd >= 0 && end->offload == 2 ? "true" : "false");
	json_string(json, end->attached ? "" : end->reason);
	text_printf(json, "}");
}

static void report_direction(const struct direction *direction, const char *name, struct text *json)
{
	text_printf(json, ",\"%s\":{", name);
	json_counters(json, &direction->counters);
	text_printf(json, ",\"held_frames\":%" PRIu64 ",\"held_bytes\":%" PRIu64
			  ",\"backlog_bytes\":%" PRIu64 "}",
		    direction->lane.frames, direction->lane.memory, direction->lane.backlog.bytes);
}

static void report_link(const struct link *link, struct text *json)
{
	text_printf(json, "{\"id\":\"%s\",\"up\":%s,", link->config.id,
		    link->config.up ? "true" : "false");
	report_end(link, 0, json);
	text_printf(json, ",");
	report_end(link, 1, json);
	report_direction(&link->direction[0], "ab", json);
	report_direction(&link->direction[1], "ba", json);
	text_printf(json, "}");
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void report_process(const struct wire *wire, struct text *json)
{
	struct rusage usage = {0};
	getrusage(RUSAGE_SELF, &usage);
	text_printf(json, "\"pid\":%d,\"scheduling\":\"%s\",\"uptime_s\":%.3f", (int)getpid(),
		    wire->scheduling, (double)(clock_ns() - wire->started) / (double)NS_PER_S);
	text_printf(json,
		    ",\"cpu_s\":%.3f,\"wakeups\":%" PRIu64 ",\"wake_latency_ns\":%" PRId64
		    ",\"memory_bytes\":%" PRIu64 ",\"memory_limit_bytes\":%" PRIu64,
		    seconds(usage.ru_utime) + seconds(usage.ru_stime), wire->wakeups,
		    wire->wake_latency, wire->memory, wire->memory_limit);
}

void report_stats(const struct wire *wire, const struct link *only, struct text *json)
{
	text_printf(json, "{\"lab\":");
	json_string(json, wire->lab);
	text_printf(json, ",");
	report_process(wire, json);
	text_printf(json, ",\"lateness\":");
	json_histogram(json, &wire->histogram);
	text_printf(json, ",\"transports\":");
	transports_json(wire, json);
	text_printf(json, ",\"links\":[");
	const char *comma = "";
	for (const struct link *link = wire->first; link; link = link->next) {
		if (only && link != only)
			continue;
		text_printf(json, "%s", comma);
		report_link(link, json);
		comma = ",";
	}
	text_printf(json, "]}");
}

void report_list(const struct wire *wire, struct text *json)
{
	text_printf(json, "{\"links\":[");
	for (const struct link *link = wire->first; link; link = link->next)
		text_printf(json, "%s{\"id\":\"%s\",\"up\":%s,\"a\":%s,\"b\":%s}",
			    link == wire->first ? "" : ",", link->config.id,
			    link->config.up ? "true" : "false",
			    link->end[0].attached ? "true" : "false",
			    link->end[1].attached ? "true" : "false");
	text_printf(json, "]}");
}

void report_version(const struct wire *wire, struct text *json)
{
	text_printf(json, "{\"version\":\"%s\",\"protocol\":%d,\"lab\":", MDN_WIRED_VERSION,
		    PROTOCOL_VERSION);
	json_string(json, wire->lab);
	text_printf(json, ",\"links\":%zu,", wire->link_count);
	report_process(wire, json);
	text_printf(json, "}");
}
