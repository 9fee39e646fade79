// SPDX-License-Identifier: Apache-2.0
#include "test.h"
#include "vnet.h"

#include <linux/virtio_net.h>

struct packet {
	unsigned char bytes[VNET_HEADER + 3000];
};

static void set_header(struct packet *packet, struct virtio_net_hdr header)
{
	memcpy(packet->bytes, &header, sizeof header);
}

/* IPv4/TCP from byte 14; TCP header of 32 bytes at 34, so 66 bytes of headers. */
static struct packet tcp_packet(void)
{
	struct packet packet = {0};
	unsigned char *frame = packet.bytes + VNET_HEADER;
	frame[12] = 0x08;
	frame[14] = 0x45;
	frame[34 + 12] = 0x80;
	return packet;
}

static void test_plain_frames(void)
{
	struct packet packet = tcp_packet();
	struct wire_size size;
	CHECK(vnet_measure(packet.bytes, VNET_HEADER + 1514, &size));
	CHECK_INT(size.bytes, 1514);
	CHECK_INT(size.packets, 1);
	CHECK(!size.is_super);
	CHECK(!vnet_measure(packet.bytes, VNET_HEADER + 13, &size));
	CHECK(!vnet_measure(packet.bytes, 0, &size));
	set_header(&packet, (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						    .csum_start = 1500,
						    .csum_offset = 16});
	CHECK(!vnet_measure(packet.bytes, VNET_HEADER + 1514, &size));
}

static void test_super_frames_cost_their_headers(void)
{
	struct packet packet = tcp_packet();
	struct wire_size size;
	struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					.gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
					.gso_size = 1000,
					.csum_start = 34,
					.csum_offset = 16};
	set_header(&packet, header);
	CHECK(vnet_measure(packet.bytes, VNET_HEADER + 66 + 2500, &size));
	CHECK(size.is_super);
	CHECK_INT(size.packets, 3);
	CHECK_INT(size.bytes, 2500 + 3 * 66);
	CHECK(vnet_measure(packet.bytes, VNET_HEADER + 66 + 1000, &size));
	CHECK_INT(size.packets, 1);
	CHECK_INT(size.bytes, 1066);
	header.gso_size = 0;
	set_header(&packet, header);
	CHECK(!vnet_measure(packet.bytes, VNET_HEADER + 66 + 2500, &size));
	header.gso_size = 1000;
	header.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	set_header(&packet, header);
	CHECK(!vnet_measure(packet.bytes, VNET_HEADER + 66 + 2500, &size));
	header.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	header.csum_start = 2560;
	set_header(&packet, header);
	CHECK(!vnet_measure(packet.bytes, VNET_HEADER + 66 + 2500, &size));
}

static void test_checksum(void)
{
	/* The example of RFC 1071, 3: words 0001 f203 f4f5 f6f7 sum to ddf2, complement 220d. */
	struct packet packet = {0};
	unsigned char *frame = packet.bytes + VNET_HEADER;
	static const unsigned char data[] = {0, 0, 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	memcpy(frame + 20, data, sizeof data);
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 20, .csum_offset = 0};
	set_header(&packet, header);
	vnet_complete_checksum(packet.bytes, VNET_HEADER + 20 + sizeof data);
	CHECK_INT(frame[20], 0x22);
	CHECK_INT(frame[21], 0x0d);
	CHECK_INT(packet.bytes[0], 0);
	/* Done once, it is not done again. */
	vnet_complete_checksum(packet.bytes, VNET_HEADER + 20 + sizeof data);
	CHECK_INT(frame[20], 0x22);
	/* An odd length is padded with zero; the seed in the field is the pseudo header's sum. */
	memset(frame, 0, 64);
	frame[20] = 0x12;
	frame[21] = 0x34;
	frame[22] = 0xab;
	set_header(&packet, header);
	vnet_complete_checksum(packet.bytes, VNET_HEADER + 23);
	uint32_t sum = 0x1234 + 0xab00;
	CHECK_INT(frame[20] << 8 | frame[21], (uint16_t)~sum);
	/* A sum of zero is written as ones. */
	memset(frame, 0, 64);
	frame[20] = frame[21] = 0xff;
	set_header(&packet, header);
	vnet_complete_checksum(packet.bytes, VNET_HEADER + 30);
	CHECK_INT(frame[20] << 8 | frame[21], 0xffff);
}

static void test_sanitize(void)
{
	struct packet packet = {0};
	packet.bytes[0] = 0xff;
	vnet_sanitize(packet.bytes);
	CHECK_INT(packet.bytes[0], VIRTIO_NET_HDR_F_NEEDS_CSUM);
}

int main(void)
{
	test_plain_frames();
	test_super_frames_cost_their_headers();
	test_checksum();
	test_sanitize();
	DONE();
}
