// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_DELAY_NS (UINT64_C(600) * NS_PER_S)
#define MAX_RATE UINT64_C(1000000000000)
#define DEFAULT_MTU 1500

/* The read_... functions below return 0, 1 for a key that they do not know, -1 with an error. */

int config_check_id(const char *text, struct error *error)
{
	size_t length = strlen(text);
	bool good = length > 0 && length < LINK_ID_SIZE;
	for (size_t i = 0; good && i < length; i++)
		good = isalnum((unsigned char)text[i]) || strchr("_.:-", text[i]);
	if (!good)
		return fail(error, "invalid", "id '%.80s' must be 1 to %d of A-Z a-z 0-9 _ . : -",
			    text, LINK_ID_SIZE - 1);
	return 0;
}

static int read_bursts(const char *key, const char *value, struct shape *shape, struct error *error)
{
	if (strcmp(value, "none") == 0) {
		shape->bursty = false;
		return 0;
	}
	char copy[128];
	if (strlen(value) >= sizeof copy)
		return fail(error, "invalid", "%s is too long", key);
	copy_text(copy, sizeof copy, value);
	double part[4];
	char *rest = copy, *word;
	int count = 0;
	while ((word = strsep(&rest, ","))) {
		if (count == 4 || parse_percent(key, word, &part[count], error) < 0)
			break;
		count++;
	}
	if (count != 4 || word)
		return fail(error, "invalid", "%s=%s must be four percentages p,r,bad,good or none",
			    key, value);
	if (part[0] == 0 && part[1] == 0)
		return fail(error, "invalid", "%s=%s needs p or r above 0", key, value);
	shape->bursty = true;
	shape->ge_p = part[0];
	shape->ge_r = part[1];
	shape->ge_bad = part[2];
	shape->ge_good = part[3];
	return 0;
}

static int read_time(const char *key, const char *value, int64_t *target, struct error *error)
{
	uint64_t number;
	if (parse_u64(key, value, 0, MAX_DELAY_NS, &number, error) < 0)
		return -1;
	*target = (int64_t)number;
	return 0;
}

static int read_shape(const char *key, const char *value, struct shape *shape, struct error *error)
{
	if (strcmp(key, "delay_ns") == 0)
		return read_time(key, value, &shape->delay_ns, error);
	if (strcmp(key, "jitter_ns") == 0)
		return read_time(key, value, &shape->jitter_ns, error);
	if (strcmp(key, "loss") == 0)
		return parse_percent(key, value, &shape->loss, error);
	if (strcmp(key, "dup") == 0)
		return parse_percent(key, value, &shape->duplicate, error);
	if (strcmp(key, "reorder") == 0)
		return parse_percent(key, value, &shape->reorder, error);
	if (strcmp(key, "rate") == 0)
		return parse_u64(key, value, 0, MAX_RATE, &shape->rate, error);
	if (strcmp(key, "queue_bytes") == 0)
		return parse_u64(key, value, 0, UINT64_MAX / 4, &shape->queue_bytes, error);
	if (strcmp(key, "queue_packets") == 0)
		return parse_u64(key, value, 0, UINT64_MAX / 4, &shape->queue_packets, error);
	if (strcmp(key, "ge") == 0)
		return read_bursts(key, value, shape, error);
	if (strcmp(key, "dist") == 0) {
		if (strcmp(value, "uniform") != 0 && strcmp(value, "normal") != 0)
			return fail(error, "invalid", "dist=%s must be uniform or normal", value);
		shape->distribution = value[0] == 'n' ? DIST_NORMAL : DIST_UNIFORM;
		return 0;
	}
	return 1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_cookie(const char *key, const char *value, unsigned char *cookie, uint8_t *length,
		       struct error *error)
{
	size_t digits = strlen(value);
	bool good = digits == 0 || digits == 8 || digits == 16;
	for (size_t i = 0; good && i < digits; i++)
		good = hex_digit(value[i]) >= 0;
	if (!good)
		return fail(error, "invalid", "%s=%s must be 8 or 16 hex digits, or empty", key, value);
	for (size_t i = 0; i < digits / 2; i++)
		cookie[i] = (unsigned char)(hex_digit(value[2 * i]) << 4 |
					    hex_digit(value[2 * i + 1]));
	*length = (uint8_t)(digits / 2);
	return 0;
}

static int read_mac(const char *value, struct end_config *end, struct error *error)
{
	unsigned part[6];
	int used = 0;
	if (sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &part[0], &part[1], &part[2], &part[3],
		   &part[4], &part[5], &used) != 6 ||
	    used != 17 || value[17] || part[0] & 1)
		return fail(error, "invalid", "mac=%s is no unicast address like 02:00:00:00:00:01",
			    value);
	for (int i = 0; i < 6; i++)
		end->mac[i] = (unsigned char)part[i];
	end->has_mac = true;
	return 0;
}

static int read_address(const char *key, const char *value, struct sockaddr_storage *address,
			struct error *error)
{
	/* The port may have been read before, so it is kept; it is in the same place in both. */
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	if (inet_pton(AF_INET, value, &v4->sin_addr) == 1)
		address->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, value, &v6->sin6_addr) == 1)
		address->ss_family = AF_INET6;
	else
		return fail(error, "invalid", "%s=%s is no IPv4 or IPv6 address", key, value);
	return 0;
}

static int read_port(const char *key, const char *value, struct sockaddr_storage *address,
		     struct error *error)
{
	uint64_t port;
	if (parse_u64(key, value, 1, 65535, &port, error) < 0)
		return -1;
	((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
	return 0;
}

static int read_u32_word(const char *key, const char *value, uint32_t *target, struct error *error)
{
	uint64_t number;
	if (parse_u64(key, value, 1, UINT32_MAX, &number, error) < 0)
		return -1;
	*target = (uint32_t)number;
	return 0;
}

static int read_kind(const char *value, struct end_config *end, struct error *error)
{
	if (strcmp(value, "tap") != 0 && strcmp(value, "l2tp") != 0)
		return fail(error, "invalid", "kind=%s must be tap or l2tp", value);
	end->kind = value[0] == 't' ? END_TAP : END_L2TP;
	return 0;
}

static int read_interface(const char *value, struct end_config *end, struct error *error)
{
	size_t length = strlen(value);
	bool good = length > 0 && length < IFNAMSIZ && strcmp(value, ".") && strcmp(value, "..");
	if (!good || strpbrk(value, "/:%"))
		return fail(error, "invalid", "if=%s is no name for an interface", value);
	copy_text(end->interface, sizeof end->interface, value);
	return 0;
}

static int read_l2tp(const char *key, const char *value, struct end_config *end, struct error *error)
{
	struct l2tp_session *session = &end->session;
	if (strcmp(key, "encap") == 0) {
		if (strcmp(value, "udp") != 0 && strcmp(value, "ip") != 0)
			return fail(error, "invalid", "encap=%s must be udp or ip", value);
		session->encap = value[0] == 'u' ? L2TP_UDP : L2TP_IP;
		return 0;
	}
	if (strcmp(key, "l2spec") == 0) {
		if (strcmp(value, "default") != 0 && strcmp(value, "none") != 0)
			return fail(error, "invalid", "l2spec=%s must be default or none", value);
		session->sublayer = value[0] == 'd';
		return 0;
	}
	if (strcmp(key, "local") == 0)
		return read_address(key, value, &end->local, error);
	if (strcmp(key, "remote") == 0)
		return read_address(key, value, &end->remote, error);
	if (strcmp(key, "lport") == 0)
		return read_port(key, value, &end->local, error);
	if (strcmp(key, "rport") == 0)
		return read_port(key, value, &end->remote, error);
	if (strcmp(key, "session") == 0)
		return read_u32_word(key, value, &session->session, error);
	if (strcmp(key, "peer_session") == 0)
		return read_u32_word(key, value, &session->peer_session, error);
	if (strcmp(key, "cookie") == 0)
		return read_cookie(key, value, session->cookie, &session->cookie_length, error);
	if (strcmp(key, "peer_cookie") == 0)
		return read_cookie(key, value, session->peer_cookie, &session->peer_cookie_length,
				   error);
	return 1;
}

static int read_end(const char *key, const char *value, struct end_config *end, struct error *error)
{
	uint64_t number;
	if (strcmp(key, "kind") == 0)
		return read_kind(value, end, error);
	if (strcmp(key, "netns") == 0) {
		if (strlen(value) >= NETNS_PATH_SIZE || (value[0] && value[0] != '/'))
			return fail(error, "invalid", "netns must be an absolute path below %d bytes",
				    NETNS_PATH_SIZE);
		copy_text(end->netns, sizeof end->netns, value);
		return 0;
	}
	if (strcmp(key, "inode") == 0)
		return parse_u64(key, value, 0, UINT64_MAX, &end->inode, error);
	if (strcmp(key, "if") == 0)
		return read_interface(value, end, error);
	if (strcmp(key, "mac") == 0)
		return read_mac(value, end, error);
	if (strcmp(key, "mtu") == 0) {
		if (parse_u64(key, value, 68, 65521, &number, error) < 0)
			return -1;
		end->mtu = (uint32_t)number;
		return 0;
	}
	return read_l2tp(key, value, end, error);
}

static int check_end(struct end_config *end, char name, struct error *error)
{
	if (end->kind == END_NONE)
		return fail(error, "invalid", "%c.kind is missing; give tap or l2tp", name);
	if (end->kind == END_TAP) {
		if (!end->interface[0])
			return fail(error, "invalid", "%c.if is missing", name);
		return 0;
	}
	if (!end->local.ss_family || end->local.ss_family != end->remote.ss_family)
		return fail(error, "invalid",
			    "%c.local and %c.remote must be addresses of one family", name, name);
	end->address_length = end->local.ss_family == AF_INET ? sizeof(struct sockaddr_in)
							      : sizeof(struct sockaddr_in6);
	bool has_ports = ((struct sockaddr_in *)&end->local)->sin_port &&
			 ((struct sockaddr_in *)&end->remote)->sin_port;
	if (end->session.encap == L2TP_UDP && !has_ports)
		return fail(error, "invalid", "%c.lport and %c.rport are missing", name, name);
	if (end->session.encap == L2TP_IP) {
		((struct sockaddr_in *)&end->local)->sin_port = 0;
		((struct sockaddr_in *)&end->remote)->sin_port = 0;
	}
	if (!end->session.session || !end->session.peer_session)
		return fail(error, "invalid", "%c.session and %c.peer_session are missing", name,
			    name);
	return 0;
}

static int read_prefixed(const struct word *word, struct link_config *config, bool with_ends,
			 struct error *error)
{
	const char *key = word->key;
	if (strncmp(key, "ab.", 3) == 0 || strncmp(key, "ba.", 3) == 0)
		return read_shape(key + 3, word->value, &config->shape[key[0] == 'b'], error);
	if (with_ends && (key[0] == 'a' || key[0] == 'b') && key[1] == '.')
		return read_end(key + 2, word->value, &config->end[key[0] == 'b'], error);
	if (strcmp(key, "up") == 0) {
		uint64_t up;
		if (parse_u64(key, word->value, 0, 1, &up, error) < 0)
			return -1;
		config->up = up;
		return 0;
	}
	if (with_ends && strcmp(key, "seed") == 0)
		return parse_u64(key, word->value, 0, UINT64_MAX, &config->seed, error);
	if (with_ends && strcmp(key, "offload") == 0) {
		if (strcmp(word->value, "auto") != 0 && strcmp(word->value, "none") != 0)
			return fail(error, "invalid", "offload=%s must be auto or none", word->value);
		config->plain = word->value[0] == 'n';
		return 0;
	}
	return 1;
}

static int read_words(const struct command *command, struct link_config *config, bool with_ends,
		      struct error *error)
{
	for (size_t i = 0; i < command->count; i++) {
		if (strcmp(command->words[i].key, "id") == 0)
			continue;
		int result = read_prefixed(&command->words[i], config, with_ends, error);
		if (result < 0)
			return -1;
		if (result > 0)
			return fail(error, "syntax", "%s does not know the word '%.60s'",
				    command->verb, command->words[i].key);
	}
	return 0;
}

/* FNV-1a: a link without a seed still behaves the same in every run. */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

int config_create(const struct command *command, struct link_config *config, struct error *error)
{
	memset(config, 0, sizeof *config);
	const char *id = command_get(command, "id");
	if (!id)
		return fail(error, "syntax", "id is missing");
	if (config_check_id(id, error) < 0)
		return -1;
	copy_text(config->id, sizeof config->id, id);
	config->up = true;
	config->seed = hash_text(id);
	for (int i = 0; i < 2; i++) {
		config->end[i].mtu = DEFAULT_MTU;
		config->end[i].session.sublayer = true;
	}
	if (read_words(command, config, true, error) < 0)
		return -1;
	return check_end(&config->end[0], 'a', error) < 0 ? -1
							   : check_end(&config->end[1], 'b', error);
}

int config_change(const struct command *command, struct link_config *config, struct error *error)
{
	return read_words(command, config, false, error);
}

int config_attach(const struct command *command, struct end_config *end, struct error *error)
{
	for (size_t i = 0; i < command->count; i++) {
		const char *key = command->words[i].key;
		if (strcmp(key, "id") == 0 || strcmp(key, "end") == 0)
			continue;
		if (strcmp(key, "kind") == 0)
			return fail(error, "invalid", "an end's kind cannot change; add a new link");
		int result = read_end(key, command->words[i].value, end, error);
		if (result < 0)
			return -1;
		if (result > 0)
			return fail(error, "syntax", "attach does not know the word '%.60s'", key);
	}
	return check_end(end, 'x', error);
}

static void write_cookie(struct text *line, char end, const char *name, const unsigned char *cookie,
			 size_t length)
{
	if (!length)
		return;
	text_printf(line, " %c.%s=", end, name);
	for (size_t i = 0; i < length; i++)
		text_printf(line, "%02x", cookie[i]);
}

static void write_address(struct text *line, char end, const char *name, const char *port_name,
			  const struct sockaddr_storage *address)
{
	char host[INET6_ADDRSTRLEN] = "";
	const void *bytes = address->ss_family == AF_INET
				    ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
				    : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
	inet_ntop(address->ss_family, bytes, host, sizeof host);
	text_printf(line, " %c.%s=%s", end, name, host);
	unsigned port = ntohs(((const struct sockaddr_in *)address)->sin_port);
	if (port)
		text_printf(line, " %c.%s=%u", end, port_name, port);
}

static void write_end(const struct end_config *end, char name, struct text *line)
{
	text_printf(line, " %c.kind=%s", name, end->kind == END_TAP ? "tap" : "l2tp");
	if (end->netns[0])
		text_printf(line, " %c.netns=%s", name, end->netns);
	if (end->inode)
		text_printf(line, " %c.inode=%" PRIu64, name, end->inode);
	text_printf(line, " %c.mtu=%u", name, end->mtu);
	if (end->interface[0])
		text_printf(line, " %c.if=%s", name, end->interface);
	if (end->has_mac)
		text_printf(line, " %c.mac=%02x:%02x:%02x:%02x:%02x:%02x", name, end->mac[0],
			    end->mac[1], end->mac[2], end->mac[3], end->mac[4], end->mac[5]);
	if (end->kind != END_L2TP)
		return;
	const struct l2tp_session *session = &end->session;
	text_printf(line, " %c.encap=%s %c.l2spec=%s", name, session->encap == L2TP_UDP ? "udp" : "ip",
		    name, session->sublayer ? "default" : "none");
	write_address(line, name, "local", "lport", &end->local);
	write_address(line, name, "remote", "rport", &end->remote);
	text_printf(line, " %c.session=%" PRIu32 " %c.peer_session=%" PRIu32, name, session->session,
		    name, session->peer_session);
	write_cookie(line, name, "cookie", session->cookie, session->cookie_length);
	write_cookie(line, name, "peer_cookie", session->peer_cookie, session->peer_cookie_length);
}

static void write_shape(const struct shape *shape, const char *name, struct text *line)
{
	if (shape->delay_ns)
		text_printf(line, " %s.delay_ns=%" PRId64, name, shape->delay_ns);
	if (shape->jitter_ns)
		text_printf(line, " %s.jitter_ns=%" PRId64, name, shape->jitter_ns);
	if (shape->distribution == DIST_NORMAL)
		text_printf(line, " %s.dist=normal", name);
	if (shape->loss > 0)
		text_printf(line, " %s.loss=%.17g", name, shape->loss);
	if (shape->bursty)
		text_printf(line, " %s.ge=%.17g,%.17g,%.17g,%.17g", name, shape->ge_p, shape->ge_r,
			    shape->ge_bad, shape->ge_good);
	if (shape->duplicate > 0)
		text_printf(line, " %s.dup=%.17g", name, shape->duplicate);
	if (shape->reorder > 0)
		text_printf(line, " %s.reorder=%.17g", name, shape->reorder);
	if (shape->rate)
		text_printf(line, " %s.rate=%" PRIu64, name, shape->rate);
	if (shape->queue_bytes)
		text_printf(line, " %s.queue_bytes=%" PRIu64, name, shape->queue_bytes);
	if (shape->queue_packets)
		text_printf(line, " %s.queue_packets=%" PRIu64, name, shape->queue_packets);
}

void config_write(const struct link_config *config, struct text *line)
{
	text_printf(line, "add id=%s up=%d seed=%" PRIu64, config->id, config->up, config->seed);
	if (config->plain)
		text_printf(line, " offload=none");
	write_end(&config->end[0], 'a', line);
	write_end(&config->end[1], 'b', line);
	write_shape(&config->shape[0], "ab", line);
	write_shape(&config->shape[1], "ba", line);
}
