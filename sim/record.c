// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of runs, for `septum diff`. Two runs are the same when their records
 * are; nothing here knows what the differences might be.
 */
#include <stdlib.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "model/tdx/tdx.h"
#include "sim/diag.h"
#include "sim/record.h"
#include "sim/run_impl.h"

#define FOLIO_PAGES_MAX	4096	/* looked at of each slot */
#define VIEW_TEXT	160

/* Frame numbers in the order of first sight: an open hash table, pfn 0 is empty. */
struct frame_names {
	struct { kvm_pfn_t pfn; u32 number; } *slot;
	u32 size, used;
};

struct recorder {
	FILE *out;
	const struct sim *sim;
	struct frame_names frames;
	/* What was last written about each object: only changes are repeated. */
	char vm[HOST_OBJ_MAX][VIEW_TEXT];
	char *folio[HOST_OBJ_MAX];	/* FOLIO_PAGES_MAX texts of VIEW_TEXT */
};

/* ---- Frames ---- */

static void frames_grow(struct frame_names *names)
{
	struct frame_names old = *names;
	u32 i, at;

	names->size = old.size ? 2 * old.size : 1024;
	names->slot = calloc(names->size, sizeof(*names->slot));
	if (!names->slot)
		abort();
	for (i = 0; i < old.size; i++) {
		if (!old.slot[i].pfn)
			continue;
		for (at = old.slot[i].pfn % names->size; names->slot[at].pfn;)
			at = (at + 1) % names->size;
		names->slot[at] = old.slot[i];
	}
	free(old.slot);
}

static u32 frame_number(struct recorder *recorder, kvm_pfn_t pfn)
{
	struct frame_names *names = &recorder->frames;
	u32 at;

	if (names->used * 2 >= names->size)
		frames_grow(names);
	for (at = pfn % names->size; names->slot[at].pfn; at = (at + 1) % names->size)
		if (names->slot[at].pfn == pfn)
			return names->slot[at].number;
	names->slot[at].pfn = pfn;
	names->slot[at].number = ++names->used;
	return names->used;
}

/* ---- SEAMCALLs ---- */

/* Does the leaf's row say that the register is a page? */
static bool register_is_page(const struct tdx_leaf_info *leaf, const char *name)
{
	static const char *const pages[] = { "page", "TDR", "TDVPR", "source", "hpa" };
	const char *text = leaf && leaf->operands ? strstr(leaf->operands, name) : NULL;
	const char *end;
	char word[60];
	u32 i;

	if (!text)
		return false;
	text += strlen(name);
	/* Up to the next register of the row. */
	end = strstr(text, " r");
	snprintf(word, sizeof(word), "%.*s", end ? (int)(end - text) : (int)strlen(text), text);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		if (strstr(word, pages[i]))
			return true;
	return false;
}

static void write_register(struct recorder *recorder, const struct tdx_leaf_info *leaf,
			   const char *name, u64 value)
{
	u64 mask = recorder->sim->hw->frame_count * PAGE_SIZE - 1;
	kvm_pfn_t pfn = hpa_to_pfn(value & mask);

	/* Buffers the host keeps for itself have no page of their own. */
	if (leaf && ((leaf->number == TDH_VP_WR && !strcmp(name, "r8=") && value >= 8 * SZ_2M) ||
		     (leaf->number == TDH_MNG_INIT && !strcmp(name, "rdx="))))
		fprintf(recorder->out, " %saddress", name);
	else if (!register_is_page(leaf, name) || !pfn)
		fprintf(recorder->out, " %s0x%llx", name, (unsigned long long)value);
	else if (value & ~mask)
		fprintf(recorder->out, " %sframe%u|0x%llx", name, frame_number(recorder, pfn),
			(unsigned long long)(value & ~mask));
	else
		fprintf(recorder->out, " %sframe%u", name, frame_number(recorder, pfn));
}

static void record_seamcall(struct recorder *recorder, const struct trace_event *event)
{
	u16 number = event->call.rax & 0xffff;
	const struct tdx_leaf_info *leaf = number < TDX_LEAF_MAX ? &tdx_leaf_info[number] : NULL;
	const struct tdx_module_args *in = event->call.in;

	fprintf(recorder->out, "  seamcall %s lp=%u", leaf && leaf->name ? leaf->name : "?",
		event->call.lp);
	write_register(recorder, leaf, "rcx=", in->rcx);
	/* VP.ENTER's other registers are the guest's: what the host left in them. */
	if (number != TDH_VP_ENTER) {
		write_register(recorder, leaf, "rdx=", in->rdx);
		write_register(recorder, leaf, "r8=", in->r8);
		write_register(recorder, leaf, "r9=", in->r9);
	}
	fprintf(recorder->out, " -> 0x%llx%s\n", (unsigned long long)event->call.status,
		event->call.injected ? " injected" : "");
}

static void record_event(void *ctx, const struct trace_event *event)
{
	struct recorder *recorder = ctx;

	if (event->kind == TRACE_SEAMCALL)
		record_seamcall(recorder, event);
	else if (event->kind == TRACE_KMSG && event->text.level == KMSG_WARN)
		fprintf(recorder->out, "  warn %s\n", event->text.where);
	else if (event->kind == TRACE_KMSG && event->text.level == KMSG_BUG)
		fprintf(recorder->out, "  bug %s\n", event->text.where);
}

/* ---- Objects after a step ---- */

static void write_change(struct recorder *recorder, char *before, const char *now)
{
	if (!strcmp(before, now))
		return;
	strcpy(before, now);
	if (now[0])
		fprintf(recorder->out, "  %s\n", now);
}

static void record_vm(struct recorder *recorder, struct host *h, u32 vm)
{
	struct host_vm_view view;
	char now[VIEW_TEXT] = "";

	if (h->ops->probe_vm(h, vm, &view))
		return;
	if (view.exists)
		snprintf(now, sizeof(now), "vm td%u dead=%u bugged=%u hkid=%d state=%u", vm,
			 view.vm_dead, view.vm_bugged, view.hkid, view.state);
	write_change(recorder, recorder->vm[vm], now);
}

static void record_folio(struct recorder *recorder, struct host *h, u32 gmem, u64 index)
{
	struct host_folio_view view;
	char now[VIEW_TEXT] = "";

	if (h->ops->probe_folio(h, gmem, index << PAGE_SHIFT, &view))
		return;
	if (view.present)
		snprintf(now, sizeof(now),
			 "folio g%u@0x%llx refs=%d order=%u%s%s%s", gmem,
			 (unsigned long long)(index << PAGE_SHIFT), view.refcount, view.order,
			 view.uptodate ? " uptodate" : "", view.locked ? " locked" : "",
			 view.hwpoison ? " hwpoison" : "");
	write_change(recorder, recorder->folio[gmem] + index * VIEW_TEXT, now);
}

static void record_step(void *ctx, const struct run *run, const struct scn_step *step,
			const struct run_outcome *out)
{
	struct recorder *recorder = ctx;
	struct host *h = run->sim->host;
	struct scn_step shown = *step;
	char line[SCN_LINE_MAX], result[100];
	u32 i;
	u64 index;

	shown.crossing_count = 0;
	shown.limit_count = 0;
	shown.result_count = 0;
	scn_print_step(&shown, line, sizeof(line));
	scn_print_result(&out->result, result, sizeof(result));
	if (step->verb->result != VERB_NO_RESULT)
		fprintf(recorder->out, "step %s = %s\n", line, result);
	for (i = 0; i < HOST_OBJ_MAX; i++)
		record_vm(recorder, h, i);
	for (i = 0; i < RUN_SLOT_MAX; i++) {
		const struct run_slot *slot = &run->world.slot[i];

		if (!slot->used || !slot->has_gmem || !recorder->folio[slot->gmem])
			continue;
		for (index = 0; index < slot->size >> PAGE_SHIFT && index < FOLIO_PAGES_MAX; index++)
			record_folio(recorder, h, slot->gmem, index);
	}
}

/* ---- A file ---- */

static void recorder_reset(struct recorder *recorder)
{
	u32 i;

	free(recorder->frames.slot);
	memset(&recorder->frames, 0, sizeof(recorder->frames));
	memset(recorder->vm, 0, sizeof(recorder->vm));
	for (i = 0; i < HOST_OBJ_MAX; i++) {
		free(recorder->folio[i]);
		recorder->folio[i] = calloc(FOLIO_PAGES_MAX, VIEW_TEXT);
		if (!recorder->folio[i])
			abort();
	}
}

static int record_variant(struct recorder *recorder, const struct scn *scn, const char *path,
			  u32 variant, struct sim_cache *cache)
{
	struct run_options options = {
		.variant = variant, .keep_going = true,
		.listener = record_event, .listener_ctx = recorder,
		.listener_mask = 1u << TRACE_SEAMCALL | 1u << TRACE_KMSG,
		.on_step = record_step, .on_step_ctx = recorder,
	};
	char why[DIAG_TEXT_MAX], name[300];
	struct sim_config config;
	struct run_result result;
	struct diag diag;
	struct sim *sim;

	if (!run_config(scn, &options, &config, &diag)) {
		diag_print(stderr, &diag, false);
		return EXIT_BAD_INPUT;
	}
	sim = sim_cache_get(cache, &config, why, sizeof(why));
	if (!sim)
		return usage_error("%s: %s", path, why);
	recorder_reset(recorder);
	recorder->sim = sim;
	run_variant_text(scn, variant, name, sizeof(name));
	fprintf(recorder->out, "run %s%s%s\n", path, name[0] ? " " : "", name);
	choose_script(&sim->env->chooser);
	run_scenario(sim, scn, &options, &result);
	if (result.verdict == RUN_SKIPPED)
		fprintf(recorder->out, "skipped %s\n", result.diag.text);
	else
		fprintf(recorder->out, "verdict %s\n", run_verdict_names[result.verdict]);
	return 0;
}

int record_file(const char *path, struct sim_cache *cache, FILE *out)
{
	struct recorder *recorder;
	struct diag diag;
	struct scn *scn = scn_parse_file(path, &diag);
	int err = 0;
	u32 i;

	if (!scn) {
		diag_print(stderr, &diag, false);
		return EXIT_BAD_INPUT;
	}
	recorder = calloc(1, sizeof(*recorder));
	if (!recorder)
		abort();
	recorder->out = out;
	for (i = 0; i < run_variant_count(scn) && !err; i++)
		err = record_variant(recorder, scn, path, i, cache);
	for (i = 0; i < HOST_OBJ_MAX; i++)
		free(recorder->folio[i]);
	free(recorder->frames.slot);
	free(recorder);
	scn_free(scn);
	return err;
}
