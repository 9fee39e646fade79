// SPDX-License-Identifier: Apache-2.0
#include "lane.h"

#include <stdlib.h>
#include <string.h>

size_t frame_memory(size_t length)
{
	return sizeof(struct frame) + length + 16;
}

static void list_append(struct frame_list *list, struct frame *frame)
{
	frame->next = NULL;
	if (list->tail)
		list->tail->next = frame;
	else
		list->head = frame;
	list->tail = frame;
}

void lane_push(struct lane *lane, struct frame *frame, bool overtakes)
{
	list_append(overtakes ? &lane->overtaking : &lane->normal, frame);
	frame->next_waiting = NULL;
	if (lane->waiting.tail)
		lane->waiting.tail->next_waiting = frame;
	else
		lane->waiting.head = frame;
	lane->waiting.tail = frame;
	lane->backlog.bytes += frame->wire_bytes;
	lane->backlog.packets += frame->packets;
	lane->frames++;
	lane->memory += frame_memory(frame->length);
}

void lane_settle(struct lane *lane, int64_t now)
{
	struct frame *frame = lane->waiting.head;
	while (frame && frame->start <= now) {
		lane->backlog.bytes -= frame->wire_bytes;
		lane->backlog.packets -= frame->packets;
		frame = frame->next_waiting;
	}
	lane->waiting.head = frame;
	if (!frame)
		lane->waiting.tail = NULL;
}

int64_t lane_next_due(const struct lane *lane)
{
	int64_t due = lane->normal.head ? lane->normal.head->due : NEVER;
	if (lane->overtaking.head && lane->overtaking.head->due < due)
		due = lane->overtaking.head->due;
	return due;
}

struct frame *lane_pop(struct lane *lane)
{
	struct frame_list *list = &lane->normal;
	if (lane->overtaking.head && (!list->head || lane->overtaking.head->due < list->head->due))
		list = &lane->overtaking;
	struct frame *frame = list->head;
	if (!frame)
		return NULL;
	/* A frame is due no sooner than it is let go, so this takes it off the backlog. */
	lane_settle(lane, frame->due);
	list->head = frame->next;
	if (!list->head)
		list->tail = NULL;
	lane->frames--;
	lane->memory -= frame_memory(frame->length);
	return frame;
}

void lane_clear(struct lane *lane)
{
	struct frame *frame;
	while ((frame = lane_pop(lane)))
		free(frame);
	memset(lane, 0, sizeof *lane);
}

static int64_t rescale(int64_t start, int64_t now, uint64_t old_rate, uint64_t new_rate)
{
	if (!new_rate)
		return now;
	__int128 left = (__int128)(start - now) * (__int128)old_rate / (__int128)new_rate;
	int64_t most = INT64_MAX / 4;
	return left > most - now ? most : now + (int64_t)left;
}

void lane_reshape(struct lane *lane, struct shaper *shaper, const struct shape *shape, int64_t now)
{
	const struct shape old = shaper->shape;
	shaper->shape = *shape;
	lane_settle(lane, now);
	if (old.rate != shape->rate && old.rate) {
		for (struct frame *f = lane->waiting.head; f; f = f->next_waiting) {
			int64_t start = rescale(f->start, now, old.rate, shape->rate);
			f->due += start - f->start;
			f->start = start;
		}
		if (shaper->free_at > now)
			shaper->free_at =
				rescale(shaper->free_at, now, old.rate, shape->rate);
	}
	int64_t shorter = old.delay_ns > shape->delay_ns ? old.delay_ns - shape->delay_ns : 0;
	int64_t latest = INT64_MIN;
	for (struct frame *f = lane->normal.head; f; f = f->next) {
		/* What is due already keeps its due time, so that its lateness is told truly. */
		if (shorter && f->due > now)
			f->due = f->due - shorter > now ? f->due - shorter : now;
		if (f->due < f->start)
			f->due = f->start;
		if (f->due < latest)
			f->due = latest;
		latest = f->due;
	}
	shaper->last_due = latest;
	lane_settle(lane, now);
}
