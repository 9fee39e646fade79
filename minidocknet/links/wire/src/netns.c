// SPDX-License-Identifier: Apache-2.0
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int home = -1;
static bool away;

int netns_enter(const char *path, uint64_t inode, struct error *error)
{
	if (!path[0])
		return 0;
	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(error, "namespace", "cannot open namespace %s: %s", path,
			    strerror(errno));
	struct stat facts;
	struct statfs system;
	int result = 0;
	if (fstat(fd, &facts) < 0 || fstatfs(fd, &system) < 0 || system.f_type != NSFS_MAGIC)
		result = fail(error, "namespace", "%s is no namespace", path);
	else if (inode && facts.st_ino != inode)
		result = fail(error, "namespace",
			      "%s is namespace %" PRIu64 ", not %" PRIu64 ": the node is gone", path,
			      (uint64_t)facts.st_ino, inode);
	else if (home < 0 || setns(fd, CLONE_NEWNET) < 0)
		result = fail(error, "namespace", "cannot enter namespace %s: %s", path,
			      strerror(errno));
	else
		away = true;
	close(fd);
	return result;
}

void netns_leave(void)
{
	if (!away)
		return;
	if (setns(home, CLONE_NEWNET) < 0) {
		fprintf(stderr, "mdn-wired: cannot return to the first namespace\n");
		abort();
	}
	away = false;
}

uint64_t netns_inode(const char *path)
{
	struct stat facts;
	return stat(path, &facts) == 0 ? facts.st_ino : 0;
}
