/* SPDX-License-Identifier: GPL-2.0-only */
/* One exploration from a file's name, for who wants figures and no verdict. */
#ifndef SEPTUM_EXPLORE_FILE_H
#define SEPTUM_EXPLORE_FILE_H

#include "sim/explore.h"

/*
 * The first race block of the scenario's first variant, up to @bound states (0: all).
 * False and @why when it does not come to that, or has an end that is not allowed.
 */
bool explore_file(const char *path, u64 bound, struct explore_stats *stats,
		  char *why, size_t why_size);

#endif /* SEPTUM_EXPLORE_FILE_H */
