// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_SIZE (512 * 1024)

static int log_directory = -1, log_fd = -1;
static bool also_stderr;

static void open_file(void)
{
	log_fd = openat(log_directory, "wire.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void log_open(int directory, bool to_stderr)
{
	log_directory = directory;
	also_stderr = to_stderr;
	open_file();
}

void log_line(const char *format, ...)
{
	char line[600];
	struct timespec now;
	struct tm parts;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	size_t at = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &parts);
	at += (size_t)snprintf(line + at, sizeof line - at, ".%03ldZ [%d] ", now.tv_nsec / 1000000,
			       (int)getpid());
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(line + at, sizeof line - at - 1, format, arguments);
	va_end(arguments);
	if (length > 0)
		at += (size_t)length < sizeof line - at - 1 ? (size_t)length : sizeof line - at - 2;
	line[at++] = '\n';
	struct stat facts;
	if (log_fd >= 0 && fstat(log_fd, &facts) == 0 && facts.st_size > MAX_SIZE) {
		renameat(log_directory, "wire.log", log_directory, "wire.log.1");
		close(log_fd);
		open_file();
	}
	if (log_fd >= 0 && write(log_fd, line, at) < 0)
		also_stderr = true;
	if (also_stderr && write(STDERR_FILENO, line, at) < 0)
		also_stderr = false;
}
