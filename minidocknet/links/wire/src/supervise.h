// SPDX-License-Identifier: Apache-2.0
/* The process that starts the worker, and again when it dies. */
#ifndef MDN_SUPERVISE_H
#define MDN_SUPERVISE_H

#include "util.h"

#define EXIT_ALREADY_RUNNING 3

struct supervise_options {
	const char *lab, *run_directory;
	bool foreground, realtime;
	uint64_t memory_limit;
};

/*
 * Takes the run directory (EXIT_ALREADY_RUNNING where another daemon has it), listens, and returns
 * in the caller's process once the worker serves (or, in the foreground, when all has ended).
 */
int supervise(const struct supervise_options *options);

#endif
