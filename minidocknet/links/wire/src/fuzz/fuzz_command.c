// SPDX-License-Identifier: Apache-2.0
/* Command lines; what add accepts must survive being written and read again. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct link_config *config)
{
	struct text line = {0};
	struct command command;
	struct link_config again;
	struct error error;
	config_write(config, &line);
	if (command_parse(line.data, &command, &error) < 0 ||
	    config_create(&command, &again, &error) < 0)
		abort();
	text_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > COMMAND_MAX_LINE || memchr(data, 0, size))
		return 0;
	char *line = malloc(size + 1);
	memcpy(line, data, size);
	line[size] = '\0';
	struct command command;
	struct link_config config;
	struct error error;
	if (command_parse(line, &command, &error) == 0) {
		if (config_create(&command, &config, &error) == 0) {
			check_round_trip(&config);
			config_attach(&command, &config.end[0], &error);
		} else {
			memset(&config, 0, sizeof config);
			config_change(&command, &config, &error);
		}
	}
	free(line);
	return 0;
}
