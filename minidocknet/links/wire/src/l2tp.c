// SPDX-License-Identifier: Apache-2.0
#include "l2tp.h"

#include <string.h>

#define T_BIT 0x80
#define VERSION_MASK 0x0f
#define VERSION 3
#define SUBLAYER_LENGTH 4

static void write_u32(unsigned char *to, uint32_t value)
{
	to[0] = (unsigned char)(value >> 24);
	to[1] = (unsigned char)(value >> 16);
	to[2] = (unsigned char)(value >> 8);
	to[3] = (unsigned char)value;
}

static uint32_t read_u32(const unsigned char *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

size_t l2tp_write_header(const struct l2tp_session *session, unsigned char header[L2TP_MAX_HEADER])
{
	size_t at = 0;
	if (session->encap == L2TP_UDP) {
		/* T = 0, reserved bits 0, version 3; 16 reserved bits. */
		write_u32(header, VERSION << 16);
		at = 4;
	}
	write_u32(header + at, session->peer_session);
	at += 4;
	memcpy(header + at, session->cookie, session->cookie_length);
	at += session->cookie_length;
	if (session->sublayer) {
		/* S = 0: no sequence numbers. */
		write_u32(header + at, 0);
		at += SUBLAYER_LENGTH;
	}
	return at;
}

enum l2tp_verdict l2tp_read_session(enum l2tp_encap encap, const unsigned char *message,
				    size_t length, uint32_t *session)
{
	if (encap == L2TP_UDP) {
		if (length < 2)
			return L2TP_MALFORMED;
		if ((message[1] & VERSION_MASK) != VERSION)
			return L2TP_MALFORMED;
		if (message[0] & T_BIT)
			return L2TP_CONTROL;
		if (length < 8)
			return L2TP_MALFORMED;
		*session = read_u32(message + 4);
		return *session ? L2TP_DATA : L2TP_MALFORMED;
	}
	if (length < 4)
		return L2TP_MALFORMED;
	*session = read_u32(message);
	/* Over IP, session 0 marks a control message (4.1.1.2). */
	return *session ? L2TP_DATA : L2TP_CONTROL;
}

enum l2tp_verdict l2tp_read_frame(const struct l2tp_session *session, const unsigned char *message,
				  size_t length, size_t *frame_offset)
{
	size_t at = session->encap == L2TP_UDP ? 8 : 4;
	if (length < at + session->peer_cookie_length)
		return L2TP_MALFORMED;
	if (memcmp(message + at, session->peer_cookie, session->peer_cookie_length) != 0)
		return L2TP_BAD_COOKIE;
	at += session->peer_cookie_length;
	/* Sequence numbers (S = 1) are accepted and ignored: order is the link model's matter. */
	if (session->sublayer)
		at += SUBLAYER_LENGTH;
	if (length < at + 14)
		return L2TP_MALFORMED;
	*frame_offset = at;
	return L2TP_DATA;
}

bool ipv4_payload(const unsigned char *packet, size_t length, size_t *offset, size_t *end)
{
	if (length < 20 || packet[0] >> 4 != 4)
		return false;
	size_t header = (size_t)(packet[0] & 15) * 4;
	size_t total = (size_t)packet[2] << 8 | packet[3];
	if (header < 20 || total < header || total > length)
		return false;
	*offset = header;
	*end = total;
	return true;
}
