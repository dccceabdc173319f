/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options that choose a machine, the same for every verb that runs
 * scenarios. A verb's request starts with a struct machine_options; its table
 * of options lists MACHINE_OPTION_ROWS.
 */
#ifndef SEPTUM_CMD_MACHINE_H
#define SEPTUM_CMD_MACHINE_H

#include "sim/cmd.h"
#include "sim/run.h"

#define MACHINE_SET_MAX	32

struct machine_options {
	struct run_setting set[MACHINE_SET_MAX];
	u32 set_count;
	char set_text[MACHINE_SET_MAX][128];	/* KNOB=VALUE cut in two */
	u64 defects;			/* BIT(enum defect) */
	char defect_text[256];		/* " --defect NAME", for repeat commands */
};

/* @ctx: the request. Nonzero: a message was printed. */
int option_policy(void *ctx, const char *text);
int option_order(void *ctx, const char *text);
int option_knob(void *ctx, const char *text);
int option_defect(void *ctx, const char *text);

#define MACHINE_OPTION_ROWS							\
	{ "--policy", "P", "what keeps a page that may still be in the S-EPT "	\
	  "('list policies')", option_policy },					\
	{ "--order", "O", "what a conversion does in which order "		\
	  "('list orders')", option_order },					\
	{ "--set", "KNOB=VALUE", "any knob ('list knobs'), or one value of "	\
	  "what a scenario varies", option_knob },				\
	{ "--defect", "NAME", "plant a defect ('list defects'), to test the "	\
	  "tests", option_defect }

#endif /* SEPTUM_CMD_MACHINE_H */
