// SPDX-License-Identifier: Apache-2.0
/*
 * The commands that made the present links, one a line behind its CRC-32, so that a worker that
 * died at any moment leaves a journal that the next one can read: a torn last line fails its sum.
 */
#ifndef MDN_JOURNAL_H
#define MDN_JOURNAL_H

#include "util.h"

struct journal {
	int directory, fd;
	size_t size, compacted_size;
};

/* Opens `wire.journal` in `directory`; hands each good line, without its sum, to `replay`. */
int journal_open(struct journal *journal, int directory, void (*replay)(char *line, void *context),
		 void *context, struct error *error);
int journal_append(struct journal *journal, const char *line, struct error *error);
/* Has it grown so much that journal_rewrite() is worth it? */
bool journal_is_large(const struct journal *journal);
/* Replaces the content by `lines` (each with its line end), at once or not at all. */
int journal_rewrite(struct journal *journal, const struct text *lines, struct error *error);
void journal_remove(struct journal *journal);

#endif
