// SPDX-License-Identifier: Apache-2.0
/*
 * L2TPv3 data messages (RFC 3931): over UDP (4.1.2.1) and directly over IP (4.1.1), with a cookie
 * of 0, 4 or 8 bytes (4.1) and optionally the default L2-specific sublayer (4.6), carrying Ethernet
 * frames (RFC 4719) as Linux's l2tp_eth does.  Pure: bytes in, bytes out.
 */
#ifndef MDN_L2TP_H
#define MDN_L2TP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define L2TP_IP_PROTOCOL 115
#define L2TP_MAX_HEADER 20

enum l2tp_encap { L2TP_UDP, L2TP_IP };

/* As in iproute2: `cookie` and `peer_session` are sent, `peer_cookie` and `session` expected. */
struct l2tp_session {
	enum l2tp_encap encap;
	uint32_t session, peer_session;
	unsigned char cookie[8], peer_cookie[8];
	uint8_t cookie_length, peer_cookie_length;
	bool sublayer;
};

enum l2tp_verdict { L2TP_DATA, L2TP_CONTROL, L2TP_MALFORMED, L2TP_BAD_COOKIE };

/* Writes the header that goes before the frame; returns its length. */
size_t l2tp_write_header(const struct l2tp_session *session, unsigned char header[L2TP_MAX_HEADER]);

/* The session id of a message (UDP payload or IP payload), or what is wrong with it. */
enum l2tp_verdict l2tp_read_session(enum l2tp_encap encap, const unsigned char *message,
				    size_t length, uint32_t *session);

/* Where the frame begins in a message of `session`. */
enum l2tp_verdict l2tp_read_frame(const struct l2tp_session *session, const unsigned char *message,
				  size_t length, size_t *frame_offset);

/* Skips the IPv4 header that raw sockets deliver; false where it is malformed. */
bool ipv4_payload(const unsigned char *packet, size_t length, size_t *offset, size_t *end);

#endif
