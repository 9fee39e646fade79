// SPDX-License-Identifier: Apache-2.0
#include "tap.h"

#include "netns.h"
#include "reaper.h"
#include "vnet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct link_message {
	struct nlmsghdr header;
	struct ifinfomsg info;
	char attributes[512];
};

static void add_attribute(struct link_message *message, unsigned short type, const void *data,
			  size_t length)
{
	struct rtattr *attribute =
		(struct rtattr *)((char *)message + NLMSG_ALIGN(message->header.nlmsg_len));
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), data, length);
	message->header.nlmsg_len =
		NLMSG_ALIGN(message->header.nlmsg_len) + (unsigned)RTA_ALIGN(attribute->rta_len);
}

/* Sends a request and reads its one answer into `answer`; its length, or -1 with errno. */
static ssize_t exchange(int fd, struct link_message *message, void *answer, size_t room)
{
	if (send(fd, message, message->header.nlmsg_len, 0) < 0)
		return -1;
	ssize_t length = recv(fd, answer, room, 0);
	if (length < (ssize_t)sizeof(struct nlmsghdr))
		return -1;
	struct nlmsghdr *header = answer;
	if (header->nlmsg_type == NLMSG_ERROR) {
		int code = ((struct nlmsgerr *)NLMSG_DATA(header))->error;
		errno = -code;
		return code ? -1 : length;
	}
	return length;
}

/* Copies the alias of the interface ("" where it has none) and its index; false: no such one. */
static bool find_interface(int fd, const char *name, char *alias, size_t room, int *index)
{
	struct link_message message = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof message.info),
			   .nlmsg_type = RTM_GETLINK,
			   .nlmsg_flags = NLM_F_REQUEST},
	};
	add_attribute(&message, IFLA_IFNAME, name, strlen(name) + 1);
	static char answer[32768] __attribute__((aligned(8)));
	ssize_t length = exchange(fd, &message, answer, sizeof answer);
	struct nlmsghdr *header = (struct nlmsghdr *)answer;
	alias[0] = '\0';
	if (length < 0 || header->nlmsg_type != RTM_NEWLINK)
		return false;
	struct ifinfomsg *info = NLMSG_DATA(header);
	*index = info->ifi_index;
	int left = (int)IFLA_PAYLOAD(header);
	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFALIAS)
			copy_text(alias, room, RTA_DATA(a));
	return true;
}

static int configure(int fd, const struct end_config *end, int index, const char *owner)
{
	struct link_message message = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof message.info),
			   .nlmsg_type = RTM_SETLINK,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.info = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP},
	};
	add_attribute(&message, IFLA_IFALIAS, owner, strlen(owner) + 1);
	add_attribute(&message, IFLA_MTU, &end->mtu, sizeof end->mtu);
	if (end->has_mac)
		add_attribute(&message, IFLA_ADDRESS, end->mac, sizeof end->mac);
	char answer[4096] __attribute__((aligned(8)));
	return exchange(fd, &message, answer, sizeof answer) < 0 ? -1 : 0;
}

static int make_tap(const struct end_config *end, int netlink, const char *owner,
		    struct error *error)
{
	char alias[256];
	int index = 0;
	bool existed = find_interface(netlink, end->interface, alias, sizeof alias, &index);
	if (existed && reaper_ended() < reaper_ordered()) {
		/* It may be one that is just going. */
		reaper_drain();
		existed = find_interface(netlink, end->interface, alias, sizeof alias, &index);
	}
	if (existed && strcmp(alias, owner) != 0)
		return fail(error, "interface",
			    "interface %s exists in %s and is not this link's (alias '%.80s', not "
			    "'%s')",
			    end->interface, end->netns, alias, owner);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail(error, "system", "cannot open /dev/net/tun: %s", strerror(errno));
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	copy_text(request.ifr_name, sizeof request.ifr_name, end->interface);
	int header = VNET_HEADER;
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		fail(error, "interface", "cannot make tap %s in %s: %s", end->interface, end->netns,
		     strerror(errno));
	} else if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0) {
		fail(error, "system", "cannot set up tap %s: %s", end->interface, strerror(errno));
	} else if ((!existed && !find_interface(netlink, end->interface, alias, sizeof alias,
						&index)) ||
		   configure(netlink, end, index, owner) < 0) {
		fail(error, "interface", "cannot set address, MTU %u or up on %s in %s: %s", end->mtu,
		     end->interface, end->netns, strerror(errno));
	} else {
		return fd;
	}
	if (!existed)
		ioctl(fd, TUNSETPERSIST, 0);
	close(fd);
	return -1;
}

int tap_open(const struct end_config *end, const char *owner, uint64_t *inode, struct error *error)
{
	if (netns_enter(end->netns, end->inode, error) < 0)
		return -1;
	*inode = netns_inode("/proc/thread-self/ns/net");
	int fd = -1;
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (netlink < 0) {
		fail(error, "system", "cannot open a netlink socket: %s", strerror(errno));
	} else {
		fd = make_tap(end, netlink, owner, error);
		close(netlink);
	}
	netns_leave();
	return fd;
}

bool tap_set_offload(int fd, enum tap_offload offload)
{
	unsigned long flags = 0;
	if (offload >= OFFLOAD_CHECKSUM)
		flags |= TUN_F_CSUM;
	if (offload >= OFFLOAD_TSO)
		flags |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	return ioctl(fd, TUNSETOFFLOAD, flags) == 0;
}

void tap_set_carrier(int fd, bool on)
{
	int carrier = on;
	/* Kernels before 5.0 lack this; there a link that is down drops frames only. */
	(void)ioctl(fd, TUNSETCARRIER, &carrier);
}

void tap_destroy(int fd)
{
	ioctl(fd, TUNSETPERSIST, 0);
	reaper_close(fd);
}
