// SPDX-License-Identifier: Apache-2.0
#ifndef MDN_CONTROL_H
#define MDN_CONTROL_H

#include "wire.h"

struct client {
	struct source source;
	struct client *next;
	struct text input, output;
	bool reading_over, broken;
	uint64_t hold; /* replies wait until so many of the reaper's closings have ended */
	uint32_t events;
};

#endif
