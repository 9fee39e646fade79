// SPDX-License-Identifier: Apache-2.0
/*
 * Closing a tap that is to vanish waits tens of milliseconds for the kernel's grace periods (17 ms
 * measured).  Threads do that, several at once, so that frames do not wait and a hundred taps take
 * not much longer than one.
 */
#ifndef MDN_REAPER_H
#define MDN_REAPER_H

#include <stdint.h>

/* A descriptor that becomes readable when closings have ended. */
int reaper_start(void);
void reaper_close(int fd);
/* How many closings were ordered, and how many of them have ended (in any order). */
uint64_t reaper_ordered(void);
uint64_t reaper_ended(void);
/* Waits for all of them. */
void reaper_drain(void);

#endif
