// SPDX-License-Identifier: Apache-2.0
/*
 * The frames on their way in one direction: a list in order of due time, a second one for frames
 * that overtake, and the backlog of the rate server, which is the tail of both in order of arrival.
 */
#ifndef MDN_LANE_H
#define MDN_LANE_H

#include "shaper.h"

#include <stddef.h>
#include <stdint.h>

struct frame {
	struct frame *next, *next_waiting;
	int64_t start, due;
	uint32_t length, wire_bytes, packets;
	unsigned char data[];
};

struct frame_list {
	struct frame *head, *tail;
};

struct lane {
	struct frame_list normal, overtaking, waiting;
	struct backlog backlog;
	uint64_t frames, memory;
};

#define NEVER INT64_MAX

/* Memory charged for a frame of `length` bytes, the allocator's overhead included. */
size_t frame_memory(size_t length);
void lane_push(struct lane *lane, struct frame *frame, bool overtakes);
/* Takes frames that the rate server has let go by `now` off the backlog. */
void lane_settle(struct lane *lane, int64_t now);
/* The earliest due time, NEVER where the lane is empty. */
int64_t lane_next_due(const struct lane *lane);
/* Removes the frame due first; the caller frees it.  NULL where the lane is empty. */
struct frame *lane_pop(struct lane *lane);
void lane_clear(struct lane *lane);

/*
 * Puts `shape` in force at `now` for frames to come and for those on their way: what the rate
 * server has not let go is sent at the new rate; a shorter delay moves the frames in flight
 * forward by the difference, a longer one leaves them; no frame is dropped, and order is kept.
 */
void lane_reshape(struct lane *lane, struct shaper *shaper, const struct shape *shape, int64_t now);

#endif
