// SPDX-License-Identifier: Apache-2.0
/* The worker: waits until a frame comes or is due, and serves everything in bounded turns. */
#include "control.h"
#include "log.h"
#include "reaper.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define EVENTS 64
#define DUE_BUDGET 256
#define DUE_BUDGET_BETWEEN_READS 32
#define REALTIME_PRIORITY 10

/*
 * Waking takes time: the processor leaves its idle state, the scheduler runs.  The daemon measures
 * how long (a low quantile, so that it seldom wakes too soon), sets its alarm earlier by it, and
 * spends the rest, if any, polling.  What it may spend so is a small share of all time.
 */
#define WAKE_QUANTILE 0.3
#define WAKE_STEP_NS 1000
#define MAX_WAKE_LATENCY_NS (100 * NS_PER_US)
#define POLLING_SHARE 50 /* one fiftieth */
#define MAX_POLLING_CREDIT (500 * NS_PER_US)

struct waiter {
	int timer; /* -1 where epoll_pwait2 works */
	struct source timer_source;
	int64_t credit, credited;
	double latency;
};

bool wire_watch(struct wire *wire, struct source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	return epoll_ctl(wire->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0;
}

/* Waits at most `timeout` ns (negative: without end); events, or -1 on an interruption. */
static int wait_events(struct wire *wire, struct waiter *waiter, struct epoll_event *events,
		       int64_t timeout)
{
	if (waiter->timer < 0) {
		struct timespec span = {.tv_sec = timeout / NS_PER_S, .tv_nsec = timeout % NS_PER_S};
		long count = syscall(SYS_epoll_pwait2, wire->epoll, events, EVENTS,
				     timeout < 0 ? NULL : &span, NULL, (size_t)0);
		if (count >= 0 || errno != ENOSYS)
			return (int)count;
		waiter->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		waiter->timer_source = (struct source){.kind = SOURCE_TIMER, .fd = waiter->timer};
		if (waiter->timer < 0 || !wire_watch(wire, &waiter->timer_source, EPOLLIN))
			abort();
		log_line("no epoll_pwait2 in this kernel: a timerfd wakes instead");
	}
	struct itimerspec alarm = {0};
	if (timeout > 0) {
		alarm.it_value.tv_sec = timeout / NS_PER_S;
		alarm.it_value.tv_nsec = timeout % NS_PER_S;
	}
	timerfd_settime(waiter->timer, 0, &alarm, NULL);
	return epoll_wait(wire->epoll, events, EVENTS, timeout == 0 ? 0 : -1);
}

static void learn_latency(struct waiter *waiter, int64_t sample)
{
	if ((double)sample > waiter->latency)
		waiter->latency += WAKE_STEP_NS * WAKE_QUANTILE;
	else
		waiter->latency -= WAKE_STEP_NS * (1 - WAKE_QUANTILE);
	if (waiter->latency < 0)
		waiter->latency = 0;
	if (waiter->latency > MAX_WAKE_LATENCY_NS)
		waiter->latency = MAX_WAKE_LATENCY_NS;
}

static void earn_credit(struct waiter *waiter, int64_t now)
{
	waiter->credit += (now - waiter->credited) / POLLING_SHARE;
	if (waiter->credit > MAX_POLLING_CREDIT)
		waiter->credit = MAX_POLLING_CREDIT;
	waiter->credited = now;
}

static void handle_event(struct wire *wire, const struct epoll_event *event, int64_t arrival)
{
	struct source *source = event->data.ptr;
	struct signalfd_siginfo signal;
	uint64_t ticks;
	switch (source->kind) {
	case SOURCE_TAP:
		tap_readable(wire, (struct end *)source, arrival);
		break;
	case SOURCE_TRANSPORT:
		transport_readable(wire, (struct transport *)source, arrival);
		break;
	case SOURCE_LISTENER:
		control_accept(wire);
		break;
	case SOURCE_CLIENT:
		control_event(wire, (struct client *)source, event->events);
		break;
	case SOURCE_SIGNAL:
		if (read(source->fd, &signal, sizeof signal) > 0)
			wire->stopping = true;
		break;
	case SOURCE_TIMER:
	case SOURCE_REAPER:
		if (read(source->fd, &ticks, sizeof ticks) < 0)
			break;
		break;
	}
}

/* How long to wait: until the next frame is due, less the time that waking takes. */
static int64_t choose_timeout(struct wire *wire, struct waiter *waiter, int64_t now, int64_t tick)
{
	const struct heap_item *first = heap_first(&wire->schedule);
	int64_t until = first ? first->time : NEVER;
	if (until != NEVER && waiter->credit > 0)
		until -= (int64_t)waiter->latency;
	if (tick < until)
		until = tick;
	return until > now ? until - now : 0;
}

static void run_loop(struct wire *wire)
{
	struct waiter waiter = {.timer = -1, .credited = clock_ns(), .latency = 20000};
	struct epoll_event events[EVENTS];
	bool more = false;
	int64_t tick = clock_ns();
	while (!wire->stopping) {
		more = forward_due(wire, DUE_BUDGET) || more;
		int64_t now = clock_ns();
		earn_credit(&waiter, now);
		int64_t timeout = more ? 0 : choose_timeout(wire, &waiter, now, tick);
		int count = wait_events(wire, &waiter, events, timeout);
		int64_t woken = clock_ns();
		if (timeout > 0)
			wire->wakeups++;
		if (timeout == 0 && !more && count <= 0)
			waiter.credit -= woken - now;
		bool alarmed = count == 0 || (count == 1 && events[0].data.ptr == &waiter.timer_source);
		if (timeout > 0 && timeout < NS_PER_S / 2 && alarmed)
			learn_latency(&waiter, woken - now - timeout);
		wire->wake_latency = (int64_t)waiter.latency;
		for (int i = 0; i < count; i++) {
			handle_event(wire, &events[i], woken);
			forward_due(wire, DUE_BUDGET_BETWEEN_READS);
		}
		if (wire->clients) {
			more = control_run(wire);
			control_flush(wire);
		} else {
			more = false;
		}
		if (woken >= tick)
			tick = woken + links_check_namespaces(wire);
	}
}

static const char *take_priority(bool realtime)
{
	struct sched_param parameter = {.sched_priority = REALTIME_PRIORITY};
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	if (!realtime)
		return "normal";
	if (sched_setscheduler(0, SCHED_FIFO, &parameter) == 0)
		return "fifo";
	return setpriority(PRIO_PROCESS, 0, -20) == 0 ? "nice -20" : "normal";
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void restore(struct wire *wire)
{
	struct error error;
	wire->restoring = true;
	if (journal_open(&wire->journal, wire->directory, dispatch_replay, wire, &error) < 0) {
		log_line("%s", error.text);
		exit(1);
	}
	wire->restoring = false;
	for (struct link *link = wire->first; link; link = link->next) {
		for (int i = 0; i < 2; i++) {
			struct end *end = &link->end[i];
			if (end->parked || end_attach(wire, end, &error) == 0)
				continue;
			copy_text(end->reason, sizeof end->reason, error.text);
			log_line("%s end %c not attached: %s", link->config.id, 'a' + i, error.text);
		}
	}
	if (wire->link_count)
		log_line("restored %zu links", wire->link_count);
	dispatch_compact(wire);
}

int worker_run(const struct worker_options *options)
{
	static struct wire wire;
	wire = (struct wire){.lab = options->lab,
			     .directory = options->directory,
			     .memory_limit = options->memory_limit,
			     .started = clock_ns()};
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	struct source signals = {.kind = SOURCE_SIGNAL,
				 .fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC)};
	wire.epoll = epoll_create1(EPOLL_CLOEXEC);
	wire.listener = (struct source){.kind = SOURCE_LISTENER, .fd = options->listener};
	wire.reaper = (struct source){.kind = SOURCE_REAPER, .fd = reaper_start()};
	if (wire.epoll < 0 || signals.fd < 0 || !wire_watch(&wire, &signals, EPOLLIN) ||
	    !wire_watch(&wire, &wire.listener, EPOLLIN) || wire.reaper.fd < 0 ||
	    !wire_watch(&wire, &wire.reaper, EPOLLIN)) {
		log_line("cannot set up epoll: %s", strerror(errno));
		return 1;
	}
	restore(&wire);
	wire.scheduling = take_priority(options->realtime);
	log_line("worker for lab %s runs, scheduling %s", wire.lab, wire.scheduling);
	if (options->ready >= 0) {
		if (write(options->ready, "1", 1) < 0)
			log_line("nobody waits for the start");
		close(options->ready);
	}
	run_loop(&wire);
	size_t links = wire.link_count;
	links_remove_all(&wire, wire.keep_taps);
	journal_remove(&wire.journal);
	unlinkat(wire.directory, "wire.sock", 0);
	unlinkat(wire.directory, "wire.pid", 0);
	control_close_all(&wire);
	log_line("worker ends, %zu links removed", links);
	heap_free(&wire.schedule);
	return 0;
}
