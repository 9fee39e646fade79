// SPDX-License-Identifier: Apache-2.0
/* Checks that say what was expected, and a count at the end. */
#ifndef MDN_TEST_H
#define MDN_TEST_H

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		checks++;                                                                          \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_INT(found, wanted)                                                                   \
	do {                                                                                       \
		int64_t found_ = (int64_t)(found), wanted_ = (int64_t)(wanted);                    \
		checks++;                                                                          \
		if (found_ != wanted_) {                                                           \
			fprintf(stderr, "%s:%d: %s is %" PRId64 ", not %" PRId64 "\n", __FILE__,   \
				__LINE__, #found, found_, wanted_);                                \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_NEAR(found, wanted, tolerance)                                                       \
	do {                                                                                       \
		double found_ = (found), wanted_ = (wanted);                                       \
		checks++;                                                                          \
		if (!(fabs(found_ - wanted_) <= (tolerance))) {                                    \
			fprintf(stderr, "%s:%d: %s is %g, not within %g of %g\n", __FILE__,        \
				__LINE__, #found, found_, (double)(tolerance), wanted_);           \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define CHECK_TEXT(found, wanted)                                                                  \
	do {                                                                                       \
		const char *found_ = (found), *wanted_ = (wanted);                                 \
		checks++;                                                                          \
		if (strcmp(found_, wanted_) != 0) {                                                \
			fprintf(stderr, "%s:%d: \"%s\" is not \"%s\"\n", __FILE__, __LINE__,       \
				found_, wanted_);                                                  \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define DONE()                                                                                     \
	do {                                                                                       \
		printf("%-22s %d checks\n", strrchr("/" __FILE__, '/') + 1, checks);               \
		return 0;                                                                          \
	} while (0)

#endif
