// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happened in a cell, for `septum matrix --trace`: from the first measured
 * step on each step with its result, the SEAMCALLs that crossed, what the kernel
 * warned of, what broke; and the moves of td0's S-EPT entry at GPA 0x1000, the
 * page every situation is about. Written as fields of the cell's JSON object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/cmd.h"
#include "sim/matrix_trace.h"

#define WATCHED_GPA	0x1000
#define EVENTS_KEPT	16	/* a step */

struct matrix_trace *matrix_trace_begin(struct sim *sim)
{
	struct matrix_trace *trace = calloc(1, sizeof(*trace));

	if (!trace)
		abort();
	trace->sim = sim;
	trace->out = open_memstream(&trace->text, &trace->size);
	if (!trace->out)
		abort();
	fprintf(trace->out, ",\"trace\":[");
	return trace;
}

/* ---- Events of a step ---- */

static void write_event(struct matrix_trace *trace, const char *text)
{
	if (!trace->events)
		trace->events = open_memstream(&trace->event_text, &trace->event_size);
	if (!trace->events)
		abort();
	fputs(trace->event_count++ ? "," : "", trace->events);
	json_string(trace->events, text);
}

/*
 * Calls of one leaf that came to the same are one line. Of a long step the first
 * lines are kept, and what was injected or refused.
 */
static void flush_call(struct matrix_trace *trace)
{
	size_t used = strlen(trace->call);

	if (!trace->call_times)
		return;
	if (trace->event_count >= EVENTS_KEPT && !trace->call_odd) {
		trace->left_out += trace->call_times;
		trace->call_times = 0;
		return;
	}
	if (trace->call_times > 1)
		snprintf(trace->call + used, sizeof(trace->call) - used, "  and %u more",
			 trace->call_times - 1);
	write_event(trace, trace->call);
	trace->call_times = 0;
}

static void add_call(struct matrix_trace *trace, const struct trace_event *event)
{
	if (trace->call_times && trace->call_rax == event->call.rax &&
	    trace->call_status == event->call.status && !event->call.injected) {
		trace->call_times++;
		return;
	}
	flush_call(trace);
	if ((u16)event->call.rax == TDH_VP_ENTER)
		snprintf(trace->call, sizeof(trace->call), "> TDH.VP.ENTER");
	else
		cross_print_event(event, trace->call, sizeof(trace->call) - 20);
	trace->call_rax = event->call.rax;
	trace->call_status = event->call.status;
	trace->call_times = 1;
	trace->call_odd = event->call.injected || event->call.status & TDX_STATUS_ERROR;
}

static void add_text(struct matrix_trace *trace, const char *before, const char *text)
{
	char line[CHECK_TEXT_MAX + 64];

	flush_call(trace);
	snprintf(line, sizeof(line), "%s %.400s", before, text);
	write_event(trace, line);
}

/* The first frame tells the story of those that follow. */
static void add_check(struct matrix_trace *trace, const struct trace_event *event)
{
	if (trace->last_broken == event->text.where) {
		trace->left_out++;
		return;
	}
	trace->last_broken = event->text.where;
	add_text(trace, event->text.where, event->text.text);
}

/* ---- Moves of the watched entry ---- */

static void add_move(struct matrix_trace *trace, const struct trace_event *event)
{
	u64 size = PAGE_SIZE << 9 * event->sept.level;
	struct host *h = trace->sim->host;
	struct host_vm_view vm = { 0 };
	struct matrix_move *move;
	u32 i;

	if (WATCHED_GPA - event->sept.gpa >= size || event->sept.level > 1 ||
	    event->sept.from == event->sept.to || h->ops->probe_vm(h, 0, &vm) ||
	    vm.tdr != event->sept.tdr)
		return;
	for (i = 0; i < trace->move_count; i++) {
		move = &trace->move[i];
		if (move->from == event->sept.from && move->to == event->sept.to &&
		    move->leaf == event->sept.leaf && move->level == event->sept.level) {
			move->count++;
			return;
		}
	}
	if (trace->move_count < ARRAY_SIZE(trace->move))
		trace->move[trace->move_count++] = (struct matrix_move){
			event->sept.from, event->sept.to, event->sept.level, event->sept.leaf, 1,
		};
}

void matrix_trace_event(struct matrix_trace *trace, const struct trace_event *event)
{
	if (event->kind == TRACE_SEPT)
		add_move(trace, event);
	if (!trace->recording)
		return;
	if (event->kind == TRACE_SEAMCALL)
		add_call(trace, event);
	else if (event->kind == TRACE_KMSG && event->text.level >= KMSG_WARN)
		add_text(trace, "log", event->text.text);
	else if (event->kind == TRACE_CHECK)
		add_check(trace, event);
}

/* ---- Steps ---- */

static void end_events(struct matrix_trace *trace)
{
	char line[64];

	flush_call(trace);
	if (trace->left_out) {
		snprintf(line, sizeof(line), "... and %u more", trace->left_out);
		write_event(trace, line);
	}
	trace->left_out = 0;
	trace->last_broken = NULL;
	fprintf(trace->out, ",\"events\":[");
	if (trace->events) {
		fclose(trace->events);
		fputs(trace->event_text, trace->out);
		free(trace->event_text);
		trace->events = NULL;
	}
	trace->event_count = 0;
	fprintf(trace->out, "]}");
}

void matrix_trace_step(struct matrix_trace *trace, const struct run *run,
		       const struct scn_step *step, const struct run_outcome *out)
{
	struct scn_step shown = *step;
	char line[SCN_LINE_MAX];

	/* Names given and marks set are no events. */
	if (trace->recording && step->actor.kind != ACTOR_TEST) {
		shown.limit_count = shown.crossing_count = 0;
		if (step->verb->result != VERB_NO_RESULT) {
			shown.result[0] = out->result;
			shown.result_count = 1;
		}
		scn_print_step(&shown, line, sizeof(line));
		fprintf(trace->out, "%s{\"step\":", trace->steps++ ? "," : "");
		json_string(trace->out, line);
		end_events(trace);
	}
	trace->recording = run->world.measured;
}

static void write_moves(const struct matrix_trace *trace)
{
	static const char *const level[] = { "4K", "2M" };
	char leaf[64];
	u32 i;

	fprintf(trace->out, ",\"moves\":[");
	for (i = 0; i < trace->move_count; i++) {
		const struct matrix_move *move = &trace->move[i];

		scn_print_leaf(move->leaf >> 8 & 1u, move->leaf & 0xff, leaf, sizeof(leaf));
		fprintf(trace->out,
			"%s{\"level\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"by\":\"%s\",\"count\":%u}",
			i ? "," : "", level[move->level], sept_state_info[move->from].name,
			sept_state_info[move->to].name, leaf, move->count);
	}
	fprintf(trace->out, "]");
}

char *matrix_trace_end(struct matrix_trace *trace)
{
	char *text;

	if (trace->event_count || trace->call_times) {
		fprintf(trace->out, "%s{\"step\":\"(teardown)\"", trace->steps ? "," : "");
		end_events(trace);
	}
	fprintf(trace->out, "]");
	write_moves(trace);
	fclose(trace->out);
	text = trace->text;
	free(trace);
	return text;
}
