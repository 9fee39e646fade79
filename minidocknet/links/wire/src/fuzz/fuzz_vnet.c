// SPDX-License-Identifier: Apache-2.0
/* Packets as a tap delivers them, through all that the daemon does with their bytes. */
#include "vnet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A buffer of the exact size, so that the sanitizer sees a step beyond it. */
	unsigned char *packet = malloc(size ? size : 1);
	memcpy(packet, data, size);
	struct wire_size wire;
	if (vnet_measure(packet, size, &wire)) {
		if (!wire.packets || wire.bytes < size - VNET_HEADER)
			abort();
		vnet_sanitize(packet);
		vnet_complete_checksum(packet, size);
	}
	free(packet);
	return 0;
}
