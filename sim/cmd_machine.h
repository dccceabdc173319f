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

/*
 * What the command line leaves of a scenario's variants: a setting about something
 * that varies picks those with that value; a value the file does not have leaves
 * one of each.
 */
bool machine_wants(const struct machine_options *machine, const struct scn *scn, u32 variant);
/* Settings that do more than pick a variant, into @set[MACHINE_SET_MAX]; how many. */
u32 machine_settings(const struct machine_options *machine, const struct scn *scn,
		     struct run_setting *set);

/*
 * One variant of a scenario file: its machine is there and its chooser follows the
 * script; @options has the variant and the settings. Returns an exit status.
 */
typedef int variant_fn(void *ctx, const char *path, const struct scn *scn, struct sim *sim,
		       struct run_options *options);
/*
 * Every wanted variant of the file @path. The worst exit status; bad input, which
 * was printed, ends it.
 */
int machine_each_variant(const struct machine_options *machine, struct sim_cache *cache,
			 const char *path, variant_fn *one, void *ctx);

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
