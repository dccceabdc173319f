// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three ways to look at a frame (graph_page.c keeps its record):
 *
 *   folio   the kernel's view: allocated, in the page cache alone or as part of
 *           a huge folio, held, frozen, hit by a memory error, freed
 *   gmem    the page behind an index of a guest_memfd, whether the index is
 *           shared, and its mirror SPTE
 *   states  the product of owner, mirror SPTE and S-EPT entry; a frame that is
 *           not guest_memfd's while an S-EPT entry names it is drawn as an alarm
 *
 * The first two are tables, a row a state: a frame's state is the first row
 * whose facets it all has.
 */
#include "sim/graph_page.h"

enum facet {
	FACET_FREE = 1u << 0,
	FACET_CACHE = 1u << 1,		/* the page cache has it */
	FACET_HUGE = 1u << 2,
	FACET_HELD = 1u << 3,		/* TDX has a reference */
	FACET_FROZEN = 1u << 4,
	FACET_POISON = 1u << 5,
	FACET_INDEX = 1u << 6,		/* an index of a guest_memfd has it */
	FACET_SHARED = 1u << 7,
	FACET_MIRROR = 1u << 8,
	FACET_MIRROR_FROZEN = 1u << 9,
};

struct page_row {
	const char *name;
	u32 facets;
	struct graph_place place;
	bool alarming;
};

struct page_move {
	u8 from, to;
	u16 cause;
};

static u32 facets_of(const struct page_life *life)
{
	return (life->owner == OWNER_FREE ? FACET_FREE : 0) |
	       (life->filemap ? FACET_CACHE : 0) |
	       (life->filemap && life->order ? FACET_HUGE : 0) |
	       (life->held > 0 ? FACET_HELD : 0) |
	       (life->frozen ? FACET_FROZEN : 0) |
	       (life->poisoned ? FACET_POISON : 0) |
	       (life->filemap && life->gmem ? FACET_INDEX : 0) |
	       (life->shared ? FACET_SHARED : 0) |
	       (life->mirror == MIRROR_LEAF ? FACET_MIRROR : 0) |
	       (life->mirror == MIRROR_FROZEN ? FACET_MIRROR_FROZEN : 0);
}

/* The last row of a table asks for nothing. */
static u8 row_of(const struct page_row *rows, const struct page_life *life)
{
	u32 facets = facets_of(life);
	u8 row = 0;

	while (rows[row].facets & ~facets)
		row++;
	return row;
}

static void allow_moves(struct graph *graph, const struct page_move *move, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		graph_allow(graph, move[i].from, move[i].to, move[i].cause);
}

/* -- folio ------------------------------------------------------------------ */

enum folio_state {
	FOLIO_POISON_CACHED, FOLIO_POISON, FOLIO_FROZEN, FOLIO_HUGE_HELD, FOLIO_HUGE,
	FOLIO_CACHED_HELD, FOLIO_CACHED, FOLIO_KEPT, FOLIO_FREE, FOLIO_ALLOCATED, FOLIO_NR
};

static const struct page_row folio_rows[FOLIO_NR] = {
	[FOLIO_POISON_CACHED] = { "in the page cache,\\nhwpoison", FACET_POISON | FACET_CACHE,
				  { 2.3, 1 }, true },
	[FOLIO_POISON]        = { "hwpoison", FACET_POISON, { 2.3, 0 }, true },
	[FOLIO_FROZEN]        = { "count frozen", FACET_FROZEN, { -1, 1 } },
	[FOLIO_HUGE_HELD]     = { "in the page cache,\\npart of a huge folio,\\nheld by TDX",
				  FACET_CACHE | FACET_HUGE | FACET_HELD, { 0, 2 } },
	[FOLIO_HUGE]          = { "in the page cache,\\npart of a huge folio", FACET_CACHE | FACET_HUGE,
				  { 0, 1 } },
	[FOLIO_CACHED_HELD]   = { "in the page cache,\\nheld by TDX", FACET_CACHE | FACET_HELD,
				  { 1.2, 2 } },
	[FOLIO_CACHED]        = { "in the page cache", FACET_CACHE, { 1.2, 1 } },
	[FOLIO_KEPT]          = { "out of the page cache,\\nheld by TDX", FACET_HELD, { 0.6, 2.8 } },
	[FOLIO_FREE]          = { "free, or in\\na hugetlb pool", FACET_FREE, { 0, 0 } },
	[FOLIO_ALLOCATED]     = { "allocated", 0, { 1.2, 0 } },
};

static u8 folio_of(const struct page_life *life)
{
	return row_of(folio_rows, life);
}

static const char *folio_state(u8 state)
{
	return state < FOLIO_NR ? folio_rows[state].name : "?";
}

static bool folio_alarming(u8 state)
{
	return folio_rows[state].alarming;
}

static struct graph_place folio_place(u8 state)
{
	return folio_rows[state].place;
}

static void folio_allow(struct graph *graph)
{
	static const struct page_move legal[] = {
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
		/* Nobody can get a reference while it is split; truncated it stays allocated. */
		{ FOLIO_HUGE, FOLIO_FROZEN, CAUSE_FREEZE },
		{ FOLIO_FROZEN, FOLIO_HUGE, CAUSE_UNFREEZE },
		{ FOLIO_CACHED, FOLIO_FROZEN, CAUSE_FREEZE },
		{ FOLIO_FROZEN, FOLIO_CACHED, CAUSE_UNFREEZE },
		{ FOLIO_FROZEN, FOLIO_ALLOCATED, CAUSE_UNFREEZE },
		/* PG_hwpoison, by memory failure, soft-offline or a policy. */
		{ FOLIO_FREE, FOLIO_POISON, CAUSE_POISON },
		{ FOLIO_ALLOCATED, FOLIO_POISON, CAUSE_POISON },
		{ FOLIO_CACHED, FOLIO_POISON_CACHED, CAUSE_POISON },
		{ FOLIO_HUGE, FOLIO_POISON_CACHED, CAUSE_POISON },
		{ FOLIO_CACHED_HELD, FOLIO_POISON_CACHED, CAUSE_POISON },
		{ FOLIO_HUGE_HELD, FOLIO_POISON_CACHED, CAUSE_POISON },
		{ FOLIO_POISON_CACHED, FOLIO_POISON, CAUSE_CACHE_REMOVE },
		{ FOLIO_POISON, FOLIO_POISON_CACHED, CAUSE_CACHE_ADD },
		{ FOLIO_POISON, FOLIO_ALLOCATED, CAUSE_UNPOISON },
		{ FOLIO_POISON, FOLIO_FREE, CAUSE_UNPOISON },
		{ FOLIO_POISON_CACHED, FOLIO_CACHED, CAUSE_UNPOISON },
	};

	allow_moves(graph, legal, ARRAY_SIZE(legal));
}

static void folio_event(struct graph *graph, const struct trace_event *event)
{
	page_event(graph, folio_of, event);
}

const struct graph_kind graph_folio = {
	.name = "folio", .title = "Folio", .mask = 1u << TRACE_PAGE | 1u << TRACE_REF,
	.allow = folio_allow, .event = folio_event, .state = folio_state, .place = folio_place,
	.alarming = folio_alarming, .cause = page_cause, .guest = page_cause_guest,
};

/* -- gmem index: the page it has, and KVM's mirror SPTE of it --------------- */

enum gmem_state {
	GMEM_SHARED_MIRRORED, GMEM_SHARED, GMEM_FROZEN, GMEM_MIRRORED, GMEM_FOLIO, GMEM_GONE,
	GMEM_HOLE, GMEM_NR
};

static const struct page_row gmem_rows[GMEM_NR] = {
	[GMEM_SHARED_MIRRORED] = { "folio, shared,\\nmirror SPTE set",
				   FACET_INDEX | FACET_SHARED | FACET_MIRROR, { 2, -1 }, true },
	[GMEM_SHARED]          = { "folio, shared", FACET_INDEX | FACET_SHARED, { 1, -1 } },
	[GMEM_FROZEN]          = { "folio, private,\\nmirror SPTE frozen",
				   FACET_INDEX | FACET_MIRROR_FROZEN, { 3, 0 } },
	[GMEM_MIRRORED]        = { "folio, private,\\nmirror SPTE set", FACET_INDEX | FACET_MIRROR,
				   { 2, 0 } },
	[GMEM_FOLIO]           = { "folio, private", FACET_INDEX, { 1, 0 } },
	[GMEM_GONE]            = { "no folio,\\nmirror SPTE set", FACET_MIRROR, { 2, 1 }, true },
	[GMEM_HOLE]            = { "no folio", 0, { 0, 0 } },
};

static u8 gmem_of(const struct page_life *life)
{
	return row_of(gmem_rows, life);
}

static const char *gmem_state(u8 state)
{
	return state < GMEM_NR ? gmem_rows[state].name : "?";
}

static bool gmem_alarming(u8 state)
{
	return gmem_rows[state].alarming;
}

static struct graph_place gmem_place(u8 state)
{
	return gmem_rows[state].place;
}

static void gmem_allow(struct graph *graph)
{
	static const struct page_move legal[] = {
		{ GMEM_HOLE, GMEM_FOLIO, CAUSE_CACHE_ADD },
		{ GMEM_FOLIO, GMEM_HOLE, CAUSE_CACHE_REMOVE },
		{ GMEM_FOLIO, GMEM_MIRRORED, CAUSE_SPTE_SET },
		{ GMEM_MIRRORED, GMEM_FROZEN, CAUSE_SPTE_FREEZE },
		{ GMEM_FROZEN, GMEM_FOLIO, CAUSE_SPTE_CLEAR },
		{ GMEM_FROZEN, GMEM_MIRRORED, CAUSE_SPTE_SET },
		{ GMEM_MIRRORED, GMEM_FOLIO, CAUSE_SPTE_CLEAR },
		/* Split or merged below a mapping; the last when that could not be undone. */
		{ GMEM_MIRRORED, GMEM_GONE, CAUSE_CACHE_REMOVE },
		{ GMEM_GONE, GMEM_MIRRORED, CAUSE_CACHE_ADD },
		{ GMEM_GONE, GMEM_HOLE, CAUSE_SPTE_CLEAR },
		/* A conversion in place zaps before it changes the attribute. */
		{ GMEM_FOLIO, GMEM_SHARED, CAUSE_TO_SHARED },
		{ GMEM_SHARED, GMEM_FOLIO, CAUSE_TO_PRIVATE },
		{ GMEM_HOLE, GMEM_SHARED, CAUSE_CACHE_ADD },
		{ GMEM_SHARED, GMEM_HOLE, CAUSE_CACHE_REMOVE },
	};

	allow_moves(graph, legal, ARRAY_SIZE(legal));
}

static void gmem_event(struct graph *graph, const struct trace_event *event)
{
	page_event(graph, gmem_of, event);
}

const struct graph_kind graph_gmem = {
	.name = "gmem", .title = "Index of a guest_memfd",
	.mask = 1u << TRACE_PAGE | 1u << TRACE_REF | 1u << TRACE_GMEM | 1u << TRACE_SPTE,
	.allow = gmem_allow, .event = gmem_event, .state = gmem_state, .place = gmem_place,
	.alarming = gmem_alarming,
	.cause = page_cause, .guest = page_cause_guest,
};

/* -- states: owner x mirror SPTE x S-EPT ------------------------------------ */

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

/*
 * A column for the owner, with one more for guest_memfd's frames that the mirror
 * maps; a row for the S-EPT entry. What should not be, a foreign frame in the
 * mirror, hangs below its place.
 */
static struct graph_place product_place(u8 state)
{
	static const double columns[] = { [OWNER_FREE] = 0, [OWNER_OTHER] = 1, [OWNER_GMEM] = 2 };
	u8 mirror = (state >> MIRROR_SHIFT) & ((1u << (OWNER_SHIFT - MIRROR_SHIFT)) - 1);
	u8 owner = state >> OWNER_SHIFT;
	struct graph_place place = { columns[owner], state & ((1u << MIRROR_SHIFT) - 1) };

	if (owner == OWNER_GMEM)
		place.column += 0.5 * mirror;
	else
		place.row += 0.42 * (mirror != MIRROR_NONE);
	return place;
}

static void product_event(struct graph *graph, const struct trace_event *event)
{
	page_event(graph, product_of, event);
}

const struct graph_kind graph_states = {
	.name = "states", .title = "A frame: owner, mirror SPTE, S-EPT entry",
	.mask = 1u << TRACE_PAGE | 1u << TRACE_REF | 1u << TRACE_GMEM | 1u << TRACE_SPTE |
		1u << TRACE_SEPT | 1u << TRACE_SEAMCALL | 1u << TRACE_PAMT,
	.event = product_event, .state = product_state, .place = product_place,
	.alarming = product_alarming,
	.cause = page_cause, .guest = page_cause_guest,
};
