// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum tell`: one scenario as a story. Each step, and under it the SEAMCALLs
 * that crossed, what the kernel logged, who holds the page now, and which
 * invariant broke. Everything shown is an event or a probe of the run; nothing
 * is compared here that `septum run` would not compare.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/cmd.h"
#include "sim/cmd_machine.h"
#include "sim/kernel_program.h"
#include "sim/run_impl.h"

#define PAGES_MAX	64
#define RESULT_COLUMN	54

struct told_page {
	kvm_pfn_t pfn;
	bool touched;		/* in this step */
	char ledger[160];	/* as it was last said */
};

struct tell {
	struct machine_options machine;	/* first: the shared options fill it */
	bool brief, kernel;
	struct host *host;
	struct checker *checker;
	FILE *events;		/* of the running step, into ->text */
	char *text;
	size_t text_size;
	char crossing[240];	/* the last SEAMCALL, not written yet */
	u16 leaf;
	u64 status;
	u32 times;
	struct told_page page[PAGES_MAX];
	u32 page_count;
	u32 broken_said;
	struct sim_cache cache;
};

/* Results in one column: the last " = " of @line moves there. */
static void print_line(FILE *out, const char *indent, const char *line)
{
	const char *result = NULL, *at;
	int width;

	for (at = strstr(line, " = "); at; at = strstr(at + 1, " = "))
		result = at;
	if (!result) {
		fprintf(out, "%s%s", indent, line);
		return;
	}
	width = RESULT_COLUMN - (int)strlen(indent);
	fprintf(out, "%s%-*.*s%s", indent, width, (int)(result - line), line, result);
}

/* -- Events of a step -- */

static void flush_crossing(struct tell *tell)
{
	if (!tell->times)
		return;
	print_line(tell->events, "    ", tell->crossing);
	if (tell->times > 1)
		fprintf(tell->events, "  and %u more", tell->times - 1);
	fprintf(tell->events, "\n");
	tell->times = 0;
}

/* Details of VP.ENTER's success are an exit reason, not an operand. */
static void print_crossing(const struct trace_event *event, char *text, size_t size)
{
	char status[80];

	if ((u16)event->call.rax != TDH_VP_ENTER) {
		cross_print_event(event, text, size);
		return;
	}
	tdx_status_print(event->call.status, status, sizeof(status));
	snprintf(text, size, "> TDH.VP.ENTER = %s", status);
}

/* @first: from here on the page is watched, if it was not before. */
static void touch_page(struct tell *tell, kvm_pfn_t pfn, bool first)
{
	u32 i;

	for (i = 0; i < tell->page_count; i++)
		if (tell->page[i].pfn == pfn)
			break;
	if (i == tell->page_count) {
		if (!first || i == PAGES_MAX)
			return;
		tell->page[tell->page_count++].pfn = pfn;
	}
	tell->page[i].touched = true;
}

/* A kernel that reports no references is looked at when the module gets a page. */
static void look_at_pages(struct tell *tell, const struct trace_event *event)
{
	u16 leaf = (u16)event->call.rax;
	u32 i;

	if (event->call.status)
		return;
	if (leaf == TDH_MEM_PAGE_AUG || leaf == TDH_MEM_PAGE_ADD)
		touch_page(tell, hpa_to_pfn(event->call.in->r8), true);
	for (i = 0; i < tell->page_count; i++)
		tell->page[i].touched = true;
}

static void saw_seamcall(struct tell *tell, const struct trace_event *event)
{
	u16 leaf = (u16)event->call.rax;

	look_at_pages(tell, event);
	if (tell->times && tell->leaf == leaf && tell->status == event->call.status &&
	    !event->call.injected) {
		tell->times++;
		return;
	}
	flush_crossing(tell);
	print_crossing(event, tell->crossing, sizeof(tell->crossing));
	tell->leaf = leaf;
	tell->status = event->call.status;
	tell->times = 1;
}

static void saw_ref(struct tell *tell, const struct trace_event *event)
{
	const char *what = event->page.what;

	touch_page(tell, event->page.pfn, !strcmp(what, "filemap") || !strcmp(what, "sept-pin") ||
					  !strcmp(what, "zap-error"));
}

static void tell_event(void *ctx, const struct trace_event *event)
{
	struct tell *tell = ctx;

	switch (event->kind) {
	case TRACE_SEAMCALL:
		saw_seamcall(tell, event);
		break;
	case TRACE_REF:
		saw_ref(tell, event);
		break;
	case TRACE_KMSG:
		flush_crossing(tell);
		fprintf(tell->events, "    log     %s\n", event->text.text);
		break;
	}
}

/* -- After a step -- */

static void say_ledger(struct tell *tell, struct told_page *page)
{
	struct host_holder_view holder[16];
	char text[sizeof(page->ledger)];
	size_t used = 0;
	int count, i;

	count = tell->host->ops->probe_holders(tell->host, page->pfn, holder, ARRAY_SIZE(holder));
	for (i = 0; i < count && i < (int)ARRAY_SIZE(holder) && used < sizeof(text); i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%s %d", i ? ", " : "",
				 holder[i].kind, holder[i].count);
	if (count <= 0)
		snprintf(text, sizeof(text), "nobody%s",
			 tell->host->ops->frame_free(tell->host, page->pfn) ? ", the frame is free" : "");
	if (strcmp(text, page->ledger))
		printf("    ledger  pfn %#llx: %s\n", (unsigned long long)page->pfn, text);
	memcpy(page->ledger, text, sizeof(text));
}

static void say_broken(struct tell *tell)
{
	const struct broken *broken;

	for (; tell->broken_said < tell->checker->broken_count; tell->broken_said++) {
		broken = &tell->checker->broken[tell->broken_said];
		printf("    BROKEN  %s: %s\n            %s\n", inv_name[broken->inv],
		       inv_sentence[broken->inv], broken->text);
	}
}

static void say_leaks(struct tell *tell)
{
	struct host_leak_view leak[16];
	int count = tell->host->ops->probe_leaks(tell->host, leak, ARRAY_SIZE(leak)), i;

	for (i = 0; i < count && i < (int)ARRAY_SIZE(leak); i++)
		printf("    leaked  pfn %#llx, order %u: %s\n", (unsigned long long)leak[i].pfn,
		       leak[i].order, leak[i].reason);
}

static void say_step(const struct scn_step *step, const struct run_outcome *out)
{
	struct scn_step shown = *step;
	char line[SCN_LINE_MAX];

	shown.limit_count = 0;
	shown.crossing_count = 0;
	if (step->verb->result != VERB_NO_RESULT) {
		shown.result[0] = out->result;
		shown.result_count = 1;
	}
	scn_print_step(&shown, line, sizeof(line));
	print_line(stdout, "", line);
	printf("\n");
}

/* What happened since the last step, under the line that was just printed. */
static void say_what_happened(struct tell *tell, bool hide_events)
{
	u32 i;

	flush_crossing(tell);
	fflush(tell->events);
	if (!hide_events)
		fwrite(tell->text, 1, (size_t)ftell(tell->events), stdout);
	rewind(tell->events);
	for (i = 0; i < tell->page_count; i++)
		if (tell->page[i].touched) {
			tell->page[i].touched = false;
			say_ledger(tell, &tell->page[i]);
		}
	say_broken(tell);
}

static void tell_step(void *ctx, const struct run *run, const struct scn_step *step,
		      const struct run_outcome *out)
{
	struct tell *tell = ctx;

	say_step(step, out);
	say_what_happened(tell, tell->brief && !tell->page_count);
}

/* -- Runs -- */

static int tell_variant(void *ctx, const char *path, const struct scn *scn, struct sim *sim,
			struct run_options *options)
{
	struct tell *tell = ctx;
	struct run_result result;
	char text[240];

	options->listener = tell_event;
	options->listener_ctx = tell;
	options->listener_mask = 1u << TRACE_SEAMCALL | 1u << TRACE_REF | 1u << TRACE_KMSG;
	options->on_step = tell_step;
	options->on_step_ctx = tell;
	tell->host = sim->host;
	tell->checker = &sim->env->checker;
	tell->page_count = tell->broken_said = tell->times = 0;
	memset(tell->page, 0, sizeof(tell->page));
	sim_config_get(&sim->config, "policy", text, sizeof(text));
	printf("# %s\n# %s, policy %s\n\n", scn->hypothesis, path, text);
	run_scenario(sim, scn, options, &result);
	printf("(teardown)\n");
	say_what_happened(tell, tell->brief);
	say_leaks(tell);
	printf("\n%s: %u steps, %u SEAMCALLs\n", run_verdict_names[result.verdict], result.steps,
	       result.seamcalls);
	if (result.diag.set)
		diag_print(stdout, &result.diag, diag_colour(stdout));
	return run_exit_status(result.verdict);
}

/* -- Command line -- */

static int set_brief(void *ctx, const char *text)
{
	((struct tell *)ctx)->brief = true;
	return 0;
}

static int set_kernel(void *ctx, const char *text)
{
	((struct tell *)ctx)->kernel = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "--brief", NULL, "no SEAMCALLs before the first page has its folio, and of the teardown", set_brief },
	{ "--kernel", NULL, "on the real kernel's objects, if they are built", set_kernel },
	MACHINE_OPTION_ROWS,
};

int cmd_tell(int argc, char **argv)
{
	struct tell *tell = calloc(1, sizeof(*tell));
	struct option_words words = { 0 };
	int status, one;
	u32 i;

	if (!tell)
		return EXIT_INTERNAL;
	status = options_parse("tell", argc, argv, rows, ARRAY_SIZE(rows), tell, &words);
	if (!status && !words.count)
		status = usage_error("which scenario?");
	if (!status && tell->kernel)
		status = kernel_program_exec(argc, argv);
	tell->events = open_memstream(&tell->text, &tell->text_size);
	for (i = 0; i < words.count && !status && tell->events; i++) {
		one = machine_each_variant(&tell->machine, &tell->cache, words.word[i],
					   tell_variant, tell);
		status = one > status ? one : status;
	}
	if (tell->events)
		fclose(tell->events);
	free(tell->text);
	sim_cache_free(&tell->cache);
	free(tell);
	option_words_free(&words);
	return status < 0 ? 0 : status;
}
