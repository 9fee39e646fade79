// SPDX-License-Identifier: Apache-2.0
/* A binary heap of items by time, each of which knows its place, so that it can move or leave. */
#ifndef MDN_HEAP_H
#define MDN_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_item {
	int64_t time;
	size_t place; /* 1-based; 0 where not in the heap */
};

struct heap {
	struct heap_item **items;
	size_t count, room;
};

/* Inserts, moves or (for `time` INT64_MAX) removes the item. */
void heap_update(struct heap *heap, struct heap_item *item, int64_t time);
/* The earliest item, NULL where the heap is empty. */
struct heap_item *heap_first(const struct heap *heap);
void heap_free(struct heap *heap);

#endif
