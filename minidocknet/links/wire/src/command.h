// SPDX-License-Identifier: Apache-2.0
/* One line of the control protocol: a verb and key=value words, parsed in place. */
#ifndef MDN_COMMAND_H
#define MDN_COMMAND_H

#include "util.h"

#define COMMAND_MAX_LINE 8192
#define COMMAND_MAX_WORDS 128

struct word {
	const char *key, *value;
};

struct command {
	const char *verb;
	size_t count;
	struct word words[COMMAND_MAX_WORDS];
};

/* Parses `line` (ended by NUL, changed by this); 0, or -1 with `error`. */
int command_parse(char *line, struct command *command, struct error *error);
/* The value of `key`, NULL where it is not given. */
const char *command_get(const struct command *command, const char *key);

/* Numbers, in full and within bounds; 0, or -1 with an `error` that names the key. */
int parse_u64(const char *key, const char *text, uint64_t least, uint64_t most, uint64_t *value,
	      struct error *error);
int parse_percent(const char *key, const char *text, double *value, struct error *error);

#endif
