// SPDX-License-Identifier: Apache-2.0
/* Going into another network namespace and back; for this process's only thread. */
#ifndef MDN_NETNS_H
#define MDN_NETNS_H

#include "util.h"

/*
 * Enters the namespace that `path` names ("" stays at home) once its inode is `inode` (0: any), so
 * that a process id that was used again is never taken for the node.  0, or -1 with `error`.
 */
int netns_enter(const char *path, uint64_t inode, struct error *error);
/* Back home.  Ends the process where that fails: nothing may run in the wrong namespace. */
void netns_leave(void);
/* The inode of the namespace at `path`, 0 where there is none. */
uint64_t netns_inode(const char *path);

#endif
