// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to a frame of host memory, put together from events of all
 * layers: who owns it, whether a mirror SPTE names it, and what its S-EPT entry
 * says. A leaf of 2M is 512 frames, each with the leaf's state; an entry with a
 * table below it says nothing of frames, so blocking one moves none.
 *
 * The trace does not say which frame an S-EPT entry names; the SEAMCALLs that
 * enter it do, and are kept by TD and gfn. Mirror SPTEs are matched by gfn
 * alone, so two TDs that freeze the same gfn at the same time blur each other.
 * Left out: S-EPT leaves of 1G, which KVM never makes, and frames that only a
 * scenario of the bare module gives away, which belong to nobody.
 */
#include <string.h>

#include "model/kvm/spte.h"
#include "model/tdx/tables.h"
#include "model/tdx/tdx.h"
#include "sim/base/pool.h"
#include "sim/graph_page.h"

struct sept_place {
	kvm_pfn_t pfn_plus_1;	/* 0: not known */
	u8 state;
};

#define TD_MAX		16
#define GFN_BITS	40
#define SEPT_LEVEL_2M	1

struct page_memory {
	struct arena *arena;
	struct sparse life;	/* struct page_life by pfn */
	struct sparse place;	/* struct sept_place by TD number and gfn */
	struct sparse frozen;	/* pfn + 1 by gfn, of mirror SPTEs now frozen */
	hpa_t td[TD_MAX];
	u32 td_count;
};

static const char *const cause_words[] = {
	"allocated", "freed", "into the page cache", "out of the page cache",
	"TDX takes a reference", "TDX drops its reference", "mirror SPTE set",
	"mirror SPTE frozen", "mirror SPTE cleared", "count frozen", "count unfrozen",
	"memory failure", "unpoison", "to shared", "to private",
};
static_assert(ARRAY_SIZE(cause_words) == CAUSE_END - CAUSE_ALLOC, "a word a cause");

const char *page_cause(u16 cause)
{
	const struct tdx_leaf_info *info = cause & TDX_TRACE_TDCALL ? tdx_tdcall_info : tdx_leaf_info;

	if (cause >= CAUSE_ALLOC && cause < CAUSE_END)
		return cause_words[cause - CAUSE_ALLOC];
	return info[cause & (TDX_LEAF_MAX - 1)].name;
}

bool page_cause_guest(u16 cause)
{
	return cause < CAUSE_ALLOC && cause & TDX_TRACE_TDCALL;
}

static struct page_memory *memory_of(struct graph *graph)
{
	struct page_memory *memory = graph->memory;
	struct arena *arena;

	if (memory)
		return memory;
	arena = arena_create();
	if (!arena)
		return NULL;
	memory = arena_alloc(arena, sizeof(*memory));
	memory->arena = arena;
	sparse_init(&memory->life, sizeof(struct page_life), 1ULL << 40);
	sparse_init(&memory->place, sizeof(struct sept_place), (u64)TD_MAX << GFN_BITS);
	sparse_init(&memory->frozen, sizeof(u64), 1ULL << GFN_BITS);
	graph->memory = memory;
	return memory;
}

static void page_forget(void *memory)
{
	arena_destroy(((struct page_memory *)memory)->arena);
}

static u64 place_index(struct page_memory *memory, hpa_t tdr, gpa_t gpa)
{
	u64 gfn = gpa_to_gfn(gpa) & (BIT_ULL(GFN_BITS) - 1);
	u32 i;

	for (i = 0; i < memory->td_count; i++)
		if (memory->td[i] == tdr)
			break;
	if (i == memory->td_count && i < TD_MAX)
		memory->td[memory->td_count++] = tdr;
	return (u64)(i & (TD_MAX - 1)) << GFN_BITS | gfn;
}

static void page_becomes(struct graph *graph, page_state_fn *state, kvm_pfn_t pfn,
			 struct page_life next, u16 cause)
{
	struct page_memory *memory = graph->memory;
	struct page_life *life = sparse_get(&memory->life, pfn);
	u8 from = state(life), to = state(&next);

	*life = next;
	if (from != to && next.known)
		graph_saw(graph, from, to, cause);
}

static struct page_life page_now(struct graph *graph, kvm_pfn_t pfn)
{
	struct page_memory *memory = graph->memory;

	return *(struct page_life *)sparse_get(&memory->life, pfn);
}

/* -- the kernel's memory ---------------------------------------------------- */

/* What an event is called, and what that changes. */
typedef void change_fn(struct page_life *life, const struct trace_event *event);

static void page_allocated(struct page_life *life, const struct trace_event *event)
{
	life->owner = OWNER_OTHER;
}

static void page_freed(struct page_life *life, const struct trace_event *event)
{
	life->owner = OWNER_FREE;
	life->filemap = life->gmem = life->shared = life->frozen = false;
	life->held = 0;
}

static void page_poisoned(struct page_life *life, const struct trace_event *event)
{
	life->poisoned = true;
}

static void page_unpoisoned(struct page_life *life, const struct trace_event *event)
{
	life->poisoned = false;
}

/* A folio that is split while frozen gives its head's share of the pieces away. */
static bool hands_to_pieces(const struct page_life *life, const struct trace_event *event)
{
	return event->page.delta < 0 && ((-event->page.delta != 1 << event->page.order) ||
					 (life->frozen && event->page.order));
}

static void page_cached(struct page_life *life, const struct trace_event *event)
{
	if (!hands_to_pieces(life, event))
		life->filemap = event->page.delta > 0;
	life->order = event->page.order;
	/* Of an ordinary file, or not guest_memfd's yet: it says so next. */
	life->owner = life->gmem ? OWNER_GMEM : OWNER_OTHER;
}

static void page_held(struct page_life *life, const struct trace_event *event)
{
	life->held += event->page.delta;
}

/* A piece thaws without having been frozen by itself: zero is thawed, too. */
static void page_frozen(struct page_life *life, const struct trace_event *event)
{
	life->frozen = event->page.delta < 0;
}

static void gmem_got(struct page_life *life, const struct trace_event *event)
{
	life->gmem = true;
	life->owner = OWNER_GMEM;
	life->shared = event->page.shared;
}

static void gmem_lost(struct page_life *life, const struct trace_event *event)
{
	/* The page cache's reference goes next, and with it the owner. */
	life->gmem = false;
}

static const struct page_change {
	u8 kind;
	const char *what;
	change_fn *change;
	u16 up, down;		/* the cause, by the sign of delta */
} page_changes[] = {
	{ TRACE_PAGE, "alloc", page_allocated, CAUSE_ALLOC, CAUSE_ALLOC },
	{ TRACE_PAGE, "free", page_freed, CAUSE_FREE, CAUSE_FREE },
	{ TRACE_PAGE, "hwpoison", page_poisoned, CAUSE_POISON, CAUSE_POISON },
	{ TRACE_PAGE, "unpoison", page_unpoisoned, CAUSE_UNPOISON, CAUSE_UNPOISON },
	{ TRACE_REF, "filemap", page_cached, CAUSE_CACHE_ADD, CAUSE_CACHE_REMOVE },
	{ TRACE_REF, "sept-pin", page_held, CAUSE_HOLD, CAUSE_UNHOLD },
	{ TRACE_REF, "zap-error", page_held, CAUSE_HOLD, CAUSE_UNHOLD },
	{ TRACE_REF, "freeze", page_frozen, CAUSE_UNFREEZE, CAUSE_FREEZE },
	{ TRACE_GMEM, "alloc", gmem_got, CAUSE_CACHE_ADD, CAUSE_CACHE_ADD },
	{ TRACE_GMEM, "free", gmem_lost, CAUSE_CACHE_REMOVE, CAUSE_CACHE_REMOVE },
	{ TRACE_GMEM, "shared", gmem_got, CAUSE_TO_SHARED, CAUSE_TO_SHARED },
	{ TRACE_GMEM, "private", gmem_got, CAUSE_TO_PRIVATE, CAUSE_TO_PRIVATE },
};

static void saw_page(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	const struct page_change *row, *end = page_changes + ARRAY_SIZE(page_changes);
	struct page_life life;
	u64 i;

	for (row = page_changes; row < end; row++)
		if (row->kind == event->kind && !strcmp(row->what, event->page.what))
			break;
	if (row == end || event->page.pfn == ~0ULL)
		return;
	for (i = 0; i < 1ULL << event->page.order; i++) {
		life = page_now(graph, event->page.pfn + i);
		life.known = true;
		row->change(&life, event);
		page_becomes(graph, state, event->page.pfn + i, life,
			     event->page.delta < 0 ? row->down : row->up);
	}
}

/* -- the mirror ------------------------------------------------------------- */

static void mirror_becomes(struct graph *graph, page_state_fn *state, kvm_pfn_t pfn,
			   u8 level, enum mirror mirror, u16 cause)
{
	struct page_life life;
	u64 i;

	for (i = 0; i < KVM_PAGES_PER_HPAGE(level); i++) {
		life = page_now(graph, pfn + i);
		life.mirror = mirror;
		page_becomes(graph, state, pfn + i, life, cause);
	}
}

static void saw_spte(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	struct page_memory *memory = graph->memory;
	u64 from = event->spte.from, to = event->spte.to;
	u8 level = event->spte.level;
	/* A leaf that becomes a table: the 512 entries of that name the same frames. */
	bool split = is_shadow_present_pte(to) && !is_last_spte(to, level);
	u64 *frozen;

	if (!event->spte.mirror)
		return;
	frozen = sparse_get(&memory->frozen, event->spte.gfn & (BIT_ULL(GFN_BITS) - 1));
	if (is_shadow_present_leaf(to, level)) {
		mirror_becomes(graph, state, spte_to_pfn(to), level, MIRROR_LEAF, CAUSE_SPTE_SET);
	} else if (is_shadow_present_leaf(from, level) && is_frozen_spte(to)) {
		*frozen = spte_to_pfn(from) + 1;
		mirror_becomes(graph, state, spte_to_pfn(from), level, MIRROR_FROZEN,
			       CAUSE_SPTE_FREEZE);
		return;
	} else if (is_shadow_present_leaf(from, level) && !split) {
		mirror_becomes(graph, state, spte_to_pfn(from), level, MIRROR_NONE,
			       CAUSE_SPTE_CLEAR);
	} else if (is_frozen_spte(from) && *frozen) {
		mirror_becomes(graph, state, *frozen - 1, level, split ? MIRROR_LEAF : MIRROR_NONE,
			       split ? CAUSE_SPTE_SET : CAUSE_SPTE_CLEAR);
	}
	*frozen = 0;
}

/* -- the S-EPT -------------------------------------------------------------- */

static enum sept_class class_of(u8 sept)
{
	switch (sept) {
	case SEPT_PENDING:
		return SEPT_CLASS_PENDING;
	case SEPT_MAPPED:
		return SEPT_CLASS_MAPPED;
	case SEPT_BLOCKED:
	case SEPT_PENDING_BLOCKED:
		return SEPT_CLASS_BLOCKED;
	default:
		return SEPT_CLASS_NONE;
	}
}

static void sept_becomes(struct graph *graph, page_state_fn *state, kvm_pfn_t pfn, u8 sept,
			 u16 cause)
{
	struct page_life life = page_now(graph, pfn);

	life.sept = class_of(sept);
	page_becomes(graph, state, pfn, life, cause);
}

/*
 * The frames of a large leaf stay in the S-EPT while PAGE.DEMOTE and PROMOTE hand
 * them from one level to the other: the entry that takes over speaks for them.
 */
static bool says_nothing_of_frames(const struct trace_event *event)
{
	bool table = !sept_state_info[event->sept.to].leaf && event->sept.to != SEPT_FREE;
	bool was_table = !sept_state_info[event->sept.from].leaf && event->sept.from != SEPT_FREE;

	return event->sept.level > SEPT_LEVEL_2M || table ||
	       (was_table && event->sept.to == SEPT_FREE) ||
	       (event->sept.leaf == TDH_MEM_PAGE_PROMOTE && event->sept.to == SEPT_FREE);
}

static void saw_sept(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	struct page_memory *memory = graph->memory;
	/* The entry names another frame now, which the SEAMCALL's own event tells. */
	bool gone = event->sept.to == SEPT_FREE || event->sept.leaf == TDH_MEM_PAGE_RELOCATE;
	struct sept_place *place;
	u64 i, index, count = KVM_PAGES_PER_HPAGE(event->sept.level + 1);

	if (says_nothing_of_frames(event))
		return;
	index = place_index(memory, event->sept.tdr, event->sept.gpa);
	for (i = 0; i < count; i++) {
		place = sparse_get(&memory->place, index + i);
		place->state = event->sept.to;
		if (!place->pfn_plus_1)
			continue;
		sept_becomes(graph, state, place->pfn_plus_1 - 1, gone ? SEPT_FREE : place->state,
			     event->sept.leaf);
		if (gone)
			place->pfn_plus_1 = 0;
	}
}

/* AUG, PAGE.ADD and RELOCATE tell which frame the entry they just filled names. */
static void saw_seamcall(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	u16 leaf = (u16)event->call.rax;
	struct page_memory *memory = graph->memory;
	const struct tdx_module_args *in = event->call.in;
	struct sept_place *place;
	u64 i, index, count;

	if (leaf != TDH_MEM_PAGE_AUG && leaf != TDH_MEM_PAGE_ADD && leaf != TDH_MEM_PAGE_RELOCATE)
		return;
	index = place_index(memory, in->rdx & PAGE_MASK, in->rcx & PAGE_MASK);
	count = KVM_PAGES_PER_HPAGE((in->rcx & 7) + 1);
	for (i = 0; i < count && count <= 512; i++) {
		place = sparse_get(&memory->place, index + i);
		if (place->pfn_plus_1 || class_of(place->state) == SEPT_CLASS_NONE)
			continue;
		place->pfn_plus_1 = hpa_to_pfn(in->r8) + i + 1;
		sept_becomes(graph, state, place->pfn_plus_1 - 1, place->state, leaf);
	}
}

/* A page that leaves PT_REG is in no S-EPT any more, whatever its entry said. */
static void saw_pamt(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	u64 i, count = KVM_PAGES_PER_HPAGE(event->state.what + 1);

	if (event->state.from != PT_REG || event->state.leaf != TDH_PHYMEM_PAGE_RECLAIM)
		return;
	for (i = 0; i < count; i++)
		sept_becomes(graph, state, hpa_to_pfn(event->state.hpa) + i, SEPT_FREE,
			     event->state.leaf);
}

void page_event(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	if (!memory_of(graph))
		return;
	graph->forget = page_forget;
	switch (event->kind) {
	case TRACE_PAGE:
	case TRACE_REF:
	case TRACE_GMEM:
		return saw_page(graph, state, event);
	case TRACE_SPTE:
		return saw_spte(graph, state, event);
	case TRACE_SEPT:
		return saw_sept(graph, state, event);
	case TRACE_SEAMCALL:
		return saw_seamcall(graph, state, event);
	case TRACE_PAMT:
		return saw_pamt(graph, state, event);
	}
}
