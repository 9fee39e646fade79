// SPDX-License-Identifier: Apache-2.0
#include "vnet.h"

#include <linux/virtio_net.h>
#include <string.h>

_Static_assert(sizeof(struct virtio_net_hdr) == VNET_HEADER, "the tap's header has 10 bytes");

static struct virtio_net_hdr read_header(const unsigned char *packet)
{
	struct virtio_net_hdr header;
	memcpy(&header, packet, sizeof header);
	return header;
}

bool vnet_measure(const unsigned char *packet, size_t length, struct wire_size *size)
{
	if (length < VNET_HEADER + ETHERNET_HEADER || length > MAX_PACKET)
		return false;
	const struct virtio_net_hdr header = read_header(packet);
	const unsigned char *frame = packet + VNET_HEADER;
	const size_t bytes = length - VNET_HEADER;
	*size = (struct wire_size){.bytes = (uint32_t)bytes, .packets = 1};
	if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if ((size_t)header.csum_start + header.csum_offset + 2 > bytes)
			return false;
	}
	unsigned type = header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	/* The protocols that the daemon offers (TSO4, TSO6) come with a partial TCP checksum. */
	if ((type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6) ||
	    !(header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !header.gso_size)
		return false;
	size_t tcp = header.csum_start;
	if (tcp < ETHERNET_HEADER || tcp + 20 > bytes)
		return false;
	size_t headers = tcp + (size_t)(frame[tcp + 12] >> 4) * 4;
	if (headers < tcp + 20 || headers > bytes)
		return false;
	size_t segments = (bytes - headers + header.gso_size - 1) / header.gso_size;
	if (segments > 1) {
		size->packets = (uint32_t)segments;
		size->bytes = (uint32_t)(bytes + (segments - 1) * headers);
	}
	size->is_super = true;
	return true;
}

void vnet_sanitize(unsigned char *packet)
{
	packet[0] &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
}

void vnet_complete_checksum(unsigned char *packet, size_t length)
{
	struct virtio_net_hdr header = read_header(packet);
	size_t bytes = length - VNET_HEADER;
	if (length < VNET_HEADER || !(header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) ||
	    (size_t)header.csum_start + header.csum_offset + 2 > bytes)
		return;
	unsigned char *frame = packet + VNET_HEADER;
	uint64_t sum = 0;
	size_t at = header.csum_start;
	for (; at + 1 < bytes; at += 2)
		sum += (uint64_t)frame[at] << 8 | frame[at + 1];
	if (at < bytes)
		sum += (uint64_t)frame[at] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	uint16_t checksum = (uint16_t)~sum;
	/* UDP writes a sum of zero as ones (RFC 768); for TCP both mean the same. */
	if (!checksum)
		checksum = 0xffff;
	frame[header.csum_start + header.csum_offset] = (unsigned char)(checksum >> 8);
	frame[header.csum_start + header.csum_offset + 1] = (unsigned char)checksum;
	memset(packet, 0, VNET_HEADER);
}
