// SPDX-License-Identifier: Apache-2.0
/* The way of a frame: from an end through the model into the lane, and out at its due time. */
#include "log.h"
#include "tap.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Frames read from one tap before others get their turn. */
#define READ_BURST 16

void direction_schedule(struct wire *wire, struct direction *direction)
{
	heap_update(&wire->schedule, &direction->schedule, lane_next_due(&direction->lane));
}

static void deliver(struct wire *wire, struct direction *direction, unsigned char *packet,
		    size_t length, const struct wire_size *size, int64_t due)
{
	struct end *to = &direction->link->end[1 - direction->index];
	struct counters *counters = &direction->counters;
	if (!to->attached) {
		counters->down_dropped += size->packets;
		return;
	}
	int64_t late = clock_ns() - due;
	bool sent;
	if (to->source.fd >= 0) {
		sent = write(to->source.fd, packet, length) == (ssize_t)length;
	} else {
		vnet_complete_checksum(packet, length);
		sent = !size->is_super &&
		       transport_send(to, packet + VNET_HEADER, length - VNET_HEADER);
	}
	if (!sent) {
		counters->errors += size->packets;
		return;
	}
	counters->tx_frames += size->packets;
	counters->tx_bytes += size->bytes;
	lateness_add(&counters->late, late);
	histogram_add(&wire->histogram, late);
}

/* Keeps a copy until it is due; false where memory is short. */
static bool keep(struct wire *wire, struct direction *direction, const unsigned char *packet,
		 size_t length, const struct wire_size *size, const struct passage *passage)
{
	size_t memory = frame_memory(length);
	if (direction->lane.memory + memory > direction->memory_limit ||
	    wire->memory + memory > wire->memory_limit)
		return false;
	struct frame *frame = malloc(sizeof *frame + length);
	if (!frame)
		return false;
	*frame = (struct frame){.start = passage->start,
				.due = passage->due,
				.length = (uint32_t)length,
				.wire_bytes = size->bytes,
				.packets = size->packets};
	memcpy(frame->data, packet, length);
	lane_push(&direction->lane, frame, passage->overtakes);
	wire->memory += memory;
	direction_schedule(wire, direction);
	return true;
}

static void admit(struct wire *wire, struct direction *direction, unsigned char *packet,
		  size_t length, const struct wire_size *size, int64_t now)
{
	struct counters *counters = &direction->counters;
	lane_settle(&direction->lane, now);
	struct passage passage =
		shaper_admit(&direction->shaper, &direction->lane.backlog, now, size->bytes,
			     size->packets, direction->full_frame);
	if (passage.fate == FATE_LOST) {
		counters->lost += size->packets;
	} else if (passage.fate == FATE_QUEUE_FULL) {
		counters->queue_dropped += size->packets;
	} else {
		if (passage.overtakes)
			counters->reordered += size->packets;
		if (passage.due <= now && !direction->lane.frames)
			deliver(wire, direction, packet, length, size, passage.due);
		else if (!keep(wire, direction, packet, length, size, &passage))
			counters->memory_dropped += size->packets;
	}
}

void direction_receive(struct wire *wire, struct direction *direction, unsigned char *packet,
		       size_t length, int64_t now)
{
	struct counters *counters = &direction->counters;
	struct wire_size size;
	if (!vnet_measure(packet, length, &size)) {
		counters->errors++;
		return;
	}
	vnet_sanitize(packet);
	counters->rx_frames += size.packets;
	counters->rx_bytes += size.bytes;
	if (!direction->link->config.up || !direction->link->end[1 - direction->index].attached) {
		counters->down_dropped += size.packets;
		return;
	}
	/* A copy first: delivering may complete the checksum in place. */
	if (shaper_duplicates(&direction->shaper)) {
		counters->duplicated += size.packets;
		admit(wire, direction, packet, length, &size, now);
	}
	admit(wire, direction, packet, length, &size, now);
}

bool forward_due(struct wire *wire, int budget)
{
	int64_t now = clock_ns();
	while (budget-- > 0) {
		struct heap_item *item = heap_first(&wire->schedule);
		if (!item)
			return false;
		if (item->time > now) {
			now = clock_ns();
			if (item->time > now)
				return false;
		}
		struct direction *direction = (struct direction *)item;
		struct frame *frame = lane_pop(&direction->lane);
		wire->memory -= frame_memory(frame->length);
		direction_schedule(wire, direction);
		struct wire_size size = {.bytes = frame->wire_bytes, .packets = frame->packets};
		size.is_super = frame->data[1] != 0;
		deliver(wire, direction, frame->data, frame->length, &size, frame->due);
		free(frame);
	}
	return true;
}

void tap_readable(struct wire *wire, struct end *end, int64_t arrival)
{
	static unsigned char packet[MAX_PACKET] __attribute__((aligned(8)));
	struct direction *direction = &end->link->direction[end->index];
	for (int i = 0; i < READ_BURST && end->attached; i++) {
		ssize_t length = read(end->source.fd, packet, sizeof packet);
		if (length < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			log_line("%s end %c: %s", end->link->config.id, 'a' + end->index,
				 strerror(errno));
			end_detach(wire, end, true, "the interface was removed");
			return;
		}
		direction_receive(wire, direction, packet, (size_t)length, arrival);
		/* Only the first frame was surely there when the wait ended. */
		arrival = clock_ns();
	}
}
