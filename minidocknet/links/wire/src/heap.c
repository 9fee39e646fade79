// SPDX-License-Identifier: Apache-2.0
#include "heap.h"

#include "util.h"

#include <stdlib.h>

static void put(struct heap *heap, size_t place, struct heap_item *item)
{
	heap->items[place - 1] = item;
	item->place = place;
}

static void sift_up(struct heap *heap, size_t place, struct heap_item *item)
{
	while (place > 1 && heap->items[place / 2 - 1]->time > item->time) {
		put(heap, place, heap->items[place / 2 - 1]);
		place /= 2;
	}
	put(heap, place, item);
}

static void sift_down(struct heap *heap, size_t place, struct heap_item *item)
{
	for (;;) {
		size_t child = place * 2;
		if (child > heap->count)
			break;
		if (child < heap->count && heap->items[child]->time < heap->items[child - 1]->time)
			child++;
		if (heap->items[child - 1]->time >= item->time)
			break;
		put(heap, place, heap->items[child - 1]);
		place = child;
	}
	put(heap, place, item);
}

void heap_update(struct heap *heap, struct heap_item *item, int64_t time)
{
	int64_t before = item->time;
	item->time = time;
	if (time == INT64_MAX) {
		if (!item->place)
			return;
		size_t hole = item->place;
		struct heap_item *last = heap->items[--heap->count];
		item->place = 0;
		if (last == item)
			return;
		last->place = hole;
		if (last->time < before)
			sift_up(heap, hole, last);
		else
			sift_down(heap, hole, last);
	} else if (!item->place) {
		if (heap->count == heap->room) {
			heap->room = heap->room ? heap->room * 2 : 64;
			heap->items = must_realloc(heap->items, heap->room * sizeof *heap->items);
		}
		sift_up(heap, ++heap->count, item);
	} else if (time < before) {
		sift_up(heap, item->place, item);
	} else {
		sift_down(heap, item->place, item);
	}
}

struct heap_item *heap_first(const struct heap *heap)
{
	return heap->count ? heap->items[0] : NULL;
}

void heap_free(struct heap *heap)
{
	free(heap->items);
	*heap = (struct heap){0};
}
