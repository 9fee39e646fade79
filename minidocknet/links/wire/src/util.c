// SPDX-License-Identifier: Apache-2.0
#include "util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int fail(struct error *error, const char *code, const char *format, ...)
{
	va_list arguments;
	error->code = code;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	for (char *c = error->text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	return -1;
}

void *must_alloc(size_t size)
{
	return must_realloc(NULL, size);
}

void *must_realloc(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);
	if (!memory) {
		fprintf(stderr, "mdn-wired: out of memory\n");
		abort();
	}
	return memory;
}

static void reserve(struct text *text, size_t more)
{
	if (text->length + more < text->room)
		return;
	size_t room = text->room ? text->room : 256;
	while (room <= text->length + more)
		room *= 2;
	text->data = must_realloc(text->data, room);
	text->room = room;
}

void text_append(struct text *text, const void *data, size_t length)
{
	reserve(text, length + 1);
	if (length)
		memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length > 0) {
		reserve(text, (size_t)length + 1);
		vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
		text->length += (size_t)length;
	}
	va_end(again);
}

void text_consume(struct text *text, size_t count)
{
	if (count >= text->length) {
		text->length = 0;
	} else {
		memmove(text->data, text->data + count, text->length - count);
		text->length -= count;
	}
	if (text->data)
		text->data[text->length] = '\0';
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

int64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

void copy_text(char *to, size_t room, const char *from)
{
	size_t length = strlen(from);
	if (length >= room)
		length = room - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}
