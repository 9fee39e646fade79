// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int command_parse(char *line, struct command *command, struct error *error)
{
	command->verb = NULL;
	command->count = 0;
	for (const unsigned char *c = (const unsigned char *)line; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			return fail(error, "syntax", "a control character (byte %u) in the line", *c);
	char *rest = line;
	for (char *word; (word = strsep(&rest, " "));) {
		if (!*word)
			continue;
		if (!command->verb) {
			if (strchr(word, '='))
				return fail(error, "syntax", "the line must begin with a verb");
			command->verb = word;
			continue;
		}
		char *equals = strchr(word, '=');
		if (!equals || equals == word)
			return fail(error, "syntax", "'%s' is not of the form key=value", word);
		*equals = '\0';
		if (command_get(command, word))
			return fail(error, "syntax", "'%s' is given twice", word);
		if (command->count == COMMAND_MAX_WORDS)
			return fail(error, "syntax", "more than %d words", COMMAND_MAX_WORDS);
		command->words[command->count++] = (struct word){.key = word, .value = equals + 1};
	}
	if (!command->verb)
		return fail(error, "syntax", "the line is empty");
	return 0;
}

const char *command_get(const struct command *command, const char *key)
{
	for (size_t i = 0; i < command->count; i++)
		if (strcmp(command->words[i].key, key) == 0)
			return command->words[i].value;
	return NULL;
}

int parse_u64(const char *key, const char *text, uint64_t least, uint64_t most, uint64_t *value,
	      struct error *error)
{
	char *end = NULL;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end)
		return fail(error, "invalid", "%s=%s is not a whole number", key, text);
	if (errno || number < least || number > most)
		return fail(error, "invalid", "%s=%s is outside %" PRIu64 " to %" PRIu64, key, text,
			    least, most);
	*value = number;
	return 0;
}

int parse_percent(const char *key, const char *text, double *value, struct error *error)
{
	char *end = NULL;
	double number = strtod(text, &end);
	if (end == text || *end || !isfinite(number))
		return fail(error, "invalid", "%s=%s is not a percentage", key, text);
	if (number < 0 || number > 100)
		return fail(error, "invalid", "%s=%s is outside 0 to 100 percent", key, text);
	*value = number;
	return 0;
}
