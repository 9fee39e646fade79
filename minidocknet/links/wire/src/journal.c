// SPDX-License-Identifier: Apache-2.0
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "wire.journal"
#define NEW_NAME "wire.journal.new"
#define LARGE (1024 * 1024)
#define SUM_LENGTH 9 /* eight hex digits and a space */

/* CRC-32 as in IEEE 802.3, bit by bit: a journal is small. */
static uint32_t checksum(const char *data, size_t length)
{
	uint32_t sum = UINT32_MAX;
	for (size_t i = 0; i < length; i++) {
		sum ^= (unsigned char)data[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ UINT32_C(0xedb88320) : sum >> 1;
	}
	return ~sum;
}

static void add_line(struct text *to, const char *line, size_t length)
{
	text_printf(to, "%08" PRIx32 " ", checksum(line, length));
	text_append(to, line, length);
	text_append(to, "\n", 1);
}

static bool write_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t written = write(fd, data, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		data += written;
		length -= (size_t)written;
	}
	return true;
}

static void read_all(int fd, struct text *content)
{
	char part[16384];
	ssize_t length;
	while ((length = read(fd, part, sizeof part)) > 0)
		text_append(content, part, (size_t)length);
}

/* Replays up to the first bad line; returns the length of what was good. */
static size_t replay_lines(struct text *content, void (*replay)(char *line, void *context),
			   void *context)
{
	size_t at = 0;
	while (at < content->length) {
		char *line = content->data + at;
		char *end = memchr(line, '\n', content->length - at);
		if (!end || end - line < SUM_LENGTH || line[SUM_LENGTH - 1] != ' ')
			break;
		*end = '\0';
		size_t length = (size_t)(end - line) - SUM_LENGTH;
		char *after = NULL;
		unsigned long sum = strtoul(line, &after, 16);
		if (after != line + SUM_LENGTH - 1 || sum != checksum(line + SUM_LENGTH, length))
			break;
		at += (size_t)(end - line) + 1;
		replay(line + SUM_LENGTH, context);
	}
	return at;
}

int journal_open(struct journal *journal, int directory, void (*replay)(char *line, void *context),
		 void *context, struct error *error)
{
	*journal = (struct journal){.directory = directory};
	unlinkat(directory, NEW_NAME, 0);
	journal->fd = openat(directory, NAME, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (journal->fd < 0)
		return fail(error, "system", "cannot open " NAME ": %s", strerror(errno));
	struct text content = {0};
	read_all(journal->fd, &content);
	journal->size = replay_lines(&content, replay, context);
	bool torn = journal->size != content.length;
	text_free(&content);
	if (torn && ftruncate(journal->fd, (off_t)journal->size) < 0)
		return fail(error, "system", "cannot cut " NAME ": %s", strerror(errno));
	journal->compacted_size = journal->size;
	return 0;
}

int journal_append(struct journal *journal, const char *line, struct error *error)
{
	struct text entry = {0};
	add_line(&entry, line, strlen(line));
	bool good = write_all(journal->fd, entry.data, entry.length);
	if (good)
		journal->size += entry.length;
	text_free(&entry);
	if (good)
		return 0;
	fail(error, "system", "cannot write " NAME ": %s", strerror(errno));
	/* What was written of the line must not spoil the next one. */
	if (ftruncate(journal->fd, (off_t)journal->size) < 0)
		return -1;
	return -1;
}

bool journal_is_large(const struct journal *journal)
{
	return journal->size > LARGE && journal->size > 4 * journal->compacted_size;
}

int journal_rewrite(struct journal *journal, const struct text *lines, struct error *error)
{
	struct text content = {0};
	for (size_t at = 0; at < lines->length;) {
		const char *end = memchr(lines->data + at, '\n', lines->length - at);
		size_t length = end ? (size_t)(end - lines->data) - at : lines->length - at;
		add_line(&content, lines->data + at, length);
		at += length + 1;
	}
	int fd = openat(journal->directory, NEW_NAME,
			O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write_all(fd, content.data, content.length) &&
		    renameat(journal->directory, NEW_NAME, journal->directory, NAME) == 0;
	size_t size = content.length;
	text_free(&content);
	if (!good) {
		fail(error, "system", "cannot rewrite " NAME ": %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(journal->fd);
	journal->fd = fd;
	journal->size = journal->compacted_size = size;
	return 0;
}

void journal_remove(struct journal *journal)
{
	unlinkat(journal->directory, NAME, 0);
	unlinkat(journal->directory, NEW_NAME, 0);
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
}
