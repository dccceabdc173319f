/* SPDX-License-Identifier: GPL-2.0-only */
/* A cell's story as JSON fields; see matrix_trace.c. */
#ifndef SEPTUM_MATRIX_TRACE_H
#define SEPTUM_MATRIX_TRACE_H

#include "sim/run_impl.h"

#define MATRIX_TRACE_MASK							\
	(1u << TRACE_SEAMCALL | 1u << TRACE_SEPT | 1u << TRACE_KMSG | 1u << TRACE_CHECK)

struct matrix_move {
	u8 from, to;		/* rows of sept_states.def */
	u8 level;
	u16 leaf;
	u32 count;
};

struct matrix_trace {
	struct sim *sim;
	FILE *out, *events;	/* of the cell, and of the running step */
	char *text, *event_text;
	size_t size, event_size;
	u32 steps, event_count;
	bool recording;		/* a `test measure` was passed */
	char call[260];		/* the last SEAMCALL, not written yet */
	u64 call_rax, call_status;
	u32 call_times;
	bool call_odd;		/* injected, or not a success */
	const char *last_broken;	/* in this step */
	u32 left_out;
	struct matrix_move move[40];
	u32 move_count;
};

struct matrix_trace *matrix_trace_begin(struct sim *sim);
void matrix_trace_event(struct matrix_trace *trace, const struct trace_event *event);
void matrix_trace_step(struct matrix_trace *trace, const struct run *run,
		       const struct scn_step *step, const struct run_outcome *out);
/* The fields, malloc()ed; @trace is gone. */
char *matrix_trace_end(struct matrix_trace *trace);

#endif /* SEPTUM_MATRIX_TRACE_H */
