// SPDX-License-Identifier: GPL-2.0-only
/* `septum version`: what this is, and of when the facts are that it models. */
#include <stdio.h>

#include "sim/cmd.h"

#ifndef SEPTUM_VERSION
#define SEPTUM_VERSION	"0.1"
#endif

int cmd_version(int argc, char **argv)
{
	int status = options_parse("version", argc, argv, NULL, 0, NULL,
				   &(struct option_words){ 0 });

	if (status)
		return status < 0 ? 0 : status;
	printf("septum %s\n"
	       "kernel facts  Linux 7.3.4\n"
	       "module facts  TDX module 1.5.01 (rows marked 2.0: the public 2.0 tree)\n",
	       SEPTUM_VERSION);
	return 0;
}
