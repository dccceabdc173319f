// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program: one verb, its words. The verbs are rows of commands.def; exit
 * statuses are those of cmd.h.
 */
#include <stdio.h>
#include <string.h>

#include "sim/cmd.h"
#include "sim/diag.h"

static const struct {
	const char *name;
	cmd_fn *fn;
	const char *usage, *help;
} commands[] = {
#define COMMAND(name, usage, help, example) { #name, cmd_##name, usage, help },
#include "sim/commands.def"
#undef COMMAND
};

static void print_help(FILE *out)
{
	u32 i;

	fprintf(out, "usage: septum VERB [OPTION]... [WORD]...\n\n"
		     "Runs the host side of a confidential VM and the TDX module under it in one\n"
		     "ordinary process. No root, no kernel module, no TDX hardware.\n\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n'septum VERB --help' tells the options and an example.\n"
		     "exit: 0 as expected, 1 mismatch, 2 bad input, 3 invariant broken,\n"
		     "      4 internal error, 5 a bound was hit before a verdict\n");
}

int main(int argc, char **argv)
{
	struct diag_guess guess;
	char near[80];
	u32 i;

	if (argc < 2) {
		print_help(stderr);
		return EXIT_BAD_INPUT;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version"))
		argv[1] = "version";
	diag_guess_start(&guess, argv[1]);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].fn(argc - 1, argv + 1);
		diag_guess_add(&guess, commands[i].name);
	}
	return usage_error("unknown verb '%s'%s", argv[1],
			   diag_guess_text(&guess, near, sizeof(near)));
}
