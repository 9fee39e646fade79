// SPDX-License-Identifier: Apache-2.0
/* The journal, cut off at every byte and damaged in every byte; and the histogram. */
#include "journal.h"
#include "stats.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void collect(char *line, void *context)
{
	text_printf(context, "%s|", line);
}

static struct text reopen(int directory, struct journal *journal)
{
	struct text seen = {0};
	struct error error;
	CHECK_INT(journal_open(journal, directory, collect, &seen, &error), 0);
	if (!seen.data)
		text_append(&seen, "", 0);
	return seen;
}

static void expect(int directory, const char *wanted)
{
	struct journal journal;
	struct text seen = reopen(directory, &journal);
	CHECK_TEXT(seen.data, wanted);
	text_free(&seen);
	close(journal.fd);
}

static void write_file(int directory, const char *data, size_t length)
{
	int fd = openat(directory, "wire.journal", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(write(fd, data, length) == (ssize_t)length);
	close(fd);
}

static void test_torn_journals(int directory)
{
	struct journal journal;
	struct error error;
	struct text seen = reopen(directory, &journal);
	CHECK_TEXT(seen.data, "");
	text_free(&seen);
	CHECK_INT(journal_append(&journal, "add id=one", &error), 0);
	CHECK_INT(journal_append(&journal, "set id=one x=2", &error), 0);
	close(journal.fd);
	expect(directory, "add id=one|set id=one x=2|");

	char whole[256];
	int fd = openat(directory, "wire.journal", O_RDONLY);
	size_t size = (size_t)read(fd, whole, sizeof whole);
	close(fd);
	size_t first = (size_t)(strchr(whole, '\n') - whole) + 1;
	for (size_t cut = 0; cut < size; cut++) {
		write_file(directory, whole, cut);
		expect(directory, cut < first ? "" : "add id=one|");
		/* What was torn is gone: a line written now is read next time. */
		seen = reopen(directory, &journal);
		text_free(&seen);
		CHECK_INT(journal_append(&journal, "new", &error), 0);
		close(journal.fd);
		expect(directory, cut < first ? "new|" : "add id=one|new|");
	}
	for (size_t at = 0; at < size; at++) {
		char damaged[256];
		memcpy(damaged, whole, size);
		damaged[at] ^= 0x04;
		write_file(directory, damaged, size);
		/* Hex digits differ in case at most, which this bit does not change. */
		expect(directory, at < first ? "" : "add id=one|");
	}
}

static void test_rewriting(int directory)
{
	struct journal journal;
	struct error error;
	write_file(directory, "", 0);
	/* A new file that was never finished is ignored. */
	int fd = openat(directory, "wire.journal.new", O_WRONLY | O_CREAT, 0600);
	CHECK(write(fd, "half", 4) == 4);
	close(fd);
	struct text seen = reopen(directory, &journal), lines = {0};
	CHECK_TEXT(seen.data, "");
	text_free(&seen);
	char line[1100];
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\0';
	for (int i = 0; i < 1000; i++)
		CHECK_INT(journal_append(&journal, line, &error), 0);
	CHECK(journal_is_large(&journal));
	text_printf(&lines, "a b=1\nc d=2\n");
	CHECK_INT(journal_rewrite(&journal, &lines, &error), 0);
	text_free(&lines);
	CHECK(!journal_is_large(&journal));
	CHECK_INT(journal_append(&journal, "e f=3", &error), 0);
	close(journal.fd);
	expect(directory, "a b=1|c d=2|e f=3|");
	seen = reopen(directory, &journal);
	text_free(&seen);
	journal_remove(&journal);
	CHECK(faccessat(directory, "wire.journal", F_OK, 0) < 0);
}

static void test_histogram(void)
{
	unsigned last = 0;
	for (int64_t ns = 0; ns < 100000; ns++) {
		unsigned bucket = histogram_bucket(ns);
		CHECK(bucket == last || bucket == last + 1);
		CHECK(histogram_lower_bound(bucket) <= ns);
		CHECK(histogram_lower_bound(bucket + 1) > ns);
		last = bucket;
	}
	CHECK_INT(histogram_bucket(-5), 0);
	CHECK_INT(histogram_bucket(INT64_MAX), HISTOGRAM_BUCKETS - 1);
	struct histogram histogram = {0};
	for (int i = 1; i <= 1000; i++)
		histogram_add(&histogram, i * 1000);
	CHECK_NEAR((double)histogram_quantile(&histogram, 0.5), 500000, 100000);
	CHECK_NEAR((double)histogram_quantile(&histogram, 0.99), 990000, 200000);
	CHECK_INT(histogram.late.max, 1000000);
	struct text json = {0};
	json_string(&json, "a\"b\\c\n");
	CHECK_TEXT(json.data, "\"a\\\"b\\\\c\\u000a\"");
	text_free(&json);
}

int main(void)
{
	char path[] = "/tmp/mdn-journal-XXXXXX";
	CHECK(mkdtemp(path));
	int directory = open(path, O_RDONLY | O_DIRECTORY);
	test_torn_journals(directory);
	test_rewriting(directory);
	test_histogram();
	close(directory);
	CHECK(rmdir(path) == 0);
	DONE();
}
