/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of a run as lines of text that do not depend on which kernel ran:
 * each step with its result, what crossed the SEAMCALL seam, WARN and BUG, and
 * how VMs and folios look after it. Frames are named by the order in which they
 * are first seen, since two allocators never agree on numbers.
 */
#ifndef SEPTUM_RECORD_H
#define SEPTUM_RECORD_H

#include <stdio.h>

#include "sim/cmd.h"
#include "sim/run.h"

/*
 * Run all variants of @path on this program's kernel and write their records.
 * 0, or EXIT_BAD_INPUT with a message printed.
 */
int record_file(const char *path, struct sim_cache *cache, FILE *out);

#endif /* SEPTUM_RECORD_H */
