/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run's events as a file: *.json in Chrome's trace format (open it in
 * Perfetto), anything else JSON Lines, one event a line. Time is the event's
 * sequence number: simulated time has no other.
 */
#ifndef SEPTUM_TRACE_FILE_H
#define SEPTUM_TRACE_FILE_H

#include <stdio.h>

#include "sim/base/env.h"

struct trace_file {
	FILE *out;
	bool chrome;
	u64 event_count;
	u32 run;		/* one process row a run */
	const struct env *env;	/* for names of tasks */
};

/* NULL with a message printed when @path cannot be written. */
struct trace_file *trace_file_open(const char *path);
/* A new run begins: @name is shown as its row. */
void trace_file_run(struct trace_file *file, const struct env *env, const char *name);
/* A trace listener; @ctx is the file. */
void trace_file_listen(void *ctx, const struct trace_event *event);
/* 0, or -1 when not all could be written. */
int trace_file_close(struct trace_file *file);

#define TRACE_FILE_MASK		((1u << TRACE_KIND_NR) - 1)

#endif /* SEPTUM_TRACE_FILE_H */
