// SPDX-License-Identifier: Apache-2.0
#include "reaper.h"

#include "util.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS 8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static int *queue;
static size_t queued, taken, room;
static uint64_t ordered, ended;
static int notice = -1, threads;

static void *run(void *unused)
{
	(void)unused;
	/* The worker's real-time priority is for frames. */
	struct sched_param parameter = {0};
	pthread_setschedparam(pthread_self(), SCHED_OTHER, &parameter);
	pthread_mutex_lock(&lock);
	for (;;) {
		while (taken == queued)
			pthread_cond_wait(&work, &lock);
		int fd = queue[taken++];
		if (taken == queued)
			taken = queued = 0;
		pthread_mutex_unlock(&lock);
		close(fd);
		pthread_mutex_lock(&lock);
		ended++;
		pthread_cond_broadcast(&done);
		uint64_t one = 1;
		if (write(notice, &one, sizeof one) < 0)
			continue;
	}
	return NULL;
}

int reaper_start(void)
{
	notice = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return notice;
}

void reaper_close(int fd)
{
	pthread_mutex_lock(&lock);
	if (queued == room) {
		room = room ? room * 2 : 64;
		queue = must_realloc(queue, room * sizeof *queue);
	}
	queue[queued++] = fd;
	ordered++;
	if (threads < THREADS) {
		/* Signals are for the worker's own descriptor: its mask is inherited. */
		pthread_t thread;
		if (pthread_create(&thread, NULL, run, NULL) == 0) {
			pthread_detach(thread);
			threads++;
		}
	}
	if (!threads) {
		/* No thread is to be had: wait here. */
		taken = queued = 0;
		close(fd);
		ended++;
	}
	pthread_cond_signal(&work);
	pthread_mutex_unlock(&lock);
}

uint64_t reaper_ordered(void)
{
	return ordered;
}

uint64_t reaper_ended(void)
{
	pthread_mutex_lock(&lock);
	uint64_t count = ended;
	pthread_mutex_unlock(&lock);
	return count;
}

void reaper_drain(void)
{
	pthread_mutex_lock(&lock);
	while (ended < ordered)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
}
