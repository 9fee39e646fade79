// SPDX-License-Identifier: Apache-2.0
/*
 * L2TPv3 data messages against bytes laid out by hand from RFC 3931: figure 4.1.2.1-1 (session
 * header over UDP), figure 4.1.1.1-1 (over IP), figure 4.6-1 (default L2-specific sublayer).
 */
#include "l2tp.h"
#include "test.h"

#define FRAME                                                                                      \
	0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02, 0x08, 0x00, 'p', 'a', 'y', 'l', 'o', 'a', 'd'
#define FRAME_LENGTH 21

static const struct l2tp_session udp_full = {
	.encap = L2TP_UDP,
	.session = 0x11223344,
	.peer_session = 0xa1b2c3d4,
	.cookie = {1, 2, 3, 4, 5, 6, 7, 8},
	.cookie_length = 8,
	.peer_cookie = {0xde, 0xad, 0xbe, 0xef},
	.peer_cookie_length = 4,
	.sublayer = true,
};

static void check_header(const struct l2tp_session *session, const unsigned char *wanted,
			 size_t length)
{
	unsigned char header[L2TP_MAX_HEADER];
	memset(header, 0xee, sizeof header);
	CHECK_INT(l2tp_write_header(session, header), length);
	CHECK(memcmp(header, wanted, length) == 0);
}

static void test_headers_as_in_the_figures(void)
{
	/* T 0, reserved bits 0, Ver 3, reserved 16 bits, session id, cookie, S 0 and number 0. */
	static const unsigned char udp[] = {0x00, 0x03, 0,    0,    0xa1, 0xb2, 0xc3, 0xd4, 1, 2,
					    3,	  4,	5,    6,    7,	  8,	0,    0,    0, 0};
	check_header(&udp_full, udp, sizeof udp);
	struct l2tp_session session = udp_full;
	session.cookie_length = 0;
	session.sublayer = false;
	check_header(&session, udp, 8);
	session.encap = L2TP_IP;
	check_header(&session, udp + 4, 4);
	session.cookie_length = 4;
	session.sublayer = true;
	static const unsigned char ip[] = {0xa1, 0xb2, 0xc3, 0xd4, 1, 2, 3, 4, 0, 0, 0, 0};
	check_header(&session, ip, sizeof ip);
}

static void test_reading_over_udp(void)
{
	static const unsigned char message[] = {0x00, 0x03, 0,	  0,	0x11, 0x22, 0x33, 0x44,
						0xde, 0xad, 0xbe, 0xef, 0,    0,    0,	  0,
						FRAME};
	uint32_t id = 0;
	size_t offset = 0;
	CHECK_INT(l2tp_read_session(L2TP_UDP, message, sizeof message, &id), L2TP_DATA);
	CHECK_INT(id, 0x11223344);
	CHECK_INT(l2tp_read_frame(&udp_full, message, sizeof message, &offset), L2TP_DATA);
	CHECK_INT(offset, 16);
	CHECK_INT(sizeof message - offset, FRAME_LENGTH);
	/* Every shorter message that lacks a part is refused, none is read beyond its end. */
	for (size_t length = 0; length < 16 + 14; length++) {
		unsigned char *copy = malloc(length ? length : 1);
		memcpy(copy, message, length);
		bool refused = l2tp_read_session(L2TP_UDP, copy, length, &id) != L2TP_DATA ||
			       l2tp_read_frame(&udp_full, copy, length, &offset) != L2TP_DATA;
		CHECK(refused);
		free(copy);
	}
	struct l2tp_session wrong = udp_full;
	wrong.peer_cookie[3] ^= 1;
	CHECK_INT(l2tp_read_frame(&wrong, message, sizeof message, &offset), L2TP_BAD_COOKIE);
	/* A sequence number (S bit) is accepted. */
	unsigned char numbered[sizeof message];
	memcpy(numbered, message, sizeof message);
	numbered[12] = 0x40;
	numbered[15] = 9;
	CHECK_INT(l2tp_read_frame(&udp_full, numbered, sizeof numbered, &offset), L2TP_DATA);
	CHECK_INT(offset, 16);
}

static void test_control_and_nonsense(void)
{
	uint32_t id = 0;
	/* Figure 3.2.1: T, L and S bits set, Ver 3. */
	static const unsigned char control[] = {0xc8, 0x03, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0};
	CHECK_INT(l2tp_read_session(L2TP_UDP, control, sizeof control, &id), L2TP_CONTROL);
	/* Over IP a control message has session id 0. */
	static const unsigned char over_ip[] = {0, 0, 0, 0, 0xc8, 0x03, 0, 12, 0, 0, 0, 1};
	CHECK_INT(l2tp_read_session(L2TP_IP, over_ip, sizeof over_ip, &id), L2TP_CONTROL);
	/* L2TPv2 (RFC 2661) is another protocol. */
	static const unsigned char version2[] = {0x00, 0x02, 0, 1, 0, 1, 0, 0};
	CHECK_INT(l2tp_read_session(L2TP_UDP, version2, sizeof version2, &id), L2TP_MALFORMED);
	static const unsigned char session0[] = {0x00, 0x03, 0, 0, 0, 0, 0, 0, FRAME};
	CHECK_INT(l2tp_read_session(L2TP_UDP, session0, sizeof session0, &id), L2TP_MALFORMED);
}

static void test_round_trip(void)
{
	for (int variant = 0; variant < 2 * 3 * 2; variant++) {
		struct l2tp_session sender = udp_full;
		sender.encap = variant % 2 ? L2TP_IP : L2TP_UDP;
		sender.cookie_length = (uint8_t)(variant / 2 % 3 * 4);
		sender.sublayer = variant / 6;
		struct l2tp_session receiver = sender;
		receiver.session = sender.peer_session;
		memcpy(receiver.peer_cookie, sender.cookie, 8);
		receiver.peer_cookie_length = sender.cookie_length;
		static const unsigned char frame[] = {FRAME};
		unsigned char message[L2TP_MAX_HEADER + sizeof frame];
		size_t header = l2tp_write_header(&sender, message);
		memcpy(message + header, frame, sizeof frame);
		uint32_t id = 0;
		size_t offset = 0, length = header + sizeof frame;
		CHECK_INT(l2tp_read_session(sender.encap, message, length, &id), L2TP_DATA);
		CHECK(id == receiver.session);
		CHECK_INT(l2tp_read_frame(&receiver, message, length, &offset), L2TP_DATA);
		CHECK_INT(offset, header);
	}
}

static void test_ip_header(void)
{
	size_t offset = 0, end = 0;
	unsigned char packet[64] = {0x46, 0, 0, 40};
	CHECK(ipv4_payload(packet, sizeof packet, &offset, &end));
	CHECK_INT(offset, 24);
	CHECK_INT(end, 40);
	packet[3] = 65;
	CHECK(!ipv4_payload(packet, sizeof packet, &offset, &end));
	packet[3] = 23;
	CHECK(!ipv4_payload(packet, sizeof packet, &offset, &end));
	packet[3] = 40;
	packet[0] = 0x44;
	CHECK(!ipv4_payload(packet, sizeof packet, &offset, &end));
	packet[0] = 0x65;
	CHECK(!ipv4_payload(packet, sizeof packet, &offset, &end));
	CHECK(!ipv4_payload(packet, 19, &offset, &end));
}

int main(void)
{
	test_headers_as_in_the_figures();
	test_reading_over_udp();
	test_control_and_nonsense();
	test_round_trip();
	test_ip_header();
	DONE();
}
