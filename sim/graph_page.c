// SPDX-License-Identifier: GPL-2.0-only
/*
 * Graphs of what happens to a page of host memory, put together from events of
 * all layers: who owns the frame, whether a mirror SPTE names it, and what its
 * S-EPT entry says. One record a frame, three ways to look at it:
 *
 *   folio   the kernel's view: allocated, in the page cache alone or as part of
 *           a huge folio, held, freed
 *   gmem    the page behind an index of a guest_memfd, and its mirror SPTE
 *   states  the product of owner, mirror SPTE and S-EPT entry; a frame that is
 *           not guest_memfd's while an S-EPT entry names it is drawn as an alarm
 *
 * The trace does not say which frame an S-EPT entry names; the SEAMCALLs that
 * enter it do, and are kept by TD and gfn. Mirror SPTEs are matched by gfn
 * alone, so two TDs that freeze the same gfn at the same time blur each other.
 */
#include <string.h>

#include "model/kvm/spte.h"
#include "model/tdx/tables.h"
#include "model/tdx/tdx.h"
#include "sim/base/pool.h"
#include "sim/graph.h"

enum owner { OWNER_FREE, OWNER_GMEM, OWNER_OTHER };
enum mirror { MIRROR_NONE, MIRROR_FROZEN, MIRROR_LEAF };
enum sept_class { SEPT_CLASS_NONE, SEPT_CLASS_PENDING, SEPT_CLASS_MAPPED, SEPT_CLASS_BLOCKED };

struct page_life {
	u8 owner, mirror, sept;
	u8 order;		/* of the folio in the page cache */
	bool filemap;		/* the page cache has it */
	s32 held;		/* references of a hold policy */
};

struct sept_place {
	kvm_pfn_t pfn_plus_1;	/* 0: not known */
	u8 state;
};

#define TD_MAX		16
#define GFN_BITS	40

struct page_memory {
	struct arena *arena;
	struct sparse life;	/* struct page_life by pfn */
	struct sparse place;	/* struct sept_place by TD number and gfn */
	struct sparse frozen;	/* pfn + 1 by gfn, of mirror SPTEs now frozen */
	hpa_t td[TD_MAX];
	u32 td_count;
};

/* Causes that are no leaf stand behind the leaf numbers. */
enum page_cause {
	CAUSE_ALLOC = 0x200, CAUSE_FREE, CAUSE_CACHE_ADD, CAUSE_CACHE_REMOVE, CAUSE_HOLD,
	CAUSE_UNHOLD, CAUSE_SPTE_SET, CAUSE_SPTE_FREEZE, CAUSE_SPTE_CLEAR, CAUSE_END
};

static const char *const cause_words[] = {
	"allocated", "freed", "into the page cache", "out of the page cache",
	"TDX takes a reference", "TDX drops its reference", "mirror SPTE set",
	"mirror SPTE frozen", "mirror SPTE cleared",
};
static_assert(ARRAY_SIZE(cause_words) == CAUSE_END - CAUSE_ALLOC, "a word a cause");

static const char *page_cause(u16 cause)
{
	const struct tdx_leaf_info *info = cause & TDX_TRACE_TDCALL ? tdx_tdcall_info : tdx_leaf_info;

	if (cause >= CAUSE_ALLOC && cause < CAUSE_END)
		return cause_words[cause - CAUSE_ALLOC];
	return info[cause & (TDX_LEAF_MAX - 1)].name;
}

static bool page_cause_guest(u16 cause)
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

/* A change of one frame: the kind says which state it is, before and after. */
typedef u8 page_state_fn(const struct page_life *life);

static void page_becomes(struct graph *graph, page_state_fn *state, kvm_pfn_t pfn,
			 struct page_life next, u16 cause)
{
	struct page_memory *memory = graph->memory;
	struct page_life *life = sparse_get(&memory->life, pfn);
	u8 from = state(life), to = state(&next);

	*life = next;
	if (from != to)
		graph_saw(graph, from, to, cause);
}

static struct page_life page_now(struct graph *graph, kvm_pfn_t pfn)
{
	struct page_memory *memory = graph->memory;

	return *(struct page_life *)sparse_get(&memory->life, pfn);
}

static void saw_page(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	bool alloc = !strcmp(event->page.what, "alloc");
	struct page_life life;
	u64 i;

	if (event->page.pfn == ~0ULL || (!alloc && strcmp(event->page.what, "free")))
		return;
	for (i = 0; i < 1ULL << event->page.order; i++) {
		life = page_now(graph, event->page.pfn + i);
		life.owner = alloc ? OWNER_OTHER : OWNER_FREE;
		life.filemap = false;
		life.held = 0;
		page_becomes(graph, state, event->page.pfn + i, life,
			     alloc ? CAUSE_ALLOC : CAUSE_FREE);
	}
}

static void saw_ref(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	bool filemap = !strcmp(event->page.what, "filemap");
	bool held = !strcmp(event->page.what, "sept-pin") || !strcmp(event->page.what, "zap-error");
	bool up = event->page.delta > 0;
	struct page_life life;
	u64 i;

	if (!filemap && !held)
		return;
	for (i = 0; i < 1ULL << event->page.order; i++) {
		life = page_now(graph, event->page.pfn + i);
		if (filemap) {
			life.filemap = up;
			life.order = event->page.order;
			life.owner = life.filemap ? OWNER_GMEM :
				     life.owner == OWNER_GMEM ? OWNER_OTHER : life.owner;
		} else {
			life.held += event->page.delta;
		}
		page_becomes(graph, state, event->page.pfn + i, life,
			     filemap ? (up ? CAUSE_CACHE_ADD : CAUSE_CACHE_REMOVE) :
			     (up ? CAUSE_HOLD : CAUSE_UNHOLD));
	}
}

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
	} else if (is_shadow_present_leaf(from, level)) {
		mirror_becomes(graph, state, spte_to_pfn(from), level, MIRROR_NONE,
			       CAUSE_SPTE_CLEAR);
	} else if (is_frozen_spte(from) && *frozen) {
		mirror_becomes(graph, state, *frozen - 1, level, MIRROR_NONE, CAUSE_SPTE_CLEAR);
	}
	*frozen = 0;
}

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

static void saw_sept(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	struct page_memory *memory = graph->memory;
	struct sept_place *place;
	u64 i, index, count = KVM_PAGES_PER_HPAGE(event->sept.level + 1);

	if (event->sept.level > 1)
		return;
	index = place_index(memory, event->sept.tdr, event->sept.gpa);
	for (i = 0; i < count; i++) {
		place = sparse_get(&memory->place, index + i);
		place->state = event->sept.to;
		if (!place->pfn_plus_1)
			continue;
		sept_becomes(graph, state, place->pfn_plus_1 - 1, place->state, event->sept.leaf);
		if (event->sept.to == SEPT_FREE)
			place->pfn_plus_1 = 0;
	}
}

/* AUG and PAGE.ADD tell which frame the entry they just filled names. */
static void saw_seamcall(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	u16 leaf = (u16)event->call.rax;
	struct page_memory *memory = graph->memory;
	const struct tdx_module_args *in = event->call.in;
	struct sept_place *place;
	u64 i, index, count;

	if (leaf != TDH_MEM_PAGE_AUG && leaf != TDH_MEM_PAGE_ADD)
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
	if (event->state.from == PT_REG && event->state.leaf == TDH_PHYMEM_PAGE_RECLAIM)
		sept_becomes(graph, state, hpa_to_pfn(event->state.hpa), SEPT_FREE,
			     event->state.leaf);
}

static void page_event(struct graph *graph, page_state_fn *state, const struct trace_event *event)
{
	if (!memory_of(graph))
		return;
	graph->forget = page_forget;
	switch (event->kind) {
	case TRACE_PAGE:
		return saw_page(graph, state, event);
	case TRACE_REF:
		return saw_ref(graph, state, event);
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

/* -- folio -- */

enum folio_state {
	FOLIO_FREE, FOLIO_ALLOCATED, FOLIO_CACHED, FOLIO_CACHED_HELD, FOLIO_KEPT,
	FOLIO_HUGE, FOLIO_HUGE_HELD,
};

static u8 folio_of(const struct page_life *life)
{
	if (life->owner == OWNER_FREE)
		return FOLIO_FREE;
	if (life->filemap && life->order)
		return life->held > 0 ? FOLIO_HUGE_HELD : FOLIO_HUGE;
	if (life->filemap)
		return life->held > 0 ? FOLIO_CACHED_HELD : FOLIO_CACHED;
	return life->held > 0 ? FOLIO_KEPT : FOLIO_ALLOCATED;
}

static const char *folio_state(u8 state)
{
	static const char *const names[] = {
		"free, or in\\na hugetlb pool", "allocated", "in the page cache",
		"in the page cache,\\nheld by TDX", "out of the page cache,\\nheld by TDX",
		"in the page cache,\\npart of a huge folio",
		"in the page cache,\\npart of a huge folio,\\nheld by TDX",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

static void folio_allow(struct graph *graph)
{
	static const struct {
		u8 from, to;
		u16 cause;
	} legal[] = {
		{ FOLIO_FREE, FOLIO_ALLOCATED, CAUSE_ALLOC },
		{ FOLIO_ALLOCATED, FOLIO_FREE, CAUSE_FREE },
		{ FOLIO_ALLOCATED, FOLIO_CACHED, CAUSE_CACHE_ADD },
		{ FOLIO_CACHED, FOLIO_ALLOCATED, CAUSE_CACHE_REMOVE },
		{ FOLIO_CACHED, FOLIO_CACHED_HELD, CAUSE_HOLD },
		{ FOLIO_CACHED_HELD, FOLIO_CACHED, CAUSE_UNHOLD },
		{ FOLIO_CACHED_HELD, FOLIO_KEPT, CAUSE_CACHE_REMOVE },
		{ FOLIO_KEPT, FOLIO_ALLOCATED, CAUSE_UNHOLD },
		{ FOLIO_KEPT, FOLIO_FREE, CAUSE_FREE },
		/* A pool's page; to split or merge it leaves the page cache for a moment. */
		{ FOLIO_FREE, FOLIO_HUGE, CAUSE_CACHE_ADD },
		{ FOLIO_HUGE, FOLIO_ALLOCATED, CAUSE_CACHE_REMOVE },
		{ FOLIO_ALLOCATED, FOLIO_HUGE, CAUSE_CACHE_ADD },
		/* Merged: most pieces go without a word of their own. */
		{ FOLIO_CACHED, FOLIO_HUGE, CAUSE_CACHE_ADD },
		{ FOLIO_HUGE, FOLIO_HUGE_HELD, CAUSE_HOLD },
		{ FOLIO_HUGE_HELD, FOLIO_HUGE, CAUSE_UNHOLD },
		{ FOLIO_HUGE_HELD, FOLIO_KEPT, CAUSE_CACHE_REMOVE },
		{ FOLIO_KEPT, FOLIO_CACHED_HELD, CAUSE_CACHE_ADD },
		{ FOLIO_KEPT, FOLIO_HUGE_HELD, CAUSE_CACHE_ADD },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(legal); i++)
		graph_allow(graph, legal[i].from, legal[i].to, legal[i].cause);
}

static void folio_event(struct graph *graph, const struct trace_event *event)
{
	page_event(graph, folio_of, event);
}

const struct graph_kind graph_folio = {
	.name = "folio", .title = "Folio", .mask = 1u << TRACE_PAGE | 1u << TRACE_REF,
	.allow = folio_allow, .event = folio_event, .state = folio_state,
	.cause = page_cause, .guest = page_cause_guest,
};

/* -- gmem index: the page it has, and KVM's mirror SPTE of it -- */

enum gmem_state { GMEM_HOLE, GMEM_FOLIO, GMEM_FROZEN, GMEM_MIRRORED, GMEM_GONE };

static u8 gmem_of(const struct page_life *life)
{
	if (life->owner != OWNER_GMEM)
		return life->mirror ? GMEM_GONE : GMEM_HOLE;
	return life->mirror == MIRROR_LEAF ? GMEM_MIRRORED :
	       life->mirror == MIRROR_FROZEN ? GMEM_FROZEN : GMEM_FOLIO;
}

static const char *gmem_state(u8 state)
{
	static const char *const names[] = {
		"hole", "folio", "folio,\\nmirror SPTE frozen", "folio,\\nmirror SPTE set",
		"hole,\\nmirror SPTE set",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

static void gmem_allow(struct graph *graph)
{
	graph_allow(graph, GMEM_HOLE, GMEM_FOLIO, CAUSE_CACHE_ADD);
	graph_allow(graph, GMEM_FOLIO, GMEM_HOLE, CAUSE_CACHE_REMOVE);
	graph_allow(graph, GMEM_FOLIO, GMEM_MIRRORED, CAUSE_SPTE_SET);
	graph_allow(graph, GMEM_MIRRORED, GMEM_FROZEN, CAUSE_SPTE_FREEZE);
	graph_allow(graph, GMEM_FROZEN, GMEM_FOLIO, CAUSE_SPTE_CLEAR);
	graph_allow(graph, GMEM_FROZEN, GMEM_MIRRORED, CAUSE_SPTE_SET);
	graph_allow(graph, GMEM_MIRRORED, GMEM_FOLIO, CAUSE_SPTE_CLEAR);
	/* Split or merged below a mapping; the last when that could not be undone. */
	graph_allow(graph, GMEM_MIRRORED, GMEM_GONE, CAUSE_CACHE_REMOVE);
	graph_allow(graph, GMEM_GONE, GMEM_MIRRORED, CAUSE_CACHE_ADD);
	graph_allow(graph, GMEM_GONE, GMEM_HOLE, CAUSE_SPTE_CLEAR);
}

static bool gmem_alarming(u8 state)
{
	return state == GMEM_GONE;
}

static void gmem_event(struct graph *graph, const struct trace_event *event)
{
	page_event(graph, gmem_of, event);
}

const struct graph_kind graph_gmem = {
	.name = "gmem", .title = "Index of a guest_memfd",
	.mask = 1u << TRACE_PAGE | 1u << TRACE_REF | 1u << TRACE_SPTE,
	.allow = gmem_allow, .event = gmem_event, .state = gmem_state, .alarming = gmem_alarming,
	.cause = page_cause, .guest = page_cause_guest,
};

/* -- states: owner x mirror SPTE x S-EPT -- */

#define OWNER_SHIFT	4
#define MIRROR_SHIFT	2

static u8 product_of(const struct page_life *life)
{
	return (u8)(life->owner << OWNER_SHIFT | life->mirror << MIRROR_SHIFT | life->sept);
}

#define P_SEPT(sept) "\\nS-EPT " sept
#define P_MIRROR(owner, mirror) \
	owner mirror, owner mirror P_SEPT("PENDING"), owner mirror P_SEPT("MAPPED"), \
	owner mirror P_SEPT("BLOCKED")
#define P_OWNER(owner) \
	P_MIRROR(owner, ""), P_MIRROR(owner, "\\nmirror frozen"), \
	P_MIRROR(owner, "\\nmirror set"), NULL, NULL, NULL, NULL

static const char *product_state(u8 state)
{
	static const char *const names[] = {
		P_OWNER("free"), P_OWNER("guest_memfd"), P_OWNER("other owner"),
	};

	return state < ARRAY_SIZE(names) && names[state] ? names[state] : "?";
}

/* The window: the frame is not guest_memfd's, and an S-EPT entry names it. */
static bool product_alarming(u8 state)
{
	return state >> OWNER_SHIFT != OWNER_GMEM && state & ((1u << MIRROR_SHIFT) - 1);
}

static void product_event(struct graph *graph, const struct trace_event *event)
{
	page_event(graph, product_of, event);
}

const struct graph_kind graph_states = {
	.name = "states", .title = "A frame: owner, mirror SPTE, S-EPT entry",
	.mask = 1u << TRACE_PAGE | 1u << TRACE_REF | 1u << TRACE_SPTE | 1u << TRACE_SEPT |
		1u << TRACE_SEAMCALL | 1u << TRACE_PAMT,
	.event = product_event, .state = product_state, .alarming = product_alarming,
	.cause = page_cause, .guest = page_cause_guest,
};
