// SPDX-License-Identifier: Apache-2.0
/*
 * The commands.  What makes something is journalled before it is done (and taken back in the
 * journal where it fails), what removes something afterwards: so after a crash at any moment the
 * journal knows of every tap that exists.
 */
#include "log.h"
#include "wire.h"

#include <string.h>

typedef int handler(struct wire *wire, const struct command *command, const char *line,
		    struct text *answer, struct error *error);

static int journal(struct wire *wire, const char *line, struct error *error)
{
	if (wire->restoring)
		return 0;
	return journal_append(&wire->journal, line, error);
}

static int only_words(const struct command *command, const char *one, const char *two,
		      struct error *error)
{
	for (size_t i = 0; i < command->count; i++) {
		const char *key = command->words[i].key;
		if (strcmp(key, one) != 0 && strcmp(key, two) != 0)
			return fail(error, "syntax", "%s does not know the word '%.60s'",
				    command->verb, key);
	}
	return 0;
}

static struct link *find(struct wire *wire, const struct command *command, struct error *error)
{
	const char *id = command_get(command, "id");
	if (!id) {
		fail(error, "syntax", "id is missing");
		return NULL;
	}
	struct link *link = link_find(wire, id);
	if (!link)
		fail(error, "no-link", "there is no link %.80s", id);
	return link;
}

static int run_add(struct wire *wire, const struct command *command, const char *line,
		   struct text *answer, struct error *error)
{
	(void)answer;
	struct link_config config;
	if (config_create(command, &config, error) < 0)
		return -1;
	if (link_find(wire, config.id))
		return fail(error, "exists", "link %s is there already", config.id);
	if (journal(wire, line, error) < 0)
		return -1;
	struct link *link = link_new(wire, &config);
	if (wire->restoring)
		return 0;
	if (end_attach(wire, &link->end[0], error) == 0 &&
	    end_attach(wire, &link->end[1], error) == 0)
		return 0;
	link_free(wire, link);
	char undo[LINK_ID_SIZE + 8] = "del id=";
	copy_text(undo + 7, sizeof undo - 7, config.id);
	struct error second;
	if (journal(wire, undo, &second) < 0)
		log_line("%s", second.text);
	return -1;
}

static int run_set(struct wire *wire, const struct command *command, const char *line,
		   struct text *answer, struct error *error)
{
	(void)answer;
	struct link *link = find(wire, command, error);
	if (!link)
		return -1;
	struct link_config config = link->config;
	if (config_change(command, &config, error) < 0 || journal(wire, line, error) < 0)
		return -1;
	link_reshape(wire, link, &config);
	return 0;
}

static struct end *find_end(struct link *link, const struct command *command, struct error *error)
{
	const char *name = command_get(command, "end");
	if (!name || (strcmp(name, "a") != 0 && strcmp(name, "b") != 0)) {
		fail(error, "syntax", "end must be a or b");
		return NULL;
	}
	return &link->end[name[0] == 'b'];
}

static int run_attach(struct wire *wire, const struct command *command, const char *line,
		      struct text *answer, struct error *error)
{
	(void)answer;
	struct link *link = find(wire, command, error);
	struct end *end = link ? find_end(link, command, error) : NULL;
	if (!end)
		return -1;
	struct end_config config = *end_config(end);
	if (config_attach(command, &config, error) < 0 || journal(wire, line, error) < 0)
		return -1;
	end_detach(wire, end, true, "attached elsewhere");
	*end_config(end) = config;
	end->parked = false;
	if (wire->restoring)
		return 0;
	if (end_attach(wire, end, error) == 0)
		return 0;
	copy_text(end->reason, sizeof end->reason, error->text);
	return -1;
}

static int run_detach(struct wire *wire, const struct command *command, const char *line,
		      struct text *answer, struct error *error)
{
	(void)answer;
	if (only_words(command, "id", "end", error) < 0)
		return -1;
	struct link *link = find(wire, command, error);
	struct end *end = link ? find_end(link, command, error) : NULL;
	if (!end)
		return -1;
	end_detach(wire, end, true, "detached by command");
	end->parked = true;
	return journal(wire, line, error);
}

static int run_up_or_down(struct wire *wire, const struct command *command, const char *line,
			  struct text *answer, struct error *error)
{
	(void)answer;
	if (only_words(command, "id", "id", error) < 0)
		return -1;
	struct link *link = find(wire, command, error);
	if (!link || journal(wire, line, error) < 0)
		return -1;
	link_set_up(wire, link, command->verb[0] == 'u');
	return 0;
}

static int run_del(struct wire *wire, const struct command *command, const char *line,
		   struct text *answer, struct error *error)
{
	(void)answer;
	if (only_words(command, "id", "id", error) < 0)
		return -1;
	struct link *link = find(wire, command, error);
	if (!link)
		return -1;
	link_free(wire, link);
	return journal(wire, line, error);
}

static int run_stats(struct wire *wire, const struct command *command, const char *line,
		     struct text *answer, struct error *error)
{
	(void)line;
	if (only_words(command, "id", "id", error) < 0)
		return -1;
	struct link *only = NULL;
	if (command->count && !(only = find(wire, command, error)))
		return -1;
	report_stats(wire, only, answer);
	return 0;
}

static int run_reset(struct wire *wire, const struct command *command, const char *line,
		     struct text *answer, struct error *error)
{
	(void)line;
	(void)answer;
	if (only_words(command, "id", "id", error) < 0)
		return -1;
	struct link *only = NULL;
	if (command->count && !(only = find(wire, command, error)))
		return -1;
	links_reset_stats(wire, only);
	return 0;
}

static int run_list(struct wire *wire, const struct command *command, const char *line,
		    struct text *answer, struct error *error)
{
	(void)line;
	if (only_words(command, "", "", error) < 0)
		return -1;
	report_list(wire, answer);
	return 0;
}

static int run_version(struct wire *wire, const struct command *command, const char *line,
		       struct text *answer, struct error *error)
{
	(void)line;
	if (only_words(command, "", "", error) < 0)
		return -1;
	report_version(wire, answer);
	return 0;
}

static int run_shutdown(struct wire *wire, const struct command *command, const char *line,
			struct text *answer, struct error *error)
{
	(void)line;
	(void)answer;
	if (only_words(command, "taps", "taps", error) < 0)
		return -1;
	const char *taps = command_get(command, "taps");
	if (taps && strcmp(taps, "keep") != 0 && strcmp(taps, "remove") != 0)
		return fail(error, "invalid", "taps=%s must be keep or remove", taps);
	wire->keep_taps = taps && taps[0] == 'k';
	wire->stopping = true;
	return 0;
}

static const struct {
	const char *verb;
	handler *run;
} commands[] = {
	{"add", run_add},	{"set", run_set},	      {"attach", run_attach},
	{"detach", run_detach}, {"up", run_up_or_down},	      {"down", run_up_or_down},
	{"del", run_del},	{"stats", run_stats},	      {"reset-stats", run_reset},
	{"list", run_list},	{"version", run_version},     {"shutdown", run_shutdown},
};

static int run(struct wire *wire, char *line, struct text *answer, struct error *error)
{
	char original[COMMAND_MAX_LINE + 1];
	copy_text(original, sizeof original, line);
	struct command command;
	if (command_parse(line, &command, error) < 0)
		return -1;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].verb, command.verb) == 0)
			return commands[i].run(wire, &command, original, answer, error);
	return fail(error, "syntax", "there is no command '%.40s'", command.verb);
}

void dispatch(struct wire *wire, char *line, struct text *reply)
{
	struct error error;
	struct text answer = {0};
	if (run(wire, line, &answer, &error) < 0)
		text_printf(reply, "err %s %s\n", error.code, error.text);
	else if (answer.length)
		text_printf(reply, "ok %s\n", answer.data);
	else
		text_printf(reply, "ok\n");
	text_free(&answer);
	if (journal_is_large(&wire->journal))
		dispatch_compact(wire);
}

void dispatch_replay(char *line, void *context)
{
	struct wire *wire = context;
	struct error error;
	struct text answer = {0};
	if (run(wire, line, &answer, &error) < 0)
		log_line("journal: %s", error.text);
	text_free(&answer);
}

void dispatch_compact(struct wire *wire)
{
	struct text lines = {0};
	struct error error;
	for (struct link *link = wire->first; link; link = link->next) {
		config_write(&link->config, &lines);
		text_append(&lines, "\n", 1);
		for (int i = 0; i < 2; i++)
			if (link->end[i].parked)
				text_printf(&lines, "detach id=%s end=%c\n", link->config.id,
					    'a' + i);
	}
	if (journal_rewrite(&wire->journal, &lines, &error) < 0)
		log_line("%s", error.text);
	text_free(&lines);
}
