// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handlers of `expect`, part one: memory. Each looks through a probe and
 * compares only what the line gives, so that a scenario says what it means and
 * no more.
 */
#include <stdio.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/run_impl.h"
#include "sim/words.h"

#define HOLDER_MAX	32

static void compare_word(struct run_outcome *out, const char *what, enum word_table table,
			 u64 expected, u64 actual)
{
	const char *a = word_text(table, expected), *b = word_text(table, actual);

	out_compare(out, what, a ? a : "?", b ? b : "?");
}

/* Operands given as a yes or no. */
static void compare_flag_if(const struct scn_step *step, u32 i, bool actual,
			    struct run_outcome *out)
{
	if (step_has(step, i))
		out_compare_flag(out, step->verb->operand[i].name, step->value[i].number, actual);
}

static void compare_number_if(const struct scn_step *step, u32 i, u64 actual,
			      struct run_outcome *out)
{
	if (step_has(step, i))
		out_compare_number(out, step->verb->operand[i].name, step->value[i].number,
				   actual);
}

/* ---- folio, holder ---- */

static bool probe_at(struct run *run, const struct scn_step *step,
		     struct host_folio_view *view, struct run_outcome *out)
{
	int rc = step_ops(run)->probe_folio(step_host(run), step->value[0].id,
					    step->value[0].number, view);

	if (!rc)
		return true;
	if (run->world.created_line[OBJECT_GMEM][step->value[0].id])
		out_mismatch(out, "a folio", "a guest_memfd that is closed");
	else
		out_bad_input(out, "g%u was never created", step->value[0].id);
	return false;
}

void verb_expect_folio(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct host_folio_view view = { 0 };
	bool absent = step_has(step, 7);

	if (!probe_at(run, step, &view, out))
		return;
	if (absent || !view.present || step_has(step, 8))
		out_compare(out, "", absent ? "absent" : "present",
			    view.present ? "present" : "absent");
	if (!view.present)
		return;
	compare_number_if(step, 1, view.refcount, out);
	compare_number_if(step, 2, view.order, out);
	compare_number_if(step, 3, view.mapcount, out);
	compare_number_if(step, 4, view.pincount, out);
	compare_flag_if(step, 5, view.uptodate, out);
	compare_flag_if(step, 6, view.hwpoison, out);
	compare_flag_if(step, 9, view.marked, out);
	compare_flag_if(step, 10, view.dma_pinned, out);
}

/* @offset: of the folio in its file. Who holds one page of it is named with that. */
static void print_holders(const struct host_holder_view *view, u32 count, kvm_pfn_t folio,
			  u64 offset, char *text, size_t size)
{
	size_t used = 0;
	u32 i;

	snprintf(text, size, "nobody");
	for (i = 0; i < count && used < size; i++) {
		used += snprintf(text + used, size - used, "%s%s count=%d", i ? ", " : "",
				 view[i].kind, view[i].count);
		if (view[i].pfn > folio && used < size)
			used += snprintf(text + used, size - used, " at 0x%llx", (long long)
					 (offset + ((view[i].pfn - folio) << PAGE_SHIFT)));
	}
}

void verb_expect_holder(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct host_holder_view view[HOLDER_MAX];
	struct host_folio_view folio = { 0 };
	const char *kind = step->value[1].word;
	u64 offset = step->value[0].number;
	char text[200], wanted[80];
	kvm_pfn_t here;
	s32 count = 0;
	u32 i, n;

	if (!probe_at(run, step, &folio, out))
		return;
	if (!folio.present) {
		out_mismatch(out, kind, "no folio there");
		return;
	}
	n = step_ops(run)->probe_holders(step_host(run), folio.pfn, view, HOLDER_MAX);
	n = n > HOLDER_MAX ? HOLDER_MAX : n;
	here = folio.pfn + (offset >> PAGE_SHIFT & ((1ULL << folio.order) - 1));
	for (i = 0; i < n; i++)
		if (!strcmp(view[i].kind, kind) && (!step_has(step, 4) || view[i].pfn == here))
			count += view[i].count;
	print_holders(view, n, folio.pfn, ALIGN_DOWN(offset, PAGE_SIZE << folio.order), text,
		      sizeof(text));
	if (step_has(step, 2))
		snprintf(wanted, sizeof(wanted), "%.40s count=%llu", kind,
			 (unsigned long long)step->value[2].number);
	else
		snprintf(wanted, sizeof(wanted), "%s%.40s", step_has(step, 3) ? "no " : "", kind);
	if (step_has(step, 2) ? (u64)count != step->value[2].number :
	    (count == 0) != step_has(step, 3))
		out_mismatch(out, wanted, "%s", text);
}

/* ---- sept, pamt, spte, mirror, attributes ---- */

static bool find_tdr(struct run *run, u32 td, hpa_t *tdr, struct run_outcome *out)
{
	struct host_vm_view vm = { 0 };

	if (!step_ops(run)->probe_vm(step_host(run), td, &vm) && vm.exists && vm.tdr) {
		*tdr = vm.tdr;
		return true;
	}
	if (run->world.created_line[OBJECT_TD][td])
		out_mismatch(out, "a TD", "a TD without its root page (not made yet, or torn down)");
	else
		out_bad_input(out, "td%u was never created", td);
	return false;
}

void verb_expect_sept(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u8 level = step_number(step, 2, PG_LEVEL_4K) - PG_LEVEL_4K;
	struct tdx_sept_view view = { 0 };
	hpa_t tdr;

	if (!find_tdr(run, step_id(step, 3, 0), &tdr, out))
		return;
	tdx_probe_sept(run->sim->tdx, tdr, step->value[0].number, level, &view);
	if (step_has(step, 1))
		compare_word(out, "state", WORDS_SEPT_STATE, step->value[1].number, view.state);
	if (step_has(step, 2))
		compare_word(out, "level", WORDS_LEVEL, step->value[2].number,
			     view.level + PG_LEVEL_4K);
	if (step_has(step, 4))
		out_compare_number(out, "pfn", run->world.frame[step->value[4].id].pfn,
				   hpa_to_pfn(view.hpa));
}

static struct run_frame *known_frame(struct run *run, const struct scn_step *step, u32 i,
				     struct run_outcome *out)
{
	struct run_frame *frame = &run->world.frame[step->value[i].id];

	if (frame->used)
		return frame;
	out_bad_input(out, "p%u names no frame yet ('test remember' or 'mm alloc' does)",
		      step->value[i].id);
	return NULL;
}

void verb_expect_pamt(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct run_frame *frame = known_frame(run, step, 0, out);
	struct tdx_pamt_view view = { 0 };
	hpa_t pair[2];

	if (!frame)
		return;
	if (tdx_probe_pamt(run->sim->tdx, pfn_to_hpa(frame->pfn), &view)) {
		out_mismatch(out, "a PAMT entry", "a frame outside all TDMRs");
		return;
	}
	if (step_has(step, 1))
		compare_word(out, "type", WORDS_PAMT_TYPE, step->value[1].number, view.type);
	if (step_has(step, 2))
		compare_word(out, "level", WORDS_LEVEL, step->value[2].number,
			     view.level + PG_LEVEL_4K);
	compare_flag_if(step, 3, tdx_probe_pamt_pair(run->sim->tdx, pfn_to_hpa(frame->pfn), pair),
			out);
	if (step_has(step, 4))
		compare_number_if(step, 4,
				  step_ops(run)->probe_pamt_count(step_host(run), frame->pfn),
				  out);
}

static void expect_spte(struct run *run, const struct scn_step *step, bool mirror,
			struct run_outcome *out)
{
	struct host_spte_view view = { .state = SPTE_NONE };

	step_ops(run)->probe_spte(step_host(run), step_id(step, 3, 0), step->value[0].number,
				  mirror, &view);
	if (step_has(step, 1))
		compare_word(out, "state", WORDS_SPTE_STATE, step->value[1].number, view.state);
	if (step_has(step, 2))
		compare_word(out, "level", WORDS_LEVEL, step->value[2].number, view.level);
}

void verb_expect_spte(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	expect_spte(run, step, false, out);
}

void verb_expect_mirror(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	expect_spte(run, step, true, out);
}

void verb_expect_attributes(struct run *run, const struct scn_step *step,
			    struct run_outcome *out)
{
	u64 attributes = 0;

	if (step_ops(run)->probe_attributes(step_host(run), step_id(step, 2, 0),
					    step->value[0].number, &attributes)) {
		out_bad_input(out, "td%u is not there", step_id(step, 2, 0));
		return;
	}
	compare_word(out, "", WORDS_VISIBILITY, step->value[1].number, attributes != 0);
}

/* ---- frame, leak ---- */

void verb_expect_frame(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct run_frame *frame = known_frame(run, step, 0, out), *other;
	const struct hw_frame *hw;

	if (!frame)
		return;
	hw = hw_frame_peek(run->sim->hw, frame->pfn);
	compare_flag_if(step, 1, step_ops(run)->frame_free(step_host(run), frame->pfn), out);
	compare_flag_if(step, 2, tdx_frame_in_sept(run->sim->tdx, pfn_to_hpa(frame->pfn)), out);
	compare_flag_if(step, 3, hw && hw_keyid_private(run->sim->hw, hw->keyid), out);
	compare_flag_if(step, 4, hw && hw->flags & HW_FRAME_POISON, out);
	compare_number_if(step, 6, hw ? hw->token : TOKEN_ZERO, out);
	if (!step_has(step, 5))
		return;
	other = known_frame(run, step, 5, out);
	if (other)
		out_compare_number(out, "pfn", other->pfn, frame->pfn);
}

#define LEAK_MAX	64

/* Leaks that fit what the line says. */
void verb_expect_leak(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct host_leak_view view[LEAK_MAX];
	u32 n = step_ops(run)->probe_leaks(step_host(run), view, LEAK_MAX), i, fit = 0;
	struct run_frame *frame = NULL;
	const char *seen = NULL;

	if (step_has(step, 2)) {
		frame = known_frame(run, step, 2, out);
		if (!frame)
			return;
	}
	for (i = 0; i < n && i < LEAK_MAX; i++) {
		if (frame && frame->pfn - view[i].pfn >= 1ULL << view[i].order)
			continue;
		seen = view[i].reason;
		if (step_has(step, 1) && !strstr(view[i].reason, step->value[1].word))
			continue;
		fit += 1u << view[i].order;
	}
	if (step_has(step, 0))
		out_compare_number(out, "count", step->value[0].number, fit);
	else if (!fit)
		out_mismatch(out, "a leak", seen ? "another reason: %s" : "none%s",
			     seen ? seen : "");
	if (out->mismatch && seen && step_has(step, 0))
		out_mismatch(out, "", "(one says: %.80s)", seen);
}

/* ---- hugetlb, vmemmap ---- */

static bool probe_hugetlb(struct run *run, u8 level, struct host_hugetlb_view *view,
			  struct run_outcome *out)
{
	if (!step_ops(run)->probe_hugetlb(step_host(run), level, view))
		return true;
	out_mismatch(out, "a hugetlb pool", "a host that has none");
	return false;
}

void verb_expect_hugetlb(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct host_hugetlb_view view = { 0 };

	if (!probe_hugetlb(run, step->value[0].number, &view, out))
		return;
	compare_number_if(step, 1, view.total, out);
	compare_number_if(step, 2, view.free, out);
	compare_number_if(step, 3, view.reserved, out);
	compare_number_if(step, 4, view.surplus, out);
}

void verb_expect_vmemmap(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct host_hugetlb_view view = { 0 };

	if (probe_hugetlb(run, PG_LEVEL_2M, &view, out))
		compare_number_if(step, 0, view.vmemmap_saved, out);
}
