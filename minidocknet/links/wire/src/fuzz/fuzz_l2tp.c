// SPDX-License-Identifier: Apache-2.0
/* L2TP messages as a socket delivers them: the first byte chooses the session's form. */
#include "l2tp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	uint8_t form = *data++;
	size--;
	struct l2tp_session session = {.encap = form & 1 ? L2TP_IP : L2TP_UDP,
				       .peer_cookie_length = (uint8_t)((form >> 1) % 3 * 4),
				       .cookie_length = (uint8_t)((form >> 3) % 3 * 4),
				       .sublayer = form & 0x80};
	size_t start = 0, end = size;
	if (form & 1 && !ipv4_payload(data, size, &start, &end))
		return 0;
	uint32_t id;
	if (l2tp_read_session(session.encap, data + start, end - start, &id) != L2TP_DATA)
		return 0;
	session.session = id;
	size_t offset;
	if (l2tp_read_frame(&session, data + start, end - start, &offset) != L2TP_DATA)
		return 0;
	/* A frame that was accepted has at least an Ethernet header, within the message. */
	if (offset + 14 > end - start)
		abort();
	return 0;
}
