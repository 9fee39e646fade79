// SPDX-License-Identifier: Apache-2.0
/* What a link is asked to be, read from the words of a command and written back as words. */
#ifndef MDN_CONFIG_H
#define MDN_CONFIG_H

#include "command.h"
#include "l2tp.h"
#include "shaper.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define LINK_ID_SIZE 65
#define NETNS_PATH_SIZE 256

enum end_kind { END_NONE, END_TAP, END_L2TP };

/* `inode` 0: whatever namespace the path names.  An empty path: the daemon's own namespace. */
struct end_config {
	enum end_kind kind;
	char netns[NETNS_PATH_SIZE];
	uint64_t inode;
	/* tap */
	char interface[IFNAMSIZ];
	bool has_mac;
	unsigned char mac[6];
	uint32_t mtu;
	/* l2tp; `address_length` 0 where an address is missing */
	struct l2tp_session session;
	struct sockaddr_storage local, remote;
	socklen_t address_length;
};

/* `shape[0]` is from a to b, `shape[1]` from b to a.  `plain`: no offloads on the taps at all. */
struct link_config {
	char id[LINK_ID_SIZE];
	struct end_config end[2];
	struct shape shape[2];
	bool up, plain;
	uint64_t seed;
};

/* A new link's configuration from an `add` command. */
int config_create(const struct command *command, struct link_config *config, struct error *error);

/* The change that a `set` command makes: shaping, up; never the ends. */
int config_change(const struct command *command, struct link_config *config, struct error *error);

/* One end from the words of `attach`, without the "a." or "b."; what is not given stays. */
int config_attach(const struct command *command, struct end_config *end, struct error *error);

/* Checks `text` as a link's id. */
int config_check_id(const char *text, struct error *error);

/* The `add` line (without line end) that config_create() reads back to an equal value. */
void config_write(const struct link_config *config, struct text *line);

#endif
