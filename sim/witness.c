// SPDX-License-Identifier: GPL-2.0-only
/* Showing a witness: its list, its slices of processor time, its file. */
#include <stdlib.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/witness.h"

void witness_list_text(const struct choice_list *list, u32 kinds, char *text, size_t size)
{
	struct choice *record = calloc(list->count + 1, sizeof(*record));
	struct chooser chooser = { .enabled = kinds, .record = record };

	if (!record)
		internal_error("no memory for a choice list");
	for (; chooser.record_count < list->count; chooser.record_count++)
		record[chooser.record_count].picked = list->pick[chooser.record_count];
	choose_print_kinds(&chooser, text, size);
	free(record);
}

void witness_print_settings(FILE *out, const struct scn *scn, const struct run_options *options)
{
	char variant[160], *word, *rest;
	u32 i;

	for (i = 0; i < options->set_count; i++)
		fprintf(out, " --set %s=%s", options->set[i].knob, options->set[i].value);
	run_variant_text(scn, options->variant, variant, sizeof(variant));
	for (word = strtok_r(variant, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		fprintf(out, " --set %s", word);
}

/* -- Slices -- */

#define SLICE_TEXT	110

struct slices {
	FILE *out;
	u32 count;
	char task[TASK_NAME_MAX];
	char text[SLICE_TEXT];
};

static void flush_slice(struct slices *slices)
{
	if (slices->task[0] && strcmp(slices->task, "main"))
		fprintf(slices->out, "    %2u  %-8s %s\n", ++slices->count, slices->task,
			slices->text[0] ? slices->text : "goes on");
	slices->text[0] = 0;
}

/* Make room at the front, by whole words. */
static void drop_words(char *text, size_t room)
{
	size_t length = strlen(text);
	char *from = length > room ? strstr(text + (length - room), ", ") : NULL;

	from = from ? from + 2 : text + length;
	memmove(text + 5, from, strlen(from) + 1);
	memcpy(text, "..., ", 5);
}

static void add_word(struct slices *slices, const char *verb, const char *word)
{
	size_t length = strlen(slices->text), more = strlen(verb) + strlen(word) + 8;

	/* The end of a slice says more than its middle: it is where the switch is. */
	if (length + more > SLICE_TEXT) {
		drop_words(slices->text, SLICE_TEXT - more);
		length = strlen(slices->text);
		snprintf(slices->text + length, SLICE_TEXT - length, "%s%s%s",
			 length > 5 ? ", " : "", verb, word);
		return;
	}
	snprintf(slices->text + length, SLICE_TEXT - length, "%s%s%s", length ? ", " : "", verb, word);
}

static void on_event(void *ctx, const struct trace_event *event)
{
	struct slices *slices = ctx;
	u16 leaf;

	switch (event->kind) {
	case TRACE_TASK:
		flush_slice(slices);
		snprintf(slices->task, sizeof(slices->task), "%s", event->sync.name);
		break;
	case TRACE_LOCK:
		if (!strcmp(event->sync.what, "acquire"))
			add_word(slices, "takes ", event->sync.name);
		else if (!strcmp(event->sync.what, "block"))
			add_word(slices, "waits for ", event->sync.name);
		else
			add_word(slices, "drops ", event->sync.name);
		break;
	default:
		leaf = event->call.rax;
		if (leaf < TDX_LEAF_MAX && tdx_leaf_info[leaf].name)
			add_word(slices, "", tdx_leaf_info[leaf].name);
	}
}

void witness_print_slices(FILE *out, struct sim *sim, const struct scn *scn,
			  const struct run_options *options, const struct choice_list *list,
			  u32 kinds)
{
	struct slices slices = { .out = out };
	struct run_options traced = *options;
	struct run_result result;

	traced.listener = on_event;
	traced.listener_ctx = &slices;
	traced.listener_mask = 1u << TRACE_TASK | 1u << TRACE_LOCK | 1u << TRACE_SEAMCALL;
	choose_replay(&sim->env->chooser, list->pick, list->count);
	sim->env->chooser.enabled = kinds;
	run_scenario(sim, scn, &traced, &result);
	flush_slice(&slices);
	choose_script(&sim->env->chooser);
}

/* -- A file -- */

int witness_write(const char *dir, const char *name, const char *tag, const struct scn *scn,
		  const struct run_options *options, const struct witness *witness, u32 kinds)
{
	char path[512], list[SHRINK_CHOICES_MAX], *text;
	FILE *out;

	if (!witness->found)
		return 0;
	snprintf(path, sizeof(path), "%s/%s-%s.scn", dir, name, tag);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		return -1;
	}
	witness_list_text(&witness->list, kinds, list, sizeof(list));
	fprintf(out, "# Ends with %s: septum run", run_verdict_names[witness->verdict]);
	witness_print_settings(out, scn, options);
	fprintf(out, " --choices '%s' %s\n", list, path);
	text = scn_print(scn);
	fputs(text, out);
	free(text);
	if (fclose(out)) {
		perror(path);
		return -1;
	}
	return 0;
}
