// SPDX-License-Identifier: Apache-2.0
#include "supervise.h"
#include "wire.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_MEMORY_MIB 1024

static const char usage[] =
	"usage: mdn-wired --lab NAME --run-dir DIR [--foreground] [--no-realtime]\n"
	"                 [--memory-limit MIB] | --version\n"
	"Joins the interfaces of one lab's nodes by shaped links; DIR/wire.sock takes commands.\n";

static int refuse(const char *why)
{
	fprintf(stderr, "mdn-wired: %s\n%s", why, usage);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"lab", required_argument, NULL, 'l'},
		{"run-dir", required_argument, NULL, 'd'},
		{"foreground", no_argument, NULL, 'f'},
		{"no-realtime", no_argument, NULL, 'n'},
		{"memory-limit", required_argument, NULL, 'm'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct supervise_options options = {.realtime = true};
	uint64_t mib = DEFAULT_MEMORY_MIB;
	struct error error;
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'l':
			options.lab = optarg;
			break;
		case 'd':
			options.run_directory = optarg;
			break;
		case 'f':
			options.foreground = true;
			break;
		case 'n':
			options.realtime = false;
			break;
		case 'm':
			if (parse_u64("--memory-limit", optarg, 1, 1 << 20, &mib, &error) < 0)
				return refuse(error.text);
			break;
		case 'v':
			printf("mdn-wired %s protocol %d\n", MDN_WIRED_VERSION, PROTOCOL_VERSION);
			return 0;
		case 'h':
			printf("%s", usage);
			return 0;
		default:
			return refuse("unknown option");
		}
	}
	if (optind != argc || !options.lab || !options.run_directory)
		return refuse("--lab and --run-dir are needed, and nothing else");
	if (!*options.lab || strlen(options.lab) > 100)
		return refuse("the lab's name must have 1 to 100 bytes");
	options.memory_limit = mib << 20;
	/* Descriptors of the starting program are not the daemon's to keep open. */
	close_range(3, ~0U, 0);
	return supervise(&options);
}
