// SPDX-License-Identifier: Apache-2.0
/* Errors with a code and a sentence, growing text buffers, and the clock. */
#ifndef MDN_UTIL_H
#define MDN_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Why a command failed: `code` is one stable word of the protocol, `text` is for people. */
struct error {
	const char *code;
	char text[240];
};

/* Fills `error` and returns -1, so that callers can write `return fail(...)`. */
int fail(struct error *error, const char *code, const char *format, ...) PRINTF_LIKE(3, 4);

struct text {
	char *data;
	size_t length, room;
};

void text_append(struct text *text, const void *data, size_t length);
void text_printf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
/* Forgets the first `count` bytes. */
void text_consume(struct text *text, size_t count);
void text_free(struct text *text);

/* malloc and friends that end the process on lack of memory: the supervisor starts a new one. */
void *must_alloc(size_t size);
void *must_realloc(void *old, size_t size);

/* CLOCK_MONOTONIC in ns, the time base of everything here. */
int64_t clock_ns(void);

/* Copies with truncation and always ends with NUL (strlcpy, which this libc lacks). */
void copy_text(char *to, size_t room, const char *from);

#endif
