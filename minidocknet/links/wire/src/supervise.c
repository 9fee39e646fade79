// SPDX-License-Identifier: Apache-2.0
#include "supervise.h"

#include "log.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 128
#define STABLE_AFTER (5 * NS_PER_S)
#define MAX_PAUSE_MS 5000
#define STOP_WITHIN_S 10

static int complain(const char *what)
{
	fprintf(stderr, "mdn-wired: %s: %s\n", what, strerror(errno));
	return 1;
}

/* Opens wire.pid and locks it; the lock lives as long as supervisor or worker. */
static int lock_directory(int directory)
{
	for (int attempt = 0; attempt < 20; attempt++) {
		int fd = openat(directory, "wire.pid", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			close(fd);
			return -1;
		}
		/* A daemon that was just ending may have unlinked the file that we locked. */
		struct stat ours, there;
		if (fstat(fd, &ours) == 0 && fstatat(directory, "wire.pid", &there, 0) == 0 &&
		    ours.st_ino == there.st_ino)
			return fd;
		close(fd);
	}
	errno = EAGAIN;
	return -1;
}

static int listen_in(int directory)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "wire.sock"};
	unlinkat(directory, "wire.sock", 0);
	/* A relative name in the directory, for its full path may be too long for sun_path. */
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mode_t mask = umask(0177);
	bool good = fd >= 0 && fchdir(directory) == 0 &&
		    bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
		    listen(fd, BACKLOG) == 0;
	umask(mask);
	if (here >= 0) {
		if (fchdir(here) < 0)
			good = false;
		close(here);
	}
	return good ? fd : -1;
}

/* The process's start time (proc(5), stat field 22): with the pid it names a process for ever. */
static unsigned long long start_time(pid_t pid)
{
	char path[64], content[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, content, sizeof content - 1);
	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return 0;
	content[length] = '\0';
	char *at = strrchr(content, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

/* Called in the worker, before it serves. */
static void write_pids(int fd)
{
	char line[160];
	int length = snprintf(line, sizeof line, "supervisor %d %llu\nworker %d %llu\n",
			      (int)getppid(), start_time(getppid()), (int)getpid(),
			      start_time(getpid()));
	if (pwrite(fd, line, (size_t)length, 0) != length || ftruncate(fd, length) < 0)
		log_line("cannot write wire.pid: %s", strerror(errno));
}

/* Waits for a signal of `set` for at most `milliseconds` (negative: without end). */
static int wait_signal(const sigset_t *set, int milliseconds)
{
	struct timespec span = {.tv_sec = milliseconds / 1000,
				.tv_nsec = milliseconds % 1000 * 1000000L};
	return milliseconds < 0 ? sigwaitinfo(set, NULL) : sigtimedwait(set, NULL, &span);
}

static void stop_worker(pid_t worker, const sigset_t *set)
{
	kill(worker, SIGTERM);
	for (int i = 0; i < STOP_WITHIN_S * 10; i++) {
		if (waitpid(worker, NULL, WNOHANG) == worker)
			return;
		wait_signal(set, 100);
	}
	log_line("the worker did not end in %d s: killed", STOP_WITHIN_S);
	kill(worker, SIGKILL);
	waitpid(worker, NULL, 0);
}

static void remove_files(int directory)
{
	static const char *const names[] = {"wire.sock", "wire.pid", "wire.journal",
					    "wire.journal.new"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlinkat(directory, names[i], 0);
}

static pid_t start_worker(const struct worker_options *options, int lock)
{
	pid_t worker = fork();
	if (worker != 0)
		return worker;
	write_pids(lock);
	_exit(worker_run(options));
}

/* Waits until the worker ends by itself or a signal asks for the end; true: start it again. */
static bool watch_worker(pid_t worker, const sigset_t *set)
{
	for (;;) {
		int signal = wait_signal(set, -1);
		if (signal == SIGTERM || signal == SIGINT) {
			stop_worker(worker, set);
			return false;
		}
		int status;
		if (waitpid(worker, &status, WNOHANG) != worker)
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return false;
		log_line("the worker died (%s %d)", WIFSIGNALED(status) ? "signal" : "status",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		return true;
	}
}

static int supervise_worker(struct worker_options *options, int lock)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int pause = 0;
	for (;;) {
		int64_t started = clock_ns();
		pid_t worker = start_worker(options, lock);
		if (options->ready >= 0)
			close(options->ready);
		options->ready = -1;
		if (worker > 0 && !watch_worker(worker, &set))
			break;
		/* Once at once, then with growing pauses while it keeps dying. */
		if (clock_ns() - started > STABLE_AFTER)
			pause = 0;
		if (pause) {
			int signal = wait_signal(&set, pause);
			if (signal == SIGTERM || signal == SIGINT)
				break;
		}
		pause = pause ? (pause * 2 < MAX_PAUSE_MS ? pause * 2 : MAX_PAUSE_MS) : 100;
	}
	remove_files(options->directory);
	return 0;
}

static void detach_from_terminal(int keep)
{
	setsid();
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2 && null != keep)
		close(null);
	if (chdir("/") < 0)
		return;
}

static void resist_out_of_memory(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "-900", 4) < 0)
		log_line("oom_score_adj stays: %s", strerror(errno));
	close(fd);
}

static int run_as_daemon(const struct supervise_options *options, struct worker_options *worker,
			 int lock)
{
	int ready[2];
	if (pipe2(ready, O_CLOEXEC) < 0)
		return complain("pipe");
	pid_t child = fork();
	if (child < 0)
		return complain("fork");
	if (child == 0) {
		close(ready[0]);
		worker->ready = ready[1];
		detach_from_terminal(ready[1]);
		pid_t grandchild = fork();
		if (grandchild != 0)
			_exit(grandchild < 0);
		log_open(worker->directory, false);
		resist_out_of_memory();
		_exit(supervise_worker(worker, lock));
	}
	close(ready[1]);
	close(worker->listener);
	close(lock);
	waitpid(child, NULL, 0);
	char byte;
	ssize_t length;
	do
		length = read(ready[0], &byte, 1);
	while (length < 0 && errno == EINTR);
	close(ready[0]);
	if (length == 1)
		return 0;
	fprintf(stderr, "mdn-wired: the worker did not start; see %s/wire.log\n",
		options->run_directory);
	return 1;
}

int supervise(const struct supervise_options *options)
{
	int directory = open(options->run_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return complain(options->run_directory);
	int lock = lock_directory(directory);
	if (lock < 0) {
		if (errno != EWOULDBLOCK)
			return complain("wire.pid");
		fprintf(stderr, "mdn-wired: another daemon runs in %s\n", options->run_directory);
		return EXIT_ALREADY_RUNNING;
	}
	int listener = listen_in(directory);
	if (listener < 0)
		return complain("wire.sock");
	struct worker_options worker = {.lab = options->lab,
					.directory = directory,
					.listener = listener,
					.ready = -1,
					.memory_limit = options->memory_limit,
					.realtime = options->realtime};
	if (!options->foreground)
		return run_as_daemon(options, &worker, lock);
	log_open(directory, true);
	resist_out_of_memory();
	return supervise_worker(&worker, lock);
}
