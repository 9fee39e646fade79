// SPDX-License-Identifier: Apache-2.0
#include "log.h"
#include "netns.h"
#include "reaper.h"
#include "tap.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* Each look costs some microseconds, in which no frame is sent: a few at a time. */
#define CHECKED_AT_ONCE 8

static struct link **bucket_of(struct wire *wire, const char *id)
{
	uint32_t hash = 2166136261u;
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return &wire->bucket[hash % LINK_BUCKETS];
}

struct link *link_find(const struct wire *wire, const char *id)
{
	struct link *link = *bucket_of((struct wire *)wire, id);
	while (link && strcmp(link->config.id, id) != 0)
		link = link->next_in_bucket;
	return link;
}

struct end_config *end_config(struct end *end)
{
	return &end->link->config.end[end->index];
}

/* What may wait in memory: 64 MiB, or more where rate and delay need it (small frames cost 3x). */
static uint64_t memory_limit(const struct shape *shape, uint32_t full_frame)
{
	if (!shape->rate)
		return SMALL_LANE_MEMORY;
	double span = (double)(shape->delay_ns + 4 * shape->jitter_ns) / (double)NS_PER_S;
	double bytes = (double)shape->rate / 8 * span;
	uint64_t queue = shape_queue_bytes(shape, full_frame);
	if (queue != UINT64_MAX)
		bytes += (double)queue;
	bytes *= 3;
	return bytes > (double)SMALL_LANE_MEMORY ? (uint64_t)bytes : SMALL_LANE_MEMORY;
}

static void set_limits(struct link *link)
{
	for (int i = 0; i < 2; i++) {
		struct direction *direction = &link->direction[i];
		direction->full_frame = link->config.end[i].mtu + ETHERNET_HEADER;
		direction->memory_limit =
			memory_limit(&link->config.shape[i], direction->full_frame);
	}
}

struct link *link_new(struct wire *wire, const struct link_config *config)
{
	struct link *link = must_alloc(sizeof *link);
	memset(link, 0, sizeof *link);
	link->config = *config;
	for (int i = 0; i < 2; i++) {
		link->end[i] = (struct end){
			.source = {.kind = SOURCE_TAP, .fd = -1}, .link = link, .index = i};
		link->direction[i].link = link;
		link->direction[i].index = i;
		shaper_init(&link->direction[i].shaper, &config->shape[i],
			    config->seed * 2 + (uint64_t)i);
	}
	set_limits(link);
	struct link **bucket = bucket_of(wire, config->id);
	link->next_in_bucket = *bucket;
	*bucket = link;
	link->previous = wire->last;
	if (wire->last)
		wire->last->next = link;
	else
		wire->first = link;
	wire->last = link;
	wire->link_count++;
	return link;
}

void link_free(struct wire *wire, struct link *link)
{
	link_clear(wire, link);
	for (int i = 0; i < 2; i++)
		end_detach(wire, &link->end[i], true, "removed");
	struct link **place = bucket_of(wire, link->config.id);
	while (*place != link)
		place = &(*place)->next_in_bucket;
	*place = link->next_in_bucket;
	if (link->previous)
		link->previous->next = link->next;
	else
		wire->first = link->next;
	if (link->next)
		link->next->previous = link->previous;
	else
		wire->last = link->previous;
	if (wire->checked_next == link)
		wire->checked_next = link->next;
	wire->link_count--;
	free(link);
}

static enum tap_offload wanted_offload(struct link *link, int index)
{
	/* Other machines and plain taps need frames that are complete. */
	if (link->config.plain || link->config.end[1 - index].kind != END_TAP)
		return OFFLOAD_NONE;
	return shape_allows_tso(&link->config.shape[index]) ? OFFLOAD_TSO : OFFLOAD_CHECKSUM;
}

/* Brings offloads and carrier in line with the configuration and with what is attached. */
static void refresh(struct link *link)
{
	/* As with a real cable: carrier needs a peer that is there. */
	bool carrier = link->config.up && link->end[0].attached && link->end[1].attached;
	for (int i = 0; i < 2; i++) {
		struct end *end = &link->end[i];
		if (!end->attached || end->source.fd < 0)
			continue;
		int offload = wanted_offload(link, i);
		if (offload != end->offload) {
			if (!tap_set_offload(end->source.fd, (enum tap_offload)offload))
				log_line("%s: cannot set offloads of %s", link->config.id,
					 end_config(end)->interface);
			end->offload = offload;
		}
		if (carrier != end->carrier) {
			tap_set_carrier(end->source.fd, carrier);
			end->carrier = carrier;
		}
	}
}

int end_attach(struct wire *wire, struct end *end, struct error *error)
{
	const struct end_config *config = end_config(end);
	if (config->kind == END_L2TP) {
		if (transport_join(wire, end, error) < 0)
			return -1;
	} else {
		char owner[200];
		snprintf(owner, sizeof owner, "mdn-wire %s %s %c", wire->lab, end->link->config.id,
			 'a' + end->index);
		end->source.fd = tap_open(config, owner, &end->inode, error);
		if (end->source.fd < 0)
			return -1;
		/* A tap that existed keeps the carrier it had: say it anew. */
		tap_set_carrier(end->source.fd, false);
		end->carrier = false;
		end->offload = -1;
		if (!wire_watch(wire, &end->source, EPOLLIN)) {
			tap_destroy(end->source.fd);
			end->source.fd = -1;
			return fail(error, "system", "cannot watch tap %s", config->interface);
		}
	}
	end->attached = true;
	end->parked = false;
	end->reason[0] = '\0';
	refresh(end->link);
	return 0;
}

void end_detach(struct wire *wire, struct end *end, bool remove, const char *reason)
{
	copy_text(end->reason, sizeof end->reason, reason);
	if (!end->attached)
		return;
	end->attached = false;
	if (end->source.fd >= 0) {
		if (remove)
			tap_destroy(end->source.fd);
		else
			reaper_close(end->source.fd);
		end->source.fd = -1;
	} else {
		transport_leave(wire, end);
	}
	link_clear(wire, end->link);
	refresh(end->link);
}

void link_clear(struct wire *wire, struct link *link)
{
	for (int i = 0; i < 2; i++) {
		struct direction *direction = &link->direction[i];
		direction->counters.down_dropped += direction->lane.frames;
		wire->memory -= direction->lane.memory;
		lane_clear(&direction->lane);
		direction->shaper.free_at = direction->shaper.last_due = INT64_MIN;
		direction_schedule(wire, direction);
	}
}

void link_reshape(struct wire *wire, struct link *link, const struct link_config *config)
{
	int64_t now = clock_ns();
	for (int i = 0; i < 2; i++) {
		struct direction *direction = &link->direction[i];
		link->config.shape[i] = config->shape[i];
		lane_reshape(&direction->lane, &direction->shaper, &config->shape[i], now);
		direction_schedule(wire, direction);
	}
	set_limits(link);
	link_set_up(wire, link, config->up);
}

void link_set_up(struct wire *wire, struct link *link, bool up)
{
	if (link->config.up && !up)
		link_clear(wire, link);
	link->config.up = up;
	refresh(link);
}

static void check_namespaces(struct wire *wire, struct link *link)
{
	for (int i = 0; i < 2; i++) {
		struct end *end = &link->end[i];
		const char *path = link->config.end[i].netns;
		if (!end->attached || !path[0] || netns_inode(path) == end->inode)
			continue;
		log_line("%s end %c: namespace %s is gone", link->config.id, 'a' + i, path);
		/* The open tap keeps the node's namespace alive: let go, and both vanish. */
		end_detach(wire, end, false, "the namespace is gone");
	}
}

int64_t links_check_namespaces(struct wire *wire)
{
	size_t turns = (wire->link_count + CHECKED_AT_ONCE - 1) / CHECKED_AT_ONCE;
	for (size_t i = 0; i < CHECKED_AT_ONCE && i < wire->link_count; i++) {
		struct link *link = wire->checked_next ? wire->checked_next : wire->first;
		wire->checked_next = link->next;
		check_namespaces(wire, link);
	}
	return NS_PER_S / (int64_t)(turns ? turns : 1);
}

void links_remove_all(struct wire *wire, bool keep_taps)
{
	while (wire->first) {
		for (int i = 0; i < 2 && keep_taps; i++)
			end_detach(wire, &wire->first->end[i], false, "shut down");
		link_free(wire, wire->first);
	}
	reaper_drain();
}

void links_reset_stats(struct wire *wire, struct link *only)
{
	for (struct link *link = wire->first; link; link = link->next)
		for (int i = 0; i < 2 && (!only || only == link); i++)
			link->direction[i].counters = (struct counters){0};
	if (!only)
		wire->histogram = (struct histogram){0};
}
