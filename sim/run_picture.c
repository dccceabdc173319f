// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picture of one page, for failures: what each party believes of the page a
 * step is about, on one line. Taken in a second run of the same choices, so that
 * runs which go well pay nothing for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/run_impl.h"
#include "sim/words.h"

/* The page a step is about, by whichever of its two addresses is known. */
struct page_place {
	bool has_gpa, has_gmem;
	u32 td, gmem;
	gpa_t gpa;
	u64 offset;
};

static const struct run_slot *slot_of_offset(const struct run *run, u32 gmem, u64 offset)
{
	u32 i;

	for (i = 0; i < RUN_SLOT_MAX; i++) {
		const struct run_slot *slot = &run->world.slot[i];

		if (slot->used && slot->has_gmem && slot->gmem == gmem &&
		    offset - slot->offset < slot->size)
			return slot;
	}
	return NULL;
}

static void place_operands(const struct scn_step *step, struct page_place *place)
{
	u32 i;

	if (step->actor.kind == ACTOR_VCPU)
		place->td = step->actor.td;
	for (i = 0; i < step->verb->operand_count; i++) {
		const struct scn_value *value = &step->value[i];

		if (!step_has(step, i))
			continue;
		switch (step->verb->operand[i].type) {
		case TYPE_GPA:
			place->has_gpa = true;
			place->gpa = value->number;
			break;
		case TYPE_GMEM_AT:
			place->offset = value->number;
			/* fall through */
		case TYPE_GMEM:
			place->has_gmem = true;
			place->gmem = value->id;
			break;
		case TYPE_OFFSET:
			place->offset = value->number;
			break;
		case TYPE_VCPU:
			place->td = value->id >> 8;
			break;
		case TYPE_TD:
			place->td = value->id;
			break;
		default:
			break;
		}
	}
}

static bool find_place(const struct run *run, const struct scn_step *step,
		       struct page_place *place)
{
	const struct run_slot *slot;

	memset(place, 0, sizeof(*place));
	place_operands(step, place);
	if (place->has_gpa) {
		slot = run_slot_of(run, place->td, place->gpa);
		if (slot && slot->has_gmem) {
			place->has_gmem = true;
			place->gmem = slot->gmem;
			place->offset = slot->offset + (place->gpa - slot->gpa);
		}
	} else if (place->has_gmem) {
		slot = slot_of_offset(run, place->gmem, place->offset);
		if (slot) {
			place->has_gpa = true;
			place->td = slot->td;
			place->gpa = slot->gpa + (place->offset - slot->offset);
		}
	}
	return place->has_gpa || place->has_gmem;
}

static void add(char *text, size_t size, const char *fmt, ...) __printf(3, 4);

static void add(char *text, size_t size, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + used, size - used, fmt, args);
	va_end(args);
}

static void add_pamt(struct run *run, hpa_t hpa, char *text, size_t size)
{
	struct tdx_pamt_view pamt;
	const char *name;

	if (tdx_probe_pamt(run->sim->tdx, hpa, &pamt))
		return;
	name = word_text(WORDS_PAMT_TYPE, pamt.type);
	add(text, size, "  pamt %s", name ? name : "?");
}

static void add_guest_side(struct run *run, const struct page_place *place, char *text,
			   size_t size)
{
	struct host *h = step_host(run);
	struct host_spte_view spte = { 0 };
	struct tdx_sept_view sept;
	struct host_vm_view vm;
	bool mirrored = h->ops->probe_spte(h, place->td, place->gpa, true, &spte) == 0;

	add(text, size, "mirror %s", mirrored ? word_text(WORDS_SPTE_STATE, spte.state) : "-");
	if (h->ops->probe_vm(h, place->td, &vm) || !vm.exists || !vm.tdr ||
	    tdx_probe_sept(run->sim->tdx, vm.tdr, place->gpa, 0, &sept))
		return;
	add(text, size, "  sept %s", word_text(WORDS_SEPT_STATE, sept.state));
	if (sept.hpa && sept_state_info[sept.state].leaf)
		add_pamt(run, sept.hpa, text, size);
}

void run_picture(struct run *run, const struct scn_step *step, char *text, size_t size)
{
	struct host *h = step_host(run);
	struct host_folio_view folio;
	struct page_place place;

	text[0] = '\0';
	if (!find_place(run, step, &place))
		return;
	if (place.has_gpa)
		add_guest_side(run, &place, text, size);
	if (!place.has_gmem || h->ops->probe_folio(h, place.gmem, place.offset, &folio))
		return;
	if (!folio.present) {
		add(text, size, "  folio absent");
		return;
	}
	add(text, size, "  folio refs=%d order=%u%s", folio.refcount, folio.order,
	    folio.hwpoison ? " hwpoison" : "");
}
