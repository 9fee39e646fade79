// SPDX-License-Identifier: Apache-2.0
/* The worker's state: links, their ends and directions, and what they share. */
#ifndef MDN_WIRE_H
#define MDN_WIRE_H

#include "config.h"
#include "heap.h"
#include "journal.h"
#include "lane.h"
#include "stats.h"
#include "vnet.h"

#define MDN_WIRED_VERSION "0.1.0"
#define PROTOCOL_VERSION 1
#define SMALL_LANE_MEMORY (UINT64_C(64) << 20)
#define LINK_BUCKETS 4096
#define SESSION_BUCKETS 256

enum source_kind { SOURCE_TAP, SOURCE_TRANSPORT, SOURCE_LISTENER, SOURCE_CLIENT, SOURCE_SIGNAL,
		   SOURCE_TIMER, SOURCE_REAPER };

/* What an epoll event points to; the first member of each thing that has a descriptor. */
struct source {
	enum source_kind kind;
	int fd;
};

struct link;

/* A socket that L2TP sessions of one local address, port and namespace share. */
struct transport {
	struct source source;
	struct transport *next;
	enum l2tp_encap encap;
	struct sockaddr_storage local;
	uint64_t inode;
	unsigned users;
	struct end *session[SESSION_BUCKETS];
	uint64_t control, malformed, unknown_session, bad_cookie, bad_source;
};

struct end {
	struct source source; /* the tap; fd -1 otherwise */
	struct link *link;
	int index;
	bool attached, parked; /* parked: detached by command, so not attached again on restart */
	uint64_t inode;
	int offload;
	bool carrier;
	char reason[240]; /* why it is not attached */
	struct transport *transport;
	struct end *next_session;
};

/* From `link->end[index]` to `link->end[1 - index]`. */
struct direction {
	struct heap_item schedule;
	struct link *link;
	int index;
	struct shaper shaper;
	struct lane lane;
	uint64_t memory_limit;
	uint32_t full_frame;
	struct counters counters;
};

struct link {
	struct link *next_in_bucket, *next, *previous;
	struct link_config config;
	struct end end[2];
	struct direction direction[2];
};

struct wire {
	const char *lab;
	int directory, epoll;
	bool restoring, stopping, keep_taps;
	struct journal journal;
	struct heap schedule;
	struct link *bucket[LINK_BUCKETS], *first, *last, *checked_next;
	struct transport *transports;
	size_t link_count;
	uint64_t memory, memory_limit;
	struct histogram histogram;
	int64_t wake_latency, started;
	uint64_t wakeups;
	const char *scheduling;
	struct source listener, reaper;
	struct client *clients;
};

bool wire_watch(struct wire *wire, struct source *source, uint32_t events);

/* link.c */
struct link *link_find(const struct wire *wire, const char *id);
struct link *link_new(struct wire *wire, const struct link_config *config);
void link_free(struct wire *wire, struct link *link);
int end_attach(struct wire *wire, struct end *end, struct error *error);
/* Takes the end off; `remove` also removes its tap. */
void end_detach(struct wire *wire, struct end *end, bool remove, const char *reason);
void link_reshape(struct wire *wire, struct link *link, const struct link_config *config);
void link_set_up(struct wire *wire, struct link *link, bool up);
void link_clear(struct wire *wire, struct link *link);
/*
 * Detaches ends whose namespace is no longer at its path.  Looks at some links, in turn, and returns
 * when to look at the next ones (in ns), so that each has its turn once a second.
 */
int64_t links_check_namespaces(struct wire *wire);
/* `keep_taps`: only let go of them, for their namespaces vanish anyway, and faster. */
void links_remove_all(struct wire *wire, bool keep_taps);
void links_reset_stats(struct wire *wire, struct link *only);
struct end_config *end_config(struct end *end);

/* forward.c */
void direction_receive(struct wire *wire, struct direction *direction, unsigned char *packet,
		       size_t length, int64_t now);
void direction_schedule(struct wire *wire, struct direction *direction);
/* Sends up to `budget` frames that are due; true where more may be. */
bool forward_due(struct wire *wire, int budget);
void tap_readable(struct wire *wire, struct end *end, int64_t arrival);

/* transport.c */
int transport_join(struct wire *wire, struct end *end, struct error *error);
void transport_leave(struct wire *wire, struct end *end);
void transport_readable(struct wire *wire, struct transport *transport, int64_t arrival);
bool transport_send(struct end *end, const unsigned char *frame, size_t length);
void transports_json(const struct wire *wire, struct text *json);

/* report.c */
void report_stats(const struct wire *wire, const struct link *only, struct text *json);
void report_list(const struct wire *wire, struct text *json);
void report_version(const struct wire *wire, struct text *json);

/* dispatch.c: runs one line and appends one reply line. */
void dispatch(struct wire *wire, char *line, struct text *reply);
void dispatch_replay(char *line, void *wire);
void dispatch_compact(struct wire *wire);

/* control.c */
void control_accept(struct wire *wire);
void control_event(struct wire *wire, struct client *client, uint32_t events);
/* Runs at most one waiting line for each client; true where more wait. */
bool control_run(struct wire *wire);
void control_flush(struct wire *wire);
void control_close_all(struct wire *wire);

/* loop.c */
struct worker_options {
	const char *lab;
	int directory, listener, ready;
	uint64_t memory_limit;
	bool realtime;
};
int worker_run(const struct worker_options *options);

#endif
