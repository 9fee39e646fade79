// SPDX-License-Identifier: Apache-2.0
/* Sockets for L2TPv3 pseudowires, shared by the sessions of one local address. */
#include "log.h"
#include "netns.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READ_BURST 32
#define SOCKET_BUFFER (4 * 1024 * 1024)

static bool same_address(const struct sockaddr_storage *one, const struct sockaddr_storage *two,
			 bool with_port)
{
	if (one->ss_family != two->ss_family)
		return false;
	const struct sockaddr_in *v4[2] = {(const void *)one, (const void *)two};
	if (with_port && v4[0]->sin_port != v4[1]->sin_port)
		return false;
	if (one->ss_family == AF_INET)
		return v4[0]->sin_addr.s_addr == v4[1]->sin_addr.s_addr;
	const struct sockaddr_in6 *v6[2] = {(const void *)one, (const void *)two};
	return memcmp(&v6[0]->sin6_addr, &v6[1]->sin6_addr, sizeof v6[0]->sin6_addr) == 0;
}

static int open_socket(const struct end_config *end, struct error *error)
{
	int family = end->local.ss_family;
	bool udp = end->session.encap == L2TP_UDP;
	int fd = socket(family, (udp ? SOCK_DGRAM : SOCK_RAW) | SOCK_NONBLOCK | SOCK_CLOEXEC,
			udp ? IPPROTO_UDP : L2TP_IP_PROTOCOL);
	if (fd < 0)
		return fail(error, "system", "cannot open a socket for L2TP: %s", strerror(errno));
	int size = SOCKET_BUFFER;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	/* Like the kernel's pseudowire: a full frame that does not fit is fragmented, not lost. */
	int discover = family == AF_INET ? IP_PMTUDISC_DONT : IPV6_PMTUDISC_DONT;
	if (family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover, sizeof discover);
	if (bind(fd, (const struct sockaddr *)&end->local, end->address_length) < 0) {
		char host[INET6_ADDRSTRLEN] = "?";
		inet_ntop(family,
			  family == AF_INET
				  ? (const void *)&((const struct sockaddr_in *)&end->local)->sin_addr
				  : (const void *)&((const struct sockaddr_in6 *)&end->local)
					    ->sin6_addr,
			  host, sizeof host);
		fail(error, errno == EADDRINUSE ? "busy" : "system",
		     "cannot bind L2TP to %s port %u: %s", host,
		     ntohs(((const struct sockaddr_in *)&end->local)->sin_port), strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static struct transport *find_transport(struct wire *wire, const struct end_config *config,
					uint64_t inode)
{
	struct transport *t = wire->transports;
	while (t && !(t->encap == config->session.encap && t->inode == inode &&
		      same_address(&t->local, &config->local, true)))
		t = t->next;
	return t;
}

static struct transport *open_transport(struct wire *wire, const struct end_config *config,
					struct error *error)
{
	if (netns_enter(config->netns, config->inode, error) < 0)
		return NULL;
	uint64_t inode = netns_inode("/proc/thread-self/ns/net");
	struct transport *transport = find_transport(wire, config, inode);
	int fd = transport ? -1 : open_socket(config, error);
	netns_leave();
	if (transport || fd < 0)
		return transport;
	transport = must_alloc(sizeof *transport);
	*transport = (struct transport){.source = {.kind = SOURCE_TRANSPORT, .fd = fd},
					.next = wire->transports,
					.encap = config->session.encap,
					.local = config->local,
					.inode = inode};
	if (!wire_watch(wire, &transport->source, EPOLLIN)) {
		fail(error, "system", "cannot watch a socket for L2TP: %s", strerror(errno));
		close(fd);
		free(transport);
		return NULL;
	}
	wire->transports = transport;
	return transport;
}

static struct end **session_place(struct transport *transport, uint32_t session)
{
	struct end **place = &transport->session[session % SESSION_BUCKETS];
	while (*place && end_config(*place)->session.session != session)
		place = &(*place)->next_session;
	return place;
}

static void close_if_unused(struct wire *wire, struct transport *transport)
{
	if (transport->users)
		return;
	struct transport **place = &wire->transports;
	while (*place != transport)
		place = &(*place)->next;
	*place = transport->next;
	close(transport->source.fd);
	free(transport);
}

int transport_join(struct wire *wire, struct end *end, struct error *error)
{
	const struct end_config *config = end_config(end);
	struct transport *transport = open_transport(wire, config, error);
	if (!transport)
		return -1;
	struct end **place = session_place(transport, config->session.session);
	if (*place) {
		const char *id = (*place)->link->config.id;
		return fail(error, "busy", "session %" PRIu32 " is link %s's on that address",
			    config->session.session, id);
	}
	end->next_session = NULL;
	*place = end;
	transport->users++;
	end->transport = transport;
	end->inode = transport->inode;
	return 0;
}

void transport_leave(struct wire *wire, struct end *end)
{
	struct transport *transport = end->transport;
	struct end **place = &transport->session[end_config(end)->session.session % SESSION_BUCKETS];
	while (*place != end)
		place = &(*place)->next_session;
	*place = end->next_session;
	end->transport = NULL;
	transport->users--;
	close_if_unused(wire, transport);
}

static void receive_message(struct wire *wire, struct transport *transport, unsigned char *message,
			    size_t length, const struct sockaddr_storage *from, int64_t now)
{
	uint32_t session = 0;
	enum l2tp_verdict verdict = l2tp_read_session(transport->encap, message, length, &session);
	struct end *end = verdict == L2TP_DATA ? *session_place(transport, session) : NULL;
	if (verdict == L2TP_CONTROL) {
		transport->control++;
	} else if (verdict != L2TP_DATA) {
		transport->malformed++;
	} else if (!end) {
		transport->unknown_session++;
	} else if (!same_address(from, &end_config(end)->remote, transport->encap == L2TP_UDP)) {
		transport->bad_source++;
	} else {
		size_t offset = 0;
		verdict = l2tp_read_frame(&end_config(end)->session, message, length, &offset);
		if (verdict == L2TP_BAD_COOKIE) {
			transport->bad_cookie++;
		} else if (verdict != L2TP_DATA) {
			transport->malformed++;
		} else {
			/* The tap's header takes the room of what was before the frame. */
			unsigned char *packet = message + offset - VNET_HEADER;
			memset(packet, 0, VNET_HEADER);
			direction_receive(wire, &end->link->direction[end->index], packet,
					  length - offset + VNET_HEADER, now);
		}
	}
}

void transport_readable(struct wire *wire, struct transport *transport, int64_t arrival)
{
	static unsigned char room[VNET_HEADER + MAX_PACKET];
	unsigned char *buffer = room + VNET_HEADER;
	for (int i = 0; i < READ_BURST; i++) {
		struct sockaddr_storage from = {0};
		socklen_t from_length = sizeof from;
		ssize_t length = recvfrom(transport->source.fd, buffer, MAX_PACKET, 0,
					  (struct sockaddr *)&from, &from_length);
		if (length < 0)
			return;
		size_t start = 0, end = (size_t)length;
		if (transport->encap == L2TP_IP && transport->local.ss_family == AF_INET &&
		    !ipv4_payload(buffer, (size_t)length, &start, &end)) {
			transport->malformed++;
			continue;
		}
		receive_message(wire, transport, buffer + start, end - start, &from, arrival);
		arrival = clock_ns();
	}
}

bool transport_send(struct end *end, const unsigned char *frame, size_t length)
{
	const struct end_config *config = end_config(end);
	unsigned char header[L2TP_MAX_HEADER];
	struct iovec part[2] = {
		{.iov_base = header, .iov_len = l2tp_write_header(&config->session, header)},
		{.iov_base = (void *)frame, .iov_len = length},
	};
	struct msghdr message = {.msg_name = (void *)&config->remote,
				 .msg_namelen = config->address_length,
				 .msg_iov = part,
				 .msg_iovlen = 2};
	return sendmsg(end->transport->source.fd, &message, 0) >= 0;
}

void transports_json(const struct wire *wire, struct text *json)
{
	const char *comma = "";
	text_printf(json, "[");
	for (const struct transport *t = wire->transports; t; t = t->next) {
		char host[INET6_ADDRSTRLEN] = "?";
		bool v4 = t->local.ss_family == AF_INET;
		inet_ntop(t->local.ss_family,
			  v4 ? (const void *)&((const struct sockaddr_in *)&t->local)->sin_addr
			     : (const void *)&((const struct sockaddr_in6 *)&t->local)->sin6_addr,
			  host, sizeof host);
		text_printf(json,
			    "%s{\"encap\":\"%s\",\"local\":\"%s\",\"port\":%u,\"sessions\":%u,"
			    "\"control\":%" PRIu64 ",\"malformed\":%" PRIu64
			    ",\"unknown_session\":%" PRIu64 ",\"bad_cookie\":%" PRIu64
			    ",\"bad_source\":%" PRIu64 "}",
			    comma, t->encap == L2TP_UDP ? "udp" : "ip", host,
			    ntohs(((const struct sockaddr_in *)&t->local)->sin_port), t->users,
			    t->control, t->malformed, t->unknown_session, t->bad_cookie,
			    t->bad_source);
		comma = ",";
	}
	text_printf(json, "]");
}
