// SPDX-License-Identifier: Apache-2.0
/* TAP interfaces inside the nodes' namespaces. */
#ifndef MDN_TAP_H
#define MDN_TAP_H

#include "config.h"

enum tap_offload { OFFLOAD_NONE, OFFLOAD_CHECKSUM, OFFLOAD_TSO };

/*
 * Opens the tap that `end` describes, made if need be, and sets its address, MTU, alias and up.
 * The alias is `owner`; an interface of the name that bears another one is not touched (error
 * "interface").  Persistent: it outlives this process until tap_destroy().  Returns a descriptor
 * that does not block, or -1 with `error`.  `*inode` becomes the namespace's.
 */
int tap_open(const struct end_config *end, const char *owner, uint64_t *inode, struct error *error);
/* What the kernel may leave undone in frames that are read from the tap. */
bool tap_set_offload(int fd, enum tap_offload offload);
void tap_set_carrier(int fd, bool on);
/* Lets the interface vanish and closes the descriptor, both by the reaper's threads. */
void tap_destroy(int fd);

#endif
