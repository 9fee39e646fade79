// SPDX-License-Identifier: Apache-2.0
/* The control socket's clients: lines in, one reply line each, nothing that waits. */
#include "control.h"

#include "reaper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client that does not read its replies is not served further, and not read from either. */
#define MAX_UNREAD (256 * 1024)
#define MAX_INPUT (64 * 1024)

void control_accept(struct wire *wire)
{
	int fd;
	while ((fd = accept4(wire->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct client *client = must_alloc(sizeof *client);
		*client = (struct client){.source = {.kind = SOURCE_CLIENT, .fd = fd},
					  .next = wire->clients,
					  .events = EPOLLIN};
		wire->clients = client;
		if (!wire_watch(wire, &client->source, EPOLLIN))
			client->broken = true;
	}
}

static bool has_line(const struct client *client)
{
	return client->input.length && memchr(client->input.data, '\n', client->input.length);
}

static void read_input(struct client *client)
{
	char part[16384];
	ssize_t length = read(client->source.fd, part, sizeof part);
	if (length > 0)
		text_append(&client->input, part, (size_t)length);
	else if (length == 0)
		client->reading_over = true;
	else if (errno != EAGAIN && errno != EINTR)
		client->broken = true;
}

void control_event(struct wire *wire, struct client *client, uint32_t events)
{
	(void)wire;
	if (events & EPOLLIN)
		read_input(client);
	else if (events & (EPOLLERR | EPOLLHUP))
		client->broken = true;
}

/* What a reply says is gone must be gone, so replies wait for the reaper; commands do not. */
static void dispatch_for(struct wire *wire, struct client *client, char *line)
{
	uint64_t before = reaper_ordered();
	dispatch(wire, line, &client->output);
	if (reaper_ordered() != before)
		client->hold = reaper_ordered();
}

/* Runs the first line; one that is too long ends the connection, for where it ends is unknown. */
static void run_line(struct wire *wire, struct client *client)
{
	char line[COMMAND_MAX_LINE + 1];
	char *end = memchr(client->input.data, '\n', client->input.length);
	size_t length = end ? (size_t)(end - client->input.data) : client->input.length;
	if (length > COMMAND_MAX_LINE) {
		text_printf(&client->output, "err syntax the line is longer than %d bytes\n",
			    COMMAND_MAX_LINE);
		text_consume(&client->input, client->input.length);
		client->reading_over = true;
		return;
	}
	memcpy(line, client->input.data, length);
	line[length] = '\0';
	bool has_nul = memchr(line, '\0', length) != NULL;
	if (length && line[length - 1] == '\r')
		line[length - 1] = '\0';
	text_consume(&client->input, length + 1);
	if (has_nul)
		text_printf(&client->output, "err syntax a NUL byte in the line\n");
	else
		dispatch_for(wire, client, line);
}

bool control_run(struct wire *wire)
{
	bool more = false;
	for (struct client *client = wire->clients; client; client = client->next) {
		bool too_long = client->input.length > COMMAND_MAX_LINE;
		if (client->broken || wire->stopping || client->output.length > MAX_UNREAD ||
		    !(has_line(client) || too_long))
			continue;
		run_line(wire, client);
		more = more || (has_line(client) && client->output.length <= MAX_UNREAD);
	}
	return more;
}

static void write_output(struct client *client)
{
	while (client->output.length) {
		ssize_t length = send(client->source.fd, client->output.data, client->output.length,
				      MSG_NOSIGNAL);
		if (length <= 0) {
			if (length < 0 && errno != EAGAIN && errno != EINTR)
				client->broken = true;
			return;
		}
		text_consume(&client->output, (size_t)length);
	}
}

static void close_client(struct client *client)
{
	close(client->source.fd);
	text_free(&client->input);
	text_free(&client->output);
	free(client);
}

void control_flush(struct wire *wire)
{
	uint64_t ended = reaper_ended();
	for (struct client **place = &wire->clients; *place;) {
		struct client *client = *place;
		bool held = client->hold > ended;
		if (!held)
			write_output(client);
		bool done = client->reading_over && !client->output.length && !has_line(client);
		if (client->broken || done) {
			*place = client->next;
			close_client(client);
			continue;
		}
		uint32_t wanted = 0;
		if (client->output.length && !held)
			wanted |= EPOLLOUT;
		if (!client->reading_over && client->input.length < MAX_INPUT &&
		    client->output.length <= MAX_UNREAD)
			wanted |= EPOLLIN;
		if (wanted != client->events) {
			struct epoll_event event = {.events = wanted, .data.ptr = &client->source};
			epoll_ctl(wire->epoll, EPOLL_CTL_MOD, client->source.fd, &event);
			client->events = wanted;
		}
		place = &client->next;
	}
}

void control_close_all(struct wire *wire)
{
	control_flush(wire);
	while (wire->clients) {
		struct client *client = wire->clients;
		wire->clients = client->next;
		close_client(client);
	}
}
