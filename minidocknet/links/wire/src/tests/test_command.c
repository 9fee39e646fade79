// SPDX-License-Identifier: Apache-2.0
#include "config.h"
#include "test.h"

static int parse(const char *text, struct command *command, struct error *error)
{
	static char line[4][COMMAND_MAX_LINE + 1];
	static int turn;
	char *copy = line[turn++ % 4];
	copy_text(copy, COMMAND_MAX_LINE + 1, text);
	return command_parse(copy, command, error);
}

static int create(const char *text, struct link_config *config, struct error *error)
{
	struct command command;
	return parse(text, &command, error) < 0 ? -1 : config_create(&command, config, error);
}

static void test_words(void)
{
	struct command command;
	struct error error;
	CHECK_INT(parse("  set  id=x   ab.loss=1 empty= ", &command, &error), 0);
	CHECK_TEXT(command.verb, "set");
	CHECK_INT(command.count, 3);
	CHECK_TEXT(command_get(&command, "ab.loss"), "1");
	CHECK_TEXT(command_get(&command, "empty"), "");
	CHECK(!command_get(&command, "none"));
	static const char *const bad[] = {"",	      "   ",	 "id=x set",  "set id",
					  "set =x",   "set a=1 a=2", "set\ta=1", "set a=\x7f"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CHECK_INT(parse(bad[i], &command, &error), -1);
		CHECK_TEXT(error.code, "syntax");
	}
	char many[COMMAND_MAX_LINE] = "set";
	for (int i = 0; i < COMMAND_MAX_WORDS + 1; i++) {
		size_t at = strlen(many);
		snprintf(many + at, sizeof many - at, " k%d=1", i);
	}
	CHECK_INT(parse(many, &command, &error), -1);
}

#define TAPS                                                                                       \
	"a.kind=tap a.netns=/run/netns/x a.inode=4026531840 a.if=eth0 a.mac=02:00:00:00:00:01 "    \
	"a.mtu=9000 b.kind=tap b.if=s1-eth2 "

static void test_round_trip(void)
{
	static const char *const lines[] = {
		"add id=l1 " TAPS,
		("add id=r1-r2:x.y_z " TAPS "ab.delay_ns=3000000 ab.jitter_ns=500 ab.dist=normal "
		"ab.loss=0.1 ab.dup=1.5 ab.reorder=25 ab.rate=10000000 ab.queue_bytes=70000 "
		"ba.ge=1,20,99.5,0.25 ba.queue_packets=20 ba.rate=1 up=0 seed=12345 offload=none"),
		("add id=l2 a.kind=tap a.if=e b.kind=l2tp b.encap=udp b.local=10.0.0.1 b.lport=5000 "
		"b.remote=10.0.0.2 b.rport=6000 b.session=7 b.peer_session=8 b.cookie=0011aaff "
		"b.peer_cookie=0123456789abcdef b.l2spec=none b.netns=/proc/1/ns/net"),
		("add id=l3 a.kind=tap a.if=e b.kind=l2tp b.encap=ip b.local=fd00::1 "
		"b.remote=fd00::2 b.session=4294967295 b.peer_session=1"),
	};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct link_config first, second;
		struct error error;
		if (create(lines[i], &first, &error) < 0) {
			fprintf(stderr, "%s: %s\n", lines[i], error.text);
			exit(1);
		}
		struct text written = {0};
		config_write(&first, &written);
		CHECK_INT(create(written.data, &second, &error), 0);
		CHECK(memcmp(&first, &second, sizeof first) == 0);
		text_free(&written);
	}
}

static void test_values(void)
{
	struct link_config config;
	struct error error;
	CHECK_INT(create("add id=l " TAPS "ab.loss=2.5 ba.ge=1,2,3,4", &config, &error), 0);
	CHECK(config.up && !config.plain);
	CHECK_INT(config.end[0].mtu, 9000);
	CHECK_INT(config.end[1].mtu, 1500);
	CHECK_INT(config.end[0].mac[5], 1);
	CHECK_NEAR(config.shape[0].loss, 2.5, 0);
	CHECK(config.shape[1].bursty);
	CHECK_NEAR(config.shape[1].ge_bad, 3, 0);
	/* A seed that depends on the id alone. */
	uint64_t seed = config.seed;
	CHECK_INT(create("add id=l " TAPS, &config, &error), 0);
	CHECK(config.seed == seed);
	CHECK_INT(create("add id=m " TAPS, &config, &error), 0);
	CHECK(config.seed != seed);
}

static void test_refusals(void)
{
	static const char *const bad[] = {
		"add " TAPS,
		"add id= " TAPS,
		"add id=a/b " TAPS,
		"add id=l a.kind=tap a.if=x",
		"add id=l a.kind=tun a.if=x b.kind=tap b.if=y",
		"add id=l a.kind=tap b.kind=tap b.if=y",
		"add id=l a.kind=tap a.if=sixteencharacter b.kind=tap b.if=y",
		"add id=l a.kind=tap a.if=a/b b.kind=tap b.if=y",
		"add id=l a.kind=tap a.if=%d b.kind=tap b.if=y",
		"add id=l " TAPS "ab.delay_ns=-1",
		"add id=l " TAPS "ab.delay_ns=1.5",
		"add id=l " TAPS "ab.delay_ns=",
		"add id=l " TAPS "ab.delay_ns=600000000001",
		"add id=l " TAPS "ab.loss=101",
		"add id=l " TAPS "ab.loss=nan",
		"add id=l " TAPS "ab.loss=1x",
		"add id=l " TAPS "ab.rate=99999999999999999999",
		"add id=l " TAPS "ab.ge=1,2,3",
		"add id=l " TAPS "ab.ge=1,2,3,4,5",
		"add id=l " TAPS "ab.ge=0,0,100,0",
		"add id=l " TAPS "ab.dist=pareto",
		"add id=l " TAPS "ab.nothing=1",
		"add id=l " TAPS "nothing=1",
		"add id=l " TAPS "up=2",
		"add id=l a.kind=tap a.if=x a.mac=01:00:00:00:00:01 b.kind=tap b.if=y",
		"add id=l a.kind=tap a.if=x a.mac=02:00:00:00:00 b.kind=tap b.if=y",
		"add id=l a.kind=tap a.if=x a.netns=relative b.kind=tap b.if=y",
		("add id=l a.kind=tap a.if=x b.kind=l2tp b.local=10.0.0.1 b.remote=fd00::1 "
		"b.lport=1 b.rport=1 b.session=1 b.peer_session=1"),
		("add id=l a.kind=tap a.if=x b.kind=l2tp b.local=10.0.0.1 b.remote=10.0.0.2 "
		"b.session=1 b.peer_session=1"),
		("add id=l a.kind=tap a.if=x b.kind=l2tp b.encap=ip b.local=10.0.0.1 "
		"b.remote=10.0.0.2 b.session=0 b.peer_session=1"),
		("add id=l a.kind=tap a.if=x b.kind=l2tp b.encap=ip b.local=10.0.0.1 "
		"b.remote=10.0.0.2 b.session=1 b.peer_session=1 b.cookie=123"),
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct link_config config;
		struct error error;
		if (create(bad[i], &config, &error) == 0) {
			fprintf(stderr, "accepted: %s\n", bad[i]);
			exit(1);
		}
		CHECK(error.text[0] && error.code[0]);
	}
}

static void test_change_keeps_the_rest(void)
{
	struct link_config config;
	struct command command;
	struct error error;
	CHECK_INT(create("add id=l " TAPS "ab.delay_ns=5 ab.loss=1 ba.ge=1,2,3,4", &config, &error),
		  0);
	CHECK_INT(parse("set id=l ab.loss=0 ba.ge=none up=0", &command, &error), 0);
	CHECK_INT(config_change(&command, &config, &error), 0);
	CHECK_INT(config.shape[0].delay_ns, 5);
	CHECK_NEAR(config.shape[0].loss, 0, 0);
	CHECK(!config.shape[1].bursty && !config.up);
	CHECK_INT(parse("set id=l a.if=x", &command, &error), 0);
	CHECK_INT(config_change(&command, &config, &error), -1);
	CHECK_INT(parse("attach id=l end=a netns=/run/netns/y inode=7", &command, &error), 0);
	CHECK_INT(config_attach(&command, &config.end[0], &error), 0);
	CHECK_TEXT(config.end[0].netns, "/run/netns/y");
	CHECK_TEXT(config.end[0].interface, "eth0");
	CHECK_INT(parse("attach id=l end=a kind=l2tp", &command, &error), 0);
	CHECK_INT(config_attach(&command, &config.end[0], &error), -1);
}

int main(void)
{
	test_words();
	test_round_trip();
	test_values();
	test_refusals();
	test_change_keeps_the_rest();
	DONE();
}
