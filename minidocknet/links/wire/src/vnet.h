// SPDX-License-Identifier: Apache-2.0
/*
 * Frames as a tap with IFF_VNET_HDR carries them: a struct virtio_net_hdr (10 bytes, virtio 1.2,
 * 5.1.6), then the Ethernet frame, whose checksum may be partial and which may be a super-frame
 * for the receiver to cut up (TSO).  Nothing here trusts the header.
 */
#ifndef MDN_VNET_H
#define MDN_VNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VNET_HEADER 10
#define ETHERNET_HEADER 14
#define MAX_PACKET (VNET_HEADER + 65536 + 256)

/* What a frame is on the wire: Ethernet bytes without FCS of all its segments, and their number. */
struct wire_size {
	uint32_t bytes, packets;
	bool is_super;
};

/* False for something that is no frame (shorter than its headers, offsets outside of it). */
bool vnet_measure(const unsigned char *packet, size_t length, struct wire_size *size);

/* Keeps only what the receiving tap may be told: drops flags that describe the sender's memory. */
void vnet_sanitize(unsigned char *packet);

/* Writes a partial checksum in full, so that the frame can leave this machine. */
void vnet_complete_checksum(unsigned char *packet, size_t length);

#endif
