// SPDX-License-Identifier: Apache-2.0
/* The daemon's log: wire.log in the run directory, kept below a bound by one rotation. */
#ifndef MDN_LOG_H
#define MDN_LOG_H

#include "util.h"

void log_open(int directory, bool to_stderr);
void log_line(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
