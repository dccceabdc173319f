/* SPDX-License-Identifier: GPL-2.0-only */
/* Showing a witness: as a choice list, as a story, as a scenario file. */
#ifndef SEPTUM_WITNESS_H
#define SEPTUM_WITNESS_H

#include <stdio.h>

#include "sim/explore_scn.h"

/* What `septum run --choices` takes. */
void witness_list_text(const struct choice_list *list, u32 kinds, char *text, size_t size);
/* " --set policy=no-hold ...": the command line's settings and the variant's. */
void witness_print_settings(FILE *out, const struct scn *scn, const struct run_options *options);
/*
 * Runs it once more and prints one line for each time a task had the processor:
 * who, and the locks and SEAMCALLs on the way.
 */
void witness_print_slices(FILE *out, struct sim *sim, const struct scn *scn,
			  const struct run_options *options, const struct choice_list *list,
			  u32 kinds);
/* DIR/NAME-TAG.scn, with the repeat command on top. 0, or -1 with a message printed. */
int witness_write(const char *dir, const char *name, const char *tag, const struct scn *scn,
		  const struct run_options *options, const struct witness *witness, u32 kinds);

#endif /* SEPTUM_WITNESS_H */
