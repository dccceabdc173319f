/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the trace says of a frame, event by event, for the graphs that look at
 * frames. A graph kind gives a function that names the state; each change of a
 * frame is a move from what that says before to what it says after.
 */
#ifndef SEPTUM_GRAPH_PAGE_H
#define SEPTUM_GRAPH_PAGE_H

#include "sim/graph.h"

enum owner { OWNER_FREE, OWNER_GMEM, OWNER_OTHER };
enum mirror { MIRROR_NONE, MIRROR_FROZEN, MIRROR_LEAF };
enum sept_class { SEPT_CLASS_NONE, SEPT_CLASS_PENDING, SEPT_CLASS_MAPPED, SEPT_CLASS_BLOCKED };

struct page_life {
	u8 owner, mirror, sept;
	u8 order;		/* of the folio in the page cache */
	bool filemap;		/* the page cache has it */
	bool frozen;		/* its folio's reference count is taken to zero */
	bool poisoned;		/* PG_hwpoison */
	bool gmem;		/* guest_memfd has it, if in pieces between two states */
	bool shared;		/* the attribute of its index in the guest_memfd */
	bool known;		/* the kernel's own: allocated, or ever in a page cache */
	s32 held;		/* references of a hold policy */
};

/* Causes that are no leaf stand behind the leaf numbers. */
enum page_cause {
	CAUSE_ALLOC = 0x200, CAUSE_FREE, CAUSE_CACHE_ADD, CAUSE_CACHE_REMOVE, CAUSE_HOLD,
	CAUSE_UNHOLD, CAUSE_SPTE_SET, CAUSE_SPTE_FREEZE, CAUSE_SPTE_CLEAR, CAUSE_FREEZE,
	CAUSE_UNFREEZE, CAUSE_POISON, CAUSE_UNPOISON, CAUSE_TO_SHARED, CAUSE_TO_PRIVATE,
	CAUSE_END
};

typedef u8 page_state_fn(const struct page_life *life);

void page_event(struct graph *graph, page_state_fn *state, const struct trace_event *event);
const char *page_cause(u16 cause);
bool page_cause_guest(u16 cause);

#endif /* SEPTUM_GRAPH_PAGE_H */
